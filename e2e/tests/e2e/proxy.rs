//! Real proxies that terminate TLS, ask for a client certificate, and tell the service about it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::certificates::{Authority, Identity};
use crate::folder::Folder;
use crate::process::Process;
use crate::service::Service;

/// The address from which a proxy reaches the service. Everybody else comes from another one.
pub(crate) const ADDRESS: &str = "127.0.0.3";

/// Which proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Product {
    Envoy,
    Nginx,
}

impl Product {
    /// The value of `client_certificate` in the settings of a service behind it.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Envoy => "x-forwarded-client-cert",
            Self::Nginx => "x-ssl-client-cert",
        }
    }
}

/// A running proxy.
pub(crate) struct Proxy {
    _process: Process,
    url: String,
}

impl Proxy {
    /// Puts `product` in front of `service`.
    pub(crate) fn start(product: Product, folder: &Folder, authority: &Authority, service: &Service) -> Self {
        let Identity { certificate, key } = authority.server();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        file("authority.pem", &authority.certificate());
        file("server.pem", &certificate);
        file("server.key", &key);
        let port = free_port();
        let variables = [
            ("FOLDER", folder.join("").display().to_string().trim_end_matches('/').to_owned()),
            ("PORT", port.to_string()),
            ("FROM", ADDRESS.to_owned()),
            ("SERVICE_PORT", service.url().rsplit(':').next().unwrap().to_owned()),
        ];
        let template = template(product);
        let configuration =
            variables.iter().fold(template, |text, (name, value)| text.replace(&format!("@{name}@"), value));
        let (command, ready) = match product {
            Product::Envoy => (envoy(&file("envoy.yaml", &configuration)), "starting main dispatch loop"),
            // It listens before it says who it is.
            Product::Nginx => (nginx(&file("nginx.conf", &configuration)), "nginx/"),
        };
        let announced = move |line: &str| line.contains(ready).then_some(());
        let (process, ()) = Process::start(command, folder.join("proxy.log"), announced);
        Self { _process: process, url: format!("https://127.0.0.1:{port}") }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

fn template(product: Product) -> String {
    let name = match product {
        Product::Envoy => "envoy.yaml",
        Product::Nginx => "nginx.conf",
    };
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("proxies").join(name)).unwrap()
}

fn nginx(configuration: &Path) -> Command {
    // Debian keeps it where only root looks.
    let installed = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"].map(Path::new);
    let program = installed.into_iter().find(|path| path.exists()).unwrap_or(Path::new("nginx"));
    let mut command = Command::new(program);
    // Until the configuration is read, messages go to standard error.
    command.args(["-e", "stderr", "-c"]).arg(configuration);
    command
}

fn envoy(configuration: &Path) -> Command {
    let program: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/envoy/envoy/_bin/envoy");
    assert!(program.exists(), "run `cargo xtask test`, which installs Envoy below target/envoy");
    let mut command = Command::new(program);
    command.args(["--disable-hot-restart", "--concurrency", "1", "--log-path", "/dev/stdout", "--config-path"]);
    command.arg(configuration);
    command
}

/// For a program that does not say which port it got. Nobody else takes this one in the meantime, except by a strange accident.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
