//! Two replicas of `examples/axum-projects`, with one bundle and one Redis: each a process of its own.

use std::process::Command;

use crate::folder::Folder;
use crate::process::Process;
use crate::proxy::free_port;
use crate::service::{Service, Settings, program};

/// The running replicas.
pub(crate) struct Replicas {
    pub(crate) services: [Service; 2],
    pub(crate) redis: Redis,
}

impl Replicas {
    pub(crate) fn start(folder: &Folder, settings: &Settings) -> Self {
        let (bundle, redis) = (settings.bundle(folder), Redis::start(folder));
        let services = [1, 2].map(|number| {
            let mut command = Command::new(program("axum-projects"));
            command.args(["--listen", "127.0.0.1:0", "--redis", &redis.url, "--bundle"]).arg(&bundle);
            Service::run(command, folder.join(&format!("replica-{number}.log")))
        });
        Self { services, redis }
    }
}

/// A running `redis-server` that keeps nothing.
pub(crate) struct Redis {
    _process: Process,
    pub(crate) url: String,
}

impl Redis {
    /// What the keys of `axum-projects` begin with.
    pub(crate) const PREFIX: &str = "projects:";

    fn start(folder: &Folder) -> Self {
        let port = free_port().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let announced = |line: &str| line.contains("Ready to accept connections").then_some(());
        let (process, ()) = Process::start(command, folder.join("redis.log"), announced);
        Self { _process: process, url: format!("redis://127.0.0.1:{port}") }
    }
}
