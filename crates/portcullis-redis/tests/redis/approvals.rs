//! Approvals of people, at two replicas: each is used once.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, ApprovalKey, Approvals, Bundle, BundleFiles, BundleSettings, Gate, Issuer, KeySet,
    Profile, RequestHead, Resource, RouteMatch, Source, SourceSettings, Verifier,
};
use portcullis_redis::RedisReplayStore;
use portcullis_testkit::TestIssuer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::server::RedisServer;
use crate::{SECOND, connect, now};

/// A replica of a service on `policies/assistant`.
struct Replica(Gate);

impl Replica {
    async fn start(server: &RedisServer, issuer: &TestIssuer) -> Self {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/assistant");
        let mut source = SourceSettings::default();
        source.unlisted_clients = Some(portcullis_core::UnlistedClients::Person);
        let settings = BundleSettings::new(vec![Source::new("main", source, Profile::rfc9068()).unwrap()])
            .with_required_file("ceilings/agents.cedar")
            .with_required_file("guardrails/mail.cedar");
        let bundle = Bundle::load(&BundleFiles::from_dir(files).unwrap(), settings).unwrap();
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted = Issuer::new("main", issuer.identifier(), [RESOURCE], [Algorithm::Es256], keys).unwrap();
        let approvals = Approvals::new(ApprovalKey::new(&[b'k'; 32]).unwrap(), ["web"]).unwrap();
        let used = Arc::new(RedisReplayStore::new(&connect(server).await));
        let gate = Gate::builder(bundle, Verifier::new([trusted]).unwrap()).approvals(approvals).replay_store(used);
        Self(gate.build().unwrap())
    }

    async fn open(&self, template: &str, token: &str, approval: Option<&str>) -> Result<Admission, Answer> {
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        if let Some(approval) = approval {
            headers.insert("portcullis-approval", approval.parse().unwrap());
        }
        let values: &[&str] = if template.contains('{') { &["hello"] } else { &[] };
        let route = RouteMatch::new(template, values.iter().copied());
        self.0.open(&RequestHead::new(&Method::POST, &Uri::from_static("/any"), &headers, Some(&route))).await
    }

    /// Sends the draft.
    async fn send(&self, token: &str, approval: Option<&str>) -> Result<(), Answer> {
        let message = json!({ "message": { "to": ["bob@example.com"], "attachments": 0 } });
        self.open("/drafts/{draft}/send", token, approval).await?.check_with(&Draft::hello(), &message).await.map(drop)
    }
}

#[derive(Serialize)]
struct Draft {
    owner: &'static str,
    contacts: [&'static str; 1],
}

impl Draft {
    fn hello() -> Self {
        Self { owner: "ann", contacts: ["bob@example.com"] }
    }
}

impl Resource for Draft {
    const TYPE: &'static str = "Draft";

    fn id(&self) -> Cow<'_, str> {
        "hello".into()
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        Some("1".into())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_used_once_at_two_replicas_and_at_none_without_redis() {
    let mut server = RedisServer::start();
    let issuer = TestIssuer::new("https://issuer.example.com");
    let (one, other) = (Replica::start(&server, &issuer).await, Replica::start(&server, &issuer).await);
    let token = |more: Value| {
        let time = now().as_secs();
        let mut claims = json!({
            "iss": issuer.identifier(), "aud": RESOURCE, "sub": "ann", "jti": "t", "iat": time - 60, "exp": time + 600,
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        issuer.sign(&claims)
    };
    let agent = token(json!({
        "client_id": "claire", "act": { "sub": "claire", "sub_profile": "ai_agent" },
        "scope": "send:email:requires-confirmation",
    }));
    let person = token(json!({ "client_id": "web", "scope": "approve:actions", "auth_time": now().as_secs() - 60 }));
    let approved = async || {
        let ticket = one.send(&agent, None).await.unwrap_err().ticket().unwrap().to_owned();
        let page = other.open("/me/approvals", &person, None).await.unwrap();
        page.approve(&page.ticket(&ticket).unwrap()).unwrap().text().to_owned()
    };
    // The first use begins the memory. What was asked for in a second before that is refused, as `replay` shows; whether this one was
    // depends on when a second ends.
    let early = approved().await;
    let _ = other.send(&agent, Some(&early)).await;
    tokio::time::sleep(SECOND + SECOND / 10).await;

    let approval = approved().await;
    other.send(&agent, Some(&approval)).await.unwrap();
    for replica in [&one, &other] {
        let answer = replica.send(&agent, Some(&approval)).await.unwrap_err();
        assert!(answer.body().contains("\"used\""), "{}", answer.body());
    }

    let left = approved().await;
    server.kill();
    assert_eq!(one.send(&agent, Some(&left)).await.unwrap_err().status(), 503);
}

const RESOURCE: &str = "https://api.example.com";
