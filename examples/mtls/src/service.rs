//! The service: one handler, the gate in front of it, and the issuer that the gate trusts.

use std::io;
use std::path::Path;

use axum::Json;
use axum::extract::Path as InPath;
use axum::serve::ListenerExt;
use portcullis::BundleFiles;
use portcullis_axum::{Connection, Gate, GateExt, GuardedRouter, Permit};
use portcullis_testkit::TestIssuer;
use portcullis_token::CertificateThumbprint;
use serde_json::{Map, Value, json};

use crate::certificates::Identity;
use crate::listener::TlsListener;
use crate::{Failure, save};

/// Serves until the program ends.
pub(crate) async fn serve(listener: TlsListener, gate: &Gate) -> Result<(), Failure> {
    let app: GuardedRouter = gate.router().action("GetBalance", balance).build()?;
    // axum hands on the address of a listener that is not its own only through `tap_io`.
    let listener = listener.tap_io(|_| ());
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await?)
}

/// Says nothing of certificates: that the caller holds the right one is part of the permit.
async fn balance(_: Permit, InPath(account): InPath<String>) -> Json<Value> {
    Json(json!({ "account": account, "balance": "1048576.00" }))
}

/// The gate, with the example's policies and our issuer in place of the one that its settings name.
pub(crate) fn gate(issuer: &Issuer, folder: &Path) -> Result<Gate, Failure> {
    let keys = folder.join("keys.json");
    save(&keys, &issuer.0.jwks().to_string())?;
    let files = BundleFiles::from_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/policies"))?;
    let mut settings: toml::Table = files.get("portcullis.toml").unwrap_or_default().parse()?;
    let table = settings.get_mut("issuer").and_then(|issuers| issuers.get_mut(0)?.as_table_mut());
    let table = table.ok_or_else(|| io::Error::other("the settings name no issuer"))?;
    table.insert("issuer".to_owned(), issuer.0.identifier().into());
    let keys = toml::Table::from_iter([("file".to_owned(), keys.display().to_string().into())]);
    table.insert("keys".to_owned(), keys.into());
    Ok(portcullis::load(&files.with_file("portcullis.toml", settings.to_string()))?.gate().build()?)
}

/// An authorization server, as far as the service notices.
pub(crate) struct Issuer(TestIssuer, i64);

impl Issuer {
    pub(crate) fn new(now: i64) -> Self {
        Self(TestIssuer::new("https://issuer.example.com"), now)
    }

    /// A token that is bound to the certificate of `owner`.
    pub(crate) fn token_for(&self, owner: &Identity) -> String {
        let thumbprint = CertificateThumbprint::of_der(owner.certificate.der());
        let mut claims = self.claims();
        claims.insert("cnf".to_owned(), json!({ "x5t#S256": thumbprint.to_string() }));
        self.0.sign(&claims.into())
    }

    /// A token that is bound to nothing.
    #[cfg(test)]
    pub(crate) fn bearer_token(&self) -> String {
        self.0.sign(&self.claims().into())
    }

    fn claims(&self) -> Map<String, Value> {
        let Self(issuer, now) = self;
        let texts = [
            ("iss", issuer.identifier()),
            ("aud", "https://localhost:8443"),
            ("sub", "payroll"),
            ("client_id", "payroll"),
            ("scope", "read:balance"),
            ("jti", "example"),
        ];
        let times = [("iat", *now), ("exp", now + 3_600)];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.into()));
        texts.into_iter().chain(times.map(|(name, time)| (name.to_owned(), time.into()))).collect()
    }
}
