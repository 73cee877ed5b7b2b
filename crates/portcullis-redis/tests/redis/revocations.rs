//! Revocations, at several replicas.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use portcullis_core::{AgentType, Caller, Kind, Profile, Source, SourceSettings, Sources, UnixTime, VerifiedClaims};
use portcullis_redis::{RedisFailure, RedisRevocations, RevokeError};
use portcullis_token::{Presented, Revocations, RevocationsUnavailable, Target};
use serde_json::{Value, json};

use crate::server::{Persistence, RedisServer};
use crate::{SECOND, connect, now};

fn caller(more: &Value) -> Caller {
    let mut claims = json!({
        "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "jti": "t-1", "iat": now().as_secs(),
        "exp": hour().as_secs(),
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
    let sources = Sources::new([source], AgentType::Undeclared).unwrap();
    sources.read(VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone())).unwrap()
}

fn person() -> Caller {
    caller(&json!({}))
}

fn agent() -> Caller {
    let agent = caller(&json!({ "act": { "sub": "scribe" } }));
    assert_eq!(agent.actor().map(|actor| actor.kind), Some(Kind::Agent));
    agent
}

fn service() -> Caller {
    let service = caller(&json!({ "sub": "job", "client_id": "job" }));
    assert_eq!(service.subject().kind, Kind::Service);
    service
}

async fn replica(server: &RedisServer) -> RedisRevocations {
    with_room(server, 100_000).await
}

async fn with_room(server: &RedisServer, targets: usize) -> RedisRevocations {
    RedisRevocations::start(&connect(server).await, NonZeroUsize::new(targets).unwrap()).await.unwrap()
}

fn ask(replica: &RedisRevocations, caller: &Caller) -> Result<bool, RevocationsUnavailable> {
    replica.is_revoked(&Presented::new(caller), now())
}

/// As `ask`, for an agent of the class `office`.
fn ask_about_office(replica: &RedisRevocations) -> Result<bool, RevocationsUnavailable> {
    let (agent, classes) = (agent(), ["office".to_owned()]);
    let mut presented = Presented::new(&agent);
    presented.agent_classes = &classes;
    replica.is_revoked(&presented, now())
}

fn token(id: &str) -> Target<'_> {
    Target::Token { source: "main".into(), id: id.into() }
}

fn hour() -> UnixTime {
    now().plus(Duration::from_secs(3_600))
}

/// How long it takes until `replica` refuses `caller`.
async fn until_refused(replica: &RedisRevocations, caller: &Caller) -> Duration {
    let began = Instant::now();
    while ask(replica, caller) != Ok(true) {
        assert!(began.elapsed() < 10 * SECOND, "it is not refused");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_holds_at_once_here_and_within_a_second_elsewhere() {
    // SEC-03
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    let mut took = Vec::new();
    for number in 0..20 {
        let id = format!("t-{number}");
        let revoked = caller(&json!({ "jti": id }));
        assert_eq!((ask(&here, &revoked), ask(&elsewhere, &revoked)), (Ok(false), Ok(false)));
        here.revoke(token(&id), hour(), now()).await.unwrap();
        assert_eq!(ask(&here, &revoked), Ok(true));
        took.push(until_refused(&elsewhere, &revoked).await);
    }
    took.sort_unstable();
    println!("another replica refuses after {:?} (median of {}), {:?} at most", took[10], took.len(), took[19]);
    assert!(took[19] < SECOND, "{took:?}");
}

#[tokio::test]
async fn everything_that_can_be_revoked_is_shared() {
    // SEC-03
    let revoked = |caller: Caller, target: Target<'static>| (caller, target);
    let user = || Target::Subject { kind: Kind::User, id: "ann".into() };
    for (caller, target) in [
        revoked(person(), Target::Everything),
        revoked(person(), Target::Source { alias: "main".into() }),
        revoked(person(), token("t-1")),
        revoked(person(), user()),
        revoked(agent(), Target::Actor { kind: Kind::Agent, id: "scribe".into() }),
        revoked(person(), Target::Client { source: "main".into(), id: "web".into() }),
    ] {
        let server = RedisServer::start();
        let (here, elsewhere) = (replica(&server).await, replica(&server).await);
        here.revoke_issued_until(now().minus(10 * SECOND), target.clone(), hour(), now()).await.unwrap();
        tokio::time::sleep(SECOND / 2).await;
        assert_eq!(ask(&elsewhere, &caller), Ok(false), "{target:?}: it was issued later");
        here.revoke(target, hour(), now()).await.unwrap();
        until_refused(&elsewhere, &caller).await;
        assert_eq!(ask(&elsewhere, &service()).unwrap(), ask(&here, &service()).unwrap());
        let later = replica(&server).await;
        assert_eq!(ask(&later, &caller), Ok(true), "who starts later reads it");
    }
}

#[tokio::test]
async fn a_class_of_agents_is_stopped_everywhere() {
    // SEC-03
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    here.revoke(Target::AgentClass { name: "office".into() }, hour(), now()).await.unwrap();
    assert_eq!((ask_about_office(&here), ask(&here, &agent())), (Ok(true), Ok(false)));
    let began = Instant::now();
    while ask_about_office(&elsewhere) != Ok(true) {
        assert!(began.elapsed() < SECOND);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(ask(&elsewhere, &agent()), Ok(false));
    assert_eq!(ask_about_office(&replica(&server).await), Ok(true), "who starts later reads it");
}

#[tokio::test]
async fn who_starts_reads_all_of_a_long_list() {
    let server = RedisServer::start();
    let here = replica(&server).await;
    for number in 0..1_100 {
        here.revoke(token(&number.to_string()), hour(), now()).await.unwrap();
    }
    let later = replica(&server).await;
    assert_eq!(later.len(), 1_100);
    assert_eq!(ask(&later, &caller(&json!({ "jti": "1099" }))), Ok(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_software_is_refused_after_five_seconds_and_people_are_not() {
    // SEC-03, GEN-01: who cannot tell denies
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    here.revoke(token("known"), hour(), now()).await.unwrap();
    let known = caller(&json!({ "jti": "known" }));
    until_refused(&elsewhere, &known).await;
    server.pause();
    let lost = Instant::now();
    // What is revoked meanwhile holds here.
    let meanwhile = caller(&json!({ "jti": "meanwhile" }));
    let error = here.revoke(token("meanwhile"), hour(), now()).await.unwrap_err();
    assert!(matches!(error, RevokeError::NotShared(RedisFailure::TimedOut { .. })), "{error:?}");
    assert_eq!((ask(&here, &meanwhile), ask(&elsewhere, &meanwhile)), (Ok(true), Ok(false)));
    if lost.elapsed() < 4 * SECOND {
        assert_eq!((ask(&here, &agent()), ask(&here, &service())), (Ok(false), Ok(false)));
    }
    tokio::time::sleep((6 * SECOND).saturating_sub(lost.elapsed())).await;
    for replica in [&here, &elsewhere] {
        for software in [agent(), service()] {
            let error = ask(replica, &software).unwrap_err();
            assert_eq!(error.retry_after, SECOND);
        }
        assert_eq!(ask(replica, &person()), Ok(false));
        assert_eq!(ask(replica, &known), Ok(true), "what is known stays so");
    }
    server.go_on();
    println!("another replica refuses {:?} after redis goes on", until_refused(&elsewhere, &meanwhile).await);
    for replica in [&here, &elsewhere] {
        while replica.age() > SECOND {
            assert!(lost.elapsed() < 30 * SECOND, "{replica:?}");
            tokio::time::sleep(SECOND / 20).await;
        }
        assert_eq!((ask(replica, &agent()), ask(replica, &service())), (Ok(false), Ok(false)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_had_no_room_for_is_passed_on_as_soon_as_it_has() {
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    // So that it knows the script, which takes room itself.
    here.revoke(token("t-0"), hour(), now()).await.unwrap();
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let revoked = caller(&json!({ "jti": "t-2" }));
    let error = here.revoke(token("t-2"), hour(), now()).await.unwrap_err();
    assert!(matches!(error, RevokeError::NotShared(RedisFailure::Failed { .. })), "{error:?}");
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!((ask(&here, &revoked), ask(&elsewhere, &revoked)), (Ok(true), Ok(false)));
    assert_eq!(ask(&here, &agent()), Ok(false), "what there is can be read, and so nobody is refused");
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    until_refused(&elsewhere, &revoked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_lost_its_data_accepts_nothing_again() {
    // SEC-03
    for persistence in [Persistence::None, Persistence::All] {
        let mut server = RedisServer::with(persistence, &[]);
        let here = replica(&server).await;
        let issued = now().as_secs();
        here.revoke(token("t-1"), hour(), now()).await.unwrap();
        here.revoke_issued_until(now(), token("t-2"), hour(), now()).await.unwrap();
        server.kill();
        let meanwhile = here.revoke(token("t-3"), hour(), now()).await;
        assert!(matches!(meanwhile, Err(RevokeError::NotShared(_))), "{meanwhile:?}");
        server.start_again();
        let written = Instant::now();
        while server.ask::<i64>(&["HLEN", "portcullis:revocations"]) < 3 {
            assert!(written.elapsed() < 10 * SECOND, "{persistence:?}");
            tokio::time::sleep(SECOND / 20).await;
        }
        let later = replica(&server).await;
        for replica in [&here, &later] {
            for id in ["t-1", "t-2", "t-3"] {
                let before = caller(&json!({ "jti": id, "iat": issued }));
                assert_eq!(ask(replica, &before), Ok(true), "{persistence:?} {id}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_emptied_and_filled_again_is_noticed() {
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    for number in 0..3 {
        here.revoke(token(&format!("old-{number}")), hour(), now()).await.unwrap();
    }
    until_refused(&elsewhere, &caller(&json!({ "jti": "old-2" }))).await;
    server.ask::<()>(&["FLUSHALL"]);
    // As many changes as before, so that the number of the last one is the same.
    for number in 0..3 {
        here.revoke(token(&format!("new-{number}")), hour(), now()).await.unwrap();
    }
    for number in 0..3 {
        until_refused(&elsewhere, &caller(&json!({ "jti": format!("new-{number}") }))).await;
    }
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(replica(&server).await.len(), 6);
}

#[tokio::test]
async fn too_many_revocations_are_an_error_and_displace_nothing() {
    let server = RedisServer::start();
    let (here, elsewhere) = (with_room(&server, 2).await, with_room(&server, 2).await);
    here.revoke(token("t-1"), hour(), now()).await.unwrap();
    here.revoke(token("t-2"), hour(), now()).await.unwrap();
    let full = RevokeError::Full { capacity: NonZeroUsize::new(2).unwrap() };
    assert_eq!(here.revoke(token("t-3"), hour(), now()).await, Err(full.clone()));
    // The other one may not know yet that there is no room.
    assert_eq!(elsewhere.revoke(token("t-4"), hour(), now()).await, Err(full));
    here.revoke(token("t-2"), hour().plus(SECOND), now()).await.unwrap();
    let later = replica(&server).await;
    for (id, revoked) in [("t-1", true), ("t-2", true), ("t-3", false), ("t-4", false)] {
        assert_eq!(ask(&later, &caller(&json!({ "jti": id }))), Ok(revoked), "{id}");
    }
}

#[tokio::test]
async fn revocations_are_forgotten_when_their_tokens_have_expired() {
    // SEC-03
    let server = RedisServer::start();
    let here = with_room(&server, 1).await;
    // Leeway and clocks: it holds for a minute longer, and is kept for another one.
    here.revoke(token("t-1"), now().minus(114 * SECOND), now()).await.unwrap();
    assert_eq!(replica(&server).await.len(), 1);
    tokio::time::sleep(8 * SECOND).await;
    assert_eq!(server.ask::<i64>(&["HLEN", "portcullis:revocations"]), 0);
    // There is room for one, and it is free.
    here.revoke(token("t-2"), hour(), now()).await.unwrap();
    assert_eq!(server.ask::<i64>(&["ZCARD", "portcullis:revocations:changes"]), 1);
    assert_eq!(server.ask::<i64>(&["ZCARD", "portcullis:revocations:ends"]), 1);
}

#[tokio::test]
async fn a_second_revocation_never_shortens_the_first() {
    let server = RedisServer::start();
    let (here, elsewhere) = (replica(&server).await, replica(&server).await);
    here.revoke(token("t-1"), hour(), now()).await.unwrap();
    // Both are over and forgotten after some two seconds.
    elsewhere.revoke(token("t-1"), now().minus(118 * SECOND), now()).await.unwrap();
    elsewhere.revoke_issued_until(UnixTime::EPOCH, token("t-1"), now().minus(118 * SECOND), now()).await.unwrap();
    tokio::time::sleep(4 * SECOND).await;
    assert_eq!(ask(&replica(&server).await, &person()), Ok(true));
}

#[tokio::test]
async fn what_a_newer_version_revoked_is_not_overlooked() {
    let server = RedisServer::start();
    let here = replica(&server).await;
    here.revoke(token("t-1"), hour(), now()).await.unwrap();
    server.ask::<()>(&["HSET", "portcullis:revocations", "[\"planet\",\"earth\"]", "9999999999,-1,-1"]);
    server.ask::<()>(&["ZADD", "portcullis:revocations:changes", "2", "[\"planet\",\"earth\"]"]);
    let started = RedisRevocations::start(&connect(&server).await, NonZeroUsize::MIN).await;
    assert!(matches!(started, Err(RedisFailure::Unreadable { .. })), "{started:?}");
    let age = here.age();
    tokio::time::sleep(SECOND).await;
    assert!(here.age() > age + SECOND / 2, "who cannot read it is as one who was not answered");
}

#[tokio::test]
async fn who_cannot_read_what_is_revoked_does_not_start() {
    let server = RedisServer::start();
    let redis = connect(&server).await;
    server.pause();
    let started = RedisRevocations::start(&redis, NonZeroUsize::MIN).await;
    assert!(matches!(started, Err(RedisFailure::TimedOut { .. })), "{started:?}");
}

#[tokio::test]
async fn nobody_is_named_in_the_debug_form() {
    let server = RedisServer::start();
    let here = replica(&server).await;
    here.revoke(Target::Subject { kind: Kind::User, id: "ann".into() }, hour(), now()).await.unwrap();
    assert!(!format!("{here:?}").contains("ann"));
}
