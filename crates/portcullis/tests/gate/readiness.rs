//! Whether a gate can do its work.

use portcullis::{Algorithm, Gate, GateBuilder, Issuer, KeySource, Looked, Verifier, load_dir};
use portcullis_testkit::TestIssuer;

use crate::introspection::endpoint;
use crate::reload::{Service, files};
use crate::service::Noon;

/// A gate for the bundle of `service`, with keys from `url`.
fn with_keys_from(service: &Service, url: &str) -> GateBuilder {
    let keys = KeySource::url(url).unwrap();
    let audience = ["https://api.example.com"];
    let issuer = Issuer::new("main", "https://as.example.com", audience, [Algorithm::Es256], keys).unwrap();
    Gate::builder(load_dir(&service.dir).unwrap().bundle, Verifier::new([issuer]).unwrap()).clock(Noon)
}

#[tokio::test]
async fn a_gate_is_ready_once_the_keys_of_its_issuers_are_known() {
    let service = Service::new("ready");
    let keys = TestIssuer::new("https://as.example.com").jwks().to_string();
    let gate = with_keys_from(&service, &endpoint(200, keys)).build().unwrap();
    let readiness = gate.readiness().await;
    assert!(readiness.is_ready(), "{readiness:?}");
    assert_eq!(readiness.bundle, files("reader").hash());
    // They are kept: the server has answered once and is gone.
    assert!(gate.readiness().await.is_ready());
}

#[tokio::test]
async fn a_gate_without_keys_is_not_ready_and_names_the_issuer() {
    let service = Service::new("not-ready");
    let gate = with_keys_from(&service, &endpoint(500, String::new())).build().unwrap();
    let readiness = gate.readiness().await;
    assert_eq!((readiness.is_ready(), readiness.without_keys), (false, vec!["main".to_owned()]));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_not_waited_for() {
    let service = Service::new("silent");
    // Accepts connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", silent.local_addr().unwrap());
    let gate = with_keys_from(&service, &url).build().unwrap();
    assert_eq!(gate.readiness().await.without_keys, ["main"]);
}

#[tokio::test]
async fn a_refused_reload_is_told_until_a_good_bundle_comes_and_the_gate_stays_ready() {
    let service = Service::new("ready-refused");
    let mut reloader = service.gate.reloader(&service.dir);
    service.put(&files("writer").with_file("roles/people.cedar", "permit"));
    assert!(matches!(reloader.look(), Looked::Refused(_)));
    let readiness = service.gate.readiness().await;
    assert!(readiness.is_ready());
    assert!(readiness.refused_reload.unwrap().contains("roles/people.cedar:1:"));
    // Also if what comes is what is in use.
    service.put(&files("reader"));
    assert_eq!(reloader.look(), Looked::Unchanged);
    assert_eq!(service.gate.readiness().await.refused_reload, None);
}
