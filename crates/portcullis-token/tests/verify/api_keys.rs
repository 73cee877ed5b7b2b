//! API keys from a file.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::Credential;
use portcullis_token::{
    ApiKeyEntry, ApiKeyError, ApiKeySettings, ApiKeyStatus, ApiKeys, ApiKeysError, KeyFileError, KeyPlace, NewApiKey,
    Verifier, VerifierError,
};
use serde_json::json;

use crate::mint::*;

const DAY: u64 = 86_400;
const AGE: Duration = Duration::from_secs(90 * DAY);

#[tokio::test]
async fn a_key_becomes_the_claims_of_its_owner() {
    // KEY-04, KEY-05
    let (file, key) = (KeyFile::new("claims"), new_key());
    file.write(&[&key.entry]);
    let verified = file.keys().verify(key.text.reveal(), time(NOW)).await.unwrap();
    assert_eq!((verified.source(), verified.credential()), ("keys", Credential::ApiKey));
    assert!(verified.bindings().is_empty()); // KEY-08
    let expected = json!({
        "sub": "billing", "client_id": "billing", "jti": key.entry.id, "scope": "read write",
        "iat": NOW, "exp": NOW + 60 * 86_400,
    });
    assert_eq!(json!(verified.claims()), expected);
}

#[tokio::test]
async fn a_key_that_is_not_good_is_refused() {
    // KEY-03, KEY-05
    let (file, key) = (KeyFile::new("refused"), new_key());
    let id = key.entry.id.clone();
    let stranger = new_key();
    let entry = |change: fn(&mut ApiKeyEntry)| {
        let mut entry = key.entry.clone();
        change(&mut entry);
        entry
    };
    let (id, id2, id3, id4) = (id.clone(), id.clone(), id.clone(), id);
    for (entry, presented, at, expected) in [
        (entry(|_| {}), stranger.text.reveal(), NOW, ApiKeyError::Unknown),
        (entry(|entry| entry.sha256 = "0".repeat(64)), key.text.reveal(), NOW, ApiKeyError::Unknown),
        (entry(|entry| entry.status = ApiKeyStatus::Disabled), key.text.reveal(), NOW, ApiKeyError::Disabled { id }),
        (
            entry(|entry| entry.audience = vec!["https://other.example.com".to_owned()]),
            key.text.reveal(),
            NOW,
            ApiKeyError::WrongAudience { id: id2 },
        ),
        (entry(|_| {}), key.text.reveal(), NOW + 60 * 86_400, ApiKeyError::Expired { id: id3 }),
        (entry(|_| {}), key.text.reveal(), NOW - 61, ApiKeyError::CreatedInFuture { id: id4 }),
    ] {
        file.write(&[&entry]);
        assert_eq!(file.keys().verify(presented, time(at)).await, Err(expected));
    }
}

#[tokio::test]
async fn a_key_is_refused_at_its_greatest_age_however_long_it_says_it_lives() {
    // KEY-05
    let (file, mut key) = (KeyFile::new("age"), new_key());
    key.entry.expires = time(NOW + 365 * 86_400);
    file.write(&[&key.entry]);
    let keys = file.keys();
    let end = NOW + 90 * 86_400;
    assert!(keys.verify(key.text.reveal(), time(end - 1)).await.is_ok());
    let error = keys.verify(key.text.reveal(), time(end)).await.unwrap_err();
    assert!(matches!(error, ApiKeyError::TooOld { .. }), "{error}");
}

#[tokio::test]
async fn a_key_and_its_successor_are_accepted_at_once() {
    // KEY-05
    let (file, old, new) = (KeyFile::new("rotation"), new_key(), new_key());
    file.write(&[&old.entry, &new.entry]);
    let keys = file.keys();
    for key in [old, new] {
        let verified = keys.verify(key.text.reveal(), time(NOW)).await.unwrap();
        assert_eq!(verified.claims()["sub"], "billing"); // M2M-05: both are one client
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_before_any_key_is_looked_up() {
    // KEY-02, KEY-09
    let (file, key) = (KeyFile::new("malformed"), new_key());
    file.write(&[&key.entry]);
    let keys = file.keys();
    let text = key.text.reveal();
    let wrong_sum = format!("{}{}", &text[..text.len() - 1], if text.ends_with('0') { '1' } else { '0' });
    for text in ["", &wrong_sum, &text.to_uppercase(), &text[..40], &sign(&header(), &claims()), &"a".repeat(100_000)] {
        assert_eq!(keys.verify(text, time(NOW)).await, Err(ApiKeyError::Malformed));
    }
    // A key is no token either.
    assert!(verifier().verify(text, time(NOW)).await.is_err());
}

#[tokio::test]
async fn a_disabled_key_stops_within_half_a_minute() {
    // KEY-10
    let (file, key) = (KeyFile::new("disabled"), new_key());
    file.write(&[&key.entry]);
    let keys = file.keys();
    let at = async |seconds: i64| keys.verify(key.text.reveal(), time(NOW + seconds)).await.is_ok();
    assert!(at(0).await);
    let mut disabled = key.entry.clone();
    disabled.status = ApiKeyStatus::Disabled;
    file.write(&[&disabled]);
    assert!(at(29).await);
    assert!(!at(30).await);
    file.write(&[&key.entry]);
    assert!(at(60).await);
    // A clock that was set back does not keep what was read before it: it could take years to catch up.
    file.write(&[]);
    assert!(!at(-30).await);
}

#[tokio::test]
async fn a_broken_file_leaves_the_keys_as_they_are() {
    // KEY-10, GEN-01
    let (file, key, unknown) = (KeyFile::new("broken"), new_key(), new_key());
    file.write(&[&key.entry]);
    let keys = file.keys();
    for (seconds, text) in [(30, "{ \"keys\": ["), (60, ""), (90, &"x".repeat(5 * 1024 * 1024))] {
        std::fs::write(&file.0, text).unwrap();
        assert!(keys.verify(key.text.reveal(), time(NOW + seconds)).await.is_ok());
        assert!(keys.verify(unknown.text.reveal(), time(NOW + seconds)).await.is_err());
    }
    std::fs::remove_file(&file.0).unwrap();
    assert!(keys.verify(key.text.reveal(), time(NOW + 120)).await.is_ok());
    file.write(&[&unknown.entry]);
    assert!(keys.verify(key.text.reveal(), time(NOW + 150)).await.is_err());
    assert!(keys.verify(unknown.text.reveal(), time(NOW + 150)).await.is_ok());
}

#[test]
fn keys_that_cannot_be_used_safely_are_refused_at_the_start() {
    // KEY-01, GEN-09
    let file = KeyFile::new("settings");
    file.write(&[]);
    let good = format!("file = {:?}\nheader = \"api-key\"\nmax_age = \"90d\"\n", file.0);
    let read = |text: &str, resource: &[&str]| {
        let settings: ApiKeySettings = toml::from_str(text).unwrap();
        let resource: Vec<String> = resource.iter().map(|&audience| audience.to_owned()).collect();
        settings.into_api_keys(&resource, &std::env::temp_dir())
    };
    assert_eq!(read(&good, &[AUDIENCE]).unwrap().place(), &KeyPlace::Field("api-key".to_owned()));
    assert!(read(&good.replace("api-key", "x-api-key"), &[AUDIENCE]).is_ok());
    let scheme = good.replace("header = \"api-key\"", "scheme = \"ApiKey\"");
    assert_eq!(read(&scheme, &[AUDIENCE]).unwrap().place(), &KeyPlace::Scheme);

    assert!(matches!(read(&good, &[]), Err(ApiKeysError::NoAudience)));
    assert!(matches!(read(&format!("{good}audience = []"), &[AUDIENCE]), Err(ApiKeysError::NoAudience)));
    assert!(matches!(read(&format!("{good}alias = \"a|b\""), &[AUDIENCE]), Err(ApiKeysError::Alias { .. })));
    for field in ["x-key", "authorization", "cookie", "Api-Key", "api key", ""] {
        let result = read(&good.replace("api-key", field), &[AUDIENCE]);
        assert!(matches!(result, Err(ApiKeysError::Field { .. })), "{field}");
    }
    let nowhere = good.replace("header = \"api-key\"\n", "");
    for place in [nowhere.clone(), format!("{good}scheme = \"ApiKey\"")] {
        assert!(matches!(read(&place, &[AUDIENCE]), Err(ApiKeysError::Place)));
    }
    std::fs::write(&file.0, "{").unwrap();
    assert!(matches!(read(&good, &[AUDIENCE]), Err(ApiKeysError::File(KeyFileError::Invalid { .. }))));
    std::fs::remove_file(&file.0).unwrap();
    assert!(matches!(read(&good, &[AUDIENCE]), Err(ApiKeysError::File(KeyFileError::Unreadable { .. }))));
    // No key lives as long as it likes.
    assert!(toml::from_str::<ApiKeySettings>(&good.replace("max_age = \"90d\"\n", "")).is_err());
}

#[test]
fn keys_and_issuers_have_names_of_their_own() {
    let file = KeyFile::new("alias");
    file.write(&[]);
    let keys = |alias: &str| ApiKeys::file(alias, &file.0, [AUDIENCE], AGE, KeyPlace::Scheme).unwrap();
    assert!(verifier().with_api_keys(keys("keys")).is_ok());
    let taken = verifier().with_api_keys(keys("main"));
    assert!(matches!(taken, Err(VerifierError::RepeatedAlias { .. })));
    assert!(Verifier::new([issuer()]).unwrap().api_keys().is_none());
}

fn new_key() -> NewApiKey {
    let lifetime = Duration::from_secs(60 * DAY);
    NewApiKey::generate("billing", ["read", "write"], [AUDIENCE], time(NOW), lifetime).unwrap()
}

/// A key file that goes with its test.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("portcullis-keys-{}-{name}.json", std::process::id())))
    }

    fn write(&self, entries: &[&ApiKeyEntry]) {
        std::fs::write(&self.0, json!({ "keys": entries }).to_string()).unwrap();
    }

    fn keys(&self) -> ApiKeys {
        ApiKeys::file("keys", &self.0, [AUDIENCE], AGE, KeyPlace::Field("api-key".to_owned())).unwrap()
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
