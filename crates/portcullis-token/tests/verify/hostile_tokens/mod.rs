//! Tokens that must be refused, each beside twins that must not be.
//!
//! The tokens are rows of `tests/data/hostile-tokens.toml`, which says how to read them.

mod forge;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::VerifiedClaims;
use portcullis_token::{Algorithm, Issuer, KeySet, Malformed, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;
use row::{Attempt, Row, attempt, rows};

#[tokio::test]
async fn hostile_tokens_are_refused_for_their_reason() {
    let mut surprises = Vec::new();
    for (group, row) in all(&rows()) {
        let (Some(wrong), Some(error)) = (&row.wrong, &row.error) else { continue };
        let actual = fault(&verify(&attempt(&[&row.given, wrong])).await);
        if actual != *error {
            surprises.push(format!("{} in {group}, {}: expected {error}, was {actual}", row.id, row.name));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

/// Otherwise a token might be refused for something that its row does not speak of.
#[tokio::test]
async fn without_the_hostile_change_every_token_is_accepted() {
    let mut surprises = Vec::new();
    for (group, row) in all(&rows()) {
        let neighbours = [Some(attempt(&[&row.given])), row.right.as_ref().map(|right| attempt(&[&row.given, right]))];
        for attempt in neighbours.iter().flatten() {
            let actual = fault(&verify(attempt).await);
            if actual != "ok" {
                surprises.push(format!("{} in {group}, {}: {actual}", row.id, row.name));
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

/// Otherwise every row would pass that the check of signatures alone refuses.
#[test]
fn hostile_tokens_are_signed_validly_unless_the_signature_is_the_point() {
    let mut signed = 0;
    for (group, row) in all(&rows()) {
        let Some(wrong) = &row.wrong else { continue };
        let attempt = attempt(&[&row.given, wrong]);
        let Some(signer) = attempt.signer else { continue };
        let (message, signature) = attempt.token.rsplit_once('.').unwrap();
        assert!(signer.verifies(message, &decode(signature)), "{} in {group}, {}", row.id, row.name);
        signed += 1;
    }
    assert!(signed > 200, "{signed}");
}

#[test]
fn rows_are_complete_and_cover_every_rule() {
    let rows = rows();
    let mut names = BTreeSet::new();
    for (group, row) in all(&rows) {
        assert!(names.insert((group, &row.id, &row.name)), "{} in {group}, {}: twice", row.id, row.name);
        let is_complete = row.wrong.is_some() == row.error.is_some() && (row.wrong.is_some() || row.right.is_some());
        assert!(is_complete, "{} in {group}, {}", row.id, row.name);
    }
    let refused = all(&rows).filter(|(_, row)| row.error.is_some()).count();
    assert!(refused >= 300, "{refused}");
    let ids: BTreeSet<&str> = all(&rows).map(|(_, row)| row.id.as_str()).collect();
    let missing: Vec<&str> = RULES.into_iter().filter(|rule| !ids.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn no_message_repeats_a_hostile_token() {
    // GEN-04, GEN-08
    for (group, row) in all(&rows()) {
        let Some(wrong) = &row.wrong else { continue };
        let attempt = attempt(&[&row.given, wrong]);
        let error = verify(&attempt).await.unwrap_err();
        let shown = format!("{error}\n{error:?}\n{}", error.description());
        let place = format!("{} in {group}, {}: {shown}", row.id, row.name);
        assert!(!shown.contains("canary"), "{place}");
        for part in shown.as_bytes().windows(12) {
            assert!(!attempt.token.contains(str::from_utf8(part).unwrap_or("\0")), "a part of the token: {place}");
        }
        // `alg` and `typ` may be quoted, up to 64 characters of each.
        let quoted = texts(&attempt.header)
            .into_iter()
            .filter(|(name, text)| !(matches!(name.as_str(), "alg" | "typ") && text.chars().count() <= 64));
        for (_, text) in quoted.chain(texts(&attempt.payload)) {
            assert!(text.len() < 6 || !shown.contains(&text), "`{text}`: {place}");
        }
    }
}

#[tokio::test]
async fn what_is_quoted_is_short_and_on_one_line() {
    // JWT-14
    let token = sign(&header_with(json!({ "typ": format!("a\r\nb{}", "x".repeat(3000)) })), &claims());
    let error = verifier().verify(&token, time(NOW)).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(r"a\r\nb") && shown.len() < 200 && !shown.contains('\n'), "{shown}");
    assert_eq!(error.description(), "the token is not an access token");
}

#[tokio::test]
async fn issuers_share_no_keys_no_algorithms_and_no_audiences() {
    // GEN-11: two issuers, one `kid`
    let key = |signer: Signer| json!({ "keys": [signer.jwk_with(json!({ "kid": "as-1" }))] });
    let ours = issuer_with(&key(Signer::Ed25519), &[Algorithm::EdDsa]);
    let keys = KeySet::from_json(key(Signer::StrangeEd25519).to_string().as_bytes()).unwrap();
    let theirs = "https://other.example.com";
    let other = Issuer::new("other", theirs, ["https://other-api"], [Algorithm::Ed25519], keys);
    let verifier = Verifier::new([ours, other.unwrap()]).unwrap();
    let from_theirs = claims_with(json!({ "iss": theirs, "aud": "https://other-api" }));
    let ed25519 = header_with(json!({ "alg": "Ed25519" }));
    for (name, signer, header, claims, expected) in [
        ("ours", Signer::Ed25519, header(), claims(), "ok"),
        ("theirs", Signer::StrangeEd25519, ed25519.clone(), from_theirs.clone(), "ok"),
        ("ours with their key", Signer::StrangeEd25519, header(), claims(), "BadSignature"),
        ("theirs with our key", Signer::Ed25519, ed25519.clone(), from_theirs.clone(), "BadSignature"),
        ("ours with their algorithm", Signer::Ed25519, ed25519.clone(), claims(), "AlgorithmNotAllowed"),
        (
            "ours for their audience",
            Signer::Ed25519,
            header(),
            claims_with(json!({ "aud": "https://other-api" })),
            "WrongAudience",
        ),
    ] {
        let result = verifier.verify(&sign_as(signer, &header, &claims), time(NOW)).await;
        assert_eq!(fault(&result), expected, "{name}");
        if let Ok(verified) = result {
            assert_eq!(verified.source(), if name == "ours" { "main" } else { "other" });
        }
    }
}

#[tokio::test]
async fn accepted_claims_come_back_whole() {
    for header in [header(), header_without("kid"), header_with(json!({ "x": [null] }))] {
        let verified = verifier().verify(&sign(&header, &claims()), time(NOW)).await.unwrap();
        assert_eq!(Value::Object(verified.claims().clone()), claims());
        assert_eq!(Value::Object(verified.header().clone()), header);
        assert_eq!(verified.source(), "main");
        assert!(verified.bindings().is_empty());
    }
}

#[tokio::test]
async fn identifiers_that_end_in_a_slash_are_not_trimmed() {
    // ATJ-05: the issuer and the audience of the example in RFC 9068 §2.2.3.1 do.
    let (issuer, audience) = ("https://authorization-server.example.com/", "https://rs.example.com/");
    let keys = KeySet::from_json(key_set().to_string().as_bytes()).unwrap();
    let verifier = Verifier::new([Issuer::new("main", issuer, [audience], [Algorithm::EdDsa], keys).unwrap()]).unwrap();
    let (no_issuer, no_audience) = (issuer.trim_end_matches('/'), audience.trim_end_matches('/'));
    for (iss, aud, expected) in
        [(issuer, audience, "ok"), (no_issuer, audience, "UnknownIssuer"), (issuer, no_audience, "WrongAudience")]
    {
        let token = sign(&header(), &claims_with(json!({ "iss": iss, "aud": aud })));
        assert_eq!(fault(&verifier.verify(&token, time(NOW)).await), expected, "{iss} {aud}");
    }
}

/// Every row, with the name of its group.
fn all(rows: &BTreeMap<String, Vec<Row>>) -> impl Iterator<Item = (&str, &Row)> {
    rows.iter().flat_map(|(group, rows)| rows.iter().map(move |row| (group.as_str(), row)))
}

async fn verify(attempt: &Attempt) -> Result<VerifiedClaims, TokenError> {
    attempt.verifier.verify(&attempt.token, attempt.now).await
}

/// The texts in a JSON object, with the names of their members; none, if it is something else.
fn texts(json: &[u8]) -> Vec<(String, String)> {
    fn collect(name: &str, value: &Value, texts: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => texts.push((name.to_owned(), text.clone())),
            Value::Array(items) => items.iter().for_each(|item| collect("", item, texts)),
            Value::Object(members) => members.iter().for_each(|(name, value)| collect(name, value, texts)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(Value::Object(members)) = serde_json::from_slice(json) {
        members.iter().for_each(|(name, value)| collect(name, value, &mut found));
    }
    found
}

/// The name of an error's variant, with the fact that matters most.
fn fault(result: &Result<VerifiedClaims, TokenError>) -> String {
    let Err(error) = result else {
        return "ok".to_owned();
    };
    match error {
        TokenError::InvalidClaim { claim, .. } => format!("InvalidClaim {claim}"),
        TokenError::Malformed(Malformed::Encoding { segment }) => format!("Encoding {segment}"),
        TokenError::Malformed(Malformed::Header { parameter, .. }) => format!("Header {parameter}"),
        TokenError::Malformed(Malformed::Json { segment, .. }) => format!("Json {segment}"),
        TokenError::Malformed(Malformed::TooLarge { segment, .. }) => format!("TooLarge {segment}"),
        TokenError::Malformed(other) => variant(other),
        TokenError::MissingClaim { claim } => format!("MissingClaim {claim}"),
        TokenError::NotAnAccessToken { claim } => format!("NotAnAccessToken {claim}"),
        other => variant(other),
    }
}

fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").split([' ', '(']).next().unwrap().to_owned()
}

/// The rules about one token and the keys at hand; each has at least one row.
const RULES: [&str; 63] = [
    "JWS-01", "JWS-02", "JWS-03", "JWS-04", "JWS-05", "JWS-06", "JWS-07", "JWS-08", "JWS-09", "JWS-10", "JWS-11",
    "JWS-12", "JWS-13", "JWS-14", "JWS-15", "JWS-16", "JWS-17", "JWS-18", "JWS-19", "JWT-01", "JWT-02", "JWT-03",
    "JWT-04", "JWT-05", "JWT-06", "JWT-08", "JWT-09", "JWT-10", "JWT-11", "JWT-12", "JWT-13", "JWT-15", "JWT-16",
    "ALG-01", "ALG-02", "ALG-03", "ALG-04", "ALG-06", "ALG-07", "ALG-08", "ALG-09", "ALG-11", "ALG-12", "ALG-13",
    "ALG-14", "ALG-15", "ALG-17", "JWK-01", "JWK-03", "JWK-05", "JWK-07", "JWK-08", "ATJ-01", "ATJ-02", "ATJ-03",
    "ATJ-04", "ATJ-09", "ATJ-10", "ATJ-13", "AGT-12", "GEN-03", "GEN-10", "GEN-11",
];
