//! The authorization server: `oidc-provider` on Node, in `e2e/authorization-server`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::certificates::escaped;
use crate::folder::Folder;
use crate::process::Process;

/// The protected API. `{API}/as-rs256` and its like are resource indicators for tokens of another form (see
/// `server.mjs`), all of them with this audience.
pub(crate) const API: &str = "https://api.example.com";

/// The type of a token (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A running authorization server.
pub(crate) struct AuthorizationServer {
    process: Process,
    issuer: String,
    keys: PathBuf,
    log: PathBuf,
    client: reqwest::Client,
}

/// What the native app did: its token, and each request with its answer.
#[derive(Debug, Deserialize)]
pub(crate) struct NativeApp {
    pub(crate) token: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// A request of the native app, and what came back. A field that was not there is empty.
#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) proof: String,
    pub(crate) status: u16,
    pub(crate) challenge: String,
    pub(crate) nonce: String,
}

impl AuthorizationServer {
    /// Starts one on a free port, with new keys.
    pub(crate) fn start(folder: &Folder) -> Self {
        let (keys, log) = (folder.join("signing-keys.json"), folder.join("authorization-server.log"));
        let (process, issuer) = run("0", &keys, &log);
        Self { process, issuer, keys, log, client: reqwest::Client::new() }
    }

    /// Its issuer identifier, which is its URL as well.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token for a person: a native app sends them through the authorization code flow with PKCE.
    pub(crate) async fn log_in(&self, user: &str, scope: &str, resource: &str) -> String {
        self.log_in_with(user, scope, resource, &[]).await
    }

    /// The same, with a token that is bound to a key which the app keeps to itself (RFC 9449).
    pub(crate) async fn log_in_with_key(&self, user: &str, scope: &str, resource: &str) -> String {
        self.log_in_with(user, scope, resource, &["--dpop"]).await
    }

    /// The same, through another native app than the usual one.
    pub(crate) async fn log_in_to(&self, client: &str, user: &str, scope: &str) -> String {
        self.log_in_with(user, scope, API, &["--client", client]).await
    }

    /// An access token for the agent `client`, which asks the person on their telephone (CIBA, poll mode).
    pub(crate) async fn ask(&self, client: &str, user: &str, scope: &str) -> String {
        access_token(
            &self.app("ask.mjs", &["--user", user, "--scope", scope, "--resource", API], &["--client", client]).await,
        )
    }

    async fn log_in_with(&self, user: &str, scope: &str, resource: &str, more: &[&str]) -> String {
        access_token(&self.app("log-in.mjs", &["--user", user, "--scope", scope, "--resource", resource], more).await)
    }

    /// The native app logs `ada` in for `resource` with a key of its own, and asks `service` for a project twice, through the
    /// npm package `through`. With `more`, it can be told to use a token that it found.
    pub(crate) async fn call(&self, service: &str, resource: &str, through: &str, more: &[&str]) -> NativeApp {
        let log_in = ["--user", "ada", "--scope", "read:projects", "--resource", resource];
        let mut call = vec!["--service", service, "--path", "/projects/apollo", "--through", through];
        call.extend(more);
        serde_json::from_value(self.app("call.mjs", &log_in, &call).await).unwrap()
    }

    /// Runs a script of the native app.
    async fn app(&self, script: &'static str, options: &[&str], more: &[&str]) -> Value {
        let options: Vec<&str> = ["--issuer", &self.issuer].iter().chain(options).chain(more).copied().collect();
        run_script(script, &options).await
    }

    /// An access token for the client `nightly-report` itself (RFC 6749 §4.4).
    pub(crate) async fn client_credentials(&self, scope: &str, resource: &str) -> String {
        self.client_credentials_of("nightly-report", scope, resource).await
    }

    /// The same for another client.
    pub(crate) async fn client_credentials_of(&self, client: &str, scope: &str, resource: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)];
        self.token(client, &form, None).await
    }

    /// An access token for the client `sealed-report`, bound to the certificate `pem` (RFC 8705 §3).
    pub(crate) async fn certificate_bound(&self, pem: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", API)];
        self.token("sealed-report", &form, Some(pem)).await
    }

    /// The client `agent-platform` exchanges a token of a person for one with which the agent behind `actor` acts for them
    /// (RFC 8693 §2.1).
    pub(crate) async fn exchange(&self, subject: &str, actor: &str, scope: &str) -> String {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", actor),
            ("actor_token_type", ACCESS_TOKEN),
            ("scope", scope),
            ("resource", API),
        ];
        self.token("agent-platform", &form, None).await
    }

    /// What the token endpoint gives a client that has a secret, and may have a certificate.
    async fn token(&self, client: &str, form: &[(&str, &str)], pem: Option<&str>) -> String {
        let request = self.client.post(format!("{}/token", self.issuer));
        let request = request.basic_auth(client, Some(format!("e2e-{client}")));
        let request = match pem {
            Some(pem) => request.header("x-ssl-client-cert", escaped(pem)),
            None => request,
        };
        access_token(&with_form(request, form).send().await.unwrap().json().await.unwrap())
    }

    /// Ends a token of the app before its time (RFC 7009).
    pub(crate) async fn revoke(&self, token: &str) {
        let request = self.client.post(format!("{}/token/revocation", self.issuer));
        let answer = with_form(request, &[("client_id", "mobile"), ("token", token)]).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// Replaces the signing keys. The former ones stay in the key set.
    pub(crate) async fn rotate_and_keep(&self) {
        self.control("rotate-and-keep").await;
    }

    /// Replaces the signing keys. The former ones leave the key set.
    pub(crate) async fn rotate_and_drop(&self) {
        self.control("rotate-and-drop").await;
    }

    /// How often `path` was asked for since the server started.
    pub(crate) async fn requests(&self, path: &str) -> u64 {
        self.control("requests").await.get(path).copied().unwrap_or_default()
    }

    async fn control(&self, action: &str) -> BTreeMap<String, u64> {
        let answer = self.client.post(format!("{}/control/{action}", self.issuer)).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Ends it, as a crash would. It keeps its signing keys, and forgets everything else.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again under the same address.
    pub(crate) fn restart(&mut self) {
        let port = self.issuer.rsplit(':').next().unwrap();
        let (process, issuer) = run(port, &self.keys, &self.log);
        assert_eq!(issuer, self.issuer);
        self.process = process;
    }
}

/// Runs a script of a client to its end, and reads the JSON that it prints.
pub(crate) async fn run_script(script: &'static str, options: &[&str]) -> Value {
    let mut command = node(script);
    command.args(options);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(port: &str, keys: &Path, log: &Path) -> (Process, String) {
    let mut command = node("server.mjs");
    command.args(["--port", port, "--keys"]).arg(keys);
    let announced = |line: &str| Some(serde_json::from_str::<Value>(line).ok()?.get("issuer")?.as_str()?.to_owned());
    Process::start(command, log.to_path_buf(), announced)
}

fn node(script: &str) -> Command {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/authorization-server");
    let installed = Path::new(folder).join("node_modules").exists();
    assert!(installed, "run `npm ci` in e2e/authorization-server (`cargo xtask test` does)");
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder);
    command
}

fn with_form(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let mut url = reqwest::Url::parse("http://localhost").unwrap();
    let body = url.query_pairs_mut().extend_pairs(form).finish().query().unwrap().to_owned();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

fn access_token(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}
