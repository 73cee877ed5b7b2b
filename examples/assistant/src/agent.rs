//! The agent: a small MCP client that wants to send a mail. It has no model behind it, and always wants the same.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads the calendar, writes a mail, asks to send it, waits for the person, sends it, and tries to send it twice.
pub(crate) async fn run(url: &str, token: &str) -> Result<(), Failure> {
    let agent = Agent { client: Client::builder().timeout(WITHIN).build()?, url: format!("{url}/mcp"), token };
    agent.connect().await?;
    let events = agent.call("list_events", json!({ "days": 5 }), None).await?.done()?;
    say(&format!("reads the next days: {}", titles(&events)));
    let draft = json!({ "subject": SUBJECT, "text": TEXT });
    let draft = agent.call("create_draft", draft, None).await?.done()?;
    let mail = json!({ "draft": draft.get("draft"), "to": ["bob@example.com"] });
    say("writes a mail to bob@example.com, and asks to send it");
    let ticket = match agent.call("send_email", mail.clone(), None).await? {
        Answer::Done(_) => return Err("it was sent, and nobody was asked".into()),
        Answer::Confirm { ticket, .. } => ticket,
        other => return Err(format!("{other:?}").into()),
    };
    say("403: Ann has to approve it. Waiting for her");
    let Some(approval) = agent.wait_for(&ticket).await? else {
        say("Ann has declined. Nothing is sent");
        return Ok(());
    };
    say("Ann has approved. Sending it with her approval");
    agent.call("send_email", mail.clone(), Some(&approval)).await?.done()?;
    say("200: sent");
    match agent.call("send_email", mail, Some(&approval)).await? {
        Answer::Confirm { rejected, .. } => say(&format!("tries it once more: 403, {rejected}")),
        other => return Err(format!("an approval counts once, and yet: {other:?}").into()),
    }
    Ok(())
}

struct Agent<'a> {
    client: Client,
    url: String,
    token: &'a str,
}

/// What became of a call.
#[derive(Debug)]
enum Answer {
    Done(Value),
    /// The person must confirm first; `rejected` says why an approval did not count.
    Confirm {
        ticket: String,
        rejected: String,
    },
    /// The status, and what the service says.
    Refused(String),
}

impl Answer {
    fn done(self) -> Result<Value, Failure> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Confirm { .. } => Err("not done: somebody has to approve it".into()),
            Self::Refused(why) => Err(why.into()),
        }
    }
}

impl Agent<'_> {
    async fn connect(&self) -> Result<(), Failure> {
        let client = json!({ "name": "agent", "version": env!("CARGO_PKG_VERSION") });
        let hello = json!({ "protocolVersion": REVISION, "capabilities": {}, "clientInfo": client });
        let (status, body) = self.post(json!({ "id": 0, "method": "initialize", "params": hello }), None).await?;
        if !status.is_success() {
            return Err(format!("initialize: {status} {body}").into());
        }
        let (status, body) = self.post(json!({ "method": "notifications/initialized" }), None).await?;
        if status.is_success() { Ok(()) } else { Err(format!("initialized: {status} {body}").into()) }
    }

    /// Calls a tool, with `approval` if there is one.
    async fn call(&self, tool: &str, arguments: Value, approval: Option<&str>) -> Result<Answer, Failure> {
        let params = json!({ "name": tool, "arguments": arguments });
        let (status, body) = self.post(json!({ "id": 1, "method": "tools/call", "params": params }), approval).await?;
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let Some(ticket) = text("/confirmation/ticket").filter(|_| status == StatusCode::FORBIDDEN) {
            return Ok(Answer::Confirm { ticket, rejected: text("/confirmation/rejected").unwrap_or_default() });
        }
        let result = body.pointer("/result/structuredContent").filter(|_| status.is_success());
        Ok(result.cloned().map_or_else(|| Answer::Refused(format!("{tool}: {status} {body}")), Answer::Done))
    }

    /// Asks what the person has said, until they have. `None` if they declined.
    async fn wait_for(&self, ticket: &str) -> Result<Option<String>, Failure> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let word = self.call("fetch_approval", json!({ "ticket": ticket }), None).await?.done()?;
            match (word.get("state").and_then(Value::as_str), word.get("approval").and_then(Value::as_str)) {
                (Some("approved"), Some(approval)) => return Ok(Some(approval.to_owned())),
                (Some("declined"), _) => return Ok(None),
                _ => sleep(EVERY).await,
            }
        }
        Err("Ann says nothing".into())
    }

    async fn post(&self, mut message: Value, approval: Option<&str>) -> Result<(StatusCode, Value), Failure> {
        if let Some(message) = message.as_object_mut() {
            message.insert("jsonrpc".to_owned(), json!("2.0"));
        }
        let request = self.client.post(&self.url).bearer_auth(self.token).json(&message);
        let request = request.header("accept", "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", REVISION);
        let request = approval.into_iter().fold(request, |request, text| request.header("portcullis-approval", text));
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }
}

fn titles(events: &Value) -> String {
    let events = events.get("events").and_then(Value::as_array).into_iter().flatten();
    events.filter_map(|event| event.get("title")?.as_str()).collect::<Vec<_>>().join(", ")
}

fn say(words: &str) {
    println!("agent    {words}");
}

const SUBJECT: &str = "Our lunch";
const TEXT: &str = "Hi Bob,\n\nI look forward to our lunch. Is the usual place fine for you?\n\nAnn";

const REVISION: &str = "2025-11-25";
const WITHIN: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(250);
/// As long as a ticket is good for.
const PATIENCE: Duration = Duration::from_secs(900);
