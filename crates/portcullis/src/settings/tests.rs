use portcullis_core::LoadError;
use portcullis_token::IssuerSettings;

use super::*;

const SCHEMA: &str = r#"
entity User;
entity Service;
entity Agent;
entity Note { owner: User };
@scope action "read:notes";
@http("GET /notes/{note}")
action "GetNote" in ["read:notes"] appliesTo { principal: [User, Agent], resource: [Note], context: Portcullis::Context };
"#;
const ROLES: &str =
    r#"@id("owners") permit (principal is User, action, resource is Note) when { resource.owner == principal };"#;
const CEILINGS: &str = r#"@id("agents") permit (principal is Agent, action, resource);"#;
const GUARDRAILS: &str = r#"@id("not-eve") forbid (principal == User::"eve", action, resource);"#;
const GOOD: &str = r#"
resource = ["https://api.example.com"]

[layers]
consent = "none"
guardrails = ["care.cedar"]
entities = "none"

[directory]
supplies = ["Note"]

[[issuer]]
issuer = "https://issuer.example.com"
preset = "rfc9068"
algorithms = ["ES256"]
keys = { url = "https://issuer.example.com/jwks" }
leeway = "10s"
unlisted_clients = "agent"
person_clients = ["web"]
absent_lists = "empty"
"#;

fn files(settings: &str) -> BundleFiles {
    BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/people.cedar", ROLES)
        .with_file("ceilings/agents.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file(SETTINGS, settings)
}

/// The good settings with an issuer that is asked about tokens.
fn asked(keys: &str) -> String {
    format!("{GOOD}\n[issuer.introspection]\nendpoint = \"https://issuer.example.com/introspect\"\n{keys}")
}

#[track_caller]
fn refused(settings: &str) -> LoadError {
    load(&files(settings)).expect_err("the settings were accepted")
}

#[track_caller]
fn assert_refused(settings: &str, expected: &str) {
    let found = listed(&refused(settings));
    let expected = format!("portcullis.toml:{expected}");
    assert!(found.iter().any(|problem| problem.starts_with(&expected)), "expected {expected}\nfound {found:#?}");
    assert!(!found.iter().any(|problem| problem.contains("canary")), "{found:#?}");
}

/// The good settings with `from` replaced by `to`.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "`{from}`");
    GOOD.replacen(from, to, 1)
}

/// Every problem on a line of its own: `line: message | help`.
fn listed(error: &LoadError) -> Vec<String> {
    let line = |problem: &Problem| {
        let line = problem.place.map_or(0, |(line, _)| line);
        format!("{}:{line}: {} | {}", problem.file, problem.message, problem.help.as_deref().unwrap_or("-"))
    };
    error.problems().iter().map(line).collect()
}

#[test]
fn settings_and_bundle_become_an_engine_and_a_verifier() {
    let loaded = load(&files(GOOD)).unwrap();
    assert_eq!(loaded.bundle.supplied().collect::<Vec<_>>(), ["Note"]);
    let source = loaded.bundle.sources().get(IssuerSettings::DEFAULT_ALIAS).unwrap();
    assert_eq!(source.settings().person_clients.iter().collect::<Vec<_>>(), ["web"]);
}

#[test]
fn a_mistake_is_refused_with_its_line_and_what_to_do() {
    let cases = [
        (with("[layers]", "[layer]"), "4: unknown key `layer` | did you mean `layers`?"),
        (
            with("[directory]", "[limit]"),
            "9: unknown key `limit` | the settings may hold `resource`, `layers`, `directory`, `issuer`",
        ),
        (with("supplies", "suplies"), "10: unknown key `suplies` | did you mean `supplies`?"),
        (with("guardrails =", "guardrail ="), "6: unknown key `guardrail` | did you mean `guardrails`?"),
        (with("algorithms", "algorithm"), "15: unknown key `algorithm` | did you mean `algorithms`?"),
        (with("person_clients", "persons_client"), "19: unknown key `persons_client` | did you mean `person_clients`?"),
        // Also inside of a value.
        (
            with("{ url =", "{ urls ="),
            "16: `keys`: unknown variant `urls`, expected one of `url`, `file`, `inline` | did you mean `url`?",
        ),
        (
            with("\"agent\"", "\"agents\""),
            "18: `unlisted_clients`: unknown variant `agents`, expected one of `agent`, `deny`, `person` | did you mean `agent`?",
        ),
        (
            with("[\"ES256\"]", "[]"),
            "15: issuer `https://issuer.example.com` has no algorithm; list those that it signs access tokens with, such as ES256 | write `algorithms = [\"ES256\"]`",
        ),
        (
            with("resource = [\"https://api.example.com\"]", ""),
            "12: issuer `https://issuer.example.com` has no audience; name the identifier of this resource server that stands in `aud` | state `audience` in this table, or `resource` at the top of the file",
        ),
        (
            with("\"10s\"", "\"10\""),
            "17: `leeway`: `10` is not a duration; write a whole number and one of s, m, h, d, such as `5m` | write it like `leeway = \"30s\"`",
        ),
        (
            with("\"10s\"", "10"),
            "17: `leeway`: invalid type: integer `10`, expected a string | write it like `leeway = \"30s\"`",
        ),
        (
            with("resource = [\"https://api.example.com\"]", "resource = \"https://api.example.com\""),
            "2: `resource`: invalid type: string \"https://api.example.com\", expected a sequence | write it like `resource = [\"https://api.example.com\"]`",
        ),
        (
            with("consent = \"none\"", "consent = \"no\""),
            "5: `consent`: expected `\"none\"` or a list of files | write it like `consent = \"none\"`",
        ),
        (with("[[issuer]]", "[issuer]"), "12: `issuer` is not a table | write `[[issuer]]`"),
        (with("preset = \"rfc9068\"", ""), "12: missing field `preset` | write it like `preset = \"rfc9068\"`"),
        (
            with("[\"web\"]", "[\"web\"]\nagent_clients = [\"web\"]"),
            "20: source `main` lists the client `web` in `agent_clients` and in `person_clients` | decide what the client is",
        ),
        ("issuer =".to_owned(), "1: is not TOML"),
    ];
    for (settings, expected) in cases {
        assert_refused(&settings, expected);
    }
}

#[test]
fn a_mistake_about_introspection_is_refused_and_no_secret_repeated() {
    for (settings, expected) in [
        // GEN-04: the value is not repeated.
        (
            asked("client_id = \"api\"\nclient_secret = \"canary\""),
            "25: `introspection`: a secret never stands in the settings; write where it is: `{ file = \"…\" }` or `{ env = \"…\" }` | write it like `introspection = { endpoint",
        ),
        (
            asked("client_id = \"api\""), // INT-02
            "22: introspection needs a `client_id` and either a `client_secret` or a `private_key` | add `client_id",
        ),
        (
            asked("client_id = \"api\"\nclient_secret = { env = \"PORTCULLIS_TEST_UNSET\" }"),
            "22: the environment variable `PORTCULLIS_TEST_UNSET` is not set to a text | put the secret there",
        ),
        (asked("client = \"api\""), "24: `introspection`: unknown field `client`"),
    ] {
        assert_refused(&settings, expected);
    }
}

#[test]
fn an_issuer_must_be_named() {
    let (before, _) = GOOD.split_once("[[issuer]]").unwrap();
    let found = listed(&refused(before));
    assert_eq!(
        found,
        ["portcullis.toml:0: no source of credentials is configured | add an `[[issuer]]`: nobody could get in"]
    );
    let without_settings = load(&files("").without_file(SETTINGS)).unwrap_err();
    assert_eq!(
        listed(&without_settings),
        ["portcullis.toml:0: is missing | it names the issuers whose tokens are accepted"]
    );
}

#[test]
fn several_issuers_are_told_apart() {
    let (_, issuer) = GOOD.split_once("[[issuer]]").unwrap();
    let other = issuer.replace("https://issuer.", "https://other.");
    let found = listed(&refused(&format!("{GOOD}\n[[issuer]]\n{other}")));
    let unnamed = "an issuer among several has no `alias`";
    assert_eq!(found.iter().filter(|problem| problem.contains(unnamed)).count(), 2, "{found:#?}");

    let named = |alias: &str, table: &str| {
        format!("[[issuer]]\nalias = \"{alias}\"\nscopes = \"all\"\nroles = \"all\"\nkinds = \"all\"\n{table}")
    };
    let (top, _) = GOOD.split_once("[[issuer]]").unwrap();
    let both = |first: &str, second: &str| format!("{top}{}\n{}", named(first, issuer), named(second, &other));
    assert!(load(&files(&both("a", "b"))).is_ok());
    let found = listed(&refused(&both("a", "a")));
    assert!(found.iter().any(|problem| problem.contains("two issuers have the alias `a`")), "{found:#?}");
    let unstated = both("a", "b").replacen("scopes = \"all\"", "", 1);
    assert!(listed(&refused(&unstated)).iter().any(|problem| problem.contains("has to state `scopes`")));
}

#[test]
fn problems_of_settings_and_bundle_are_reported_together() {
    let settings = with("leeway", "leaway").replace("algorithms = [\"ES256\"]", "algorithms = [\"none\"]");
    let broken = files(&settings).with_file("roles/people.cedar", ROLES.replace("resource.owner", "resource.ovner"));
    let error = load(&broken).unwrap_err();
    let text = error.to_string();
    for part in ["`ovner`", "unknown key `leaway`", "did you mean `leeway`?", "algorithms"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("no source of credentials"), "{text}");
}

#[test]
fn a_lost_file_or_layer_is_noticed() {
    let without = |file: &str| load(&files(GOOD).without_file(file)).unwrap_err().to_string();
    assert!(without("guardrails/care.cedar").contains("guardrails/care.cedar: is missing"));
    assert!(without("roles/people.cedar").contains("roles/: is missing"));
    let unstated = refused(&with("consent = \"none\"", "")).to_string();
    assert!(unstated.contains("consent/: is missing"), "{unstated}");
}

#[test]
fn a_relative_key_file_stands_beside_the_settings() {
    let dir = std::env::temp_dir().join(format!("portcullis-settings-{}", std::process::id()));
    for (path, text) in [
        ("schema.cedarschema", SCHEMA),
        ("roles/people.cedar", ROLES),
        ("ceilings/agents.cedar", CEILINGS),
        ("guardrails/care.cedar", GUARDRAILS),
        ("portcullis.toml", &with("{ url = \"https://issuer.example.com/jwks\" }", "{ file = \"keys.json\" }")),
    ] {
        let file = dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let missing = load_dir(&dir).unwrap_err().to_string();
    assert!(missing.contains("portcullis.toml:16") && missing.contains("keys.json"), "{missing}");
    let keys = r#"{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }"#;
    std::fs::write(dir.join("keys.json"), keys).unwrap();
    let loaded = load_dir(&dir);
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(loaded.is_ok(), "{loaded:?}");
}
