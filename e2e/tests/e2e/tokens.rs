//! Which tokens are accepted at all.

use std::time::Duration;

use crate::service::Answer;
use crate::{API, World, eventually};

#[tokio::test]
async fn each_algorithm_that_the_settings_name_is_verified_and_no_other() {
    // ALG-01, ALG-13, ALG-15, ATJ-01
    let World { server, service } = World::start();
    let narrow = World::with(|settings| settings.with("algorithms = ['ES256']"));
    let resources = [(API.to_owned(), 200), (format!("{API}/as-rs256"), 401), (format!("{API}/as-ed25519"), 401)];
    for (resource, where_only_es256_is_allowed) in resources {
        let token = server.log_in("ada", "read:projects", &resource).await;
        assert_eq!(service.get("/projects/apollo", &token).await.status, 200, "{resource}");
        let token = narrow.server.log_in("ada", "read:projects", &resource).await;
        let answer = narrow.service.get("/projects/apollo", &token).await;
        assert_eq!(answer.status, where_only_es256_is_allowed, "{resource}: {answer:?}");
    }
}

#[tokio::test]
async fn a_token_for_another_api_is_refused() {
    // JWT-08, SEC-02
    let World { server, service } = World::start();
    let token = server.log_in("ada", "read:projects", "https://other.example.com").await;
    assert_invalid(&service.get("/projects/apollo", &token).await);
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    // GEN-11, JWT-10, ASM-09, AGT-13
    let (ours, theirs) = (World::start(), World::start().server);
    let token = theirs.log_in("ada", "manage:projects", API).await;
    assert_invalid(&ours.service.get("/projects/apollo", &token).await);
    assert_eq!(theirs.requests("/jwks").await, 0, "an unknown issuer is not asked for its keys");
}

#[tokio::test]
async fn a_token_ends_when_it_says_so() {
    // JWT-04, BRR-08
    let World { server, service } = World::with(|settings| settings.with("leeway = '0s'"));
    let token = server.log_in("ada", "read:projects", &format!("{API}/for-two-seconds")).await;
    let (service, token) = (&service, &token);
    let status = || async move { service.get("/projects/apollo", token).await.status };
    eventually(Duration::from_secs(10), &401, status).await;
    assert_invalid(&service.get("/projects/apollo", token).await);
}

#[tokio::test]
async fn a_token_that_somebody_changed_is_refused() {
    // JWS-13
    let World { server, service } = World::start();
    let token = server.log_in("vic", "read:projects", API).await;
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let other = server.log_in("ada", "manage:projects", API).await;
    let claims = other.split('.').nth(1).unwrap();
    assert_invalid(&service.get("/projects/apollo", &format!("{header}.{claims}.{signature}")).await);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    // DPP-03, MTL-10
    let World { server, service } = World::start();
    let bound = server.log_in_with_key("ada", "read:projects", API).await;
    assert_invalid(&service.get("/projects/apollo", &bound).await);
    assert_eq!(service.get("/projects/apollo", &server.log_in("ada", "read:projects", API).await).await.status, 200);
}

#[track_caller]
pub(crate) fn assert_invalid(answer: &Answer) {
    // ATJ-07
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.challenge.contains("error=\"invalid_token\""), "{answer:?}");
}
