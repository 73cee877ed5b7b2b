//! Opaque tokens: the service asks the authorization server about them.

use std::time::Duration;

use crate::authorization_server::AuthorizationServer;
use crate::service::{Service, Settings};
use crate::tokens::assert_invalid;
use crate::{API, Folder, World, eventually};

#[tokio::test]
async fn an_opaque_token_works_until_it_is_revoked() {
    // INT-01, INT-02, INT-05, INT-06, INT-11, SEC-03
    let World { server, service } = world(SECRET);
    let token = opaque(&server).await;
    let answer = service.get("/projects/apollo", &token).await;
    assert_eq!((answer.status, answer.body["id"].as_str()), (200, Some("apollo")), "{answer:?}");
    let answer = service.ask("DELETE", "/projects/apollo", &token).await;
    assert!(answer.challenge.contains("scope=\"manage:projects\""), "{answer:?}");
    assert_eq!(server.requests(INTROSPECTION).await, 1, "the second request is answered from the cache");

    server.revoke(&token).await;
    let (service, token) = (&service, &token);
    eventually(CACHE * 3, &401, || async move { service.get("/projects/apollo", token).await.status }).await;
    assert_invalid(&service.get("/projects/apollo", token).await);
}

#[tokio::test]
async fn the_login_behind_an_opaque_token_counts() {
    // INT-18, STP-06
    let World { server, service } = world(SECRET);
    let token = server.log_in("ada", "manage:projects", &format!("{API}/as-opaque")).await;
    // Deleting wants a login of the last five minutes.
    assert_eq!(service.ask("DELETE", "/projects/apollo", &token).await.status, 204);
}

#[tokio::test]
async fn what_the_server_does_not_know_is_invalid_and_a_broken_jwt_is_not_asked_about() {
    // INT-05, INT-17
    let World { server, service } = world(SECRET);
    assert_invalid(&service.get("/projects/apollo", "nobody-ever-issued-this-token").await);
    assert_eq!(server.requests(INTROSPECTION).await, 1);
    let jwt = server.log_in("ada", "read:projects", API).await;
    assert_eq!(service.get("/projects/apollo", &jwt).await.status, 200);
    let unsigned = format!("{}.", jwt.rsplit_once('.').unwrap().0);
    assert_invalid(&service.get("/projects/apollo", &unsigned).await);
    assert_eq!(server.requests(INTROSPECTION).await, 1);
}

#[tokio::test]
async fn without_an_answer_the_service_is_unavailable_and_never_blames_the_token() {
    // GEN-01, INT-12
    let World { mut server, service } = world(SECRET);
    let token = opaque(&server).await;
    server.kill();
    let answer = service.get("/projects/apollo", &token).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (503, ""), "{answer:?}");
}

#[tokio::test]
async fn wrong_credentials_of_the_service_are_not_the_clients_fault() {
    // INT-13
    let World { server, service } = world("not-the-secret");
    let answer = service.get("/projects/apollo", &opaque(&server).await).await;
    assert!(answer.status >= 500, "{answer:?}");
    assert_eq!(answer.challenge, "");
}

#[tokio::test]
async fn neither_an_opaque_token_nor_the_secret_reaches_the_log() {
    // GEN-04
    let World { server, service } = world(SECRET);
    let token = opaque(&server).await;
    assert_eq!(service.get("/projects/apollo", &token).await.status, 200);
    let log = service.log();
    assert!(log.contains("status=200"), "{log}");
    // As it stands, and as HTTP Basic writes it.
    let basic = "cHJvamVjdHMtYXBpOmUyZS1wcm9qZWN0cy1hcGk";
    for secret in [token.as_str(), SECRET, basic] {
        assert!(!log.contains(secret), "a credential stands in the log");
    }
}

/// A service that asks the authorization server about opaque tokens, and has `secret` to show for itself.
fn world(secret: &str) -> World {
    world_with(secret, |settings| settings)
}

/// The same, with further settings that `change` has changed.
pub(crate) fn world_with(secret: &str, change: impl FnOnce(Settings) -> Settings) -> World {
    let folder = Folder::of_this_test();
    let server = AuthorizationServer::start(&folder);
    let file = folder.join("introspection-secret");
    std::fs::write(&file, secret).unwrap();
    let settings = Settings::trusting(&server).with(&format!(
        "[introspection]\n\
         endpoint = '{}{INTROSPECTION}'\n\
         client_id = 'projects-api'\n\
         client_secret = {{ file = '{}' }}\n\
         cache = '{}s'\n",
        server.issuer(),
        file.display(),
        CACHE.as_secs(),
    ));
    let service = Service::start(&folder, change(settings));
    World { server, service }
}

async fn opaque(server: &AuthorizationServer) -> String {
    let token = server.log_in("ada", "read:projects", &format!("{API}/as-opaque")).await;
    assert!(!token.contains('.'));
    token
}

const INTROSPECTION: &str = "/token/introspection";

pub(crate) const SECRET: &str = "e2e-projects-api";

const CACHE: Duration = Duration::from_secs(5);
