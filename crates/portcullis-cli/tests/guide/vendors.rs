//! The settings and tokens of docs/vendors.md: they load, and mean what the page says.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use readme_lines::page;

use crate::shell;

#[test]
fn the_settings_of_every_vendor_load_and_its_token_becomes_who_the_page_says() {
    let directory = bundle();
    let shell = shell(&directory).with("export INTROSPECTION_SECRET='secret of a test'");
    let mut loaded = Vec::new();
    page::check("docs/vendors.md", |block| {
        let Some(vendor) = block.before.strip_prefix("## ").and_then(|section| section.lines().next()) else {
            assert_eq!(block.kind, "sh", "a block before the first vendor");
            return block.text.to_owned();
        };
        match block.kind {
            "toml" => {
                fs::write(directory.join("portcullis.toml"), format!("{SETTINGS}{}", block.text)).unwrap();
                let answer = shell.run("portcullis check --deny-warnings");
                assert!(answer.starts_with("ok "), "{vendor}: {answer}");
                loaded.push(vendor.to_owned());
            }
            "json" => {
                let header = r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#;
                let claims: serde_json::Value = serde_json::from_str(block.text).unwrap();
                let [header, claims] = [header.to_owned(), claims.to_string()].map(|text| URL_SAFE_NO_PAD.encode(text));
                fs::write(directory.join("token.jwt"), format!("{header}.{claims}.AAAA")).unwrap();
            }
            "console" => return shell.run_all(block.text),
            other => panic!("{vendor}: a block `{other}`"),
        }
        block.text.to_owned()
    });
    let vendors = ["Auth0", "Okta", "Entra ID", "Cognito", "Keycloak", "Google", "Opaque tokens"];
    assert_eq!(loaded, vendors);
}

/// A bundle but for its issuers.
fn bundle() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendors");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(directory.join("roles")).unwrap();
    fs::write(directory.join("schema.cedarschema"), SCHEMA).unwrap();
    fs::write(directory.join("roles/all.cedar"), "@id(\"all\") permit (principal, action, resource);\n").unwrap();
    directory
}

const SCHEMA: &str = r#"
@scope action "read:orders";
entity Role;
entity Group;
entity AgentClass;
entity User in [Role, Group];
entity Service in [Role];
entity Agent in [AgentClass, Role];
entity Order;
@http("GET /orders/{order}")
action "GetOrder" in ["read:orders"] appliesTo {
  principal: [User, Service, Agent], resource: [Order], context: Portcullis::Context
};
"#;

const SETTINGS: &str = r#"
resource = ["https://orders.example.com"]

[layers]
consent = "none"
ceilings = "none"
guardrails = "none"
entities = "none"

"#;
