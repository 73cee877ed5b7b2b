//! `[[issuer]]` tables.

use std::path::Path;

use portcullis_core::VerifiedClaims;
use portcullis_token::{EndpointError, IssuerError, IssuerSettings, KeySourceError, SettingsError, Verifier};
use serde_json::json;

use crate::mint::{AUDIENCE, NOW, Signer, claims, claims_with, header, key_set, sign, time};

const GOOD: &str = r#"
    issuer = "https://as.example.com"
    preset = "rfc9068"
    algorithms = ["EdDSA"]
    leeway = "10s"
    typ = "at+jwt"
    keys = { inline = { keys = [{ kty = "OKP", crv = "Ed25519", kid = "as-1", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] } }
"#;

#[tokio::test]
async fn settings_make_an_issuer() {
    let settings: IssuerSettings = toml::from_str(GOOD).unwrap();
    let [issuer] = settings.into_issuers(&[AUDIENCE.to_owned()], Path::new("/nowhere")).unwrap().try_into().unwrap();
    assert_eq!(issuer.alias(), IssuerSettings::DEFAULT_ALIAS);
    let verifier = Verifier::new([issuer]).unwrap();
    assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
}

#[test]
fn keys_may_stand_in_a_file_beside_the_settings() {
    let directory = std::env::temp_dir().join(format!("portcullis-token-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("jwks.json"), key_set().to_string()).unwrap();
    let read = |file: &str| {
        let settings = with("keys", &format!("{{ file = \"{file}\" }}")).unwrap();
        settings.into_issuers(&[AUDIENCE.to_owned()], &directory)
    };
    assert!(read("jwks.json").is_ok());
    assert!(matches!(read("absent.json"), Err(SettingsError::Keys(KeySourceError::File { .. }))));
    std::fs::write(directory.join("jwks.json"), "{}").unwrap();
    assert!(matches!(read("jwks.json"), Err(SettingsError::Keys(KeySourceError::KeySet(_)))));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn settings_that_cannot_be_read_say_why() {
    for (key, value, reason) in [
        ("algorithms", r#"["none"]"#, "`none`: not an asymmetric signature algorithm"),
        ("algorithms", r#"["HS256"]"#, "`HS256`: not an asymmetric signature algorithm"),
        ("preset", r#""rfc6750""#, "unknown variant `rfc6750`, expected one of `auth0`, `authress`"),
        ("typ", r#""JWT""#, "unknown variant"),
        ("foreign_audiences", "\"yes\"", "unknown variant"),
        ("tenants", r#""a""#, "invalid type"),
        ("leeway", "30", "invalid type"),
        ("status_list", r#""ignored""#, "`\"ignore\"`, or a table with `uri`"),
        ("status_list", r#"{ urls = ["https://as.example.com/"] }"#, "unknown field `urls`"),
        ("status_list", "{}", "missing field `uri`"),
        ("leeway", r#""30""#, "`30` is not a duration"),
        ("keys", r#"{ url = "https://a", file = "b" }"#, "wanted exactly 1 element"),
        ("keys", r#"{ env = "KEYS" }"#, "unknown variant"),
        ("keys", "{}", "wanted exactly 1 element"),
        ("max_stale", "3600", "invalid type"),
        ("private_network", "\"yes\"", "invalid type"),
        ("audiences", r#"["x"]"#, "unknown field `audiences`"),
    ] {
        let error = with(key, value).unwrap_err().to_string();
        assert!(error.contains(reason), "{key} = {value}: {error}");
    }
    for key in ["issuer", "preset"] {
        let text: String = GOOD.lines().filter(|line| !line.trim().starts_with(key)).collect::<Vec<_>>().join("\n");
        let error = toml::from_str::<IssuerSettings>(&text).unwrap_err().to_string();
        assert!(error.contains("missing field"), "{key}: {error}");
    }
}

#[test]
fn unsafe_settings_are_refused() {
    // GEN-06, GEN-09
    let resource = [AUDIENCE.to_owned()];
    let issuer = |key, value, resource: &[String]| with(key, value).unwrap().into_issuers(resource, Path::new("."));
    assert!(issuer("leeway", "\"60s\"", &resource).is_ok());
    for (key, value) in [("issuer", r#""http://as.example.com""#), ("alias", r#""a b""#), ("leeway", r#""61s""#)] {
        assert!(matches!(issuer(key, value, &resource), Err(SettingsError::Issuer(_))), "{key} = {value}");
    }
    for (key, value, resource) in
        [("algorithms", "[]", &resource[..]), ("audience", "[]", &resource), ("leeway", "\"1s\"", &[])]
    {
        let result = issuer(key, value, resource);
        let refused = matches!(
            result,
            Err(SettingsError::Issuer(IssuerError::NoAudience { .. } | IssuerError::NoAlgorithm { .. }))
        );
        assert!(refused, "{key} = {value}");
    }
    // TSL-03, TSL-07
    assert!(issuer("status_list", "\"ignore\"", &resource).is_ok());
    for (settings, accepted) in [
        (r#"{ uri = ["https://as.example.com/lists/"], min_age = "1m", max_age = "2h" }"#, true),
        (r#"{ uri = ["https://as.example.com/lists/"], max_age = "25h" }"#, false),
        (r#"{ uri = ["https://as.example.com/lists/"], min_age = "2h" }"#, false),
        (r#"{ uri = ["http://as.example.com/lists/"] }"#, false),
        ("{ uri = [] }", false),
    ] {
        let result = issuer("status_list", settings, &resource);
        assert_eq!(result.is_ok(), accepted, "{settings}");
        assert!(matches!(result, Ok(_) | Err(SettingsError::StatusList(_))), "{settings}");
    }
    let url = issuer("keys", r#"{ url = "http://as.example.com/jwks" }"#, &resource);
    assert!(matches!(url, Err(SettingsError::Keys(KeySourceError::Endpoint(EndpointError::Url { .. })))));
    let fixed = issuer("max_stale", "\"1h\"", &resource);
    assert!(matches!(fixed, Err(SettingsError::Keys(KeySourceError::NotFetched))));
    let absent = issuer("tls_roots", "\"absent.pem\"", &resource);
    assert!(matches!(absent, Err(SettingsError::TlsRoots { .. })));
}

#[test]
fn keys_are_discovered_where_none_are_stated() {
    let read = |changes: &str| {
        let text =
            format!("issuer = \"https://as.example.com\"\npreset = \"rfc9068\"\nalgorithms = [\"EdDSA\"]\n{changes}");
        let settings: IssuerSettings = toml::from_str(&text).unwrap();
        settings.into_issuers(&[AUDIENCE.to_owned()], Path::new(env!("CARGO_MANIFEST_DIR")))
    };
    for changes in [
        "",
        "max_stale = \"0s\"",
        "max_stale = \"24h\"",
        "private_network = true\ntls_roots = \"tests/data/tls/ca.pem\"",
        "keys = { url = \"https://as.example.com/jwks\" }\nmax_stale = \"5m\"",
    ] {
        assert!(read(changes).is_ok(), "{changes}");
    }
    let stale = read("max_stale = \"25h\"");
    assert!(matches!(stale, Err(SettingsError::Keys(KeySourceError::MaxStaleTooLong { .. }))));
    let roots = read("tls_roots = \"tests/data/p256.pem\"");
    assert!(matches!(roots, Err(SettingsError::Keys(KeySourceError::Endpoint(EndpointError::Roots)))));
}

#[test]
fn a_preset_needs_no_algorithms_and_no_keys() {
    let issuers = |text: &str| {
        let settings: IssuerSettings = toml::from_str(text).unwrap();
        settings.into_issuers(&[AUDIENCE.to_owned()], Path::new("."))
    };
    assert!(issuers("issuer = \"https://northwind.eu.auth0.com/\"\npreset = \"auth0\"").is_ok());
    // The standard knows no algorithms; where the keys are, the issuer's metadata say.
    assert!(issuers("issuer = \"https://as.example.com\"\npreset = \"rfc9068\"\nalgorithms = [\"ES256\"]").is_ok());
    let error = issuers(
        "issuer = \"https://as.example.com\"\npreset = \"rfc9068\"\nkeys = { url = \"https://as.example.com/jwks\" }",
    );
    assert!(matches!(error, Err(SettingsError::Issuer(IssuerError::NoAlgorithm { .. }))), "{error:?}");
    // JWTs of Google are no access tokens.
    let error = issuers("issuer = \"https://accounts.google.com\"\npreset = \"google\"").unwrap_err();
    assert!(matches!(error, SettingsError::NoKeys { .. }), "{error}");
    let error = issuers("issuer = \"https://adatum.okta.com\"\npreset = \"okta\"").unwrap_err().to_string();
    assert!(error.contains("those look like `https://{host}/oauth2/{server}`"), "{error}");
}

#[tokio::test]
async fn an_issuer_template_stands_for_the_tenants_that_are_listed_and_for_no_other() {
    // ASM-12
    let template = |tenants: &str| {
        let text = GOOD.replace("https://as.example.com", "https://as.example.com/{tenantid}/v2.0");
        let settings: IssuerSettings = toml::from_str(&format!("alias = \"as\"\n{tenants}\n{text}")).unwrap();
        settings.into_issuers(&[AUDIENCE.to_owned()], Path::new("."))
    };
    let issuers = template(r#"tenants = ["acme", "b-2.example"]"#).unwrap();
    let named: Vec<_> = issuers.iter().map(|issuer| (issuer.alias(), issuer.identifier())).collect();
    let expected = [
        ("as.acme", "https://as.example.com/acme/v2.0"),
        ("as.b-2.example", "https://as.example.com/b-2.example/v2.0"),
    ];
    assert_eq!(named, expected);
    let verifier = Verifier::new(issuers).unwrap();
    for (tenant, source) in [
        ("acme", Some("as.acme")),
        ("b-2.example", Some("as.b-2.example")),
        ("eve", None),
        ("{tenantid}", None),
        ("acme/eve", None),
    ] {
        let claims = claims_with(json!({ "iss": format!("https://as.example.com/{tenant}/v2.0") }));
        let verified = verifier.verify(&sign(&header(), &claims), time(NOW)).await;
        assert_eq!(verified.as_ref().ok().map(VerifiedClaims::source), source, "{tenant}");
    }
    let [alone] = template(r#"tenants = ["acme"]"#).unwrap().try_into().unwrap();
    assert_eq!(alone.alias(), "as");

    for (tenants, reason) in [
        ("", "no tenant is listed"),
        ("tenants = []", "no tenant is listed"),
        (r#"tenants = ["*"]"#, "`*` is not a tenant"),
        (r#"tenants = ["a/b"]"#, "`a/b` is not a tenant"),
        (r#"tenants = [".."]"#, "`..` is not a tenant"),
        (r#"tenants = [""]"#, "`` is not a tenant"),
        (r#"tenants = ["a", "a"]"#, "`a` is listed twice"),
    ] {
        let error = template(tenants).unwrap_err().to_string();
        assert!(error.contains(reason), "{tenants}: {error}");
    }
    for (issuer, reason) in [
        ("https://as.example.com", "has no placeholder"),
        ("https://as.example.com/{}", "one whole placeholder"),
        ("https://as.example.com/{a}/{b}", "one whole placeholder"),
        ("https://as.example.com/{a", "one whole placeholder"),
        ("https://as.example.com/}a{", "one whole placeholder"),
        ("https://as.example.com/*", "has no placeholder"),
    ] {
        let text = GOOD.replace("https://as.example.com", issuer);
        let settings: IssuerSettings = toml::from_str(&format!("tenants = [\"a\"]\n{text}")).unwrap();
        let error = settings.into_issuers(&[AUDIENCE.to_owned()], Path::new(".")).unwrap_err().to_string();
        assert!(error.contains(reason), "{issuer}: {error}");
    }
}

#[tokio::test]
async fn a_token_for_several_apis_is_refused_where_the_settings_say_so() {
    // ATJ-12, RSI-04
    for (setting, audience, accepted) in [
        ("accepted", json!([AUDIENCE, "https://other.example.com"]), true),
        ("refused", json!([AUDIENCE, "https://other.example.com"]), false),
        ("refused", json!([AUDIENCE]), true),
        ("refused", json!([AUDIENCE, "https://api-2.example.com"]), true),
        ("refused", json!("https://other.example.com"), false),
    ] {
        let settings = with("foreign_audiences", &format!("\"{setting}\"")).unwrap();
        let ours = [AUDIENCE.to_owned(), "https://api-2.example.com".to_owned()];
        let verifier = Verifier::new(settings.into_issuers(&ours, Path::new(".")).unwrap()).unwrap();
        let token = sign(&header(), &claims_with(json!({ "aud": audience })));
        assert_eq!(verifier.verify(&token, time(NOW)).await.is_ok(), accepted, "{setting} {audience}");
    }
}

#[test]
fn the_list_of_keys_is_the_list_of_fields() {
    let error = with("unlisted_clients", "\"agent\"").unwrap_err().to_string();
    for key in IssuerSettings::KEYS {
        assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
    }
    assert_eq!(error.matches('`').count() / 2, IssuerSettings::KEYS.len() + 1, "{error}");
    assert_eq!(Signer::Ed25519.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}

/// The good settings with one key replaced or added.
fn with(key: &str, value: &str) -> Result<IssuerSettings, toml::de::Error> {
    let others: Vec<&str> = GOOD.lines().filter(|line| !line.trim().starts_with(&format!("{key} ="))).collect();
    toml::from_str(&format!("{key} = {value}\n{}", others.join("\n")))
}
