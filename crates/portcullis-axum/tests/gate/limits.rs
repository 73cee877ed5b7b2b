//! Limits of traffic: who is told to wait, and who pays for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use portcullis::{BoxFuture, Charge, Charged, LimitStore, LimitStoreError, MemoryLimitStore};
use portcullis_axum::Connection;
use serde_json::{Value, json};
use sfv::{BareItem, List, ListEntry, Parser};
use tower::ServiceExt;

use crate::log::Log;
use crate::service::{Reply, Service};

fn limit(name: &str, keys: &str, burst: u32) -> String {
    format!("[[limit]]\nname = \"{name}\"\nrate = \"6/m\"\nburst = {burst}\n{keys}\n")
}

fn service(limits: &[String]) -> Service {
    Service::limited(&limits.concat(), |gate| gate)
}

/// What `ann`'s token says if `agent` acts for her.
fn acting(agent: &str) -> Value {
    json!({ "act": { "sub": agent, "sub_profile": "ai_agent" } })
}

async fn get(service: &Service, more: &Value) -> u16 {
    service.ask("GET", "/projects/p", more).await.status.as_u16()
}

async fn get_often(service: &Service, more: &Value, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(get(service, more).await);
    }
    statuses
}

/// The items of a list field, with their parameters. Read by a library that knows no field, so that what is wrong is noticed.
fn items(reply: &Reply, field: &str) -> BTreeMap<String, BTreeMap<String, i64>> {
    let Some(value) = reply.headers.get(field) else {
        return BTreeMap::new();
    };
    let list: List = Parser::new(value.as_bytes()).parse().unwrap();
    let item = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else { panic!("{field}: an inner list") };
        let BareItem::String(name) = &item.bare_item else { panic!("{field}: no string") };
        let number = |value: &BareItem| i64::from(value.as_integer().expect("an integer"));
        let parameters = item.params.iter().map(|(key, value)| (key.to_string(), number(value)));
        (name.as_str().to_owned(), parameters.collect())
    };
    list.iter().map(item).collect()
}

fn retry_after(reply: &Reply) -> i64 {
    reply.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_above_the_quota_is_told_why_and_when_to_come_back() {
    // RLM-01
    let service = service(&[limit("people", "per = [\"subject\"]", 2)]);
    assert_eq!(get_often(&service, &json!({}), 2).await, [200, 200]);
    let reply = service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!(reply.status, 429);
    assert_eq!(service.calls.count(), 2, "the handler did not run");
    // RLM-13
    let mut problem = reply.problem();
    assert!(problem["decision"].take().is_string());
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "violated-policies": ["people"],
        "decision": null,
    });
    assert_eq!(problem, expected);
    // RLM-02
    assert_eq!(reply.headers["cache-control"], "no-store");
    // RLM-03, RLM-07: never before the time in `RateLimit`.
    assert_eq!((retry_after(&reply), items(&reply, "ratelimit")["people"]["t"]), (10, 10));
    tokio::time::advance(Duration::from_millis(9_800)).await;
    let reply = service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!((reply.status.as_u16(), retry_after(&reply)), (429, 1), "0.2 s are left");
    tokio::time::advance(Duration::from_millis(200)).await;
    assert_eq!(get_often(&service, &json!({}), 2).await, [200, 429]);
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_a_limited_route_says_what_is_left() {
    // RLM-04, RLM-05
    let service = service(&[limit("people", "per = [\"subject\"]", 3), limit("all", "per = []", 100)]);
    let mut left = Vec::new();
    let writer = json!({ "scope": "read:projects projects.write profile" });
    for (method, path) in [("GET", "/projects/p"), ("PUT", "/projects/old"), ("GET", "/projects/p"), ("GET", "/me")] {
        let reply = service.ask(method, path, &writer).await;
        let (policies, states) = (items(&reply, "ratelimit-policy"), items(&reply, "ratelimit"));
        assert!(states.keys().all(|name| policies.contains_key(name)), "{states:?}");
        for (name, policy) in &policies {
            let (quota, window) = if name == "people" { (3, 30) } else { (100, 1000) };
            assert_eq!(*policy, BTreeMap::from([("q".to_owned(), quota), ("w".to_owned(), window)]), "{name}");
            // RLM-08: what is left may be used at the rate of the policy, and no faster.
            let (r, t) = (states[name]["r"], states[name]["t"]);
            assert!(r * window <= t * quota && t >= 1, "{name}: {r} in {t} s");
        }
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("x-ratelimit")));
        left.push((reply.status.as_u16(), states["people"]["r"]));
    }
    // What the handler denies was let in before.
    assert_eq!(left, [(200, 2), (403, 1), (200, 0), (429, 0)]);
    // Who is not counted is told nothing.
    let unlimited = Service::new().ask("GET", "/projects/p", &json!({})).await;
    assert_eq!((unlimited.headers.get("ratelimit"), unlimited.headers.get("ratelimit-policy")), (None, None));
}

#[tokio::test]
async fn the_log_has_the_limit_that_is_used_up_first() {
    let service = service(&[limit("all", "per = []", 9), limit("people", "per = [\"subject\"]", 1)]);
    for (status, remaining) in [(200, "0"), (429, "0")] {
        let reply = service.ask("GET", "/projects/p", &json!({})).await;
        assert_eq!(reply.status, status);
        for line in [r#"limit="people""#, &format!("remaining={remaining}")] {
            assert!(reply.log.iter().any(|logged| logged == line), "{line}: {:?}", reply.log);
        }
    }
}

#[tokio::test]
async fn a_runaway_agent_does_not_block_the_user_it_acts_for() {
    // RLM-14, OWA-04
    let service = service(&[
        limit("agents", "class = \"agent\"\nper = [\"actor\", \"subject\"]", 2),
        limit("people", "class = \"human\"\nper = [\"subject\"]", 3),
    ]);
    assert_eq!(get_often(&service, &acting("scribe"), 50).await[..3], [200, 200, 429]);
    assert_eq!(get_often(&service, &json!({}), 4).await, [200, 200, 200, 429]);
    assert_eq!(get(&service, &acting("scribe")).await, 429);
    let mut of_bob = acting("scribe");
    of_bob["sub"] = json!("bob");
    assert_eq!(get(&service, &of_bob).await, 200, "it may go on for somebody else");
}

#[tokio::test]
async fn each_part_of_the_key_separates_what_it_names() {
    // RLM-14
    let mut of_bob = acting("scribe");
    of_bob["sub"] = json!("bob");
    let other_client = json!({ "client_id": "mobile", "act": acting("scribe")["act"] });
    // After one request of the agent for ann: the agent for ann, ann herself, the agent for bob, the agent with another client.
    for (per, expected) in [
        ("[]", [429, 429, 429, 429]),
        (r#"["subject"]"#, [429, 429, 200, 429]),
        (r#"["actor"]"#, [429, 200, 429, 429]),
        (r#"["actor", "subject"]"#, [429, 200, 200, 429]),
        (r#"["client"]"#, [429, 429, 429, 200]),
        (r#"["issuer"]"#, [429, 429, 429, 429]),
        // Nobody has one, and that is a value.
        (r#"["tenant"]"#, [429, 429, 429, 429]),
        (r#"["peer"]"#, [429, 429, 429, 429]),
        (r#"["action"]"#, [429, 429, 429, 429]),
    ] {
        let service = service(&[limit("all", &format!("per = {per}"), 1)]);
        assert_eq!(get(&service, &acting("scribe")).await, 200, "{per}");
        let mut found = Vec::new();
        for caller in [acting("scribe"), json!({}), of_bob.clone(), other_client.clone()] {
            found.push(get(&service, &caller).await);
        }
        assert_eq!(found, expected, "{per}");
    }
}

#[tokio::test]
async fn what_is_not_verified_decides_nothing_about_quotas() {
    // RLM-10
    let service = service(&[limit("people", "per = [\"subject\", \"client\"]", 2)]);
    let token = service.token(&json!({ "sub": "bob" }));
    let bearer = format!("Bearer {token}");
    // Bob says that he is ann: it is he who pays.
    let forged = [("x-user", "ann"), ("x-forwarded-user", "ann"), ("x-client-id", "other"), ("forwarded", "for=ann")];
    let mut statuses = Vec::new();
    for field in forged {
        statuses.push(service.send_owned("GET", "/projects/p", &bearer, field).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    // Tokens of ann that somebody has changed.
    let of_ann = service.token(&json!({}));
    let (signed, signature) = of_ann.rsplit_once('.').unwrap();
    for tampered in
        [format!("{signed}."), format!("{signed}.AAAA{}", &signature[4..]), format!("{signed}x.{signature}")]
    {
        let tampered = format!("Bearer {tampered}");
        assert_eq!(service.send("GET", "/projects/p", &[("authorization", &tampered)]).await.status, 401);
    }
    assert_eq!(get_often(&service, &json!({}), 3).await, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn failed_authentication_costs_the_peer_and_not_the_user() {
    // RLM-11
    let peers = limit("peers", "counts = \"failed-authentication\"\nper = [\"peer\"]", 20);
    let service = service(&[peers, limit("people", "per = [\"subject\"]", 5)]);
    let ask = async |peer: &str, more: Value| {
        let bearer = format!("Bearer {}", service.token(&more));
        let connection = Connection::from_peer(peer.parse().unwrap());
        service.send_on(connection, "GET", "/projects/p", &[("authorization", &bearer)]).await
    };
    let expired = json!({ "exp": 1 });
    let mut statuses = Vec::new();
    for _ in 0..1000 {
        statuses.push(ask("192.0.2.1", expired.clone()).await.status.as_u16());
    }
    assert!(statuses[..20].iter().all(|status| *status == 401) && statuses[20..].iter().all(|status| *status == 429));
    // Whatever it sends now, it is not even looked at.
    let refused = ask("192.0.2.1", json!({})).await;
    assert_eq!((refused.status.as_u16(), retry_after(&refused)), (429, 10));
    assert_eq!(refused.problem()["violated-policies"], json!(["peers"]));
    // Nobody else notices, and what is left to ann does not tell that somebody tried.
    let mine = ask("192.0.2.2", json!({})).await;
    assert_eq!((mine.status.as_u16(), items(&mine, "ratelimit")["people"]["r"]), (200, 4));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(ask("192.0.2.1", json!({})).await.status, 200);
    // A good token costs the peer nothing, and neither does none.
    let anonymous = service.send_on(Connection::from_peer([192, 0, 2, 1].into()), "GET", "/projects/p", &[]).await;
    assert_eq!(anonymous.status, 401);
    assert_eq!(ask("192.0.2.1", expired.clone()).await.status, 401, "this one takes the token that came back");
    assert_eq!(ask("192.0.2.1", expired).await.status, 429);
}

#[tokio::test]
async fn where_the_peer_is_not_known_nobody_is_locked_out_for_others() {
    // RLM-11
    let service = service(&[limit("peers", "counts = \"failed-authentication\"\nper = [\"peer\"]", 1)]);
    for _ in 0..5 {
        assert_eq!(get(&service, &json!({ "exp": 1 })).await, 401);
    }
    assert_eq!(get(&service, &json!({})).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_requests_at_once_exactly_as_many_pass_as_the_quota_says() {
    // RLM-12
    let service = service(&[limit("people", "per = [\"subject\"]", 10), limit("all", "per = []", 1000)]);
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let together = Arc::new(tokio::sync::Barrier::new(64));
    let requests: Vec<_> = (0..64)
        .map(|_| {
            let (app, bearer, together) = (service.app.clone(), bearer.clone(), together.clone());
            tokio::spawn(async move {
                let request = Request::get("/projects/p").header("authorization", bearer).body(Body::empty());
                together.wait().await;
                app.oneshot(request.unwrap()).await.unwrap().status().as_u16()
            })
        })
        .collect();
    let mut passed = 0;
    for request in requests {
        passed += usize::from(request.await.unwrap() == 200);
    }
    assert_eq!((passed, service.calls.count()), (10, 10));
}

#[tokio::test]
async fn what_one_limit_refuses_is_not_charged_to_another() {
    let service = service(&[limit("all", "per = []", 5), limit("people", "per = [\"subject\"]", 1)]);
    assert_eq!(get_often(&service, &json!({}), 20).await[..2], [200, 429]);
    let reply = service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!(reply.problem()["violated-policies"], json!(["people"]));
    let others = ["bob", "cid", "dan", "eve", "fay"].map(|sub| json!({ "sub": sub }));
    let mut statuses = Vec::new();
    for other in &others {
        statuses.push(get(&service, other).await);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn an_action_costs_what_the_limit_says() {
    // OWA-04
    let costs = "per = [\"subject\"]\ncosts = { WhoAmI = 4, GetMember = 5 }";
    let service = service(&[limit("people", costs, 6)]);
    for (path, status, left) in [
        ("/me", 200, 2),
        ("/projects/p/members/m", 429, 2),
        ("/me", 429, 2),
        ("/projects/p", 200, 1),
        ("/projects/p", 200, 0),
        ("/projects/p", 429, 0),
    ] {
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!((reply.status.as_u16(), items(&reply, "ratelimit")["people"]["r"]), (status, left), "{path}");
    }
}

#[tokio::test]
async fn what_is_refused_for_its_quota_has_no_effects() {
    let discharged = Arc::new(AtomicUsize::new(0));
    let count = discharged.clone();
    let service = Service::audited_and_limited(&limit("people", "per = [\"subject\"]", 1), |gate| {
        gate.obligation("record", move |_: &_, _: &_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    });
    for status in [200, 429, 429] {
        let reply = service.ask("GET", "/projects/p/audit", &json!({ "roles": ["auditor"] })).await;
        assert_eq!(reply.status, status);
    }
    assert_eq!(discharged.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn denials_have_a_quota_of_their_own() {
    let denials = limit("denials", "counts = \"denials\"\nper = [\"subject\"]", 3);
    let service = service(&[limit("people", "per = [\"subject\"]", 2), denials]);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(service.ask("GET", "/projects/banned", &json!({})).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
    // A denied request is not counted as one that was let in, and the other way round.
    assert_eq!(get_often(&service, &json!({}), 3).await, [200, 200, 429]);
    // What does not exist, and what is hidden, counts alike.
    let mut statuses = Vec::new();
    for path in ["/reports/none", "/secrets/s", "/reports/none", "/reports/none"] {
        let method = if path == "/secrets/s" { "DELETE" } else { "GET" };
        statuses.push(service.ask(method, path, &json!({ "sub": "bob" })).await.status.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 429]);
}

#[tokio::test]
async fn the_public_is_counted_where_a_limit_is_for_all() {
    let people = limit("people", "class = \"human\"\nper = [\"subject\"]", 1);
    let service = service(&[people, limit("all", "per = [\"subject\", \"action\"]", 2)]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(service.send("GET", "/health", &[]).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(get(&service, &json!({})).await, 200);
}

/// Says that it cannot count, or nothing at all.
#[derive(Debug)]
enum Down {
    Fails,
    Hangs,
    Lies,
}

impl LimitStore for Down {
    fn charge<'a>(&'a self, _: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        Box::pin(async move {
            match self {
                Self::Fails => Err(LimitStoreError::new("connection refused")),
                Self::Hangs => std::future::pending().await,
                Self::Lies => Ok(Charged { admitted: true, levels: Vec::new() }),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_limit_refuses_or_counts_alone_and_never_lets_through() {
    let per = "per = [\"subject\"]";
    let (deny, local) = ("on_store_failure = \"deny\"", "on_store_failure = \"local\"");
    let rows = [
        (vec![limit("all", per, 2)], json!({}), [503, 503, 503]),
        (vec![limit("all", &format!("{per}\n{local}"), 2)], json!({}), [200, 200, 429]),
        (vec![limit("people", &format!("{per}\nclass = \"human\""), 2)], json!({}), [200, 200, 429]),
        (vec![limit("people", &format!("{per}\nclass = \"human\"\n{deny}"), 2)], json!({}), [503, 503, 503]),
        (vec![limit("agents", &format!("{per}\nclass = \"agent\""), 2)], acting("scribe"), [503, 503, 503]),
        (vec![limit("agents", &format!("{per}\nclass = \"agent\"\n{local}"), 2)], acting("scribe"), [200, 200, 429]),
        // The stricter of two decides.
        (vec![limit("a", &format!("{per}\n{local}"), 2), limit("b", per, 2)], json!({}), [503, 503, 503]),
        // What is not concerned is not disturbed.
        (vec![limit("agents", &format!("{per}\nclass = \"agent\""), 2)], json!({}), [200, 200, 200]),
    ];
    for (limits, caller, expected) in rows {
        for down in [Down::Fails, Down::Hangs, Down::Lies] {
            let name = format!("{down:?} {limits:?}");
            let service = Service::limited(&limits.concat(), |gate| gate.limit_store(Arc::new(down)));
            assert_eq!(get_often(&service, &caller, 3).await, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_store_that_is_handed_on_goes_on_counting() {
    // As when a gate follows another one.
    let store = Arc::new(MemoryLimitStore::new());
    let people = limit("people", "per = [\"subject\"]", 3);
    let [one, other] = [(); 2].map(|()| Service::limited(&people, |gate| gate.limit_store(store.clone())));
    assert_eq!(get_often(&one, &json!({}), 2).await, [200, 200]);
    assert_eq!(get_often(&other, &json!({}), 2).await, [200, 429]);
    assert_eq!(get(&one, &json!({})).await, 429);
    // RLM-09: without a store of their own they have nothing in common.
    assert_eq!(get(&service(&[people]), &json!({})).await, 200);
}

#[tokio::test]
async fn nothing_about_limits_says_who_is_counted() {
    // RLM-09
    let service = service(&[limit("people", "per = [\"subject\", \"client\"]", 1)]);
    for status in [200, 429] {
        let reply = service.ask("GET", "/projects/p", &json!({ "sub": "canary", "client_id": "canary-app" })).await;
        assert_eq!(reply.status, status, "{:?}", reply.log);
        let fields = format!("{:?}", reply.headers);
        assert!(!fields.contains("canary") && !fields.contains("pk="), "{fields}");
        assert!(status == 200 || !reply.body.contains("canary"), "{}", reply.body);
    }
}

#[tokio::test]
async fn traffic_that_no_limit_counts_is_warned_of() {
    let [people, agents] = ["human", "agent"].map(|class| limit(class, &format!("class = \"{class}\"\nper = []"), 1));
    let denials = limit("denials", "counts = \"denials\"\nper = []", 1);
    for (limits, expected) in [
        (vec![], Some("human, agent")),
        (vec![people.clone()], Some("agent")),
        (vec![agents.clone(), denials], Some("human")),
        (vec![people, agents], None),
        (vec![limit("all", "per = []", 1)], None),
    ] {
        let log = Log::start();
        service(&limits);
        let warned: Vec<String> = log.take().into_iter().filter(|line| line.starts_with("classes=")).collect();
        assert_eq!(warned, expected.map(|classes| format!("classes={classes:?}")).into_iter().collect::<Vec<_>>());
    }
}
