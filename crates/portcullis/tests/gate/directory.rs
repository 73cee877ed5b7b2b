//! What the application knows of the subject, and what happens when it does not say.

use std::time::Duration;

use portcullis::{BoxFuture, Caller, Directory, DirectoryError, GateBuilder, PrincipalFacts};
use serde_json::json;

use crate::service::Service;

type Facts = Result<PrincipalFacts, DirectoryError>;

/// A directory that answers as the closure says.
struct Roles<F>(F);

impl<F: Fn(&Caller) -> Facts + Send + Sync> Directory for Roles<F> {
    fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Facts> {
        let facts = self.0(caller);
        Box::pin(async { facts })
    }
}

/// A directory that never answers.
struct Silent;

impl Directory for Silent {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Facts> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_directory_adds_what_the_token_does_not_say() {
    let roles = |caller: &Caller| {
        let facts = PrincipalFacts::new().with_complete("Role");
        Ok(if caller.subject().id == "ann" { facts.with_membership("Role", "reader") } else { facts })
    };
    let service = Service::new(|gate| gate.directory(Roles(roles)));
    assert!(service.open(&json!({ "roles": null })).await.is_ok());
    let denied = service.open(&json!({ "roles": null, "sub": "bob" })).await.unwrap_err();
    assert_eq!(denied.status(), 403);
}

#[tokio::test]
async fn an_unknown_role_list_that_nobody_supplies_is_no_empty_one() {
    let service = Service::new(|gate| gate);
    assert!(service.open(&json!({})).await.is_ok());
    let answer = service.open(&json!({ "roles": null })).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), answer.headers().get("www-authenticate")), (403, None));
}

#[tokio::test]
async fn facts_that_do_not_fit_the_schema_are_the_services_fault() {
    let service =
        Service::new(|gate| gate.directory(Roles(|_: &Caller| Ok(PrincipalFacts::new().with_attribute("level", 7)))));
    assert_eq!(service.open(&json!({})).await.unwrap_err().status(), 500);
}

#[tokio::test]
async fn a_directory_that_fails_lets_nobody_in_and_is_not_quoted() {
    let service = Service::new(|gate| gate.directory(Roles(|_: &Caller| Err(DirectoryError::new("canary")))));
    let answer = service.open(&json!({})).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert!(!answer.body().contains("canary"), "{}", answer.body());
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_does_not_answer_is_waited_for_for_a_bounded_time() {
    for (timeout, expected) in
        [(None, Duration::from_secs(2)), (Some(Duration::from_millis(10)), Duration::from_millis(10))]
    {
        let service = Service::new(|gate| {
            let gate = gate.directory(Silent);
            timeout.into_iter().fold(gate, GateBuilder::directory_timeout)
        });
        let start = tokio::time::Instant::now();
        assert_eq!(service.open(&json!({})).await.unwrap_err().status(), 503);
        assert!((expected..expected + Duration::from_millis(10)).contains(&start.elapsed()), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_directory_is_not_asked_about_somebody_whose_token_is_not_valid() {
    // JWS-14
    let service = Service::new(|gate| gate.directory(Roles(|_: &Caller| panic!("asked"))));
    assert_eq!(service.open(&json!({ "exp": 1 })).await.unwrap_err().status(), 401);
    assert_eq!(service.open(&json!({ "aud": "https://other.example.com" })).await.unwrap_err().status(), 401);
}
