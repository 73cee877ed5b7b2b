//! Tokens that are bound to a DPoP key (RFC 9449), through the whole stack.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::{
    Algorithm, BindingRule, Gate, GateBuilder, KeySet, MemoryReplayStore, NonceKey, NoncePolicy, Nonces, Origin,
    ProofVerifier, RevocationList, Target, UnixTime, Verifier,
};
use portcullis_axum::{GateError, GateExt};
use portcullis_testkit::{SigningAlgorithm, TestClient, TestIssuer};
use serde_json::{Value, json};

use crate::service::{NOW, Noon, Reply, Reports, SCHEMA, Service, bundle_with, shown, trusted};

const ORIGIN: &str = "https://api.example.com";
const ALGS: &str = "DPoP; algs=ES256 Ed25519";
const AGENT: &str = "scribe";

fn now() -> UnixTime {
    UnixTime::from_secs(NOW).unwrap()
}

/// The proofs of clients that see the service at [`ORIGIN`].
fn proofs() -> ProofVerifier {
    let store = Arc::new(MemoryReplayStore::new(now()));
    let verifier = ProofVerifier::new([Origin::new(ORIGIN).unwrap()], store).unwrap();
    verifier.with_algorithms([Algorithm::Es256, Algorithm::Ed25519]).unwrap()
}

fn nonces() -> Nonces {
    Nonces::new(NonceKey::new(&[7; 32]).unwrap(), [])
}

fn service() -> Service {
    Service::with_gate(|gate| gate.dpop(proofs()))
}

fn holder() -> TestClient {
    TestClient::new(SigningAlgorithm::Es256)
}

/// `more` with the key of `client` as the one that the token is bound to.
fn bound_to(client: &TestClient, more: Value) -> Value {
    let mut claims = more;
    claims["cnf"] = json!({ "jkt": client.thumbprint() });
    claims
}

/// Sends `token` with `proof` under the scheme `DPoP`.
async fn present(service: &Service, method: &str, path: &str, token: &str, proof: &str) -> Reply {
    let field = format!("DPoP {token}");
    service.send(method, path, &[("authorization", &field), ("dpop", proof)]).await
}

/// Sends a request as `client` should, with a token that has `more`.
async fn ask(service: &Service, client: &TestClient, method: &str, path: &str, more: Value) -> Reply {
    ask_with(service, client, method, path, more, json!({})).await
}

/// As [`ask`], with some claims of the proof replaced.
async fn ask_with(
    service: &Service,
    client: &TestClient,
    method: &str,
    path: &str,
    more: Value,
    proof: Value,
) -> Reply {
    let token = service.token(&bound_to(client, more));
    let mut claims = client.claims(method, &format!("{ORIGIN}{path}"), &token, NOW);
    for (name, value) in proof.as_object().unwrap() {
        claims[name] = value.clone();
    }
    present(service, method, path, &token, &client.proof(&claims)).await
}

#[track_caller]
fn assert_refused(reply: &Reply, kind: &str, demands: &[&str]) {
    let status = if kind == "malformed-credentials" { 400 } else { 401 };
    assert_eq!(
        (reply.status.as_u16(), reply.kind(), reply.demands_of_each_scheme()),
        (status, kind.to_owned(), demands.iter().map(|text| (*text).to_owned()).collect()),
    );
    assert_eq!(reply.headers["cache-control"], "no-store");
}

const INVALID_PROOF: &[&str] = &["DPoP; algs=ES256 Ed25519; error=invalid_dpop_proof"];
const INVALID_TOKEN: &[&str] = &["DPoP; algs=ES256 Ed25519; error=invalid_token"];

#[tokio::test]
async fn a_bound_token_is_accepted_with_a_proof_whatever_the_case_of_the_scheme() {
    // DPP-01, HTP-01, O21-05
    let (service, client) = (service(), holder());
    let reply = ask(&service, &client, "GET", "/projects/p", json!({})).await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "GetProject Project p"));
    assert_eq!(reply.headers["cache-control"], "private");
    assert!(!reply.headers.contains_key("dpop-nonce"));
    for scheme in ["dpop", "DPOP", "DPoP "] {
        let token = service.token(&bound_to(&client, json!({})));
        let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
        let field = format!("{scheme} {token}");
        let reply = service.send("GET", "/projects/p", &[("authorization", &field), ("dpop", &proof)]).await;
        assert_eq!(reply.status, 200, "{scheme}");
    }
    // What policies read is what was proven.
    assert_eq!(ask(&service, &client, "GET", "/projects/p/export", json!({})).await.status, 200);
}

#[tokio::test]
async fn the_scheme_needs_exactly_one_proof() {
    // DPP-02, DPP-07
    let (service, client) = (service(), holder());
    let token = service.token(&bound_to(&client, json!({})));
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
    let field = format!("DPoP {token}");
    let both = format!("{proof},{proof}");
    for fields in [
        &[("authorization", field.as_str())][..],
        &[("authorization", field.as_str()), ("dpop", "")],
        &[("authorization", field.as_str()), ("dpop", "a.b")],
        &[("authorization", field.as_str()), ("dpop", both.as_str())],
        &[("authorization", field.as_str()), ("dpop", proof.as_str()), ("dpop", proof.as_str())],
    ] {
        assert_refused(&service.send("GET", "/projects/p", fields).await, "invalid-proof", INVALID_PROOF);
    }
    assert_eq!(service.calls.count(), 0);
    // None of them used it up.
    assert_eq!(present(&service, "GET", "/projects/p", &token, &proof).await.status, 200);
}

#[tokio::test]
async fn a_bound_token_is_never_a_bearer_token() {
    // DPP-03: even with a valid proof, and also on a public route, where nothing is needed
    let (service, client) = (service(), holder());
    let token = service.token(&bound_to(&client, json!({})));
    let bearer = format!("Bearer {token}");
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
    for (path, fields) in [
        ("/projects/p", &[("authorization", bearer.as_str())][..]),
        ("/projects/p", &[("authorization", bearer.as_str()), ("dpop", proof.as_str())]),
        ("/health", &[("authorization", bearer.as_str())]),
    ] {
        let reply = service.send("GET", path, fields).await;
        assert_refused(&reply, "invalid-token", &["Bearer; error=invalid_token", ALGS]);
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn an_unbound_token_has_nothing_to_prove() {
    let (service, client) = (service(), holder());
    let token = service.token(&json!({}));
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
    // DPP-04
    assert_refused(&present(&service, "GET", "/projects/p", &token, &proof).await, "invalid-token", INVALID_TOKEN);
    // DPP-05: beside a bearer token the field means nothing, and proves nothing to policies.
    let bearer = format!("Bearer {token}");
    for proof in [proof.as_str(), "junk"] {
        assert_eq!(service.send_owned("GET", "/projects/p", &bearer, ("dpop", proof)).await.status, 200);
        let reply = service.send_owned("GET", "/projects/p/export", &bearer, ("dpop", proof)).await;
        assert_refused(&reply, "dpop-required", INVALID_TOKEN);
    }
}

#[tokio::test]
async fn an_issuer_may_have_to_bind_every_token() {
    // DPP-06, FAP-03, MTL-11
    let client = holder();
    for (rule, accepted) in [
        (BindingRule::Dpop, true),
        (BindingRule::AnyBound, true),
        (BindingRule::Mtls, false),
        (BindingRule::None, true),
    ] {
        let service = Service::with_issuer(|issuer| issuer.with_binding(rule), |gate| gate.dpop(proofs()));
        let bound = ask(&service, &client, "GET", "/projects/p", json!({})).await;
        assert_eq!(bound.status == 200, accepted, "{rule:?}");
        let unbound = service.ask("GET", "/projects/p", &json!({})).await;
        if rule == BindingRule::None {
            assert_eq!(unbound.status, 200);
        } else {
            assert_refused(&unbound, "invalid-token", &["Bearer; error=invalid_token", ALGS]);
        }
    }
}

#[test]
fn a_gate_that_asks_for_proofs_and_verifies_none_does_not_start() {
    // DPP-06: it would refuse every token
    let issuer = TestIssuer::new("https://as.example.com");
    let build = |proofs: Option<ProofVerifier>| {
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let verifier = Verifier::new([trusted(&issuer, keys).with_binding(BindingRule::Dpop)]).unwrap();
        let roles = "@id(\"people\") permit (principal is User, action, resource);";
        let gate = Gate::builder(bundle_with(SCHEMA, roles), verifier).clock(Noon).directory(Reports);
        proofs.into_iter().fold(gate, GateBuilder::dpop).build()
    };
    assert_eq!(build(None).unwrap_err(), GateError::NoProofs { alias: "main".to_owned() });
    assert!(build(Some(proofs())).is_ok());
}

#[tokio::test]
async fn a_proof_is_for_one_request_of_one_token() {
    // DPP-14, DPP-15, DPP-17, DPP-18 as the adapter hands them over
    let (service, client) = (service(), holder());
    for wrong in [
        json!({ "htm": "POST" }),
        json!({ "htm": "get" }),
        json!({ "htu": format!("{ORIGIN}/projects/q") }),
        json!({ "htu": format!("{ORIGIN}/projects/P") }),
        json!({ "htu": "https://evil.example/projects/p" }),
        json!({ "htu": "/projects/p" }),
        json!({ "iat": NOW - 61 }),
        json!({ "iat": NOW + 11 }),
        json!({ "ath": "UKc5zBMyuxr_ayikG5zL2TNkPB18vB7c22M4WX7JJfA" }),
        json!({ "jti": "" }),
    ] {
        let reply = ask_with(&service, &client, "GET", "/projects/p", json!({}), wrong.clone()).await;
        assert_refused(&reply, "invalid-proof", INVALID_PROOF);
    }
    assert_eq!(service.calls.count(), 0);
    // The query is no part of `htu`, and a HEAD is no GET.
    let target = json!({ "htu": format!("{ORIGIN}/projects/p") });
    assert_eq!(ask_with(&service, &client, "GET", "/projects/p?a=b", json!({}), target.clone()).await.status, 200);
    let get = json!({ "htm": "GET" });
    assert_eq!(ask_with(&service, &client, "HEAD", "/projects/p", json!({}), get).await.status, 401);
    assert_eq!(ask_with(&service, &client, "HEAD", "/projects/p", json!({}), json!({})).await.status, 200);
}

#[tokio::test]
async fn the_expected_uri_comes_from_the_settings_and_never_from_the_request() {
    // DPP-21, SEC-01
    let (service, client) = (service(), holder());
    let token = service.token(&bound_to(&client, json!({})));
    let field = format!("DPoP {token}");
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-prefix", "/evil"),
    ] {
        let evil = client.proof(&client.claims("GET", "https://evil.example/projects/p", &token, NOW));
        let fields = [("authorization", field.as_str()), ("dpop", evil.as_str()), (name, value)];
        assert_refused(&service.send("GET", "/projects/p", &fields).await, "invalid-proof", INVALID_PROOF);
        // Nor do they spoil a right proof.
        let right = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
        let fields = [("authorization", field.as_str()), ("dpop", right.as_str()), (name, value)];
        assert_eq!(service.send("GET", "/projects/p", &fields).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_nested_router_compares_the_whole_path() {
    // DPP-23
    let client = holder();
    let service = Service::with_options(
        "@id(\"people\") permit (principal is User, action, resource);",
        |gate| gate.dpop(proofs()),
        |gate| {
            let inner = Router::new().route("/{project}", get(shown));
            Router::new().nest("/projects", gate.protect(inner).into())
        },
    );
    assert_eq!(ask(&service, &client, "GET", "/projects/p", json!({})).await.status, 200);
    let cut = json!({ "htu": format!("{ORIGIN}/p") });
    let reply = ask_with(&service, &client, "GET", "/projects/p", json!({}), cut).await;
    assert_refused(&reply, "invalid-proof", INVALID_PROOF);
}

#[tokio::test]
async fn a_proof_with_another_key_makes_the_token_a_wrong_one() {
    // DPP-19 (RFC 9449, Figure 16); AGT-08: only the key of the token's own `cnf` counts, whatever `act` says
    let (service, client, other) = (service(), holder(), holder());
    let act = json!({ "sub": AGENT, "sub_profile": "ai_agent", "cnf": { "jkt": other.thumbprint() } });
    for more in [json!({}), json!({ "act": act })] {
        let token = service.token(&bound_to(&client, more.clone()));
        let claims = other.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW);
        let reply = present(&service, "GET", "/projects/p", &token, &other.proof(&claims)).await;
        assert_refused(&reply, "invalid-token", INVALID_TOKEN);
        let description = reply.challenges()[0].1["error_description"].clone();
        assert_eq!(reply.problem()["detail"], description);
        assert_eq!(ask(&service, &client, "GET", "/projects/p", more).await.status, 200);
    }
    // Nor does it oblige anybody to anything.
    assert_eq!(service.ask("GET", "/projects/p", &json!({ "act": act })).await.status, 200);
}

#[tokio::test]
async fn a_replayed_proof_is_refused() {
    // DPP-27
    let (service, client) = (service(), holder());
    let token = service.token(&bound_to(&client, json!({})));
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
    assert_eq!(present(&service, "GET", "/projects/p", &token, &proof).await.status, 200);
    for _ in 0..2 {
        let reply = present(&service, "GET", "/projects/p", &token, &proof).await;
        assert_refused(&reply, "invalid-proof", INVALID_PROOF);
    }
    assert_eq!(service.calls.count(), 1);
    // A token that is refused uses up no proof.
    let expired = service.token(&bound_to(&client, json!({ "exp": NOW - 100 })));
    let claims = client.claims("GET", &format!("{ORIGIN}/projects/p"), &expired, NOW);
    let reply = present(&service, "GET", "/projects/p", &expired, &client.proof(&claims)).await;
    assert_refused(&reply, "invalid-token", INVALID_TOKEN);
}

#[tokio::test]
async fn a_flood_of_proofs_with_one_key_is_stopped_and_disturbs_nobody_else() {
    let small = MemoryReplayStore::new(now()).with_capacity(1600);
    let service = Service::with_gate(|gate| gate.dpop(proofs()).replay_store(Arc::new(small)));
    let (client, other) = (holder(), holder());
    let token = service.token(&bound_to(&client, json!({})));
    let uri = format!("{ORIGIN}/projects/p");
    let mut flooded = None;
    for _ in 0..1600 {
        let proof = client.proof(&client.claims("GET", &uri, &token, NOW));
        let reply = present(&service, "GET", "/projects/p", &token, &proof).await;
        if reply.status != 200 {
            flooded = Some(reply);
            break;
        }
    }
    let reply = flooded.expect("a bound of what is remembered for one key");
    assert_eq!((reply.status.as_u16(), reply.kind(), reply.challenges().len()), (429, "too-many-proofs".to_owned(), 0));
    assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 60);
    assert_eq!(ask(&service, &other, "GET", "/projects/p", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_required_nonce_is_handed_out_and_then_asked_for() {
    // DPP-31, DPP-33, DPP-34, DPP-35, DPP-36
    let service = Service::with_gate(|gate| gate.dpop(proofs().with_nonces(NoncePolicy::Required(nonces()))));
    let client = holder();
    let use_nonce: &[&str] = &["DPoP; algs=ES256 Ed25519; error=use_dpop_nonce"];
    let first = ask(&service, &client, "GET", "/projects/p", json!({})).await;
    assert_refused(&first, "nonce-required", use_nonce);
    let nonce = first.headers["dpop-nonce"].to_str().unwrap().to_owned();
    // DPP-32
    assert!(nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{nonce}");
    for _ in 0..2 {
        let reply = ask_with(&service, &client, "GET", "/projects/p", json!({}), json!({ "nonce": nonce })).await;
        assert_eq!(reply.status, 200);
    }
    // There is no way back, and no way around: forged, another server's, one of the wrong type.
    let mut forged = nonce.clone();
    forged.replace_range(0..1, if nonce.starts_with('A') { "B" } else { "A" });
    let foreign = Nonces::new(NonceKey::new(&[8; 32]).unwrap(), []).issue(now());
    for nonce in [json!(forged), json!(foreign), json!(nonce.to_lowercase())] {
        let reply = ask_with(&service, &client, "GET", "/projects/p", json!({}), json!({ "nonce": nonce })).await;
        assert_refused(&reply, "nonce-required", use_nonce);
    }
    assert_refused(&ask(&service, &client, "GET", "/projects/p", json!({})).await, "nonce-required", use_nonce);
    assert_eq!(service.calls.count(), 2);
    // Only who signed with the key of the token learns a nonce.
    let token = service.token(&bound_to(&client, json!({})));
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &token, NOW));
    let unsigned = format!("{}.{}", proof.rsplit_once('.').unwrap().0, "A".repeat(86));
    let reply = present(&service, "GET", "/projects/p", &token, &unsigned).await;
    assert_refused(&reply, "invalid-proof", INVALID_PROOF);
    assert!(!reply.headers.contains_key("dpop-nonce"));
    // Who shows a bearer token is not asked for one.
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200);
}

#[tokio::test]
async fn the_next_nonce_rides_on_answers_of_every_kind() {
    // DPP-34: on success, and on what the engine or the handler refuses; never stored
    let service = Service::with_gate(|gate| gate.dpop(proofs().with_nonces(NoncePolicy::Optional(nonces()))));
    let client = holder();
    for (method, path, more, status) in [
        ("GET", "/projects/p", json!({}), 200),
        ("GET", "/projects/p", json!({ "scope": "" }), 403),
        ("GET", "/projects/banned", json!({}), 403),
        ("PUT", "/projects/old", json!({ "scope": "projects.write profile" }), 403),
        ("GET", "/secrets/s", json!({}), 404),
        ("GET", "/nowhere", json!({}), 404),
        ("DELETE", "/projects/p", json!({}), 401),
    ] {
        let reply = ask(&service, &client, method, path, more.clone()).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path} {more}");
        assert_eq!(reply.headers.get_all("dpop-nonce").iter().count(), 1, "{method} {path} {more}");
        assert_eq!(reply.headers["cache-control"], "no-store", "{method} {path} {more}");
    }
    let nonce = json!({ "nonce": nonces().issue(now()) });
    let reply = ask_with(&service, &client, "GET", "/projects/p", json!({}), nonce).await;
    assert!(!reply.headers.contains_key("dpop-nonce"), "a nonce that is new enough needs no successor");
}

#[tokio::test]
async fn each_scheme_has_its_challenge_and_only_the_one_that_was_used_says_what_is_wrong() {
    // DPP-37, DPP-38, HTP-07
    let (service, client) = (service(), holder());
    // RFC 9449, Figure 17
    for fields in [&[][..], &[("authorization", "Basic dTpw")], &[("dpop", "junk")]] {
        let reply = service.send("GET", "/projects/p", fields).await;
        assert_refused(&reply, "credentials-required", &["Bearer", ALGS]);
    }
    // Figure 18
    let reply = service.ask("GET", "/projects/p", &json!({ "exp": NOW - 100 })).await;
    assert_refused(&reply, "invalid-token", &["Bearer; error=invalid_token", ALGS]);
    // Figure 19
    let token = service.token(&json!({}));
    let (bearer, dpop) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let both = [("authorization", bearer.as_str()), ("authorization", dpop.as_str())];
    let reply = service.send("GET", "/projects/p", &both).await;
    let demands = ["Bearer; error=invalid_request", "DPoP; algs=ES256 Ed25519; error=invalid_request"];
    assert_refused(&reply, "malformed-credentials", &demands);
    // HTP-09: where proofs are not verified, the scheme is one that nobody supports.
    let reply = ask(&Service::new(), &client, "GET", "/projects/p", json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, ""));
}

#[tokio::test]
async fn each_error_has_its_place_under_the_scheme_dpop() {
    // DPP-39, STP-06, STP-02: a login and scopes in one challenge
    let (service, client) = (service(), holder());
    let fresh = json!({ "acr": "mfa", "auth_time": NOW - 300, "scope": "manage:projects" });
    let login = "error=insufficient_user_authentication; max_age=300";
    for (method, path, more, status, expected) in [
        ("GET", "/projects/p", json!({ "exp": NOW - 100 }), 401, "; error=invalid_token".to_owned()),
        (
            "GET",
            "/projects/p",
            json!({ "scope": "" }),
            403,
            "; error=insufficient_scope; scope=read:projects".to_owned(),
        ),
        (
            "DELETE",
            "/projects/p",
            json!({ "scope": "manage:projects" }),
            401,
            format!("; {login}").replace("error", "acr_values=mfa phr; error"),
        ),
        (
            "DELETE",
            "/projects/p",
            json!({}),
            401,
            format!("; {login}; scope=manage:projects").replace("error", "acr_values=mfa phr; error"),
        ),
        ("DELETE", "/projects/p", fresh, 200, String::new()),
    ] {
        // The same under both schemes.
        let bearer = service.ask(method, path, &more).await;
        let dpop = ask(&service, &client, method, path, more.clone()).await;
        assert_eq!((bearer.status.as_u16(), dpop.status.as_u16()), (status, status), "{method} {path} {more}");
        let without_algs = |reply: &Reply| {
            let first = reply.demands_of_each_scheme().into_iter().next().unwrap_or_default();
            first.replace("; algs=ES256 Ed25519", "").replace("algs=ES256 Ed25519; ", "")
        };
        if status != 200 {
            assert_eq!(without_algs(&bearer), format!("Bearer{expected}"), "{method} {path} {more}");
            assert_eq!(sorted(&without_algs(&dpop)), sorted(&format!("DPoP{expected}")), "{method} {path} {more}");
            // Whoever came with DPoP is not led back to Bearer.
            assert_eq!(dpop.challenges().len(), 1);
        }
    }
    // Invalid first: what the operation needs is not told (STP-07).
    let reply = ask(&service, &client, "DELETE", "/projects/p", json!({ "exp": NOW - 100 })).await;
    assert_refused(&reply, "invalid-token", INVALID_TOKEN);
}

fn sorted(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split("; ").collect();
    parts.sort_unstable();
    parts
}

#[tokio::test]
async fn a_route_that_needs_more_than_dpop_refuses_it() {
    // DPP-40
    let (service, client) = (service(), holder());
    let reply = ask(&service, &client, "GET", "/projects/p/keys", json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.kind()), (403, "proof-of-possession-required".to_owned()));
    assert!(reply.challenges().is_empty());
}

#[tokio::test]
async fn the_profile_of_fapi_holds_with_bound_tokens_only() {
    let client = holder();
    let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    let service = Service::with_issuer(
        |issuer| issuer.with_binding(BindingRule::AnyBound),
        |gate| gate.dpop(proofs()).revocations(Arc::clone(&revoked)),
    );
    assert_eq!(ask(&service, &client, "GET", "/projects/p", json!({})).await.status, 200);
    // FAP-01: in the header field and nowhere else
    let token = service.token(&bound_to(&client, json!({})));
    let query = format!("/projects/p?access_token={token}");
    assert_refused(&service.send("GET", &query, &[]).await, "credentials-required", &["Bearer", ALGS]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = service.send_with_body("POST", "/rpc", &form, &format!("access_token={token}")).await;
    assert_refused(&reply, "credentials-required", &["Bearer", ALGS]);
    // FAP-03
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 401);
    // FAP-02: validity, integrity, expiry, revocation, and whether it suffices
    for more in [json!({ "exp": NOW - 100 }), json!({ "aud": "https://other.example.com" })] {
        assert_eq!(ask(&service, &client, "GET", "/projects/p", more).await.status, 401);
    }
    let spoilt = format!("{}{}", &token[..token.len() - 8], "AAAAAAAA");
    let proof = client.proof(&client.claims("GET", &format!("{ORIGIN}/projects/p"), &spoilt, NOW));
    assert_eq!(present(&service, "GET", "/projects/p", &spoilt, &proof).await.status, 401);
    assert_eq!(ask(&service, &client, "GET", "/projects/p", json!({ "scope": "" })).await.kind(), "insufficient-scope");
    let later = now().plus(Duration::from_secs(600));
    revoked.revoke(Target::Token { source: "main".into(), id: "t1".into() }, later, now()).unwrap();
    let reply = ask(&service, &client, "GET", "/projects/p", json!({})).await;
    assert_refused(&reply, "invalid-token", INVALID_TOKEN);
}

#[tokio::test]
async fn proofs_and_tokens_are_signed_with_the_algorithms_of_the_profile() {
    // FAP-04, DPP-11: ES256, Ed25519 and PS256, unless fewer are stated
    let store = || Arc::new(MemoryReplayStore::new(now()));
    let defaults = ProofVerifier::new([Origin::new(ORIGIN).unwrap()], store()).unwrap();
    let service = Service::with_gate(|gate| gate.dpop(defaults));
    for (algorithm, accepted) in [
        (SigningAlgorithm::Es256, true),
        (SigningAlgorithm::EdDsa, true),
        (SigningAlgorithm::Ps256, true),
        (SigningAlgorithm::Rs256, false),
        (SigningAlgorithm::Es384, false),
    ] {
        let client = TestClient::new(algorithm);
        let reply = ask(&service, &client, "GET", "/projects/p", json!({})).await;
        assert_eq!(reply.status == 200, accepted, "{algorithm:?}");
        if !accepted {
            assert_eq!(reply.kind(), "invalid-proof", "{algorithm:?}");
            assert_eq!(reply.challenges()[0].1["algs"], "ES256 Ed25519 EdDSA PS256");
        }
    }
    let token = service.issuer.sign_with(&json!({ "alg": "RS256", "typ": "at+jwt", "kid": "test-1" }), &json!({}));
    assert_eq!(service.send("GET", "/projects/p", &[("authorization", &format!("Bearer {token}"))]).await.status, 401);
}

#[tokio::test]
async fn the_metadata_say_which_proofs_are_accepted_and_whether_they_are_needed() {
    // PRM-05, DPP-06, DPP-37
    let document = async |service: Service| {
        let reply = service.send("GET", "/.well-known/oauth-protected-resource", &[]).await;
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let accepted = document(service()).await;
    assert_eq!(accepted["dpop_signing_alg_values_supported"], json!(["ES256", "Ed25519"]));
    assert_eq!(accepted.get("dpop_bound_access_tokens_required"), None);
    assert_eq!(accepted.get("tls_client_certificate_bound_access_tokens"), None);
    let with = |rule| Service::with_issuer(|issuer| issuer.with_binding(rule), |gate| gate.dpop(proofs()));
    let required = document(with(BindingRule::Dpop)).await;
    assert_eq!(required["dpop_bound_access_tokens_required"], true);
    let certificates = document(with(BindingRule::Mtls)).await;
    assert_eq!(certificates["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(certificates.get("dpop_bound_access_tokens_required"), None);
    assert_eq!(document(Service::new()).await.get("dpop_signing_alg_values_supported"), None);
}
