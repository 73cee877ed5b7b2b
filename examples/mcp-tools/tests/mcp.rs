//! The server as clients see it: each request goes through the whole stack, on a fresh router.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests assert, and JSON is indexed"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use mcp_tools::mcp::Origins;
use mcp_tools::service;
use portcullis::{BundleFiles, Clock, SystemClock, UnixTime};
use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, timeout};
use tower::ServiceExt as _;

const URL: &str = "https://notes.example.com/mcp";
const METADATA: &str = "https://notes.example.com/.well-known/oauth-protected-resource/mcp";

/// The server, and the issuer that it trusts.
struct World {
    issuer: TestIssuer,
    app: Router,
}

/// What a client gets to see.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl World {
    fn new() -> Self {
        Self::at(SystemClock)
    }

    /// A server that takes the time from `clock`.
    fn at(clock: impl Clock + 'static) -> Self {
        let issuer = TestIssuer::new("https://issuer.example.com");
        let files = BundleFiles::from_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/policies")).unwrap();
        let mut settings: toml::Table = files.get("portcullis.toml").unwrap().parse().unwrap();
        settings.insert("resource".into(), vec![URL, "https://notes.example.com"].into());
        let table = settings["issuer"][0].as_table_mut().unwrap();
        let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mcp-tools");
        std::fs::create_dir_all(&folder).unwrap();
        let keys = folder.join(format!("{:?}.json", std::thread::current().id()));
        std::fs::write(&keys, issuer.jwks().to_string()).unwrap();
        table.insert(
            "keys".into(),
            toml::Table::from_iter([("file".to_owned(), keys.display().to_string().into())]).into(),
        );
        let loaded = portcullis::load(&files.with_file("portcullis.toml", settings.to_string())).unwrap();
        let gate = loaded.gate().clock(clock).build().unwrap();
        Self { issuer, app: service::app(&gate, Origins::new(["https://app.example.com"])).unwrap() }
    }

    /// A token of `sub` through `client`.
    fn token(&self, sub: &str, client: &str, scope: &str) -> String {
        self.token_with(sub, client, scope, &json!({}))
    }

    fn token_with(&self, sub: &str, client: &str, scope: &str, more: &Value) -> String {
        let now = now();
        let mut claims = json!({
            "iss": self.issuer.identifier(), "aud": URL, "sub": sub, "client_id": client, "scope": scope,
            "iat": now - 10, "exp": now + 20, "jti": "t",
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.issuer.sign(&claims)
    }

    async fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "notes.example.com");
        let request = request.header("accept", "application/json, text/event-stream");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
    }

    /// Posts `message` with `token`, in the session `session` if it is not empty.
    async fn post(&self, token: &str, session: &str, message: &Value) -> Answer {
        self.post_with(token, session, message, &[]).await
    }

    async fn post_with(&self, token: &str, session: &str, message: &Value, more: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut fields = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        if !session.is_empty() {
            fields.push(("mcp-session-id", session));
        }
        fields.extend(more);
        self.send("POST", "/mcp", &fields, message.to_string()).await
    }

    /// Opens a session, and says how it is called.
    async fn session(&self, token: &str) -> String {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let answer = self.post(token, "", &initialize).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.post(token, &session, &initialized).await.status, 202);
        session
    }

    /// Calls a tool in a session of its own.
    async fn call(&self, token: &str, tool: &str, arguments: Value) -> Answer {
        self.post(token, &self.session(token).await, &call(tool, arguments)).await
    }

    /// The names of the tools that the caller sees.
    async fn tools(&self, token: &str) -> Vec<String> {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        let result = self.post(token, &self.session(token).await, &list).await.result();
        result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// Goes as the clock of tokio, which tests can pause.
#[derive(Debug)]
struct Virtual(Instant, UnixTime);

impl Clock for Virtual {
    fn now(&self) -> UnixTime {
        self.1.plus(self.0.elapsed())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Answer {
    fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap())
    }

    /// The result in the last event of the stream.
    #[track_caller]
    fn result(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        let mut events = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        let last = events.rfind(|data| !data.trim().is_empty()).unwrap_or_else(|| panic!("{self:?}"));
        serde_json::from_str::<Value>(last).unwrap()["result"].clone()
    }

    /// The text that a tool gave.
    #[track_caller]
    fn text(&self) -> String {
        self.result()["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// The code of the JSON-RPC error in the body.
    #[track_caller]
    fn code(&self) -> i64 {
        serde_json::from_str::<Value>(&self.body).unwrap()["error"]["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("{self:?}"))
    }
}

fn call(tool: &str, arguments: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

const EXPORT: &str = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"notes:export notes:read\", \
                      resource_metadata=\"https://notes.example.com/.well-known/oauth-protected-resource/mcp\"";

#[tokio::test]
async fn a_request_without_a_token_learns_where_to_get_one_and_what_to_ask_for() {
    // MCP-01, MCP-03, MCP-08, MCP-18
    let world = World::new();
    let expected = format!("Bearer realm=\"api\", scope=\"notes:read\", resource_metadata=\"{METADATA}\"");
    let body = call("list_notes", json!({})).to_string();
    for method in ["POST", "GET", "DELETE"] {
        let answer = world.send(method, "/mcp", &[("content-type", "application/json")], body.clone()).await;
        assert_eq!((answer.status, answer.challenge()), (401, expected.as_str()), "{method}");
    }
}

#[tokio::test]
async fn metadata_stand_at_the_place_of_the_endpoint_and_at_the_root() {
    // MCP-02, MCP-03
    let world = World::new();
    let root = "/.well-known/oauth-protected-resource";
    for (path, resource) in [(format!("{root}/mcp"), URL), (root.to_owned(), "https://notes.example.com")] {
        // Any page may read them.
        let answer = world.send("GET", &path, &[("origin", "https://evil.example")], "").await;
        let document: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &document["resource"]), (200, &json!(resource)));
        assert_eq!(document["authorization_servers"], json!(["https://issuer.example.com"]));
        assert_eq!(document["scopes_supported"], json!(["notes:export", "notes:manage", "notes:read", "notes:write"]));
    }
}

#[tokio::test]
async fn the_token_is_needed_for_every_request_of_a_session() {
    // MCP-04, MCP-16
    let world = World::new();
    let token = world.token("ada", "assistant", "notes:read");
    let session = world.session(&token).await;
    assert_eq!(world.post(&token, &session, &call("list_notes", json!({}))).await.text(), "engine");
    let fields = [("mcp-session-id", session.as_str()), ("content-type", "application/json")];
    for method in ["POST", "GET", "DELETE"] {
        let answer = world.send(method, "/mcp", &fields, call("list_notes", json!({})).to_string()).await;
        assert_eq!(answer.status, 401, "{method}: {answer:?}");
    }
}

#[tokio::test]
async fn only_tokens_for_this_server_are_accepted() {
    // MCP-05, MCP-07
    let world = World::new();
    for aud in ["https://other.example.com/mcp", "https://notes.example.com/other", "https://notes.example.com/mcp/"] {
        let token = world.token_with("ada", "assistant", "notes:manage", &json!({ "aud": aud }));
        let answer = world.post(&token, "", &call("list_notes", json!({}))).await;
        assert_eq!(answer.status, 401, "{aud}");
        assert!(answer.challenge().contains("error=\"invalid_token\""), "{answer:?}");
    }
}

#[tokio::test]
async fn each_denial_has_its_status() {
    // MCP-06, MCP-18
    let world = World::new();
    let expired = world.token_with("ada", "assistant", "notes:read", &json!({ "iat": 1_000, "exp": 2_000 }));
    let answer = world.post(&expired, "", &call("list_notes", json!({}))).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .challenge()
            .contains("error=\"invalid_token\", error_description=\"the access token expired\", scope=\"notes:read\"")
    );

    let reader = world.token("ada", "assistant", "notes:read");
    let answer = world.call(&reader, "write_note", json!({ "title": "a", "text": "b" })).await;
    assert_eq!(answer.status, 403);
    assert!(answer.challenge().contains("error=\"insufficient_scope\", scope=\"notes:write\""), "{answer:?}");

    // No scope would help: it is another person's notebook.
    let answer = world.call(&reader, "read_note", json!({ "notebook": "charles", "title": "a" })).await;
    assert_eq!((answer.status, answer.challenge()), (403, ""));

    let fields = [("authorization", "Bearer one two"), ("content-type", "application/json")];
    assert_eq!(world.send("POST", "/mcp", &fields, "{}").await.status, 400);
}

#[tokio::test]
async fn one_challenge_names_all_scopes_of_the_operation() {
    // MCP-09: also for whoever has one of them
    let world = World::new();
    for scope in ["", "notes:read", "notes:export", "notes:write"] {
        let answer = world.call(&world.token("ada", "assistant", scope), "export_notes", json!({})).await;
        assert_eq!((answer.status, answer.challenge()), (403, EXPORT), "{scope}");
    }
    let both = world.token("ada", "assistant", "notes:read notes:export");
    assert!(world.call(&both, "export_notes", json!({})).await.text().contains("It weaves algebraic patterns."));
}

#[tokio::test]
async fn a_scope_includes_those_below_it() {
    // MCP-10
    let world = World::new();
    let manager = world.token("ada", "assistant", "notes:manage");
    for (tool, arguments) in [
        ("list_notes", json!({})),
        ("write_note", json!({ "title": "loom", "text": "cards" })),
        ("read_note", json!({ "title": "loom" })),
        ("export_notes", json!({})),
    ] {
        assert_eq!(world.call(&manager, tool, arguments).await.result()["isError"], json!(false), "{tool}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_turned_away_without_a_challenge() {
    // MCP-12
    let world = World::new();
    let token = format!("Bearer {}", world.token("ada", "assistant", "notes:read"));
    for origin in ["https://evil.example", "null", "http://127.0.0.1:8090"] {
        for fields in [vec![("origin", origin)], vec![("origin", origin), ("authorization", token.as_str())]] {
            for method in ["POST", "GET", "DELETE"] {
                let answer = world.send(method, "/mcp", &fields, call("list_notes", json!({})).to_string()).await;
                assert_eq!((answer.status, answer.challenge()), (403, ""), "{fields:?}");
            }
        }
    }
    let answer = world.send("POST", "/mcp", &[("origin", "https://app.example.com")], "").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn fields_that_contradict_the_body_are_refused() {
    // MCP-13, MCP-14: the header names a tool that is allowed, the body one that is not
    let world = World::new();
    let token = world.token("ada", "assistant", "notes:manage");
    let session = world.session(&token).await;
    let fields = |version, name| [("mcp-protocol-version", version), ("mcp-method", "tools/call"), ("mcp-name", name)];
    for version in ["2026-07-28", "2025-11-25"] {
        let body = call("delete_note", json!({ "title": "engine" }));
        let answer = world.post_with(&token, &session, &body, &fields(version, "list_notes")).await;
        assert_eq!((answer.status, answer.code(), answer.challenge()), (400, -32020, ""), "{version}");
        // A header that repeats what the body says opens nothing.
        let answer = world.post_with(&token, &session, &body, &fields(version, "delete_note")).await;
        assert_eq!((answer.status, answer.challenge()), (403, ""), "{version}");
    }
    let newest = [("mcp-protocol-version", "2026-07-28")];
    assert_eq!(world.post_with(&token, &session, &call("list_notes", json!({})), &newest).await.code(), -32020);
    assert_eq!(world.call(&token, "list_notes", json!({})).await.text(), "engine");
}

#[tokio::test]
async fn the_newest_revision_works_without_a_session() {
    // MCP-13
    let world = World::new();
    let token = world.token("ada", "assistant", "notes:read");
    let mut body = call("read_note", json!({ "title": "engine" }));
    body["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    for name in ["read_note", "=?base64?cmVhZF9ub3Rl?="] {
        let fields = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", name)];
        assert_eq!(world.post_with(&token, "", &body, &fields).await.text(), "It weaves algebraic patterns.");
    }
}

#[tokio::test]
async fn a_session_is_of_no_use_to_anybody_else() {
    // MCP-16
    let world = World::new();
    let ada = world.token("ada", "assistant", "notes:read");
    let session = world.session(&ada).await;
    let list = call("list_notes", json!({}));
    for (sub, client) in [("bob", "assistant"), ("ada", "other"), ("ada", "notes-app")] {
        let other = world.token(sub, client, "notes:manage");
        let answer = world.post(&other, &session, &list).await;
        assert_eq!((answer.status, answer.challenge()), (403, ""), "{sub} through {client}: {answer:?}");
        let bearer = format!("Bearer {other}");
        for method in ["GET", "DELETE"] {
            let fields = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
            assert_eq!(world.send(method, "/mcp", &fields, "").await.status, 403, "{method}");
        }
    }
    // A new token of the same user through the same client goes on.
    let larger = world.token("ada", "assistant", "notes:read notes:write");
    assert_eq!(world.post(&larger, &session, &list).await.text(), "engine");
    // The library's own id is no session, and neither is one that never was.
    let id = session.split('.').next().unwrap();
    assert_eq!(world.post(&ada, id, &list).await.status, 403);
    for unknown in ["x.y", "x", ".", &format!("{id}0.{}", session.split('.').next_back().unwrap())] {
        assert_eq!(world.post(&ada, unknown, &list).await.status, 404, "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_ends_with_the_token() {
    // MCP-06, MCP-16: neither the stream nor its session carries the caller beyond the token
    let now = now();
    let world = World::at(Virtual(Instant::now(), UnixTime::from_secs(now.try_into().unwrap()).unwrap()));
    // The tolerance for clocks that differ is 30 seconds, so it is good for three more.
    let times = json!({ "iat": now - 100, "exp": now - 27 });
    let token = world.token_with("ada", "assistant", "notes:read", &times);
    let session = world.session(&token).await;
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
    let begin = Instant::now();
    let stream = timeout(Duration::from_secs(60), world.send("GET", "/mcp", &fields, "")).await.unwrap();
    assert_eq!((stream.status, begin.elapsed().as_secs()), (200, 3), "{stream:?}");
    // The same session with the same token.
    let answer = world.post(&token, &session, &call("list_notes", json!({}))).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.challenge().contains("error=\"invalid_token\", error_description=\"the access token expired\""));
}

#[tokio::test]
async fn a_session_ends_when_its_user_says_so() {
    let world = World::new();
    let token = world.token("ada", "assistant", "notes:read");
    let session = world.session(&token).await;
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
    let answer = world.send("DELETE", "/mcp", &fields, "").await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    assert_eq!(world.post(&token, &session, &call("list_notes", json!({}))).await.status, 404);
}

#[tokio::test]
async fn one_denied_message_denies_its_batch() {
    // MCP-17
    let world = World::new();
    let token = world.token("ada", "assistant", "notes:write");
    let session = world.session(&token).await;
    let write = call("write_note", json!({ "title": "loom", "text": "cards" }));
    for batch in [json!([write, call("export_notes", json!({}))]), json!([call("export_notes", json!({})), write])] {
        let answer = world.post(&token, &session, &batch).await;
        assert_eq!((answer.status, answer.challenge()), (403, EXPORT));
    }
    let answer = world.post(&token, &session, &json!([write, write])).await;
    assert_eq!((answer.status, answer.code()), (400, -32600));
    let reader = world.token("ada", "assistant", "notes:read");
    assert_eq!(world.call(&reader, "list_notes", json!({})).await.text(), "engine", "nothing was written");
}

#[tokio::test]
async fn a_caller_sees_the_tools_that_it_may_use_or_could_be_allowed_to_use() {
    // MCP-19
    let world = World::new();
    let all_but_delete = ["list_notes", "read_note", "write_note", "export_notes"];
    for scope in ["", "notes:read", "notes:manage"] {
        assert_eq!(world.tools(&world.token("ada", "assistant", scope)).await, all_but_delete, "{scope}");
    }
    let person = world.tools(&world.token("ada", "notes-app", "notes:read")).await;
    assert_eq!(person, ["list_notes", "read_note", "write_note", "delete_note", "export_notes"]);
}

#[tokio::test]
async fn a_tool_that_is_not_listed_is_refused_when_it_is_called() {
    // MCP-19, MCP-18: no scope is named, for none would help
    let world = World::new();
    let agent = world.token("ada", "assistant", "notes:manage");
    let answer = world.call(&agent, "delete_note", json!({ "title": "engine" })).await;
    assert_eq!((answer.status, answer.challenge()), (403, ""));
    let person = world.token("ada", "notes-app", "notes:write");
    assert_eq!(world.call(&person, "delete_note", json!({ "title": "engine" })).await.text(), "deleted");
}

#[tokio::test]
async fn the_arguments_of_a_call_count() {
    // MCP-19
    let world = World::new();
    let bob = world.token("bob", "assistant", "notes:manage");
    let in_ada = |title: &str| json!({ "notebook": "ada", "title": title });
    assert_eq!(world.call(&bob, "read_note", in_ada("engine")).await.text(), "It weaves algebraic patterns.");
    let write = json!({ "notebook": "ada", "title": "engine", "text": "" });
    let answer = world.call(&bob, "write_note", write).await;
    assert_eq!((answer.status, answer.challenge()), (403, ""));
    assert_eq!(world.call(&bob, "export_notes", json!({ "notebook": "ada" })).await.status, 403);
}

#[tokio::test]
async fn what_nobody_named_is_refused() {
    let world = World::new();
    let token = world.token("ada", "notes-app", "notes:manage");
    let session = world.session(&token).await;
    for method in ["resources/read", "prompts/get", "completion/complete", "tools/Call", "x", ""] {
        let body =
            json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": "delete_note", "uri": "a" } });
        let answer = world.post(&token, &session, &body).await;
        assert_eq!((answer.status, answer.code()), (404, -32601), "{method}");
    }
    for (tool, arguments) in [
        ("x", json!({})),
        ("read_note", json!({})),
        ("read_note", json!({ "title": 1 })),
        ("list_notes", json!({ "x": 1 })),
    ] {
        let answer = world.post(&token, &session, &call(tool, arguments)).await;
        assert_eq!((answer.status, answer.code()), (400, -32602), "{tool}");
    }
}

#[tokio::test]
async fn a_body_with_two_meanings_or_none_is_refused() {
    // MCP-14, GEN-10
    let world = World::new();
    let bearer = format!("Bearer {}", world.token("ada", "notes-app", "notes:read"));
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","name":"delete_note","arguments":{"title":"engine"}}}"#;
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [twice, "", "{", nested.as_str()] {
        let answer = world.send("POST", "/mcp", &fields, body.to_owned()).await;
        assert_eq!((answer.status, answer.code()), (400, -32700));
    }
    let answer = world.send("POST", "/mcp", &fields, " ".repeat(300_000)).await;
    assert_eq!((answer.status, answer.challenge()), (413, ""));
}
