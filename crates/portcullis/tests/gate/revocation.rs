//! Revoked credentials, and a store that cannot tell.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use portcullis::{
    Answer, BoxFuture, Caller, Charge, Charged, Directory, DirectoryError, Ended, GateBuilder, Kind, LimitStore,
    LimitStoreError, MemoryLimitStore, PrincipalFacts, RevocationList, Revocations, RevocationsUnavailable, Target,
    UnixTime,
};
use portcullis_token::Presented;
use serde_json::{Value, json};

use crate::library::{Book, Library};
use crate::office::{Letter, Office, send};
use crate::reload;
use crate::service::{NOW, Noon, Service};

#[tokio::test]
async fn a_revoked_token_is_refused_on_the_next_request() {
    // SEC-03
    let now = UnixTime::from_secs(NOW).unwrap();
    let later = now.plus(Duration::from_secs(3_600));
    for target in [
        Target::Token { source: "main".into(), id: "t1".into() },
        Target::Subject { kind: Kind::User, id: "ann".into() },
        Target::Client { source: "main".into(), id: "web".into() },
        Target::Key { source: "main".into(), id: "test-1".into() },
        Target::Everything,
    ] {
        let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
        let service = Service::new(|gate| gate.revocations(Arc::clone(&revoked)));
        assert!(service.open(&json!({})).await.is_ok());
        revoked.revoke(target.clone(), later, now).unwrap();
        let answer = service.open(&json!({})).await.expect_err(&format!("{target:?}"));
        assert_eq!(
            answer.headers()[WWW_AUTHENTICATE],
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the access token was revoked\""
        );
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn another_spelling_of_a_revoked_token_does_not_escape() {
    // SEC-04: facts are looked up and not texts, so a second signature over the same claims is the same token.
    let now = UnixTime::from_secs(NOW).unwrap();
    let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    revoked.revoke(Target::Token { source: "main".into(), id: "t1".into() }, now, now).unwrap();
    let service = Service::new(|gate| gate.revocations(Arc::clone(&revoked)));
    assert_ne!(service.token(&json!({})), service.token(&json!({ "x": 1 })));
    for more in [json!({}), json!({ "x": 1 })] {
        assert_eq!(service.open(&more).await.unwrap_err().status(), 401);
    }
    assert!(service.open(&json!({ "jti": "t2" })).await.is_ok());
}

#[tokio::test]
async fn a_store_that_cannot_answer_lets_nobody_in() {
    // GEN-01
    #[derive(Debug)]
    struct Lost;
    impl Revocations for Lost {
        fn is_revoked(&self, _: &Presented<'_>, _: UnixTime) -> Result<bool, RevocationsUnavailable> {
            Err(RevocationsUnavailable { reason: "lost".to_owned(), retry_after: Duration::from_secs(7) })
        }
    }
    let answer = Service::new(|gate| gate.revocations(Lost)).open(&json!({})).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), &answer.headers()[RETRY_AFTER]), (503, &"7".parse().unwrap()));
    assert!(!answer.body().contains("lost"));
}

#[tokio::test]
async fn an_invalid_token_is_not_looked_up() {
    #[derive(Debug)]
    struct NotToBeAsked;
    impl Revocations for NotToBeAsked {
        fn is_revoked(&self, _: &Presented<'_>, _: UnixTime) -> Result<bool, RevocationsUnavailable> {
            panic!("asked about a token that is not valid")
        }
    }
    let service = Service::new(|gate| gate.revocations(NotToBeAsked));
    assert_eq!(service.open(&json!({ "exp": 1 })).await.unwrap_err().status(), 401);
}

fn room() -> Arc<RevocationList> {
    Arc::new(RevocationList::new(NonZeroUsize::new(100).unwrap()))
}

fn class(name: &str) -> Target<'_> {
    Target::AgentClass { name: name.into() }
}

/// Revokes `target` for an hour.
fn stop(revoked: &RevocationList, target: Target<'_>) {
    let now = UnixTime::from_secs(NOW).unwrap();
    revoked.revoke(target, now.plus(Duration::from_secs(3_600)), now).unwrap();
}

fn is_revoked(answer: &Answer) -> bool {
    let challenge = answer.headers().get(WWW_AUTHENTICATE).map_or("", |challenge| challenge.to_str().unwrap());
    answer.status() == StatusCode::UNAUTHORIZED && challenge.contains("the access token was revoked")
}

#[tokio::test]
async fn a_class_of_agents_is_stopped_with_all_that_are_in_it() {
    // SEC-03
    let scribe = || json!({ "act": { "sub": "scribe", "sub_profile": "ai_agent" } });
    let stranger = || json!({ "act": { "sub": "stranger", "sub_profile": "ai_agent" } });
    let by_claim = |class: &str| json!({ "act": { "sub": "new", "class": class, "sub_profile": "ai_agent" } });
    let hop = json!({ "nested": "act", "id": { "hop": "sub" }, "class": { "hop": "class" },
        "kinds": [{ "when": { "present": { "hop": "sub_profile" } }, "kind": "agent" }] });
    for (name, more, stopped) in [
        ("dictation", scribe(), true),
        ("office", scribe(), true), // to which `dictation` belongs
        ("office", stranger(), false),
        ("scribe", scribe(), false), // the name of an agent is not that of a class
        ("clerk", scribe(), false),  // nor is that of a role
        ("office", json!({ "sub": "scribe", "client_id": "x", "sub_profile": "ai_agent" }), true),
        ("office", json!({}), false),
        ("unlisted", json!({ "client_id": "other" }), true),
        ("unlisted", scribe(), false),
        ("unclassified", json!({ "act": { "sub": "thing" } }), true),
        ("office", by_claim("office"), true),
        ("office", by_claim("dictation"), true),
        ("stated", by_claim("stated"), true), // no policy names it, and it stops all the same
        ("office", by_claim("idle"), false),
        // What the token says of an agent that `entities.json` names makes it no less one of those to stop.
        ("office", json!({ "act": { "sub": "parrot", "class": "office", "sub_profile": "ai_agent" } }), true),
        ("idle", json!({ "act": { "sub": "parrot", "class": "office", "sub_profile": "ai_agent" } }), true),
    ] {
        let revoked = room();
        let source = json!({ "claims": { "actor": [hop] } });
        let office = Office::with(&source, |issuer| issuer, |gate| gate.revocations(Arc::clone(&revoked)));
        let before = office.open("GET /letters/1", &more).await;
        assert!(!before.is_err_and(|answer| is_revoked(&answer)), "{name} {more}");
        stop(&revoked, class(name));
        let after = office.open("GET /letters/1", &more).await;
        assert_eq!(after.is_err_and(|answer| is_revoked(&answer)), stopped, "{name} {more}");
    }
}

#[tokio::test]
async fn of_a_class_too_what_was_issued_later_is_accepted() {
    let revoked = room();
    let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)));
    let (now, last) = (UnixTime::from_secs(NOW).unwrap(), UnixTime::from_secs(NOW - 60).unwrap());
    revoked.revoke_issued_until(last, class("office"), now.plus(Duration::from_secs(60)), now).unwrap();
    for (iat, accepted) in [(NOW - 60, false), (NOW - 59, true)] {
        let more = json!({ "iat": iat, "act": { "sub": "scribe", "sub_profile": "ai_agent" } });
        assert_eq!(office.open("GET /letters/1", &more).await.is_ok(), accepted, "{iat}");
    }
}

/// Everything by which an agent that acts for `ann` can be stopped.
fn switches() -> Vec<Target<'static>> {
    vec![
        Target::Actor { kind: Kind::Agent, id: "scribe".into() },
        class("dictation"),
        class("office"),
        Target::Client { source: "main".into(), id: "web".into() },
        Target::Subject { kind: Kind::User, id: "ann".into() },
        Target::Token { source: "main".into(), id: "t1".into() },
        Target::Source { alias: "main".into() },
        Target::Everything,
    ]
}

fn scribes() -> Value {
    json!({ "act": { "sub": "scribe", "sub_profile": "ai_agent" } })
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_of_an_agent_ends_whatever_it_is_stopped_by() {
    for target in switches() {
        let revoked = room();
        let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)));
        let lease = office.open("GET /letters/1", &scribes()).await.unwrap().lease();
        assert!(tokio::time::timeout(Duration::from_secs(30), lease.ended()).await.is_err(), "{target:?}");
        stop(&revoked, target.clone());
        let ended = tokio::time::timeout(Duration::from_secs(1), lease.ended()).await;
        assert_eq!(ended, Ok(Ended::Revoked), "{target:?}");
    }
}

#[tokio::test]
async fn a_handler_is_allowed_nothing_more_once_its_caller_is_stopped() {
    for target in switches() {
        let revoked = room();
        let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)));
        let admission = office.open("PUT /letters/1", &scribes()).await.unwrap();
        assert!(admission.check(&Letter).is_ok());
        stop(&revoked, target.clone());
        assert!(is_revoked(&admission.check(&Letter).unwrap_err()), "{target:?}");
    }
    let revoked = room();
    let library = Library::new(Noon, |gate| gate.revocations(Arc::clone(&revoked)));
    let admission = library.open("GET /shelf", &json!({})).await.unwrap();
    assert_eq!(admission.filter([Book::new("b1")]).unwrap().len(), 1);
    stop(&revoked, Target::Everything);
    // No list that looks as if there was nothing to see.
    assert!(is_revoked(&admission.filter([Book::new("b1")]).unwrap_err()));
}

/// Waits for nobody, and stops everybody meanwhile.
struct Stops(Arc<RevocationList>);

impl Directory for Stops {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(async {
            stop(&self.0, class("dictation"));
            Ok(PrincipalFacts::new())
        })
    }
}

/// Knows of what class an agent is.
struct Classes;

impl Directory for Classes {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(async { Ok(PrincipalFacts::new().with_membership("AgentClass", "dictation")) })
    }
}

#[tokio::test]
async fn a_class_that_only_the_directory_knows_is_stopped_too() {
    let revoked = room();
    let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)).directory(Classes));
    let more = json!({ "sub": "novice", "client_id": "novice", "sub_profile": "ai_agent" });
    assert!(office.open("GET /letters/1", &more).await.is_ok());
    stop(&revoked, class("office"));
    assert!(is_revoked(&office.open("GET /letters/1", &more).await.unwrap_err()));
}

#[tokio::test]
async fn who_is_stopped_while_a_request_waits_is_not_let_in() {
    let revoked = room();
    let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)).directory(Stops(Arc::clone(&revoked))));
    assert!(is_revoked(&office.open("GET /letters/1", &scribes()).await.unwrap_err()));
}

/// Counts in no time, and stops an agent meanwhile.
#[derive(Debug)]
struct StopsWhileCounting {
    store: MemoryLimitStore,
    revoked: Arc<RevocationList>,
    counted: AtomicUsize,
}

impl LimitStore for StopsWhileCounting {
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        self.counted.fetch_add(1, Ordering::SeqCst);
        stop(&self.revoked, Target::Actor { kind: Kind::Agent, id: "scribe".into() });
        self.store.charge(charges)
    }
}

#[tokio::test]
async fn who_is_stopped_while_a_request_is_counted_is_not_let_in_and_is_not_counted_again() {
    let revoked = room();
    let (store, counted) = (MemoryLimitStore::new(), AtomicUsize::new(0));
    let store = Arc::new(StopsWhileCounting { store, revoked: Arc::clone(&revoked), counted });
    let options = |gate: GateBuilder| gate.revocations(Arc::clone(&revoked)).limit_store(store.clone());
    let service = reload::Service::of("stopped", &reload::with_agents("reader"), options);
    let token = service.token_with(&["reader"], &scribes());
    for _ in 0..3 {
        let answer = reload::send(&service.gate, &Method::GET, &token).await.unwrap_err();
        assert!(is_revoked(&answer), "{}", answer.body());
    }
    assert_eq!(store.counted.load(Ordering::SeqCst), 1);
}

#[test]
fn no_request_that_begins_after_a_revocation_returned_is_allowed() {
    // SEC-03: at once, at this replica
    let now = UnixTime::from_secs(NOW).unwrap();
    let later = now.plus(Duration::from_secs(3_600));
    let rows = switches().into_iter().flat_map(|target| [(target.clone(), false), (target, true)]);
    for (number, (target, issued_before)) in rows.enumerate() {
        let revoked = room();
        let office = Office::new(|gate| gate.revocations(Arc::clone(&revoked)));
        let token = office.token(&scribes());
        let (allowed, refused, returned) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let begun = Barrier::new(8);
        let hammer = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // One whose handler has begun before, and that goes on to ask.
                let admission = send(&office.gate, "PUT /letters/1", &token).await.unwrap();
                begun.wait();
                for _ in 0..1_000_000 {
                    let before = returned.load(Ordering::SeqCst);
                    let answers = [
                        send(&office.gate, "GET /letters/1", &token).await.map(drop),
                        admission.check(&Letter).map(drop),
                    ];
                    for answer in answers {
                        match answer {
                            Ok(()) => {
                                assert!(!before, "revocation {number}: allowed after it returned");
                                allowed.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(answer) => {
                                assert!(is_revoked(&answer), "revocation {number}: {}", answer.body());
                                refused.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    }
                    if refused.load(Ordering::SeqCst) >= 200 {
                        return;
                    }
                }
                panic!("revocation {number}: nobody was refused");
            });
        };
        std::thread::scope(|scope| {
            let hammers: Vec<_> = (0..8).map(|_| scope.spawn(hammer)).collect();
            while allowed.load(Ordering::SeqCst) < 100
                && !hammers.iter().any(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::yield_now();
            }
            if issued_before {
                revoked.revoke_issued_until(now, target, later, now).unwrap();
            } else {
                revoked.revoke(target, later, now).unwrap();
            }
            returned.store(true, Ordering::SeqCst);
        });
        assert!(allowed.into_inner() >= 100, "revocation {number}");
    }
}
