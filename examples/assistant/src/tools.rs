//! The tools of the agent, over the Model Context Protocol. Each is an action, and is decided before it does anything.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mcp_tools::mcp::{Message, Posted, ProtocolError, mirror};
use portcullis::SystemClock;
use portcullis_axum::{Authz, Clock as _, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calendar::{Calendar, Window};
use crate::draft::{Content, Recipients, Subject, Text};
use crate::failure::Failure;
use crate::service::{Desk, events};
use crate::waiting::Word;

/// A call of a tool, with arguments of the right types.
#[derive(Debug, Deserialize)]
#[serde(tag = "name", content = "arguments", rename_all = "snake_case", deny_unknown_fields)]
enum Call {
    ListEvents { days: u8 },
    CreateDraft { subject: Subject, text: Text },
    EditDraft { draft: String, subject: Subject, text: Text },
    SendEmail { draft: String, to: Recipients },
    FetchApproval { ticket: String },
}

/// One message. Refusals of the gate are HTTP answers, so an agent sees challenges and tickets as of any other route.
pub(crate) async fn post(State(desk): State<Desk>, authz: Authz, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let posted = Posted::read(body).await?;
    mirror::verify(&parts.headers, &posted)?;
    // An approval is of one call.
    let ([message], false) = (posted.messages(), posted.is_batch()) else {
        return Err(ProtocolError::invalid_request("this server takes one message at a time").into());
    };
    let id = message.id();
    let result = match message.method() {
        // A call without an id wants no answer, and gets no tool.
        Some("tools/call") if !id.is_null() => run(&desk, &authz, message).await?,
        method => {
            authz.check_as("Connect", Me::of(&authz)?)?;
            match method {
                Some("initialize") => welcome(message),
                Some("ping") => json!({}),
                Some("tools/list") => json!({ "tools": list() }),
                None => return Ok(StatusCode::ACCEPTED.into_response()),
                Some(method) if method.starts_with("notifications/") => {
                    return Ok(StatusCode::ACCEPTED.into_response());
                }
                Some(_) => return Err(ProtocolError::no_method().to(id).into()),
            }
        }
    };
    Ok(Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response())
}

/// Does what a tool is called for. What goes wrong with it is for the model that called; denials are not.
async fn run(desk: &Desk, authz: &Authz, message: &Message) -> Result<Value, Failure> {
    let wrong = |_| {
        ProtocolError::invalid_params("there is no such tool, or the arguments are not those of it").to(message.id())
    };
    let arguments = message.param("arguments").cloned().unwrap_or_else(|| json!({}));
    let call = json!({ "name": message.param("name"), "arguments": arguments });
    let call: Call = serde_json::from_value(call).map_err(wrong)?;
    match done(desk, authz, call).await {
        Ok(value) => Ok(json!({
            "content": [{ "type": "text", "text": value.to_string() }], "structuredContent": value, "isError": false,
        })),
        Err(failure @ (Failure::Refused(_) | Failure::Protocol(_) | Failure::OtherPermit)) => Err(failure),
        Err(failure) => Ok(json!({ "content": [{ "type": "text", "text": failure.to_string() }], "isError": true })),
    }
}

async fn done(desk: &Desk, authz: &Authz, call: Call) -> Result<Value, Failure> {
    match call {
        Call::ListEvents { days } => {
            let window = Window::of_days(SystemClock.now(), days);
            let calendar = Calendar { owner: Me::of(authz)?.id };
            let calendar = authz.check_as_with("ListEvents", calendar, &window.facts()).await?;
            Ok(json!({ "events": events(desk, authz, &calendar, window)? }))
        }
        Call::CreateDraft { subject, text } => {
            let me = authz.check_as("CreateDraft", Me::of(authz)?)?;
            let draft = desk.store.create(me.permit(), Content { subject, text })?;
            Ok(json!({ "draft": draft.id }))
        }
        Call::EditDraft { draft, subject, text } => {
            let draft = desk.store.draft(&draft).ok_or(Failure::NoDraft)?;
            let draft = authz.check_as("EditDraft", draft)?;
            let draft = desk.store.edit(draft.permit(), &draft, Content { subject, text })?;
            Ok(json!({ "draft": draft.id }))
        }
        Call::SendEmail { draft, to } => {
            let draft = desk.store.draft(&draft).ok_or(Failure::NoDraft)?;
            let draft = authz.check_as_with("SendEmail", draft, &to.facts()).await;
            let draft = draft.map_err(|denial| desk.ask(authz, denial, &to))?;
            desk.post.send(draft.permit(), &draft, &to).await?;
            Ok(json!({ "sent": draft.id }))
        }
        Call::FetchApproval { ticket } => {
            authz.check_as("FetchApproval", Me::of(authz)?)?;
            Ok(json!(word(desk, authz, &ticket)?))
        }
    }
}

/// What the person said to `ticket`, for whoever asked and nobody else.
fn word(desk: &Desk, authz: &Authz, ticket: &str) -> Result<Word, Failure> {
    let ticket = authz.ticket(ticket)?;
    let caller = authz.caller().ok_or(Failure::NotAsked)?;
    let asked = (ticket.actor(), ticket.client()) == (caller.actor().map(|actor| actor.id.as_str()), caller.client());
    let question = desk.waiting.find(ticket.id()).filter(|_| asked);
    Ok(question.ok_or(Failure::NotAsked)?.word)
}

/// The person behind the token.
#[derive(Debug, Clone, Serialize)]
struct Me {
    #[serde(skip)]
    id: String,
}

impl Me {
    fn of(authz: &Authz) -> Result<Self, Failure> {
        let caller = authz.caller().ok_or(ProtocolError::no_method())?;
        Ok(Self { id: caller.subject().id.clone() })
    }
}

impl Resource for Me {
    const TYPE: &'static str = "User";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

fn welcome(message: &Message) -> Value {
    let wanted = message.param("protocolVersion").and_then(Value::as_str);
    let version = REVISIONS.iter().find(|revision| Some(**revision) == wanted).or(REVISIONS.last());
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "assistant", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// What clients are told of the tools.
fn list() -> Vec<Value> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let tool = |name: &str, description: &str, properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        let schema =
            json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false });
        json!({ "name": name, "description": description, "inputSchema": schema })
    };
    let (draft, subject, body) = (text("the id of a draft"), text("one line"), text("what the mail says"));
    let days = json!({ "type": "integer", "minimum": 0, "maximum": 255, "description": "how many days from now on" });
    let to =
        json!({ "type": "array", "items": { "type": "string" }, "description": "the addresses of all who receive it" });
    vec![
        tool("list_events", "Lists what takes place in the next days", json!({ "days": days })),
        tool("create_draft", "Begins a mail", json!({ "subject": subject, "text": body })),
        tool("edit_draft", "Writes a mail anew", json!({ "draft": draft, "subject": subject, "text": body })),
        tool(
            "send_email",
            "Sends a mail. Your user may have to approve it: then you get a ticket, and call again with the approval",
            json!({ "draft": draft, "to": to }),
        ),
        tool(
            "fetch_approval",
            "Says whether your user has approved",
            json!({ "ticket": text("the ticket that you got") }),
        ),
    ]
}

/// The revisions that clients may speak, the newest last. Later ones have no `initialize`.
const REVISIONS: &[&str] = &["2025-03-26", "2025-06-18", "2025-11-25"];
