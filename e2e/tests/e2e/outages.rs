//! The authorization server goes away and comes back.

use std::time::Duration;

use crate::authorization_server::AuthorizationServer;
use crate::service::{Service, Settings};
use crate::{API, Folder, World, eventually};

#[tokio::test]
async fn known_keys_outlive_the_server_and_new_tokens_work_once_it_is_back() {
    // JWK-10
    let World { mut server, service } = World::start();
    let before = server.log_in("ada", "read:projects", API).await;
    assert_eq!(service.get("/projects/apollo", &before).await.status, 200);

    server.kill();
    for _ in 0..20 {
        assert_eq!(service.get("/projects/apollo", &before).await.status, 200);
    }

    server.restart();
    let after = server.log_in("ada", "read:projects", API).await;
    assert_eq!(service.get("/projects/apollo", &after).await.status, 200);
    assert_eq!(service.get("/projects/apollo", &before).await.status, 200);
}

#[tokio::test]
async fn without_keys_the_service_is_unavailable_and_never_blames_the_token() {
    // GEN-01, JWK-02
    let folder = Folder::of_this_test();
    let mut server = AuthorizationServer::start(&folder);
    let token = server.log_in("ada", "read:projects", API).await;
    server.kill();

    let service = Service::start(&folder, Settings::trusting(&server));
    let answer = service.get("/projects/apollo", &token).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (503, ""), "{answer:?}");
    assert!(answer.retry_after.is_some(), "{answer:?}");

    server.restart();
    let (service, token) = (&service, &token);
    eventually(Duration::from_secs(60), &200, || async move { service.get("/projects/apollo", token).await.status })
        .await;
}
