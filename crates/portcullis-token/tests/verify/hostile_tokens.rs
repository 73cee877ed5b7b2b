//! Tokens that must be refused, each beside twins that must not be.
//!
//! Unless a row is about the signature, its token is signed validly: nothing but the check in question refuses it.

use aws_lc_rs::hmac;
use portcullis_core::VerifiedClaims;
use portcullis_token::{Algorithm, Malformed, TokenError, TokenType, Verifier};
use serde_json::{Value, json};

use crate::mint::*;

/// Requirement, what it is, the token, and how it fares: `ok` or the [`fault`].
type Case = (&'static str, &'static str, String, &'static str);

#[tokio::test]
async fn tokens_with_foreign_syntax_are_refused() {
    let good = sign(&header(), &claims());
    let (signing_input, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signing_input.split_once('.').unwrap();
    let last = good.len() - 1;
    assert_all(&[
        ("JWS-01", "a good token", good.clone(), "ok"),
        ("JWS-01", "nothing", String::new(), "Segments"),
        ("JWS-01", "two segments", signing_input.to_owned(), "Segments"),
        ("JWS-01", "four segments", format!("{good}.{signature}"), "Segments"),
        ("JWS-01", "leading dot", format!(".{good}"), "Segments"),
        ("JWS-01", "trailing dot", format!("{good}."), "Segments"),
        ("JWS-01", "only dots", "..".to_owned(), "Segments"),
        ("JWS-01", "JSON serialization", json!({ "payload": payload, "signature": signature }).to_string(), "Segments"),
        ("JWS-16", "five segments: a JWE", format!("{good}.{head}.{signature}"), "Encrypted"),
        ("JWS-15", "empty payload", format!("{head}..{signature}"), "Segments"),
        ("JWS-15", "empty signature", format!("{signing_input}."), "Segments"),
        ("JWS-15", "empty header", format!(".{payload}.{signature}"), "Segments"),
        ("JWS-02", "space before", format!(" {good}"), "Encoding header"),
        ("JWS-02", "newline after", format!("{good}\n"), "Encoding signature"),
        ("JWS-02", "percent sign", format!("{head}%.{payload}.{signature}"), "Encoding header"),
        (
            "JWS-02",
            "standard alphabet",
            format!("{head}.{payload}.{}", signature.replace(['-', '_'], "+")),
            "Encoding signature",
        ),
        ("JWS-03", "padding", format!("{good}=="), "Encoding signature"),
        ("JWS-03", "padded header", format!("{head}=.{payload}.{signature}"), "Encoding header"),
        (
            "JWS-03",
            "length 1 mod 4",
            format!("{}.{payload}.{signature}", &head[..head.len() / 4 * 4 - 3]),
            "Encoding header",
        ),
        (
            "JWS-04",
            "unused bits are set",
            format!("{}{}", &good[..last], next_letter(&good[last..])),
            "Encoding signature",
        ),
        ("JWS-19", "too long", format!("{good}{}", "A".repeat(16 * 1024)), "TooLarge whole"),
        ("JWS-19", "a token of 16 KiB", padded_to(16 * 1024), "ok"),
        ("JWS-19", "a token of one octet more", padded_to(16 * 1024 + 1), "TooLarge whole"),
        ("JWS-19", "a header of 4 KiB", sign_text(Signer::Ed25519, padded_header(4096), claims().to_string()), "ok"),
        (
            "JWS-19",
            "a header of one octet more",
            sign_text(Signer::Ed25519, padded_header(4097), claims().to_string()),
            "TooLarge header",
        ),
    ])
    .await;
}

#[tokio::test]
async fn hostile_headers_are_refused() {
    let good = claims();
    let with = |changes: Value| sign(&header_with(changes), &good);
    let text = |header: &str| sign_text(Signer::Ed25519, header, good.to_string());
    assert_all(&[
        ("JWS-05", "array", text("[]"), "Json header"),
        ("JWS-05", "string", text("\"x\""), "Json header"),
        ("JWS-05", "byte order mark", text(&format!("\u{feff}{}", header())), "Json header"),
        (
            "JWS-05",
            "invalid UTF-8",
            sign_text(Signer::Ed25519, b"{\"alg\":\"EdDSA\",\"x\":\"\xff\"}", good.to_string()),
            "Json header",
        ),
        ("JWS-06", "two alg", text(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"as-1","alg":"none"}"#), "Json header"),
        (
            "JWS-06",
            "escaped twin",
            text(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"as-1","\u0061lg":"EdDSA"}"#),
            "Json header",
        ),
        (
            "JWS-13",
            "unusual white space",
            text("{ \"alg\":\"EdDSA\" ,\n\t\"typ\":\"at+jwt\", \"kid\":\"as-1\"} "),
            "ok",
        ),
        ("JWT-16", "escaped names and values", text(r#"{"\u0061lg":"\u0045dDSA","typ":"at+jwt","kid":"as-1"}"#), "ok"),
        ("JWS-07", "no alg", sign(&header_without("alg"), &good), "Header alg"),
        ("JWS-07", "alg null", with(json!({ "alg": null })), "Header alg"),
        ("JWS-07", "alg array", with(json!({ "alg": ["EdDSA"] })), "Header alg"),
        ("JWS-07", "alg lower case", with(json!({ "alg": "eddsa" })), "AlgorithmNotAllowed"),
        ("JWS-07", "alg with a space", with(json!({ "alg": "EdDSA " })), "AlgorithmNotAllowed"),
        ("JWS-08", "none, signature kept", with(json!({ "alg": "none" })), "AlgorithmNotAllowed"),
        ("JWS-08", "None", with(json!({ "alg": "None" })), "AlgorithmNotAllowed"),
        ("JWS-08", "nOnE", with(json!({ "alg": "nOnE" })), "AlgorithmNotAllowed"),
        ("JWS-08", "empty", with(json!({ "alg": "" })), "AlgorithmNotAllowed"),
        ("JWS-09", "unknown critical parameter", with(json!({ "crit": ["x"], "x": 1 })), "Header crit"),
        ("JWS-10", "crit empty", with(json!({ "crit": [] })), "Header crit"),
        ("JWS-10", "crit string", with(json!({ "crit": "exp" })), "Header crit"),
        ("JWS-10", "crit null", with(json!({ "crit": null })), "Header crit"),
        ("JWS-10", "crit of a standard parameter", with(json!({ "crit": ["alg"] })), "Header crit"),
        ("JWS-11", "unencoded payload", with(json!({ "b64": false, "crit": ["b64"] })), "Header crit"),
        ("JWS-11", "unencoded payload, not critical", with(json!({ "b64": false })), "Header b64"),
        ("JWS-11", "b64 null", with(json!({ "b64": null })), "Header b64"),
        ("JWS-12", "unknown parameter", with(json!({ "x-note": "y" })), "ok"),
        ("JWS-17", "nested token", with(json!({ "cty": "JWT" })), "Header cty"),
        ("JWS-17", "nested token, as media type", with(json!({ "cty": "application/jwt" })), "Header cty"),
        ("JWS-17", "nested access token", with(json!({ "cty": "at+jwt" })), "Header cty"),
        ("JWS-17", "content type of something else", with(json!({ "cty": "json" })), "ok"),
        ("ATJ-01", "typ of an ID token", with(json!({ "typ": "JWT" })), "WrongType"),
        ("ATJ-01", "no typ", sign(&header_without("typ"), &good), "WrongType"),
        ("ATJ-01", "typ number", with(json!({ "typ": 1 })), "Header typ"),
        ("ATJ-01", "DPoP proof", with(json!({ "typ": "dpop+jwt" })), "WrongType"),
        ("ATJ-01", "logout token", with(json!({ "typ": "logout+jwt" })), "WrongType"),
        ("ATJ-01", "identity assertion grant", with(json!({ "typ": "oauth-id-jag+jwt" })), "WrongType"),
        ("ATJ-01", "transaction token", with(json!({ "typ": "txntoken+jwt" })), "WrongType"),
        ("ATJ-02", "at+JWT", with(json!({ "typ": "at+JWT" })), "ok"),
        ("ATJ-02", "application/at+JWT", with(json!({ "typ": "application/at+JWT" })), "ok"),
        ("ATJ-02", "with a parameter", with(json!({ "typ": "at+jwt;v=1" })), "WrongType"),
        ("ATJ-02", "with a space", with(json!({ "typ": " at+jwt" })), "WrongType"),
    ])
    .await;
}

#[tokio::test]
async fn keys_are_chosen_by_the_issuer_and_not_by_the_token() {
    let good = claims();
    let signed = |signer, alg: &str, kid: &str| sign_as(signer, &header_with(json!({ "alg": alg, "kid": kid })), &good);
    let embedded = header_with(json!({ "kid": "mine", "jwk": Signer::StrangeEd25519.jwk() }));
    let mut anonymous = embedded.clone();
    anonymous.as_object_mut().unwrap().remove("kid");
    let without_kid = |signer, alg: &str| sign_as(signer, &json!({ "alg": alg, "typ": "at+jwt" }), &good);
    assert_all(&[
        ("JWK-01", "embedded key", sign_as(Signer::StrangeEd25519, &embedded, &good), "UnknownKey"),
        ("JWK-01", "embedded key, no kid", sign_as(Signer::StrangeEd25519, &anonymous, &good), "BadSignature"),
        ("JWK-01", "jku beside a good key", sign(&header_with(json!({ "jku": "https://evil.example/" })), &good), "ok"),
        ("JWK-03", "path as kid", signed(Signer::Ed25519, "EdDSA", "../../etc/passwd"), "UnknownKey"),
        ("JWK-03", "query as kid", signed(Signer::Ed25519, "EdDSA", "' OR 1=1--"), "UnknownKey"),
        ("JWK-03", "kid in another case", signed(Signer::Ed25519, "EdDSA", "AS-1"), "UnknownKey"),
        ("JWK-03", "kid empty", signed(Signer::Ed25519, "EdDSA", ""), "UnknownKey"),
        ("JWK-03", "kid number", sign(&header_with(json!({ "kid": 1 })), &good), "Header kid"),
        ("JWK-03", "kid null", sign(&header_with(json!({ "kid": null })), &good), "Header kid"),
        ("JWK-05", "encryption key", signed(Signer::Es256, "ES256", "enc"), "UnknownKey"),
        ("JWK-05", "key_ops without verify", signed(Signer::Es256, "ES256", "ops"), "UnknownKey"),
        ("JWK-07", "one kid, two types: EC", signed(Signer::Es256, "ES256", "shared"), "ok"),
        ("JWK-07", "one kid, two types: RSA", signed(Signer::Rs256, "RS256", "shared"), "ok"),
        ("JWK-07", "one kid, neither fits", signed(Signer::Ed25519, "EdDSA", "shared"), "KeyMismatch"),
        ("JWK-08", "no kid, one key fits", without_kid(Signer::Ed25519, "EdDSA"), "ok"),
        ("JWK-08", "no kid, two keys fit", without_kid(Signer::Es256, "ES256"), "AmbiguousKey"),
        ("ALG-01", "published but not allowed", signed(Signer::Es384, "ES384", "ec-384"), "AlgorithmNotAllowed"),
        ("ALG-02", "ES256", signed(Signer::Es256, "ES256", "ec"), "ok"),
        ("ALG-15", "RS256", signed(Signer::Rs256, "RS256", "rsa"), "ok"),
        ("ALG-06", "PS256", signed(Signer::Ps256, "PS256", "rsa-pss"), "ok"),
        ("ALG-02", "RS256 key, PS256 token", signed(Signer::Ps256, "PS256", "rsa"), "KeyMismatch"),
        ("ALG-02", "EC key, EdDSA token", signed(Signer::Ed25519, "EdDSA", "ec"), "KeyMismatch"),
        ("ALG-04", "key without alg: first name", signed(Signer::Rs256, "RS256", "rsa-bare"), "ok"),
        ("ALG-04", "key without alg: second name", signed(Signer::Ps256, "PS256", "rsa-bare"), "KeyMismatch"),
        ("ALG-09", "ES256 by a P-384 key", signed(Signer::Es384, "ES256", "ec-384"), "KeyMismatch"),
        ("ALG-13", "Ed25519", signed(Signer::Ed25519, "Ed25519", "as-1"), "ok"),
        ("ALG-13", "Ed448", signed(Signer::Ed25519, "Ed448", "as-1"), "AlgorithmNotAllowed"),
        ("ALG-14", "COSE name", signed(Signer::Es256, "ESP256", "ec"), "AlgorithmNotAllowed"),
        (
            "ALG-03",
            "HMAC with the public point",
            hmac_signed("ec", &decode(Signer::Es256.jwk()["x"].as_str().unwrap())),
            "AlgorithmNotAllowed",
        ),
        (
            "ALG-03",
            "HMAC with the JWK text",
            hmac_signed("rsa", Signer::Rs256.jwk().to_string().as_bytes()),
            "AlgorithmNotAllowed",
        ),
    ])
    .await;
}

#[tokio::test]
async fn signatures_in_any_other_form_are_refused() {
    let good = claims();
    let text = signing_input(header().to_string(), good.to_string());
    let ed = Signer::Ed25519.sign(&text);
    let es_text = signing_input(header_with(json!({ "alg": "ES256", "kid": "ec" })).to_string(), good.to_string());
    let es = Signer::Es256.sign(&es_text);
    let token = |signature: &[u8]| with_signature(&text, signature);
    let es_token = |signature: &[u8]| with_signature(&es_text, signature);
    let order = decode_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    assert_all(&[
        ("ALG-11", "the right signature", token(&ed), "ok"),
        ("ALG-11", "63 octets", token(&ed[..63]), "BadSignature"),
        ("ALG-11", "65 octets", token(&[&ed[..], &[0]].concat()), "BadSignature"),
        ("ALG-12", "S + L", token(&plus_group_order(&ed)), "BadSignature"),
        ("ALG-11", "64 zeros", token(&[0; 64]), "BadSignature"),
        ("GEN-11", "another key", token(&Signer::StrangeEd25519.sign(&text)), "BadSignature"),
        ("JWS-13", "over another text", token(&Signer::Ed25519.sign(&es_text)), "BadSignature"),
        ("ALG-07", "ES256, the right signature", es_token(&es), "ok"),
        ("ALG-07", "ES256, as DER", es_token(&as_der(&es)), "BadSignature"),
        ("ALG-07", "ES256, 63 octets", es_token(&es[..63]), "BadSignature"),
        ("ALG-07", "ES256, 65 octets", es_token(&[&[0], &es[..]].concat()), "BadSignature"),
        ("ALG-08", "ES256, 64 zeros", es_token(&[0; 64]), "BadSignature"),
        ("ALG-08", "ES256, r = n", es_token(&[&order, &es[32..]].concat()), "BadSignature"),
        ("ALG-08", "ES256, s = 0", es_token(&[&es[..32], &[0; 32]].concat()), "BadSignature"),
        ("ALG-06", "PS256 by openssl", include_str!("../data/ps256-salt-32.jwt").trim().to_owned(), "ok"),
        ("ALG-06", "PS256 without salt", include_str!("../data/ps256-salt-0.jwt").trim().to_owned(), "BadSignature"),
        (
            "ALG-03",
            "PKCS#1 signature under PS256",
            {
                let text = signing_input(
                    header_with(json!({ "alg": "PS256", "kid": "rsa-pss" })).to_string(),
                    good.to_string(),
                );
                with_signature(&text, &Signer::Rs256.sign(&text))
            },
            "BadSignature",
        ),
        (
            "GEN-03",
            "a bad signature comes before an expired token",
            {
                let text = signing_input(header().to_string(), claims_with(json!({ "exp": IAT })).to_string());
                with_signature(&text, &ed)
            },
            "BadSignature",
        ),
    ])
    .await;
}

#[tokio::test]
async fn hostile_claims_are_refused() {
    let with = |changes: Value| sign(&header(), &claims_with(changes));
    let without = |claim: &str| sign(&header(), &claims_without(claim));
    let text = |payload: &str| sign_text(Signer::Ed25519, header().to_string(), payload);
    assert_all(&[
        ("JWT-01", "array", text("[]"), "Json payload"),
        ("JWT-01", "not JSON", text("x"), "Json payload"),
        ("JWT-01", "two aud", text(&claims().to_string().replacen('{', "{\"aud\":\"x\",", 1)), "Json payload"),
        (
            "JWT-01",
            "twins deep inside",
            text(&claims().to_string().replacen('{', r#"{"x":[{"a":1,"\u0061":2}],"#, 1)),
            "Json payload",
        ),
        (
            "JWT-12",
            "claims of every type",
            with(json!({ "a": 1, "b": [], "c": {}, "d": null, "e": true, "f": "x" })),
            "ok",
        ),
        ("ATJ-04", "no iss", without("iss"), "MissingClaim iss"),
        ("ATJ-04", "no exp", without("exp"), "MissingClaim exp"),
        ("ATJ-04", "no aud", without("aud"), "MissingClaim aud"),
        ("ATJ-04", "no sub", without("sub"), "MissingClaim sub"),
        ("ATJ-04", "no client_id", without("client_id"), "MissingClaim client_id"),
        ("ATJ-04", "no iat", without("iat"), "MissingClaim iat"),
        ("ATJ-04", "no jti", without("jti"), "MissingClaim jti"),
        ("ATJ-04", "no scope", without("scope"), "ok"),
        (
            "ATJ-13",
            "azp is no client_id",
            text(&claims_without("client_id").to_string().replacen('{', "{\"azp\":\"c\",", 1)),
            "MissingClaim client_id",
        ),
        ("JWT-10", "another issuer", with(json!({ "iss": "https://evil.example" })), "UnknownIssuer"),
        ("JWT-10", "trailing slash", with(json!({ "iss": "https://as.example.com/" })), "UnknownIssuer"),
        ("JWT-10", "other case", with(json!({ "iss": "https://AS.example.com" })), "UnknownIssuer"),
        ("JWT-10", "iss array", with(json!({ "iss": [ISSUER] })), "InvalidClaim iss"),
        ("JWT-08", "aud array", with(json!({ "aud": ["https://x", AUDIENCE] })), "ok"),
        ("JWT-08", "aud with a slash", with(json!({ "aud": "https://api.example.com/" })), "WrongAudience"),
        ("JWT-08", "aud in other case", with(json!({ "aud": "https://API.example.com" })), "WrongAudience"),
        (
            "JWT-08",
            "aud with our name in front",
            with(json!({ "aud": ["https://api.example.com.evil"] })),
            "WrongAudience",
        ),
        ("JWT-08", "aud empty string", with(json!({ "aud": "" })), "WrongAudience"),
        ("JWT-09", "aud empty array", with(json!({ "aud": [] })), "InvalidClaim aud"),
        ("JWT-09", "aud with a number", with(json!({ "aud": [AUDIENCE, 1] })), "InvalidClaim aud"),
        ("JWT-09", "aud object", with(json!({ "aud": { "0": AUDIENCE } })), "InvalidClaim aud"),
        ("JWT-16", "aud escaped", text(&claims().to_string().replace("https://api", r"https:\/\/\u0061pi")), "ok"),
        ("JWT-02", "exp with a fraction", with(json!({ "exp": 1_767_229_200.5 })), "ok"),
        ("JWT-02", "exp string", with(json!({ "exp": "1767229200" })), "InvalidClaim exp"),
        ("JWT-02", "exp null", with(json!({ "exp": null })), "InvalidClaim exp"),
        ("JWT-02", "exp true", with(json!({ "exp": true })), "InvalidClaim exp"),
        ("JWT-03", "exp negative", with(json!({ "exp": -1 })), "InvalidClaim exp"),
        ("JWT-03", "exp 1e308", with(json!({ "exp": 1e308 })), "InvalidClaim exp"),
        ("JWT-03", "exp of 64 bits", with(json!({ "exp": i64::MAX })), "InvalidClaim exp"),
        (
            "JWT-03",
            "exp beyond JSON numbers",
            text(&claims().to_string().replace("1767229200", "1e999")),
            "Json payload",
        ),
        ("JWT-03", "exp in the last second of 9999", with(json!({ "exp": 253_402_300_799_i64 })), "ok"),
        ("JWT-05", "nbf now", with(json!({ "nbf": NOW })), "ok"),
        ("JWT-05", "nbf a second from now", with(json!({ "nbf": NOW + 1 })), "NotYetValid"),
        ("JWT-05", "nbf a fraction from now", with(json!({ "nbf": 1_767_226_000.5 })), "NotYetValid"),
        ("JWT-13", "nbf null", with(json!({ "nbf": null })), "InvalidClaim nbf"),
        ("JWT-06", "iat 10 s from now", with(json!({ "iat": NOW + 10 })), "ok"),
        ("JWT-06", "iat 60 s from now", with(json!({ "iat": NOW + 60 })), "ok"),
        ("JWT-06", "iat 61 s from now", with(json!({ "iat": NOW + 61 })), "IssuedInFuture"),
        ("JWT-06", "iat string", with(json!({ "iat": "1" })), "InvalidClaim iat"),
        ("JWT-11", "sub empty", with(json!({ "sub": "" })), "InvalidClaim sub"),
        ("JWT-13", "sub number", with(json!({ "sub": 1 })), "InvalidClaim sub"),
        ("JWT-13", "client_id array", with(json!({ "client_id": ["client-1"] })), "InvalidClaim client_id"),
        ("ATJ-13", "client_id empty", with(json!({ "client_id": "" })), "InvalidClaim client_id"),
        ("JWT-13", "jti number", with(json!({ "jti": 1 })), "InvalidClaim jti"),
        ("JWT-13", "scope array", with(json!({ "scope": ["orders:read"] })), "InvalidClaim scope"),
        ("JWT-13", "scope null", with(json!({ "scope": null })), "InvalidClaim scope"),
        ("BRR-14", "scope with a tab", with(json!({ "scope": "orders:read\torders:write" })), "InvalidClaim scope"),
        (
            "BRR-14",
            "scope with two spaces",
            with(json!({ "scope": "orders:read  orders:write" })),
            "InvalidClaim scope",
        ),
        ("BRR-14", "scope with a quote", with(json!({ "scope": "orders:\"read\"" })), "InvalidClaim scope"),
        ("BRR-14", "scope empty", with(json!({ "scope": "" })), "ok"),
        ("JWT-13", "cnf string", with(json!({ "cnf": "x" })), "InvalidClaim cnf"),
        ("JWT-13", "cnf null", with(json!({ "cnf": null })), "InvalidClaim cnf"),
        ("MTL-10", "cnf empty", with(json!({ "cnf": {} })), "BindingUnsupported"),
        ("MTL-10", "cnf of an unknown method", with(json!({ "cnf": { "osc": {} } })), "BindingUnsupported"),
        ("DPP-03", "cnf of a DPoP key", with(json!({ "cnf": { "jkt": "x" } })), "BindingUnsupported"),
        ("MTL-01", "cnf of a certificate", with(json!({ "cnf": { "x5t#S256": "x" } })), "BindingUnsupported"),
        ("JWT-13", "act null", with(json!({ "act": null })), "InvalidClaim act"),
        ("JWT-13", "act string", with(json!({ "act": "agent" })), "InvalidClaim act"),
        ("JWT-13", "prior act array", with(json!({ "act": { "sub": "a", "act": [] } })), "InvalidClaim act"),
        ("JWT-13", "act.sub number", with(json!({ "act": { "sub": 7 } })), "InvalidClaim act"),
        ("JWT-13", "act", with(json!({ "act": { "sub": "a", "act": { "sub": "b" } } })), "ok"),
        (
            "JWT-13",
            "authorization_details object",
            with(json!({ "authorization_details": {} })),
            "InvalidClaim authorization_details",
        ),
        (
            "JWT-13",
            "authorization_details of strings",
            with(json!({ "authorization_details": ["x"] })),
            "InvalidClaim authorization_details",
        ),
        ("JWT-13", "authorization_details", with(json!({ "authorization_details": [{ "type": "x" }] })), "ok"),
        ("JWT-13", "acr number", with(json!({ "acr": 1 })), "InvalidClaim acr"),
        ("JWT-13", "amr string", with(json!({ "amr": "pwd" })), "InvalidClaim amr"),
        ("JWT-13", "auth_time string", with(json!({ "auth_time": "now" })), "InvalidClaim auth_time"),
        ("JWT-13", "auth_time null", with(json!({ "auth_time": null })), "InvalidClaim auth_time"),
        ("JWT-13", "status string", with(json!({ "status": "valid" })), "InvalidClaim status"),
        ("ATJ-09", "roles of names", with(json!({ "roles": ["a"] })), "ok"),
        ("ATJ-09", "roles of SCIM objects", with(json!({ "roles": [{ "value": "a", "display": "A" }] })), "ok"),
        ("ATJ-09", "roles object", with(json!({ "roles": { "a": 1 } })), "InvalidClaim roles"),
        ("ATJ-09", "groups string", with(json!({ "groups": "admins" })), "InvalidClaim groups"),
        ("ATJ-09", "groups with a number", with(json!({ "groups": ["a", 1] })), "InvalidClaim groups"),
        ("ATJ-09", "entitlements null", with(json!({ "entitlements": null })), "InvalidClaim entitlements"),
        (
            "ATJ-09",
            "entitlements without value",
            with(json!({ "entitlements": [{ "display": "a" }] })),
            "InvalidClaim entitlements",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_token_ends_in_its_last_second() {
    // JWT-04, and the leeway on both sides
    let token = sign(&header(), &claims_with(json!({ "nbf": NOW })));
    let lenient = Verifier::new([issuer().with_leeway(std::time::Duration::from_secs(30)).unwrap()]).unwrap();
    for (verifier, now, expected) in [
        (&verifier(), EXP - 1, "ok"),
        (&verifier(), EXP, "Expired"),
        (&verifier(), NOW, "ok"),
        (&verifier(), NOW - 1, "NotYetValid"),
        (&lenient, EXP + 29, "ok"),
        (&lenient, EXP + 30, "Expired"),
        (&lenient, NOW - 30, "ok"),
        (&lenient, NOW - 31, "NotYetValid"),
    ] {
        assert_eq!(fault(&verifier.verify(&token, time(now)).await), expected, "{now}");
    }
}

#[tokio::test]
async fn other_tokens_of_the_issuer_stay_out_even_where_typ_says_nothing() {
    // ATJ-03, ATJ-10
    let verifier = Verifier::new([issuer().with_token_type(TokenType::JwtOrNone)]).unwrap();
    let jwt = header_with(json!({ "typ": "JWT" }));
    for (name, header, changes, expected) in [
        ("JWT", jwt.clone(), json!({}), "ok"),
        ("none", header_without("typ"), json!({}), "ok"),
        ("application/jwt", header_with(json!({ "typ": "application/JWT" })), json!({}), "ok"),
        ("at+jwt", header(), json!({}), "ok"),
        ("logout token by typ", header_with(json!({ "typ": "logout+jwt" })), json!({}), "WrongType"),
        ("assertion grant by typ", header_with(json!({ "typ": "oauth-id-jag+jwt" })), json!({}), "WrongType"),
        ("ID token: nonce", jwt.clone(), json!({ "nonce": "n" }), "NotAnAccessToken nonce"),
        ("ID token: nonce null", jwt.clone(), json!({ "nonce": null }), "NotAnAccessToken nonce"),
        ("ID token: at_hash", header_without("typ"), json!({ "at_hash": "h" }), "NotAnAccessToken at_hash"),
        ("ID token: aud is the client", jwt.clone(), json!({ "aud": ["client-1", AUDIENCE] }), "NotAnAccessToken aud"),
        ("ID token: aud is azp", jwt.clone(), json!({ "azp": AUDIENCE }), "NotAnAccessToken aud"),
        ("logout token", jwt.clone(), json!({ "events": {} }), "NotAnAccessToken events"),
        ("DPoP proof", jwt.clone(), json!({ "htm": "GET" }), "NotAnAccessToken htm"),
        ("status list", jwt.clone(), json!({ "status_list": {} }), "NotAnAccessToken status_list"),
        ("introspection", jwt.clone(), json!({ "token_introspection": {} }), "NotAnAccessToken token_introspection"),
        ("Keycloak access token", jwt.clone(), json!({ "typ": "Bearer" }), "ok"),
        ("Keycloak refresh token", jwt.clone(), json!({ "typ": "Refresh" }), "NotAnAccessToken typ"),
        ("Cognito access token", jwt.clone(), json!({ "token_use": "access" }), "ok"),
        ("Cognito ID token", jwt.clone(), json!({ "token_use": "id" }), "NotAnAccessToken token_use"),
        ("Curity ID token", jwt.clone(), json!({ "purpose": "id" }), "NotAnAccessToken purpose"),
    ] {
        let token = sign(&header, &claims_with(changes));
        assert_eq!(fault(&verifier.verify(&token, time(NOW)).await), expected, "{name}");
    }
}

#[tokio::test]
async fn issuers_share_no_keys_no_algorithms_and_no_audiences() {
    // GEN-11: two issuers, one `kid`
    let key = |signer: Signer| json!({ "keys": [signer.jwk_with(json!({ "kid": "as-1" }))] });
    let ours = issuer_with(&key(Signer::Ed25519), &[Algorithm::EdDsa]);
    let keys = portcullis_token::KeySet::from_json(key(Signer::StrangeEd25519).to_string().as_bytes()).unwrap();
    let theirs = "https://other.example.com";
    let other = portcullis_token::Issuer::new("other", theirs, ["https://other-api"], [Algorithm::Ed25519], keys);
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
    let verified = verifier().verify(&sign(&header(), &claims()), time(NOW)).await.unwrap();
    assert_eq!(Value::Object(verified.claims().clone()), claims());
    assert_eq!(Value::Object(verified.header().clone()), header());
    assert_eq!(verified.source(), "main");
    assert!(verified.bindings().is_empty());
}

#[tokio::test]
async fn nothing_of_a_token_reaches_the_caller_or_a_message() {
    // GEN-04, GEN-08
    let canary = "canary-7f3a";
    let secret = sign(&header(), &claims_with(json!({ "sub": canary, "iss": "\"><script>", "jti": canary })));
    let error = verifier().verify(&secret, time(NOW)).await.unwrap_err();
    let shown = format!("{error} {error:?} {}", error.description());
    assert!(!shown.contains(canary) && !shown.contains("script"), "{shown}");
    for part in secret.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
    // What is quoted is short and on one line (JWT-14).
    let token = sign(&header_with(json!({ "typ": format!("a\r\nb{}", "x".repeat(3000)) })), &claims());
    let error = verifier().verify(&token, time(NOW)).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(r"a\r\nb") && shown.len() < 200 && !shown.contains('\n'), "{shown}");
    assert_eq!(error.description(), "the token is not an access token");
}

#[track_caller]
fn assert_count_is_sound(cases: &[Case]) {
    assert!(cases.iter().any(|case| case.3 == "ok"), "a table without an accepted token proves nothing");
    assert!(cases.iter().any(|case| case.3 != "ok"));
}

async fn assert_all(cases: &[Case]) {
    assert_count_is_sound(cases);
    let verifier = verifier();
    let mut wrong = Vec::new();
    for (requirement, name, token, expected) in cases {
        let actual = fault(&verifier.verify(token, time(NOW)).await);
        if actual != *expected {
            wrong.push(format!("{requirement} {name}: expected {expected}, was {actual}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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

/// The same octets with one more unused bit set.
fn next_letter(letter: &str) -> char {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    ALPHABET.chars().nth(ALPHABET.find(letter).unwrap() + 1).unwrap()
}

/// A good token of exactly `bytes`.
fn padded_to(bytes: usize) -> String {
    // Three octets of the payload are four of the text, so the header takes up the difference.
    for header_padding in 0..4 {
        let header = header_with(json!({ "x": "x".repeat(header_padding) }));
        let padded = |length: usize| {
            let (a, b) = (length / 2, length - length / 2); // a single string would exceed its own limit
            sign(&header, &claims_with(json!({ "a": "x".repeat(a), "b": "x".repeat(b) })))
        };
        let length = (bytes - padded(0).len()) * 3 / 4;
        if let Some(token) = (length - 4..length + 4).map(padded).find(|token| token.len() == bytes) {
            return token;
        }
    }
    panic!("no token of {bytes} bytes")
}

fn padded_header(bytes: usize) -> String {
    let empty = header_with(json!({ "x": "" })).to_string().len();
    header_with(json!({ "x": "x".repeat(bytes - empty) })).to_string()
}

fn hmac_signed(kid: &str, secret: &[u8]) -> String {
    let text = signing_input(header_with(json!({ "alg": "HS256", "kid": kid })).to_string(), claims().to_string());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    with_signature(&text, tag.as_ref())
}

/// ECDSA-Sig-Value of RFC 3279 §2.2.3.
fn as_der(signature: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| [&[2, 33, 0], octets].concat();
    let (r, s) = signature.split_at(32);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// An Ed25519 signature with S + L in place of S: the same point equation holds.
fn plus_group_order(signature: &[u8]) -> Vec<u8> {
    let mut order = decode_hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    let mut sum = signature.to_vec();
    let mut carry = 0;
    for (octet, add) in sum[32..].iter_mut().zip(order) {
        let total = u16::from(*octet) + u16::from(add) + carry;
        *octet = u8::try_from(total & 0xff).unwrap();
        carry = total >> 8;
    }
    sum
}

fn decode_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
