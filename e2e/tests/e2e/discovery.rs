//! The service finds out for itself where the keys are.

use crate::{API, World};

#[tokio::test]
async fn an_issuer_whose_settings_name_no_keys_is_discovered() {
    // ASM-02, ASM-07
    let World { server, service } = World::with(|settings| settings.without("keys").with("private_network = true"));
    let token = server.log_in("ada", "read:projects", API).await;
    // The app has looked for itself; what counts is what the service adds.
    let (metadata, keys) = ("/.well-known/oauth-authorization-server", "/jwks");
    let before = (server.requests(metadata).await, server.requests(keys).await);
    for _ in 0..5 {
        assert_eq!(service.get("/projects/apollo", &token).await.status, 200);
    }
    let after = (server.requests(metadata).await, server.requests(keys).await);
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}
