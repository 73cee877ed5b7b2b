//! What stands in records, what does not, and that they can be decided again.

use http::header::COOKIE;
use http::{Method, StatusCode};
use portcullis::audit::{AuditClass, AuditLog, RecordError, Replayed, replay};
use portcullis::{
    BoxFuture, Caller, Directory, DirectoryError, Engine, MemoryReplayStore, Origin, PrincipalFacts, ProofVerifier,
    ResourceData, UnixTime,
};
use portcullis_core::ReplayError;
use portcullis_testkit::{SigningAlgorithm, TestClient};
use serde_json::{Value, json};

use super::Memory;
use super::service::{Note, Service, agent, bundle, delegate, note, service};
use crate::log::Log;
use crate::service::NOW;

/// Everything a service can do once, with one log.
async fn busy(service: &Service) {
    for claims in [json!({}), json!({ "scope": "" }), json!({ "roles": [] }), agent(), delegate(), self::service()] {
        let Ok(admission) = service.list(&claims).await else { continue };
        let notes = [note(), Note { word: "rude", ..note() }, Note { size: 1, ..note() }];
        let shown = admission.filter(notes).unwrap();
        assert_eq!(shown.len(), 1);
        let _ = admission.conclude(StatusCode::OK);
    }
    for (claims, note, amount) in [
        (json!({}), note(), 7),
        (json!({}), note(), 700),
        (json!({}), Note { owner: "bob", ..note() }, 7),
        (json!({}), Note { size: 1, ..note() }, 7),
        (json!({ "profile": { "email": "other" } }), note(), 7),
        (delegate(), note(), 7),
        (agent(), note(), 7),
        (json!({ "scope": "read:notes" }), note(), 7),
    ] {
        let Ok(admission) = service.put(&claims).await else { continue };
        let _ = admission.check_with(&note, &json!({ "amount": amount })).await;
        let _ = admission.conclude(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_denial_names_both_actors_and_the_policies_and_has_no_token() {
    // GEN-12, GEN-07
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())));
    let claims = json!({ "act": { "sub": "drafter", "sub_profile": "ai_agent", "act": { "sub": "planner" } } });
    let admission = service.put(&claims).await.unwrap();
    let answer = admission.check_with(&Note { word: "rude", ..note() }, &json!({ "amount": 700 })).await.unwrap_err();
    let _ = admission.conclude(answer.status());
    let expired = service.token(&json!({ "exp": 1 }));
    let headers =
        http::HeaderMap::from_iter([(http::header::AUTHORIZATION, format!("Bearer {expired}").parse().unwrap())]);
    let _ = service.open(&Method::PUT, "/notes/n1", &headers).await.unwrap_err();
    drop((service, admission));
    let [record, refused] = log.records().try_into().unwrap();
    let caller = &record["caller"];
    assert_eq!((&caller["issuer"], &caller["jti"]), (&json!("https://as.example.com"), &json!("t1")));
    assert_eq!((&caller["subject"]["id"], &caller["actor"]["id"]), (&json!("ann"), &json!("drafter")));
    let chain: Vec<_> = caller["chain"].as_array().unwrap().iter().map(|hop| hop["id"].clone()).collect();
    assert_eq!((chain, &caller["client"]), (vec![json!("drafter"), json!("planner")], &json!("web")));
    let outcome = (&record["class"], &record["outcome"], &record["status"], record.get("token_sha256"));
    assert_eq!(outcome, (&json!("agent"), &json!("deny"), &json!(403), None));
    assert_eq!(record["decisions"][0]["answer"]["layers"][3]["policies"], json!(["expensive", "polite"]));
    // Of a token that is not accepted nothing is believed. Its hash is that of all of it, as `sha256sum` has it.
    assert_eq!((refused.get("caller"), &refused["status"]), (None, &json!(401)));
    assert_eq!(refused["token_sha256"], sha256(&expired));
    let text = log.text();
    assert!(!expired.split('.').any(|part| text.contains(part)), "{text}");
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn every_record_replays_to_the_same_decision_and_another_world_to_another() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())).directory(Promoting));
    busy(&service).await;
    let engine = service.engine();
    drop(service);
    let text = log.text();
    let records: Vec<&str> = text.lines().filter(|line| line.contains("\"type\":\"request\"")).collect();
    let (mut same, mut lists) = (0, 0);
    for record in &records {
        for replayed in replay(&engine, record).unwrap() {
            match replayed {
                Replayed::Same => same += 1,
                Replayed::List => lists += 1,
                other => panic!("{other:?}\n{record}"),
            }
        }
    }
    assert_eq!((records.len(), same, lists), (14, 14, 5), "{text}");
    // What the directory knew is in the record.
    let promoted = records.iter().find(|record| record.contains("\"roles\":[]")).unwrap();
    assert!(promoted.contains("\"known\":{\"memberships\":[[\"Role\",\"reader\"]]"), "{promoted}");
    // Another attribute, another fact, another bundle.
    let put = records.iter().find(|record| record.contains("\"amount\":7}")).unwrap();
    for (from, to) in [("\"owner\":\"ann\"", "\"owner\":\"bob\""), ("\"amount\":7}", "\"amount\":101}")] {
        let altered = put.replace(from, to);
        let [replayed] = replay(&engine, &altered).unwrap().try_into().unwrap();
        assert!(matches!(replayed, Replayed::Different { .. }), "{replayed:?}");
    }
    // A resource that cannot be read is not one that nobody knew.
    let [replayed] = replay(&engine, &put.replace("\"owner\":\"ann\"", "\"owner\":1.5")).unwrap().try_into().unwrap();
    assert!(matches!(replayed, Replayed::Impossible(ReplayError::Resource(_))), "{replayed:?}");
    let other = Engine::new(bundle("@id(\"more\") forbid (principal == User::\"eve\", action, resource);"));
    let [replayed] = replay(&other, put).unwrap().try_into().unwrap();
    assert!(matches!(replayed, Replayed::Impossible(_)), "{replayed:?}");
    assert_eq!(replay(&engine, text.lines().next().unwrap()), Err(RecordError::NoRecord));
}

/// Knows of everybody that they are readers.
#[derive(Debug)]
struct Promoting;

impl Directory for Promoting {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(async { Ok(PrincipalFacts::new().with_membership("Role", "reader")) })
    }

    fn resource<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test]
async fn a_list_is_one_entry_with_counts() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())));
    busy(&service).await;
    drop(service);
    let first = &log.records()[0];
    let expected = json!({ "list": {
        "action": "SeeNote", "shown": 1, "hidden": 2, "broken": 1, "denied_by": { "guardrails": 2 },
    } });
    assert_eq!((first["decisions"].as_array().unwrap().len(), &first["decisions"][1]), (2, &expected));
}

#[tokio::test]
async fn no_secret_and_nothing_that_no_policy_can_read_is_in_any_log() {
    // GEN-04
    let (log, tracing) = (Memory::default(), Log::start());
    let proofs = ProofVerifier::new(
        [Origin::new("https://api.example.com").unwrap()],
        std::sync::Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap())),
    );
    let masked = AuditLog::new(log.clone());
    let masked = masked.mask("decisions.question.resource.attributes.word").unwrap();
    let masked = masked.mask("caller.claims.*.email").unwrap();
    let service = Service::new(|gate| gate.dpop(proofs.unwrap()).audit(masked));
    let holder = TestClient::new(SigningAlgorithm::Es256);
    let bound = service.token(&json!({ "cnf": { "jkt": holder.thumbprint() } }));
    let proof = holder.proof(&holder.claims("GET", "https://api.example.com/notes", &bound, NOW));
    let mut secrets = vec![bound.clone(), proof.clone()];
    let mut headers = service.headers(&json!({}));
    headers.insert(COOKIE, "session=canary-cookie".parse().unwrap());
    let _ = service.open(&Method::GET, "/notes?access_token=canary-query", &headers).await;
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", format!("DPoP {bound}").parse().unwrap());
    headers.insert("dpop", proof.parse().unwrap());
    assert!(service.open(&Method::GET, "/notes", &headers).await.is_ok());
    assert!(service.open(&Method::GET, "/notes", &headers).await.is_err(), "the proof was used");
    for wrong in ["Bearer canary-token", "Bearer a.canary.b", "Basic canary-basic", "DPoP canary-dpop"] {
        headers.insert("authorization", wrong.parse().unwrap());
        assert!(service.open(&Method::GET, "/notes", &headers).await.is_err());
        secrets.push(wrong.split(' ').next_back().unwrap().to_owned());
    }
    busy(&service).await;
    drop(service);
    let logs = [log.text(), format!("{:?}", tracing.take())];
    assert_eq!(log.records().len(), 3 + 4 + 14);
    for text in &logs {
        // What is not masked, policies can read: so it is there.
        assert!(!text.contains("canary"), "{text}");
        for secret in &secrets {
            assert!(!secret.split('.').any(|part| part.len() > 8 && text.contains(part)), "{secret}");
        }
    }
}

#[tokio::test]
async fn what_is_masked_is_not_there_and_the_record_says_that_it_cannot_be_replayed() {
    let log = Memory::default();
    let masked = AuditLog::new(log.clone()).mask("decisions.question.resource.attributes.size").unwrap();
    let service = Service::new(|gate| gate.audit(masked));
    let admission = service.put(&json!({})).await.unwrap();
    let _ = admission.check_with(&Note { size: 424_242, ..note() }, &json!({ "amount": 7 })).await;
    let _ = admission.conclude(StatusCode::INTERNAL_SERVER_ERROR);
    let _ = service.list(&json!({})).await.unwrap().conclude(StatusCode::FORBIDDEN);
    let engine = service.engine();
    drop((service, admission));
    let text = log.text();
    // The guardrail overflowed, and Cedar says by which numbers.
    assert!(!text.contains("424242"), "{text}");
    let [first, second] = log.records().try_into().unwrap();
    assert_eq!(first["decisions"][0]["question"]["resource"]["attributes"]["size"], "[masked]");
    assert_eq!((&first["replayable"], &first["reason"]), (&json!(false), &json!("[masked]")));
    assert_eq!(first["masked"], json!(["decisions.question.resource.attributes.size"]));
    assert_eq!((second.get("replayable"), second.get("masked")), (None, None));
    assert_eq!(replay(&engine, &first.to_string()), Err(RecordError::Masked));
    for wrong in ["", "seq", "hash", "outcome", "caller..id", "callers.x", ".caller"] {
        assert!(AuditLog::new(log.clone()).mask(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_log_keeps_its_classes_and_every_request_with_an_actor() {
    for (classes, expected) in [
        (vec![AuditClass::Service], vec!["delegate", "service"]),
        (vec![AuditClass::Human], vec!["human", "delegate"]),
        (vec![AuditClass::Agent], vec!["agent", "delegate"]),
        (vec![AuditClass::Anonymous], vec!["anonymous", "delegate"]),
        (vec![], vec!["delegate"]),
    ] {
        let log = Memory::default();
        let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone()).only(classes.clone())));
        let _ = service.open(&Method::GET, "/notes", &http::HeaderMap::new()).await;
        let sent = [("human", json!({})), ("agent", agent()), ("delegate", delegate()), ("service", self::service())];
        for (name, mut claims) in sent {
            claims["jti"] = json!(name);
            let _ = service.list(&claims).await.unwrap();
        }
        drop(service);
        let name = |record: &Value| record["caller"]["jti"].as_str().unwrap_or("anonymous").to_owned();
        assert_eq!(log.records().iter().map(name).collect::<Vec<_>>(), expected, "{classes:?}");
    }
}
