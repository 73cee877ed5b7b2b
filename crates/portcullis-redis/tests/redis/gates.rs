//! Gates of two replicas, on one Redis.

use std::num::NonZeroUsize;
use std::sync::Arc;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Algorithm, Bundle, BundleFiles, BundleSettings, Gate, Issuer, KeySet, Layer, Origin, Profile, ProofVerifier,
    RequestHead, RouteMatch, Source, SourceSettings, Target, Verifier,
};
use portcullis_redis::{RedisReplayStore, RedisRevocations};
use portcullis_testkit::{SigningAlgorithm, TestClient, TestIssuer};
use serde_json::json;

use crate::server::RedisServer;
use crate::{SECOND, connect, now};

const SCHEMA: &str = r#"
entity User;
entity Note;
@http("GET /notes/{note}") @no_consent("a test of what is remembered")
action "GetNote" appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
"#;

const ROLES: &str = r#"@id("everybody") permit (principal, action, resource);"#;

struct Replica {
    gate: Gate,
    revocations: Arc<RedisRevocations>,
}

impl Replica {
    async fn start(server: &RedisServer, issuer: &TestIssuer) -> Self {
        let redis = connect(server).await;
        let files = BundleFiles::new().with_file("schema.cedarschema", SCHEMA).with_file("roles/people.cedar", ROLES);
        let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
        let settings = BundleSettings::new(vec![source])
            .with_empty_layer(Layer::Consent)
            .with_empty_layer(Layer::Ceilings)
            .with_empty_layer(Layer::Guardrails)
            .without_entities();
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
        let scheme = if proof.is_some() { "DPoP" } else { "Bearer" };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("{scheme} {token}").parse().unwrap());
        if let Some(proof) = proof {
            headers.insert("dpop", proof.parse().unwrap());
        }
        let (target, route) = (Uri::from_static("/notes/n1"), RouteMatch::new("/notes/{id}", ["n1"]));
        let head = RequestHead::new(&Method::GET, &target, &headers, Some(&route));
        let answer = self.gate.open(&head).await.map(drop);
        answer.map_err(|answer| {
            let after = answer.headers().get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
            (answer.status().as_u16(), after)
        })
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

const RESOURCE: &str = "https://api.example.com";
