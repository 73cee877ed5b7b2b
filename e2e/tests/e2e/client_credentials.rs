//! Programs that come for themselves: client credentials.

use crate::{API, World};

#[tokio::test]
async fn a_client_without_a_person_is_a_service_with_its_own_ceiling() {
    // M2M-01, M2M-02, M2M-03
    let World { server, service } = World::start();
    let token = server.client_credentials("read:projects", API).await;
    let answer = service.get("/whoami", &token).await;
    assert_eq!((answer.body["kind"].as_str(), answer.body["id"].as_str()), (Some("service"), Some("nightly-report")));
    assert_eq!(service.ask("POST", "/workspaces/space/reports", &token).await.status, 200);

    // The scope covers it, the ceiling does not.
    let answer = service.get("/projects/apollo", &token).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (404, ""), "{answer:?}");
    // What belongs to a person is not for a client, whatever its scope, and no login would change that.
    let answer = service.get("/me", &server.client_credentials("read:profile", API).await).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (403, ""), "{answer:?}");
    let token = server.client_credentials("manage:projects", API).await;
    let answer = service.ask("DELETE", "/projects/apollo", &token).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (404, ""), "no login is asked for: {answer:?}");
}

#[tokio::test]
async fn a_client_needs_consent_too() {
    // BRR-09
    let World { server, service } = World::start();
    let token = server.client_credentials("read:profile", API).await;
    let answer = service.ask("POST", "/workspaces/space/reports", &token).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.challenge.contains("scope=\"read:projects\""), "{answer:?}");
}
