//! People who come through an app: authorization code with PKCE.

use serde_json::json;

use crate::{API, World};

#[tokio::test]
async fn a_person_does_what_they_consented_to_and_nothing_else() {
    // O21-04, BRR-01, BRR-09, BRR-13, BRR-16, GEN-02
    let World { server, service } = World::start();
    let reader = server.log_in("ada", "read:projects", API).await;
    let answer = service.get("/projects/apollo", &reader).await;
    assert_eq!((answer.status, answer.body["id"].as_str()), (200, Some("apollo")), "{answer:?}");

    let answer = service.ask("DELETE", "/projects/apollo", &reader).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.challenge.contains("error=\"insufficient_scope\""), "{answer:?}");
    assert!(answer.challenge.contains("scope=\"manage:projects\""), "{answer:?}");

    // The scope that the challenge asked for, and the login of a moment ago that deleting wants besides.
    let manager = server.log_in("ada", "manage:projects", API).await;
    assert_eq!(service.ask("DELETE", "/projects/apollo", &manager).await.status, 204);
    assert_eq!(service.get("/projects/apollo", &manager).await.status, 404);
}

#[tokio::test]
async fn consent_does_not_replace_a_role() {
    // ATJ-08
    let World { server, service } = World::start();
    let (viewer, admin) = (server.log_in("vic", "manage:projects", API), server.log_in("ada", "manage:projects", API));
    let change = json!({ "title": "Apollo 11" });
    let answer = service.patch("/projects/apollo", &viewer.await, &change).await;
    // No scope would help, so none is asked for.
    assert_eq!((answer.status, answer.challenge.as_str()), (404, ""), "{answer:?}");
    let answer = service.patch("/projects/apollo", &admin.await, &change).await;
    assert_eq!((answer.status, answer.body["title"].as_str()), (200, Some("Apollo 11")), "{answer:?}");
}

#[tokio::test]
async fn an_editor_changes_what_an_editor_may_and_only_in_the_own_organisation() {
    // OWA-01, OWA-02
    let World { server, service } = World::start();
    let editor = server.log_in("ed", "write:projects", API).await;
    assert_eq!(service.patch("/projects/apollo", &editor, &json!({ "title": "Apollo 11" })).await.status, 200);
    assert_eq!(service.patch("/projects/apollo", &editor, &json!({ "owner": "ed" })).await.status, 404);
    assert_eq!(service.patch("/projects/soyuz", &editor, &json!({ "title": "Apollo 12" })).await.status, 404);
}

#[tokio::test]
async fn a_person_is_known_by_the_subject_and_not_by_the_client() {
    // GEN-07, EXC-05
    let World { server, service } = World::start();
    let answer = service.get("/me", &server.log_in("ada", "read:profile", API).await).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "kind": "user", "id": "ada", "actor": null })));
}

#[tokio::test]
async fn what_a_request_says_about_its_sender_makes_nobody_an_agent() {
    // AGT-03
    let World { server, service } = World::start();
    let token = server.log_in("ada", "read:profile", API).await;
    let fields = [("user-agent", "summariser/1.0"), ("x-agent-id", "summariser"), ("x-user", "root")];
    let answer = service.get_with("/me?agent=summariser", &token, &fields).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "kind": "user", "id": "ada", "actor": null })));
}
