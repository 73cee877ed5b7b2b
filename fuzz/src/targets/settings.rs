//! Settings load or say where they are wrong; under no settings is anybody let in who has not proved who it is.
// GEN-10

use http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis::{BundleFiles, RequestHead, RouteMatch, load_files};

use crate::{Fixed, RUNTIME, text};

pub(super) fn run(octets: &[u8]) {
    let text = text(octets);
    let files = BundleFiles::new()
        .with_file("portcullis.toml", text)
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/notes.cedar", r#"@id("notes") permit (principal, action == Action::"GetNote", resource);"#)
        .with_file("ceilings/any.cedar", r#"@id("any") permit (principal, action == Action::"GetNote", resource);"#);
    // No file that the settings name is there.
    let loaded = match load_files(&files, "/nonexistent") {
        Ok(loaded) => loaded,
        Err(refused) => {
            assert!(!refused.problems().is_empty(), "refused without a reason");
            let of_settings = refused.problems().iter().filter(|problem| problem.file == "portcullis.toml");
            of_settings.for_each(|problem| {
                let names_a_key = problem.to_string().contains('`');
                assert!(problem.place.is_some() || names_a_key, "neither line nor key: {problem}");
            });
            return;
        }
    };
    assert!(loaded.verifier.issuers().count() > 0 || loaded.verifier.api_keys().is_some(), "nobody is trusted");
    // What these settings name must not be written to, or asked.
    if ["audit", "introspection"].iter().any(|word| text.contains(word)) {
        return;
    }
    let Ok(gate) = loaded.gate().clock(Fixed).build() else { return };
    let route = RouteMatch::new("/notes/{id}", ["1"]);
    let target = Uri::from_static("/notes/1");
    for (field, value) in [
        ("authorization", ""),
        ("authorization", "Bearer "),
        ("authorization", UNSIGNED),
        ("authorization", "Basic YW5uOmFubg=="),
        ("api-key", "portcullis_0_0"),
        ("x-forwarded-client-cert", "Hash=0;Cert=\"\";Subject=\"CN=ann\""),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(field, HeaderValue::try_from(value).unwrap());
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let admitted = RUNTIME.block_on(gate.open(&RequestHead::new(&Method::GET, &target, &headers, Some(&route))));
        assert!(admitted.is_err(), "let in with {field}: {value}");
    }
}

/// `{"alg":"none","typ":"at+jwt"}`, and claims of the issuer in the seeds.
const UNSIGNED: &str = concat!("Bearer ", include_str!("../../seeds/token/unsigned.jwt"));

const SCHEMA: &str = r#"
    entity User, Service, Agent;
    entity Note;
    @scope @doc("See your notes")
    action "read:notes";
    @scope @doc("Confirm what agents want to do for you")
    action "approve:actions";
    @http("GET /notes/{note}")
    action "GetNote" in ["read:notes"]
      appliesTo { principal: [User, Service, Agent], resource: [Note], context: Portcullis::Context };
"#;
