//! `[[issuer]]` tables.

use std::path::Path;

use portcullis_token::{EndpointError, IssuerError, IssuerSettings, KeySourceError, SettingsError, Verifier};

use crate::mint::{AUDIENCE, NOW, Signer, claims, header, key_set, sign, time};

const GOOD: &str = r#"
    issuer = "https://as.example.com"
    preset = "rfc9068"
    algorithms = ["EdDSA"]
    leeway = "10s"
    max_lifetime = "24h"
    typ = "at+jwt"
    keys = { inline = { keys = [{ kty = "OKP", crv = "Ed25519", kid = "as-1", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] } }
"#;

#[tokio::test]
async fn settings_make_an_issuer() {
    let settings: IssuerSettings = toml::from_str(GOOD).unwrap();
    let issuer = settings.into_issuer(&[AUDIENCE.to_owned()], Path::new("/nowhere")).unwrap();
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
        settings.into_issuer(&[AUDIENCE.to_owned()], &directory)
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
        ("preset", r#""rfc6750""#, "unknown variant"),
        ("typ", r#""JWT""#, "unknown variant"),
        ("leeway", "30", "invalid type"),
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
    for key in ["issuer", "preset", "algorithms"] {
        let text: String = GOOD.lines().filter(|line| !line.trim().starts_with(key)).collect::<Vec<_>>().join("\n");
        let error = toml::from_str::<IssuerSettings>(&text).unwrap_err().to_string();
        assert!(error.contains("missing field"), "{key}: {error}");
    }
}

#[test]
fn unsafe_settings_are_refused() {
    // GEN-06, GEN-09
    let resource = [AUDIENCE.to_owned()];
    let issuer = |key, value, resource: &[String]| with(key, value).unwrap().into_issuer(resource, Path::new("."));
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
        settings.into_issuer(&[AUDIENCE.to_owned()], Path::new(env!("CARGO_MANIFEST_DIR")))
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
