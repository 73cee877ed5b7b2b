//! The exchanges in `docs/http.md` are real: each request is sent, and its answer is the one that is printed there.

use std::collections::BTreeMap;

use axum::http::HeaderName;
use serde_json::{Value, json};

use crate::service::{NOW, Reply, Service, resource};

const PAGE: &str = include_str!("../../../../docs/http.md");

/// What the page calls the tokens that it does not print.
fn claims(name: &str) -> Value {
    match name {
        "a token" => json!({}),
        "an expired token" => json!({ "exp": NOW - 100 }),
        "a token without scopes" => json!({ "scope": "" }),
        "a token of last week's login" => json!({ "scope": "manage:projects" }),
        other => panic!("the page names a token that this test does not know: `{other}`"),
    }
}

#[tokio::test]
async fn every_exchange_in_the_documentation_is_what_happens() {
    // PRB-01, HTP-06, BRR-05, PRM-02
    let service = Service::with_gate(|gate| {
        let described = resource(&["https://api.example.com"]).with("resource_name", "Projects").unwrap();
        gate.resource(described).forwarded_scheme(HeaderName::from_static("x-forwarded-proto"))
    });
    let blocks: Vec<&str> = PAGE.split("```http\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() >= 10, "{} exchanges", blocks.len());
    for block in blocks {
        let (request, answer) = block.split_once("\n\n").expect("an answer after the request");
        let reply = send(&service, request).await;
        let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
        assert_eq!(head.lines().collect::<Vec<_>>(), printed_head(&reply), "{request}");
        assert_eq!(comparable(body), comparable(&reply.body), "{request}");
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
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in reply.headers.iter().filter(|(name, _)| *name != "content-length") {
        let words = name.as_str().split('-').map(|word| match word {
            "www" => "WWW".to_owned(),
            word => word[..1].to_uppercase() + &word[1..],
        });
        fields.insert(words.collect::<Vec<_>>().join("-"), value.to_str().unwrap().to_owned());
    }
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
