//! An authorization server in the corner: it signs tokens and publishes its key, and that is all.

use axum::{Json, Router, routing::get};
use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An issuer with a fresh ES256 key and a real JWKS URL on loopback.
pub(crate) struct Issuer {
    keys: TestIssuer,
    audience: String,
    now: i64,
}

impl Issuer {
    /// Starts to serve the key set. The issuer identifier is the URL of the server.
    pub(crate) async fn start(audience: &str, now: i64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let keys = TestIssuer::new(format!("http://{}", listener.local_addr()?));
        let jwks = keys.jwks();
        let app = Router::new().route("/jwks", get(move || std::future::ready(Json(jwks))));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { keys, audience: audience.to_owned(), now })
    }

    pub(crate) fn identifier(&self) -> &str {
        self.keys.identifier()
    }

    /// What the service is called in `aud`.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    pub(crate) fn jwks_url(&self) -> String {
        format!("{}/jwks", self.identifier())
    }

    /// A token with the given claims on top of the usual ones.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.keys.sign(&self.claims(claims))
    }

    /// The same token from somebody who only pretends to be this issuer: same name, same key id, another key.
    pub(crate) fn forged_token(&self, claims: &Value) -> String {
        TestIssuer::new(self.identifier()).with_kid(self.keys.kid()).sign(&self.claims(claims))
    }

    fn claims(&self, more: &Value) -> Value {
        let mut claims = json!({
            "iss": self.identifier(),
            "aud": self.audience,
            "client_id": "web",
            "iat": self.now - 60,
            "exp": self.now + 3_500,
            "jti": "quickstart",
            "auth_time": self.now - 60,
            "acr": "urn:acme:mfa",
            "org_id": "acme",
        });
        if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
            claims.extend(more.clone());
        }
        claims
    }
}
