//! An AI assistant, on the official MCP client, that knows nothing but the URL of a server.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;

use crate::authorization_server::{AuthorizationServer, run_script};
use crate::folder::Folder;
use crate::process::Process;
use crate::service::{copy, program};

#[tokio::test]
async fn an_assistant_finds_its_way_to_a_tool_and_asks_for_more_only_when_it_needs_more() {
    // MCP-01, MCP-03, MCP-04, MCP-08, MCP-09, MCP-18, PRM-04
    let (_server, notes) = start();
    let run = notes.use_tools("ada", &[("list_notes", json!({})), ("export_notes", json!({}))]).await;
    assert_eq!(run.answers[0], json!({ "text": "engine" }));
    assert!(run.answers[1]["text"].as_str().unwrap().contains("It weaves algebraic patterns."), "{run:?}");
    // What it asked its user for: the scope that the 401 names, then all that the 403 names.
    assert_eq!(run.scopes, ["notes:read", "notes:export notes:read"]);

    // The first request is refused, and leads to the metadata, which lead to the authorization server.
    let metadata = notes.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp");
    let first = &run.exchanges[0];
    assert_eq!((first.method.as_str(), &first.url, first.status), ("POST", &notes.url, 401));
    assert_eq!(
        first.challenge,
        format!("Bearer realm=\"api\", scope=\"notes:read\", resource_metadata=\"{metadata}\"")
    );
    assert_eq!((&run.exchanges[1].url, run.exchanges[1].status), (&metadata, 200));

    // One request was refused for want of scopes.
    let refused: Vec<&Exchange> = run.exchanges.iter().filter(|exchange| exchange.status == 403).collect();
    assert_eq!(refused.len(), 1, "{run:?}");
    assert_eq!(
        refused[0].challenge,
        format!(
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"notes:export notes:read\", \
             resource_metadata=\"{metadata}\""
        )
    );
    let to_notes = run.exchanges.iter().filter(|exchange| exchange.url == notes.url);
    assert!(to_notes.clone().all(|exchange| matches!(exchange.status, 200..300 | 401 | 403)), "{run:?}");
    assert_eq!(to_notes.filter(|exchange| exchange.status == 401).count(), 1, "{run:?}");
}

#[tokio::test]
async fn an_assistant_is_not_offered_what_no_consent_would_allow() {
    // MCP-19
    let (_server, notes) = start();
    let calls = [("delete_note", json!({ "title": "engine" })), ("list_notes", json!({}))];
    let run = notes.use_tools("ada", &calls).await;
    assert_eq!(run.tools, ["list_notes", "read_note", "write_note", "export_notes"]);
    // Refused, although it was called by its name. Nobody was sent to a consent screen for it.
    assert_eq!(run.answers, [json!({ "status": 403 }), json!({ "text": "engine" })]);
    assert_eq!(run.scopes, ["notes:read"]);
}

#[tokio::test]
async fn a_token_for_another_server_of_the_same_authorization_server_is_refused() {
    // MCP-05
    let (server, notes) = start();
    let client = reqwest::Client::new();
    let elsewhere = "http://127.0.0.1:1/mcp".to_owned(); // nobody calls it
    for (resource, status) in [(elsewhere, 401), (notes.url.clone(), 200)] {
        let token = server.log_in("ada", "notes:read", &resource).await;
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
        });
        let request = client.post(&notes.url).bearer_auth(token).json(&body);
        let answer = request.header("accept", "application/json, text/event-stream").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{resource}");
    }
}

/// The MCP server of `examples/mcp-tools`.
struct Notes {
    _process: Process,
    url: String,
}

/// What the assistant did.
#[derive(Debug, Deserialize)]
struct Run {
    tools: Vec<String>,
    answers: Vec<Value>,
    scopes: Vec<String>,
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    method: String,
    url: String,
    status: u16,
    challenge: String,
}

/// An authorization server, and an MCP server that trusts it.
fn start() -> (AuthorizationServer, Notes) {
    let folder = Folder::of_this_test();
    let server = AuthorizationServer::start(&folder);
    let notes = Notes::start(&folder, &server);
    (server, notes)
}

impl Notes {
    fn start(folder: &Folder, server: &AuthorizationServer) -> Self {
        // Tokens name the URL that clients call, so it is in the settings before the server listens.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let bundle = folder.join("bundle");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/mcp-tools/policies"), &bundle);
        let text = std::fs::read_to_string(bundle.join("portcullis.toml")).unwrap();
        let mut settings: Table = text.parse().unwrap();
        settings.insert("resource".into(), vec![format!("http://{address}/mcp"), format!("http://{address}")].into());
        let issuer = settings["issuer"][0].as_table_mut().unwrap();
        let trusted = format!("issuer = '{0}'\nkeys = {{ url = '{0}/jwks' }}", server.issuer());
        issuer.extend(trusted.parse::<Table>().unwrap());
        std::fs::write(bundle.join("portcullis.toml"), settings.to_string()).unwrap();
        let mut command = Command::new(program("mcp-tools"));
        command.args(["--as-configured", "--listen", &address.to_string(), "--bundle"]).arg(bundle);
        let announced = |line: &str| line.strip_prefix("service ").map(str::to_owned);
        let (process, url) = Process::start(command, folder.join("service.log"), announced);
        Self { _process: process, url }
    }

    /// An assistant of `user` finds out about the server, and calls tools.
    async fn use_tools(&self, user: &str, calls: &[(&str, Value)]) -> Run {
        let mut options = vec!["--url".to_owned(), self.url.clone(), "--user".to_owned(), user.to_owned()];
        for (tool, arguments) in calls {
            options.extend(["--call".to_owned(), (*tool).to_owned(), "--with".to_owned(), arguments.to_string()]);
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        serde_json::from_value(run_script("mcp-client.mjs", &options).await).unwrap()
    }
}
