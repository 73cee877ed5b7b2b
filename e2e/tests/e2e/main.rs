//! Running examples with a real authorization server, each as a process of its own: what a client sees.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests assert as tests do, and JSON is indexed"
)]

mod agents;
mod assistant;
mod authorization_server;
mod certificates;
mod client_credentials;
mod discovery;
mod dpop;
mod eventually;
mod folder;
mod introspection;
mod key_rotation;
mod mcp;
mod mtls;
mod outages;
mod people;
mod process;
mod proxy;
mod replicas;
mod secrecy;
mod service;
mod tokens;

use authorization_server::{API, AuthorizationServer};
use eventually::eventually;
use folder::Folder;
use service::{Service, Settings};

/// Everything that most tests need.
struct World {
    server: AuthorizationServer,
    service: Service,
}

impl World {
    /// An authorization server, and a service that trusts it.
    fn start() -> Self {
        Self::with(|settings| settings)
    }

    /// The same, with settings of the service that `change` has changed.
    fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let folder = Folder::of_this_test();
        let server = AuthorizationServer::start(&folder);
        let service = Service::start(&folder, change(Settings::trusting(&server)));
        Self { server, service }
    }
}
