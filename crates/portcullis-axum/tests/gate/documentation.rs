//! The exchanges in `docs/http.md` are real: each request is sent, and its answer is the one that is printed there.

use std::sync::Arc;

use axum::http::HeaderName;
use portcullis::{MemoryReplayStore, NonceKey, NoncePolicy, Nonces, Origin, ProofVerifier, UnixTime};
use portcullis_testkit::{SigningAlgorithm, TestClient};
use serde_json::{Value, json};

use crate::service::{NOW, Reply, Service, resource};

const PAGE: &str = include_str!("../../../../docs/http.md");

/// What the page calls the tokens that it does not print.
fn claims(name: &str) -> Value {
    match name {
        "a token" => json!({}),
        "an expired token" => json!({ "exp": NOW - 100 }),
        "a token without scopes" => json!({ "scope": "" }),
        "a token of an agent" => json!({ "act": { "sub": "scribe", "sub_profile": "ai_agent" } }),
        "a token of last week's login" => json!({ "scope": "manage:projects" }),
        "a token bound to a certificate" => {
            json!({ "cnf": { "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" } })
        }
        other => panic!("the page names a token that this test does not know: `{other}`"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_exchange_in_the_documentation_is_what_happens() {
    // PRB-01, HTP-06, BRR-05, PRM-02
    let service = Service::with_gate(|gate| {
        let described = resource(&["https://api.example.com"]).with("resource_name", "Projects").unwrap();
        gate.resource(described).forwarded_scheme(HeaderName::from_static("x-forwarded-proto"))
    });
    let (page, bound) = without(PAGE, "Tokens that are bound to a key");
    let (page, limits) = without(&page, "Limits of traffic");
    compare(&page, 10, async |request| send(&service, request).await).await;
    // DPP-31, DPP-37, DPP-38, MTL-01
    let holder = Holder::new();
    compare(&bound, 6, async |request| holder.send(request).await).await;
    // RLM-01, RLM-05, RLM-13, RLM-14: with the settings that the page shows.
    let settings = limits.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let limited = Service::limited(settings, |gate| gate);
    compare(&limits, 4, async |request| send(&limited, request).await).await;
}

/// The page without the section `title`, and that section.
fn without(page: &str, title: &str) -> (String, String) {
    let (before, rest) = page.split_once(&format!("\n## {title}\n")).unwrap();
    let (section, after) = rest.split_once("\n## ").unwrap();
    (format!("{before}\n## {after}"), section.to_owned())
}

/// Sends what `text` prints, at least `least` exchanges, and compares the answers.
async fn compare(text: &str, least: usize, send: impl AsyncFn(&str) -> Reply) {
    let blocks: Vec<&str> = text.split("```http\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() >= least, "{} exchanges", blocks.len());
    for block in blocks {
        let (request, answer) = block.split_once("\n\n").expect("an answer after the request");
        let reply = send(request).await;
        let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
        assert_eq!(head.lines().collect::<Vec<_>>(), printed_head(&reply), "{request}");
        assert_eq!(comparable(body), comparable(&reply.body), "{request}");
    }
}

/// A client with a key, and a service that verifies its proofs.
struct Holder {
    service: Service,
    client: TestClient,
    nonces: Nonces,
}

impl Holder {
    fn new() -> Self {
        let nonces = || Nonces::new(NonceKey::new(&[7; 32]).unwrap(), []);
        let store = MemoryReplayStore::new(UnixTime::from_secs(NOW).unwrap());
        let proofs = ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], Arc::new(store)).unwrap();
        let proofs = proofs.with_nonces(NoncePolicy::Required(nonces()));
        let service = Service::with_gate(|gate| gate.dpop(proofs));
        Self { service, client: TestClient::new(SigningAlgorithm::Es256), nonces: nonces() }
    }

    async fn send(&self, request: &str) -> Reply {
        let token = self.service.token(&json!({ "cnf": { "jkt": self.client.thumbprint() } }));
        let proof = |path: &str, nonce: Option<String>| {
            let uri = format!("https://api.example.com{path}");
            let mut claims = self.client.claims("GET", &uri, &token, NOW);
            nonce.into_iter().for_each(|nonce| claims["nonce"] = nonce.into());
            self.client.proof(&claims)
        };
        let nonce = self.nonces.issue(UnixTime::from_secs(NOW).unwrap());
        let request = request
            .replace("<a token bound to a key>", &token)
            .replace("<a proof>", &proof("/projects/apollo", None))
            .replace("<a proof with the nonce>", &proof("/projects/apollo", Some(nonce.clone())))
            .replace("<a proof for another path>", &proof("/projects/gemini", Some(nonce)));
        send(&self.service, &request).await
    }
}

async fn send(service: &Service, request: &str) -> Reply {
    let mut lines = request.lines();
    let (method, target) = lines.next().and_then(|line| line.strip_suffix(" HTTP/1.1")?.split_once(' ')).unwrap();
    let fields: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            let token = value.strip_prefix("Bearer <").and_then(|value| value.strip_suffix('>'));
            let token = token.map(|name| format!("Bearer {}", service.token(&claims(name))));
            (name.to_lowercase(), token.unwrap_or(value.to_owned()))
        })
        .collect();
    // The page leaves out what the proxy adds, except where it is the point.
    let proxy = [("x-forwarded-proto", "https")].into_iter().filter(|_| !request.contains("X-Forwarded-Proto"));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(proxy).collect();
    service.send(method, target, &fields).await
}

/// Status line and fields as the page prints them: by name, without those that any server adds.
fn printed_head(reply: &Reply) -> Vec<String> {
    let reason = reply.status.canonical_reason().unwrap();
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in reply.headers.iter().filter(|(name, _)| *name != "content-length") {
        let words = name.as_str().split('-').map(|word| match word {
            "www" => "WWW".to_owned(),
            "dpop" => "DPoP".to_owned(),
            word => word[..1].to_uppercase() + &word[1..],
        });
        // It is another one each time.
        let value = if name == "dpop-nonce" { "<a nonce>" } else { value.to_str().unwrap() };
        fields.push((words.collect::<Vec<_>>().join("-"), value.to_owned()));
    }
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    let first = format!("HTTP/1.1 {} {reason}", reply.status.as_u16());
    [first].into_iter().chain(fields.iter().map(|(name, value)| format!("{name}: {value}"))).collect()
}

/// A body without the id of the decision, which is another one each time.
fn comparable(body: &str) -> Value {
    let Ok(mut document) = serde_json::from_str::<Value>(body) else {
        return json!(body);
    };
    if let Some(decision) = document.get_mut("decision") {
        assert_eq!(decision.as_str().map(str::len), Some(36));
        *decision = json!("an id");
    }
    document
}
