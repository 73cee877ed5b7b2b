use ::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis_core::{Listing, LoadError, VerifiedClaims};
use portcullis_token::IssuerSettings;

use super::*;
use crate::head::{RequestHead, RouteMatch};

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
        (with("[directory]", "[limits]"), "9: unknown key `limits` | did you mean `limit`?"),
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
fn a_mistake_about_http_is_refused_with_its_line_and_what_to_do() {
    let cases = [
        // RSI-01, RSI-03
        (
            with("resource = [\"https://api.example.com\"]", "resource = [\n\"api.example.com\"]"),
            "3: `api.example.com` is not a resource identifier: write an absolute URI, with its scheme | name the URL that clients call",
        ),
        (
            with("resource = [\"https://api.example.com\"]", "resource = [\"http://api.example.com\"]"),
            "2: `http://api.example.com` is not a resource identifier: use https; plain http is for loopback addresses only | name the URL that",
        ),
        (
            with(
                "resource = [\"https://api.example.com\"]",
                "resource = [\"https://api.example.com\", \"https://api.example.com/\"]",
            ),
            "2: the resource identifiers `https://api.example.com` and `https://api.example.com/` have one place for their metadata | keep the one that clients call",
        ),
        // PRM-05
        (
            with("[layers]", "[metadata]\nresource_nam = \"x\"\n[layers]"),
            "5: unknown key `resource_nam` | did you mean `resource_name`?",
        ),
        (
            with("[layers]", "[metadata]\nscopes_supported = \"x\"\n[layers]"),
            "5: unknown key `scopes_supported` | `[metadata]` may hold `resource_name`, `resource_documentation`, `resource_policy_uri`, `resource_tos_uri`",
        ),
        (
            with("[layers]", "[metadata]\nresource_name = 7\n[layers]"),
            "5: `resource_name`: invalid type: integer `7`, expected a string | write it like `resource_name = \"Projects\"`",
        ),
        (
            with("[layers]", "[metadata]\nresource_tos_uri = \"/terms\"\n[layers]"),
            "5: `resource_tos_uri`: `/terms` is not an https URL | write it like `resource_tos_uri = \"https://example.com/terms\"`",
        ),
        (
            with(
                "resource = [\"https://api.example.com\"]",
                "resource = [\"urn:api\"]\n[metadata]\nresource_name = \"x\"",
            ),
            "3: `[metadata]` describes a `resource` that has no URL | name the URL that clients call: `resource = [\"https://api.example.com\"]`",
        ),
        // O21-02
        (
            with("[layers]", "query_token = \"deny\"\n[layers]"),
            "4: `query_token`: unknown variant `deny`, expected `ignore` or `refuse` | write it like `query_token = \"refuse\"`",
        ),
        // HTP-14
        (with("[layers]", "[proxy]\nscheme = \"a\"\n[layers]"), "5: unknown key `scheme` | "),
        (
            with("[layers]", "[proxy]\nscheme_field = \"a b\"\n[layers]"),
            "5: `a b` is not the name of a header field | write it like `scheme_field = \"x-forwarded-proto\"`",
        ),
    ];
    for (settings, expected) in cases {
        assert_refused(&settings, expected);
    }
}

#[test]
fn a_mistake_about_proxies_and_proofs_is_refused_with_its_line_and_what_to_do() {
    let cases = [
        // MTL-13: a field that anybody can write is believed from nobody
        (
            with("[layers]", "[proxy]\nclient_certificate = \"client-cert\"\n[layers]"),
            "5: a field about certificates is believed from nobody, since no proxy is `trusted` | name the addresses of the proxies, such as `trusted = [\"10.1.0.0/16\"]`",
        ),
        (
            with("[layers]", "[proxy]\ntrusted = []\n[layers]"),
            "5: no proxy is named, so there is nobody to believe | name the addresses of the proxies, such as `trusted = [\"10.1.0.0/16\"]`",
        ),
        (
            with("[layers]", "[proxy]\ntrusted = [\"0.0.0.0/0\"]\n[layers]"),
            "5: `0.0.0.0/0` is every address, so everybody could write what a proxy says; name the proxies | name the addresses of the proxies, such as `trusted = [\"10.1.0.0/16\"]`",
        ),
        // DPP-21, DPP-32
        (
            with("[layers]", "[dpop]\nreplay = \"one-replica\"\norigin = []\n[layers]"),
            "6: no public origin of the service is named; DPoP proofs are compared with it, such as https://api.example.com | write it like `origin = [\"https://api.example.com\"]`",
        ),
        (
            with("[layers]", "[dpop]\nreplay = \"one-replica\"\nnonce_keys = [{ file = \"k\" }]\n[layers]"),
            "4: `nonce_keys` are stated, and `nonces` is \"off\" | write `nonces = \"required\"`, or remove the keys",
        ),
        (
            with(
                "[layers]",
                "[dpop]\nreplay = \"shared\"\norigin = [\"https://api.example.com\"]\nnonces = \"optional\"\n[layers]",
            ),
            "4: `replay = \"shared\"` says that there are several replicas; without `nonce_keys` each would refuse the nonces of the others | point `nonce_keys = [{ file = \"…\" }]` to at least 32 random characters",
        ),
    ];
    for (settings, expected) in cases {
        assert_refused(&settings, expected);
    }
}

/// Supplies what the settings say, and knows nothing.
struct Nothing;

impl crate::Directory for Nothing {
    fn supplies(&self) -> Vec<String> {
        vec!["Note".to_owned()]
    }
}

#[test]
fn an_issuer_that_binds_every_token_by_dpop_needs_proofs_to_be_verified() {
    // DPP-06: else every token would be refused, and nobody would know why
    let strict = |more: &str| with("leeway = \"10s\"", "binding = \"dpop\"").replace("[layers]", more);
    let build = |settings: &str| load(&files(settings)).unwrap().gate().directory(Nothing).build();
    let error = build(&strict("[layers]")).unwrap_err();
    assert_eq!(error, crate::GateError::NoProofs { alias: IssuerSettings::DEFAULT_ALIAS.to_owned() });
    assert!(error.to_string().contains("add `[dpop]` to the settings"), "{error}");
    assert!(build(&strict("[dpop]\nreplay = \"one-replica\"\n[layers]")).is_ok());
}

#[test]
fn replicas_that_share_used_proofs_need_a_store_to_share_them_in() {
    // DPP-27: a memory of each replica would accept a proof once at each
    let settings = with("[layers]", "[dpop]\nreplay = \"shared\"\norigin = [\"https://api.example.com\"]\n[layers]");
    let gate = || load(&files(&settings)).unwrap().gate().directory(Nothing);
    let error = gate().build().unwrap_err();
    assert_eq!(error, crate::GateError::NoSharedReplay);
    assert!(error.to_string().contains("give it one by `GateBuilder::replay_store`"), "{error}");
    let store = portcullis_token::MemoryReplayStore::new(portcullis_core::UnixTime::EPOCH);
    assert!(gate().replay_store(Arc::new(store)).build().is_ok());
}

#[tokio::test]
async fn what_the_settings_say_about_http_reaches_the_gate() {
    let settings = with(
        "[layers]",
        "query_token = \"refuse\"\n[metadata]\nresource_name = \"Notes\"\n\"resource_name#it\" = \"Note\"\n\
         [proxy]\nscheme_field = \"x-forwarded-proto\"\n[layers]",
    );
    let gate = load(&files(&settings)).unwrap().gate().directory(Nothing).build().unwrap();
    let ask = async |uri: &'static str, bearer: Option<&'static str>| {
        let (method, uri) = (Method::GET, Uri::from_static(uri));
        let fields = bearer.map(|bearer| (AUTHORIZATION, HeaderValue::from_static(bearer)));
        let (headers, route) = (HeaderMap::from_iter(fields), RouteMatch::new("/notes/{note}", ["n"]));
        gate.open(&RequestHead::new(&method, &uri, &headers, Some(&route))).await.unwrap_err()
    };
    assert_eq!(ask("/notes/n?access_token=a", None).await.status(), 400);
    assert_eq!(ask("/notes/n", Some("Bearer a")).await.status(), 403);
    let url = "https://api.example.com/.well-known/oauth-protected-resource";
    let challenge = ask("/notes/n", None).await.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert_eq!(challenge, format!("Bearer realm=\"api\", resource_metadata=\"{url}\""));
    let (method, headers, uri) = (Method::GET, HeaderMap::new(), url.parse().unwrap());
    let document = gate.metadata(&RequestHead::new(&method, &uri, &headers, None)).unwrap();
    let document: serde_json::Value = serde_json::from_str(document.body()).unwrap();
    assert_eq!((&document["resource_name"], &document["resource_name#it"]), (&"Notes".into(), &"Note".into()));
    assert_eq!(document["authorization_servers"], serde_json::json!(["https://issuer.example.com"]));
}

#[test]
fn a_mistake_in_a_table_within_an_issuer_is_refused_likewise() {
    let cases = [
        (
            with("leeway = \"10s\"", "status_list = { uri = [\"http://issuer.example.com/lists/\"] }"),
            "17: `http://issuer.example.com/lists/` cannot be asked: use https; plain http is for loopback addresses only | name the addresses of the issuer's lists: `status_list = { uri = [\"https://…/\"] }`",
        ),
        (
            with("leeway = \"10s\"", "max_lifetime = { users = \"1h\" }"),
            "17: `max_lifetime`: unknown field `users`, expected one of `user`, `service`, `agent` | did you mean `user`?",
        ),
    ];
    for (settings, expected) in cases {
        assert_refused(&settings, expected);
    }
}

#[test]
fn a_mistake_about_fetching_keys_is_refused_with_what_to_do() {
    let fixed = "{ inline = { keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" }] } }";
    let key =
        with("\"10s\"", "\"10s\"\nmax_stale = \"1h\"").replace("{ url = \"https://issuer.example.com/jwks\" }", fixed);
    assert_refused(&key, "18: `max_stale` is for keys that are fetched, and these are not | remove it");
    assert_refused(
        &with("\"10s\"", "\"10s\"\nmax_stale = \"25h\""),
        "18: a `max_stale` of 90000s is longer than 86400s | write at most `max_stale = \"24h\"`",
    );
    assert_refused(
        &with("\"10s\"", "\"10s\"\ntls_roots = \"absent.pem\""),
        "18: the certificates in `absent.pem` cannot be read: No such file or directory",
    );
    // Without `keys`, the issuer's metadata say where they are.
    assert!(load(&files(&with("keys = { url = \"https://issuer.example.com/jwks\" }", ""))).is_ok());
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
    assert!(found.iter().any(|problem| problem.contains("two sources have the alias `a`")), "{found:#?}");
    let unstated = both("a", "b").replacen("scopes = \"all\"", "", 1);
    assert!(listed(&refused(&unstated)).iter().any(|problem| problem.contains("has to state `scopes`")));
}

#[test]
fn a_product_is_one_line() {
    let table = |preset: &str, issuer: &str| {
        let settings = with("preset = \"rfc9068\"", &format!("preset = \"{preset}\""));
        let settings = settings.replace("https://issuer.example.com\"\npreset", &format!("{issuer}\"\npreset"));
        let settings = settings.replace("algorithms = [\"ES256\"]\n", "");
        settings.replace("keys = { url = \"https://issuer.example.com/jwks\" }\n", "")
    };
    assert!(load(&files(&table("auth0", "https://northwind.eu.auth0.com/"))).is_ok());
    for (settings, expected) in [
        (
            table("auth0", "https://northwind.eu.auth0.com"),
            "13: `https://northwind.eu.auth0.com` is not an issuer of `auth0`; those look like `https://{host}/` | copy it from the `iss` claim of a token",
        ),
        (table("auth1", "https://northwind.eu.auth0.com/"), "14: `preset`: unknown variant `auth1`"),
        (
            table("google", "https://accounts.google.com"),
            "12: preset `google` does not know where the keys of `https://accounts.google.com` are",
        ),
        (
            table("rfc9068", "https://issuer.example.com"),
            "12: issuer `https://issuer.example.com` has no algorithm; list those that it signs access tokens with, such as ES256 | write `algorithms = [\"ES256\"]`",
        ),
    ] {
        let found = listed(&refused(&settings));
        let expected = format!("portcullis.toml:{expected}");
        assert!(found.iter().any(|problem| problem.starts_with(&expected)), "expected {expected}\nfound {found:#?}");
    }
}

#[test]
fn each_listed_tenant_is_an_issuer_and_a_source_of_its_own() {
    // ASM-12
    let template =
        with("issuer = \"https://issuer.example.com\"", "issuer = \"https://issuer.example.com/{tenantid}\"");
    let tenants = |list: &str, more: &str| template.replace("preset =", &format!("tenants = {list}\n{more}\npreset ="));
    let stated = "alias = \"as\"\nscopes = \"all\"\nroles = \"all\"\nkinds = \"all\"";
    let loaded = load(&files(&tenants("[\"acme\", \"beta\"]", stated))).unwrap();
    let sources = loaded.bundle.sources();
    assert!(["as.acme", "as.beta"].iter().all(|alias| sources.get(alias).is_some()) && sources.get("as").is_none());
    // Alone, it keeps its alias, and ids stay as they are.
    let loaded = load(&files(&tenants("[\"acme\"]", ""))).unwrap();
    assert!(loaded.bundle.sources().get(IssuerSettings::DEFAULT_ALIAS).is_some());

    for (settings, expected) in [
        (tenants("[\"acme\", \"beta\"]", ""), "source `main.acme` has to state `scopes`"),
        (
            template.clone(),
            "portcullis.toml:13: issuer `https://issuer.example.com/{tenantid}` is a template, and no tenant is listed: it would stand for everybody's | list those that you trust",
        ),
        (
            with("preset =", "tenants = [\"acme\"]\npreset ="),
            "portcullis.toml:13: `tenants` are listed, and issuer `https://issuer.example.com` has no placeholder such as `{tenantid}` | write one placeholder",
        ),
        (tenants("[\"*\"]", ""), "portcullis.toml:14: `*` is not a tenant"),
    ] {
        let found = listed(&refused(&settings));
        assert!(found.iter().any(|problem| problem.contains(expected)), "expected {expected}\nfound {found:#?}");
    }
}

#[test]
fn a_profile_may_stand_in_the_settings() {
    let profile = r#"
[issuer.profile]
client = "azp"
scopes = { claim = "scp", as = "space-separated" }

[[issuer.profile.classify]]
when = { present = "oid" }
kind = "user"
id = "oid"

[issuer.claims]
roles = { claim = "https://example.com/roles", as = "array" }
"#;
    let with_profile = |from: &str, to: &str| {
        assert!(profile.contains(from), "{from}");
        format!("{GOOD}{}", profile.replacen(from, to, 1))
    };
    let loaded = load(&files(&with_profile("", ""))).unwrap();
    let claims = serde_json::json!({
        "iss": "https://issuer.example.com", "oid": "ann", "sub": "x", "azp": "web", "scp": "a b",
        "https://example.com/roles": ["reader"],
    });
    let claims = VerifiedClaims::assume_verified("main", claims.as_object().cloned().unwrap());
    let caller = loaded.bundle.sources().read(claims).unwrap();
    assert_eq!((caller.subject().id.as_str(), caller.client()), ("ann", Some("web")));
    assert_eq!(caller.scopes().unwrap(), ["a", "b"]);
    assert_eq!(*caller.roles(), Listing::Known(vec!["reader".to_owned()]));

    for (settings, expected) in [
        (with_profile("client =", "clients ="), "23: `profile`: unknown field `clients`"),
        (
            with_profile("kind = \"user\"", "kind = \"robot\""),
            "28: `profile`: unknown variant `robot`, expected one of `user`, `service`, `agent`",
        ),
        (with_profile("as = \"space-separated\"", "as = \"words\""), "24: `profile`: unknown variant `words`"),
        (
            with_profile("\"oid\" }", "{ claim = \"oid\", regex = \"(\" } }"),
            "22: `profile`: profile key `classify[0].when.present",
        ),
        (
            with_profile("roles = { claim", "gate = [{ present = \"x\" }]\nroles = { claim"),
            "31: `claims`: profile key `gate`: cannot be changed alone; write a whole `profile`",
        ),
        (
            with_profile("[[issuer.profile.classify]]", "[[issuer.profile.classified]]"),
            "26: `profile`: unknown field `classified`",
        ),
    ] {
        let found = listed(&refused(&settings));
        assert!(found.iter().any(|problem| problem.contains(expected)), "expected {expected}\nfound {found:#?}");
    }
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

/// The good settings with a limit.
fn limited(keys: &str) -> String {
    format!("{GOOD}\n[[limit]]\n{keys}")
}

const LIMIT: &str = "name = \"agents\"\nclass = \"agent\"\nper = [\"actor\"]\nrate = \"60/m\"\nburst = 20\n";

#[test]
fn a_mistake_about_limits_is_refused_with_its_line_and_what_to_do() {
    let with = |from: &str, to: &str| {
        assert_eq!(LIMIT.matches(from).count(), 1, "`{from}`");
        limited(&LIMIT.replacen(from, to, 1))
    };
    let and = |key: &str| limited(&format!("{LIMIT}{key}"));
    load(&files(&limited(LIMIT))).unwrap();
    let cases = [
        (
            GOOD.replacen("[layers]", "[limit]\nname = \"a\"\n[layers]", 1),
            "4: `limit` is not a table | write `[[limit]]`",
        ),
        (with("class", "clas"), "24: unknown key `clas` | did you mean `class`?"),
        (with("name = \"agents\"", ""), "22: the limit has no `name` | write it like `name = \"agents\"`"),
        (with("per = [\"actor\"]", ""), "22: the limit has no `per` | write it like `per = [\"actor\", \"subject\"]`"),
        (with("rate = \"60/m\"", ""), "22: the limit has no `rate` | write it like `rate = \"60/m\"`"),
        (with("burst = 20", ""), "22: the limit has no `burst` | write it like `burst = 20`"),
        (with("\"agents\"", "\"the agents\""), "23: `the agents` is not 1 to 64 letters, digits, `-` and `_`"),
        (with("= \"agents\"", "= \"\""), "23: `` is not 1 to 64 letters"),
        (
            with("\"agent\"\n", "\"agnet\"\n"),
            "24: `class`: unknown variant `agnet`, expected one of `human`, `service`, `agent` | did you mean `agent`?",
        ),
        (with("\"actor\"", "\"actr\""), "25: `per`: unknown variant `actr`"),
        (with("60/m", "0/m"), "26: `0/m` is not a number from 1 and a unit of time | write it like `rate = \"60/m\"`"),
        (with("60/m", "60"), "26: `60` is not a number from 1 and a unit of time"),
        (with("burst = 20", "burst = 0"), "27: `burst`: invalid value: integer `0`, expected a nonzero u32"),
        (with("burst = 20", "burst = 4_000_000_000"), "27: at this rate, a burst takes more than a year to come back"),
        (and("counts = \"denial\""), "28: `counts`: unknown variant `denial`"),
        (
            and("on_store_failure = \"allow\""),
            "28: `on_store_failure`: unknown variant `allow`, expected `deny` or `local`",
        ),
        (
            and("costs = { GetNote = 21 }"),
            "28: `GetNote` costs 21, and the limit never holds as many tokens | raise `burst`",
        ),
        (and("costs = { GetNote = 0 }"), "28: `GetNote`: invalid value: integer `0`"),
        (
            and("costs = { GetNotes = 2 }"),
            "28: `costs` names `GetNotes`, which is no action of the schema | did you mean `GetNote`?",
        ),
        (and(&format!("[[limit]]\n{LIMIT}")), "29: there are two limits with the name `agents`"),
        (
            and("counts = \"failed-authentication\""),
            "25: of failed authentication, nothing is known but the address of the peer | write `per = [\"peer\"]`",
        ),
        (and("counts = \"failed-authentication\""), "24: `class` means nothing where failed authentication is counted"),
        (and("counts = \"failed-authentication\"\ncosts = { GetNote = 2 }"), "29: `costs` means nothing where failed"),
    ];
    for (settings, expected) in cases {
        assert_refused(&settings, expected);
    }
}

/// The good settings with a log.
fn audited(keys: &str) -> String {
    format!("{GOOD}\n[[audit]]\n{keys}")
}

const FILE: &str = "sink = \"file\"\npath = \"audit.jsonl\"\n";

#[test]
fn a_mistake_about_audit_is_refused_with_its_line_and_what_to_do() {
    // GEN-09
    let whole = concat!(
        "rotate_at = \"100MB\"\nrotate_every = \"24h\"\nclasses = [\"agent\", \"anonymous\"]\nmask = [\"caller.ip\"]\n",
        "on_failure = { human = \"deny\", agent = \"allow\" }\nqueue = 100\nsync_every = \"0s\"\n",
        "heads = { sink = \"file\", path = \"heads.jsonl\", every = 10, after = \"1s\" }\n",
        "[[audit]]\nsink = \"stdout\"\nheads = { sink = \"tracing\" }",
    );
    load(&files(&audited(&format!("{FILE}{whole}")))).unwrap();
    let and = |key: &str| audited(&format!("{FILE}{key}"));
    for (settings, expected) in [
        (
            GOOD.replacen("[layers]", "[audit]\nsink = \"file\"\n[layers]", 1),
            "4: `audit` is not a table | write `[[audit]]`",
        ),
        (audited(""), "22: nothing says where the records go | write `sink = \"file\"` and a `path`"),
        (
            audited("sink = \"fill\""),
            "23: `sink`: unknown variant `fill`, expected one of `file`, `stdout`, `tracing` | did you mean `file`?",
        ),
        (audited("sink = \"file\""), "23: the sink is a file, and no `path` says which | write it like `path = "),
        (audited("sink = \"stdout\"\npath = \"x\""), "24: `path` means nothing for this sink | remove it"),
        (audited("sink = \"stdout\"\nrotate_at = \"1MB\""), "24: `rotate_at` means nothing for this sink"),
        (and("pth = \"x\""), "25: unknown key `pth` | did you mean `path`?"),
        (
            and("rotate_at = \"100\""),
            "25: `100` is not a number from 1 and a unit of size | write it like `rotate_at = \"100MB\"`",
        ),
        (and("rotate_every = \"day\""), "25: `day` is no duration | write it like `rotate_every = \"24h\"`"),
        (
            and("sync_every = 1"),
            "25: `sync_every`: invalid type: integer `1`, expected a string | write it like `sync_every = \"1s\"`",
        ),
        (and("classes = [\"robot\"]"), "25: `classes`: unknown variant `robot`"),
        (and("mask = [\"seq\"]"), "25: `seq` does not lead into a record: it begins with one of `caller`"),
        (and("on_failure = { robot = \"deny\" }"), "25: `on_failure`: unknown variant `robot`"),
        (
            and("on_failure = { agent = \"ignore\" }"),
            "25: `on_failure`: unknown variant `ignore`, expected `deny` or `allow`",
        ),
        (
            and("queue = 0"),
            "25: `queue`: invalid value: integer `0`, expected a nonzero usize | write it like `queue = 8192`",
        ),
        (and("heads = { sink = \"file\" }"), "25: the sink is a file, and no `path` says which"),
        (and("heads = { sink = \"stdout\", evry = 1 }"), "25: unknown key `evry` | did you mean `every`?"),
        (and("heads = { sink = \"stdout\", every = 0 }"), "25: `every`: invalid value: integer `0`"),
        (
            and("heads = { sink = \"file\", path = \"audit.jsonl\" }"),
            "25: `audit.jsonl` is written to already | give each log",
        ),
        (and(&format!("[[audit]]\n{FILE}")), "27: `audit.jsonl` is written to already"),
    ] {
        assert_refused(&settings, expected);
    }
}
