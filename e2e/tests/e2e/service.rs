//! The protected service: the quickstart or another example, with a bundle that names the real issuer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use toml::Table;

use crate::authorization_server::AuthorizationServer;
use crate::folder::Folder;
use crate::process::Process;

/// A running service.
pub(crate) struct Service {
    process: Process,
    url: String,
    client: reqwest::Client,
}

/// What a client gets to see.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The values of `WWW-Authenticate`, in a row; empty if there is none.
    pub(crate) challenge: String,
    /// `Null` if it is not JSON.
    pub(crate) body: Value,
    pub(crate) retry_after: Option<String>,
    /// What is left of the limits.
    pub(crate) rate_limit: Option<String>,
}

impl Service {
    /// Starts the quickstart on a free port.
    pub(crate) fn start(folder: &Folder, settings: Settings) -> Self {
        let mut command = Command::new(program("quickstart"));
        command.args(["--serve", "--as-configured", "--listen", "127.0.0.1:0", "--log", "trace", "--bundle"]);
        command.arg(settings.bundle(folder));
        Self::run(command, folder.join("service.log"))
    }

    /// Starts the example that `command` runs.
    pub(crate) fn run(command: Command, log: PathBuf) -> Self {
        let announced = |line: &str| line.strip_prefix("service ")?.split(' ').next().map(str::to_owned);
        let (process, url) = Process::start(command, log, announced);
        Self { process, url, client: reqwest::Client::new() }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token).await
    }

    /// The same, with more header fields.
    pub(crate) async fn get_with(&self, path: &str, token: &str, fields: &[(&'static str, &str)]) -> Answer {
        let request = self.request("GET", path).bearer_auth(token);
        self.send(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// The same, with the token and its proof under the scheme `DPoP`.
    pub(crate) async fn get_with_proof(&self, path: &str, token: &str, proof: &str) -> Answer {
        let request = self.request("GET", path).header("authorization", format!("DPoP {token}"));
        self.send(request.header("dpop", proof)).await
    }

    /// Sends a request without a body, with a bearer token.
    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str) -> Answer {
        self.send(self.request(method, path).bearer_auth(token)).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(self.request("PATCH", path).bearer_auth(token).json(body)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path).bearer_auth(token).json(body)).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let lines =
            |name: &str| response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
        let challenge = lines("www-authenticate").collect::<Vec<_>>().join(", ");
        let (retry_after, rate_limit) = (lines("retry-after").next(), lines("ratelimit").next());
        let status = response.status().as_u16();
        Answer { status, challenge, retry_after, rate_limit, body: response.json().await.unwrap_or_default() }
    }

    /// All that it has logged so far, at the finest level.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

/// The `portcullis.toml` of a service.
pub(crate) struct Settings {
    file: Table,
}

impl Settings {
    /// As in `policies/projects`, with `server` as the only issuer, and without limits: one caller sends thousands of requests.
    pub(crate) fn trusting(server: &AuthorizationServer) -> Self {
        let mut settings = Self::with_limits(server);
        settings.file.remove("limit");
        settings
    }

    /// The same with the limits.
    pub(crate) fn with_limits(server: &AuthorizationServer) -> Self {
        let text = std::fs::read_to_string(policies().join("portcullis.toml")).unwrap();
        Self { file: text.parse().unwrap() }
            .with(&format!("issuer = '{}'", server.issuer()))
            .with("algorithms = ['ES256', 'RS256', 'Ed25519']")
            .with(&format!("keys = {{ url = '{}/jwks' }}", server.issuer()))
    }

    /// Sets the rate of the limit `name`.
    pub(crate) fn with_rate(mut self, name: &str, rate: &str) -> Self {
        let mut limits = self.file["limit"].as_array_mut().unwrap().iter_mut();
        limits.find(|limit| limit["name"].as_str() == Some(name)).unwrap()["rate"] = rate.into();
        self
    }

    /// `policies/projects` with these settings, in `folder`.
    pub(crate) fn bundle(&self, folder: &Folder) -> PathBuf {
        let bundle = folder.join("bundle");
        copy(&policies(), &bundle);
        std::fs::write(bundle.join("portcullis.toml"), self.file.to_string()).unwrap();
        bundle
    }

    /// Sets the keys of the issuer that `lines` of TOML name.
    pub(crate) fn with(mut self, lines: &str) -> Self {
        self.issuer().extend(lines.parse::<Table>().unwrap());
        self
    }

    /// Sets the keys at the top of the file that `lines` of TOML name.
    pub(crate) fn at_top(mut self, lines: &str) -> Self {
        self.file.extend(lines.parse::<Table>().unwrap());
        self
    }

    /// Leaves out `key` of the issuer.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.issuer().remove(key).unwrap();
        self
    }

    fn issuer(&mut self) -> &mut Table {
        self.file.get_mut("issuer").unwrap().get_mut(0).unwrap().as_table_mut().unwrap()
    }
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/projects")
}

/// The program `name`, built as the rest of the workspace is. Cargo builds the programs of other packages for nobody's tests.
pub(crate) fn program(name: &'static str) -> PathBuf {
    static PROGRAMS: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
    let build = || {
        let mut cargo = Command::new(env!("CARGO"));
        // With a test beside it, Cargo chooses the features of dependencies as for all tests, and finds them built.
        cargo.args(["build", "--locked", "--bin", name, "--test", "e2e", "--message-format", "json"]);
        let output = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let mut built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let message = built.find(|message| message["target"]["name"] == name && message["executable"].is_string());
        message.unwrap()["executable"].as_str().map(PathBuf::from).unwrap()
    };
    PROGRAMS.lock().unwrap().entry(name).or_insert_with(build).clone()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
