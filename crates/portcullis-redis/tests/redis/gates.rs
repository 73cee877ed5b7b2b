//! Gates of two replicas, on one Redis.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, Bundle, BundleFiles, BundleSettings, Ended, Gate, Issuer, KeySet, Kind, Layer,
    Origin, Profile, ProofVerifier, RequestHead, RouteMatch, Source, SourceSettings, Target, Verifier,
};
use portcullis_core::UnlistedClients;
use portcullis_redis::{RedisReplayStore, RedisRevocations};
use portcullis_testkit::{SigningAlgorithm, TestClient, TestIssuer};
use serde_json::json;

use crate::server::RedisServer;
use crate::{SECOND, connect, now};

const SCHEMA: &str = r#"
entity User;
entity AgentClass;
entity Agent in [AgentClass];
entity Note;
@http("GET /notes/{note}") @no_consent("a test of what is remembered")
action "GetNote" appliesTo { principal: [User, Agent], resource: [Note], context: Portcullis::Context };
"#;

const ROLES: &str = r#"@id("everybody") permit (principal, action, resource);"#;

const CEILINGS: &str = r#"@id("agents") permit (principal is Agent, action, resource);"#;

const ENTITIES: &str = r#"[
  { "uid": {"type": "AgentClass", "id": "office"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "scribe"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "office"}] }
]"#;

struct Replica {
    gate: Gate,
    revocations: Arc<RedisRevocations>,
}

impl Replica {
    async fn start(server: &RedisServer, issuer: &TestIssuer) -> Self {
        let redis = connect(server).await;
        let files = BundleFiles::new()
            .with_file("schema.cedarschema", SCHEMA)
            .with_file("roles/people.cedar", ROLES)
            .with_file("ceilings/agents.cedar", CEILINGS)
            .with_file("entities.json", ENTITIES);
        let mut source = SourceSettings::default();
        source.unlisted_clients = Some(UnlistedClients::Person);
        let source = Source::new("main", source, Profile::rfc9068()).unwrap();
        let settings = BundleSettings::new(vec![source])
            .with_empty_layer(Layer::Consent)
            .with_required_file("ceilings/agents.cedar")
            .with_empty_layer(Layer::Guardrails);
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted = Issuer::new("main", issuer.identifier(), [RESOURCE], [Algorithm::Es256], keys).unwrap();
        let store = Arc::new(RedisReplayStore::new(&redis));
        let proofs = ProofVerifier::new([Origin::new(RESOURCE).unwrap()], store).unwrap();
        let revocations = Arc::new(RedisRevocations::start(&redis, NonZeroUsize::new(100).unwrap()).await.unwrap());
        let gate = Gate::builder(Bundle::load(&files, settings).unwrap(), Verifier::new([trusted]).unwrap());
        let gate = gate.dpop(proofs).revocations(Arc::clone(&revocations)).build().unwrap();
        Self { gate, revocations }
    }

    /// The status with which a request is refused, and the field `Retry-After`.
    async fn send(&self, token: &str, proof: Option<&str>) -> Result<(), (u16, Option<String>)> {
        let answer = self.open(token, proof).await.map(drop);
        answer.map_err(|answer| {
            let after = answer.headers().get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
            (answer.status().as_u16(), after)
        })
    }

    async fn open(&self, token: &str, proof: Option<&str>) -> Result<Admission, Answer> {
        let scheme = if proof.is_some() { "DPoP" } else { "Bearer" };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("{scheme} {token}").parse().unwrap());
        if let Some(proof) = proof {
            headers.insert("dpop", proof.parse().unwrap());
        }
        let (target, route) = (Uri::from_static("/notes/n1"), RouteMatch::new("/notes/{id}", ["n1"]));
        let head = RequestHead::new(&Method::GET, &target, &headers, Some(&route));
        self.gate.open(&head).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gates_on_one_redis_are_as_one_and_without_it_nothing_is_accepted_twice() {
    // DPP-27, DPP-29, SEC-03
    let mut server = RedisServer::start();
    let (issuer, client) = (TestIssuer::new("https://as.example.com"), TestClient::new(SigningAlgorithm::EdDsa));
    let (one, other) = (Replica::start(&server, &issuer).await, Replica::start(&server, &issuer).await);
    tokio::time::sleep(SECOND + SECOND / 10).await;
    let time = now().as_secs();
    let claims = |sub: &str, jti: &str| {
        json!({
            "iss": issuer.identifier(), "aud": RESOURCE, "sub": sub, "client_id": "web", "jti": jti,
            "exp": time + 600, "iat": time - 1,
        })
    };
    let mut bound = claims("ann", "bound");
    bound["cnf"] = json!({ "jkt": client.thumbprint() });
    let (bound, bearer) = (issuer.sign(&bound), issuer.sign(&claims("bob", "bearer")));
    let proof = || client.proof(&client.claims("GET", "https://api.example.com/notes/n1", &bound, now().as_secs()));

    let used = proof();
    assert_eq!(one.send(&bound, Some(&used)).await, Ok(()));
    assert_eq!(other.send(&bound, Some(&used)).await, Err((401, None)));
    assert_eq!(other.send(&bound, Some(&proof())).await, Ok(()));

    assert_eq!(other.send(&bearer, None).await, Ok(()));
    let until = now().plus(600 * SECOND);
    one.revocations.revoke(Target::Token { source: "main".into(), id: "bearer".into() }, until, now()).await.unwrap();
    assert_eq!(one.send(&bearer, None).await, Err((401, None)));
    tokio::time::sleep(SECOND).await;
    assert_eq!(other.send(&bearer, None).await, Err((401, None)));

    server.kill();
    for replica in [&one, &other] {
        for proof in [&used, &proof()] {
            assert_eq!(replica.send(&bound, Some(proof)).await, Err((503, Some("2".to_owned()))));
        }
        assert_eq!(replica.send(&bearer, None).await, Err((401, None)), "what is known to be revoked stays so");
        assert_eq!(replica.send(&issuer.sign(&claims("bob", "other")), None).await, Ok(()));
    }
    server.start_again();
    tokio::time::sleep(2 * SECOND).await;
    for replica in [&one, &other] {
        assert_eq!(replica.send(&bound, Some(&used)).await, Err((401, None)));
        assert_eq!(replica.send(&bound, Some(&proof())).await, Ok(()));
        assert_eq!(replica.send(&bearer, None).await, Err((401, None)));
    }
}

/// What `scribe` acts with for `ann`.
fn scribes(issuer: &TestIssuer, number: usize) -> String {
    let time = now().as_secs();
    issuer.sign(&json!({
        "iss": issuer.identifier(), "aud": RESOURCE, "sub": format!("ann-{number}"), "client_id": format!("web-{number}"),
        "jti": format!("t-{number}"), "exp": time + 600, "iat": time - 1,
        "act": { "sub": "scribe", "sub_profile": "ai_agent" },
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_stops_an_agent_at_one_gate_stops_it_at_the_other_within_a_second() {
    // SEC-03
    let issuer = TestIssuer::new("https://as.example.com");
    let mut took = Vec::new();
    for (number, target, issued_before) in [
        (0, Target::Actor { kind: Kind::Agent, id: "scribe".into() }, false),
        (1, Target::AgentClass { name: "office".into() }, false),
        (2, Target::Client { source: "main".into(), id: "web-2".into() }, false),
        (3, Target::Subject { kind: Kind::User, id: "ann-3".into() }, false),
        (4, Target::Token { source: "main".into(), id: "t-4".into() }, false),
        (5, Target::AgentClass { name: "office".into() }, true),
        (6, Target::Everything, true),
    ] {
        let server = RedisServer::start();
        let (one, other) = (Replica::start(&server, &issuer).await, Replica::start(&server, &issuer).await);
        let token = scribes(&issuer, number);
        let lease = other.open(&token, None).await.unwrap().lease();
        assert_eq!((one.send(&token, None).await, other.send(&token, None).await), (Ok(()), Ok(())), "{target:?}");
        let until = now().plus(600 * SECOND);
        if issued_before {
            one.revocations.revoke_issued_until(now(), target.clone(), until, now()).await.unwrap();
        } else {
            one.revocations.revoke(target.clone(), until, now()).await.unwrap();
        }
        let returned = Instant::now();
        let mut last_allowed = Duration::ZERO;
        while returned.elapsed() < SECOND + SECOND / 2 {
            assert_eq!(one.send(&token, None).await, Err((401, None)), "{target:?}");
            let began = returned.elapsed();
            match other.send(&token, None).await {
                Ok(()) => last_allowed = began,
                Err(refused) => assert_eq!(refused, (401, None), "{target:?}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(last_allowed < SECOND, "{target:?}: allowed {last_allowed:?} after it was revoked");
        took.push(last_allowed);
        // The lease is looked at every second.
        assert_eq!(tokio::time::timeout(SECOND, lease.ended()).await, Ok(Ended::Revoked), "{target:?}");
    }
    took.sort_unstable();
    println!("the other gate allows for {:?} (median of {}), {:?} at most", took[3], took.len(), took[6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_hears_of_no_revocations_for_five_seconds_lets_no_agent_in_or_go_on() {
    // SEC-03, GEN-01
    let server = RedisServer::start();
    let issuer = TestIssuer::new("https://as.example.com");
    let replica = Replica::start(&server, &issuer).await;
    let time = now().as_secs();
    let person = issuer.sign(&json!({
        "iss": issuer.identifier(), "aud": RESOURCE, "sub": "ann", "client_id": "web", "jti": "t", "exp": time + 600,
        "iat": time - 1,
    }));
    let agent = scribes(&issuer, 0);
    let leases =
        [replica.open(&agent, None).await.unwrap().lease(), replica.open(&person, None).await.unwrap().lease()];
    server.pause();
    let lost = Instant::now();
    let ended = tokio::time::timeout(10 * SECOND, leases[0].ended()).await;
    assert_eq!(ended, Ok(Ended::Unknown));
    assert!(lost.elapsed() < 7 * SECOND, "{:?}", lost.elapsed());
    assert_eq!(replica.send(&agent, None).await, Err((503, Some("1".to_owned()))));
    assert_eq!(replica.send(&person, None).await, Ok(()));
    assert!(tokio::time::timeout(2 * SECOND, leases[1].ended()).await.is_err(), "people go on");
    server.go_on();
}

const RESOURCE: &str = "https://api.example.com";
