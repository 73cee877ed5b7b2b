//! The story of the README without a browser: the real service, the real agent, and a mail server that keeps what it gets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests assert as tests do, and JSON is indexed"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use readme_lines::{Example, assert_answers};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::test]
async fn a_mail_is_sent_once_after_its_person_has_approved_it() {
    // MCP-18: the denial of a tool, with the ticket, is an HTTP answer
    let world = World::start("once");
    let mail = world.draft("Lunch?", "Hi Bob,\n.dots\nand Grüße").await;
    let asked = world.send(&mail, None).await;
    assert_eq!((asked.status, &asked.body["type"]), (403, &json!("urn:problem-type:portcullis:confirmation-required")));
    assert_eq!(world.word(&asked.ticket()).await["state"], "waiting");
    assert!(world.mails().is_empty());

    let shown = world.waiting("ANN").await;
    assert_eq!(shown.len(), 1);
    let shown = &shown[0];
    assert_eq!(
        (&shown["who"], &shown["from"], &shown["to"], &shown["subject"], &shown["text"]),
        (
            &json!("claire"),
            &json!("ann@example.com"),
            &json!(["bob@example.com"]),
            &json!("Lunch?"),
            &json!("Hi Bob,\n.dots\nand Grüße")
        )
    );
    assert_eq!(world.answer("ANN", &asked.ticket(), "approve").await, 204);
    assert!(world.mails().is_empty(), "to approve is not to send");
    let approval = world.approval(&asked.ticket()).await;

    assert_eq!(world.send(&mail, Some(&approval)).await.body["result"]["isError"], false);
    let mails = world.mails();
    assert_eq!(mails.len(), 1);
    for line in ["X-MAIL FROM:<ann@example.com>", "X-RCPT TO:<bob@example.com>", "Subject: Lunch?", ".dots"] {
        assert!(mails[0].lines().any(|found| found.trim_end() == line), "{line} in {}", mails[0]);
    }

    let again = world.send(&mail, Some(&approval)).await;
    assert_eq!((again.status, &again.body["confirmation"]["rejected"]), (403, &json!("used")));
    assert_eq!(world.mails().len(), 1);
    // It waits again, and the page says so.
    assert_eq!((&shown["again"], &world.waiting("ANN").await[0]["again"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn one_approval_of_many_repeats_at_once_sends_one_mail() {
    let world = World::start("at-once");
    let mail = world.draft("Lunch?", "Hi").await;
    let approval = world.approved(&mail).await;
    let repeats = (0..16).map(|_| world.send(&mail, Some(&approval)));
    let mut sent = 0;
    for answer in join(repeats).await {
        sent += u32::from(answer.status == 200);
    }
    assert_eq!((sent, world.mails().len()), (1, 1));
}

#[tokio::test]
async fn what_changes_after_it_was_approved_is_not_sent() {
    let world = World::start("changed");
    let mail = world.draft("Lunch?", "Hi").await;
    let approval = world.approved(&mail).await;
    // Somebody else receives it.
    let other = json!({ "draft": mail["draft"], "to": ["bob@example.com", "carol@example.com"] });
    let answer = world.send(&other, Some(&approval)).await;
    assert_eq!((answer.status, &answer.body["confirmation"]["rejected"]), (403, &json!("other-arguments")));
    // It says something else.
    let edit = json!({ "draft": mail["draft"], "subject": "Lunch?", "text": "Hi, and send me money" });
    assert_eq!(world.tool("CLAIRE", "edit_draft", &edit, None).await.status, 200);
    let answer = world.send(&mail, Some(&approval)).await;
    assert_eq!((answer.status, &answer.body["confirmation"]["rejected"]), (403, &json!("other-version")));
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn nobody_is_shown_or_approves_what_has_changed_since_it_was_asked() {
    let world = World::start("stale");
    let mail = world.draft("Lunch?", "Hi").await;
    let ticket = world.send(&mail, None).await.ticket();
    let edit = json!({ "draft": mail["draft"], "subject": "Lunch?", "text": "Hi, and send me money" });
    assert_eq!(world.tool("CLAIRE", "edit_draft", &edit, None).await.status, 200);
    assert_eq!(world.waiting("ANN").await, Vec::<Value>::new());
    assert_eq!(world.answer("ANN", &ticket, "approve").await, 409);
    assert_eq!(world.word(&ticket).await["state"], "waiting");
}

#[tokio::test]
async fn nobody_approves_but_the_person_themselves_with_a_fresh_login() {
    let world = World::start("others");
    let mail = world.draft("Lunch?", "Hi").await;
    let ticket = world.send(&mail, None).await.ticket();
    for (who, status) in [("CLAIRE", 403), ("CLAIRE_REACHING", 403), ("BOB", 403), ("ANN_THIS_MORNING", 401)] {
        assert_eq!(world.answer(who, &ticket, "approve").await, status, "{who}");
    }
    assert_eq!(world.waiting("BOB").await, Vec::<Value>::new());
    assert_eq!(world.word(&ticket).await, json!({ "state": "waiting" }));
    // The approval is the agent's that asked.
    assert_eq!(world.answer("ANN", &ticket, "approve").await, 204);
    let fetched = world.tool("PEEK", "fetch_approval", &json!({ "ticket": ticket }), None).await;
    assert_eq!((fetched.status, &fetched.body["result"]["isError"]), (200, &json!(true)));
    let fetched = world.tool("CLAIRE_FOR_BOB", "fetch_approval", &json!({ "ticket": ticket }), None).await;
    assert_eq!(fetched.status, 403);
}

#[tokio::test]
async fn what_is_declined_is_not_sent_and_not_asked_again() {
    let world = World::start("declined");
    let mail = world.draft("Lunch?", "Hi").await;
    let ticket = world.send(&mail, None).await.ticket();
    assert_eq!(world.answer("ANN", &ticket, "decline").await, 204);
    assert_eq!(world.word(&ticket).await, json!({ "state": "declined" }));
    // No is no, also in a window that still shows the buttons.
    assert_eq!(world.answer("ANN", &ticket, "approve").await, 409);
    let again = world.send(&mail, None).await;
    assert_eq!(again.status, 403);
    assert_eq!(world.waiting("ANN").await, Vec::<Value>::new());
    assert_eq!(world.word(&again.ticket()).await, json!({ "state": "declined" }));
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn a_mail_that_the_server_does_not_take_costs_its_approval() {
    let mut world = World::start("outage");
    let mail = world.draft("Lunch?", "Hi").await;
    let approval = world.approved(&mail).await;
    world.sink = None;
    let answer = world.send(&mail, Some(&approval)).await;
    assert_eq!((answer.status, &answer.body["result"]["isError"]), (200, &json!(true)));
    let answer = world.send(&mail, Some(&approval)).await;
    assert_eq!((answer.status, &answer.body["confirmation"]["rejected"]), (403, &json!("used")));
}

#[tokio::test]
async fn the_route_of_a_mail_is_the_same_without_the_protocol_of_tools() {
    let world = World::start("route");
    let mail = world.draft("Lunch?", "Hi").await;
    let url = format!("{}/drafts/{}/send", world.url(), mail["draft"].as_str().unwrap());
    let body = json!({ "to": ["bob@example.com"] });
    let send = || world.client.post(&url).bearer_auth(world.token("CLAIRE")).json(&body);
    let asked: Value = send().send().await.unwrap().json().await.unwrap();
    let ticket = asked["confirmation"]["ticket"].as_str().unwrap();
    assert_eq!(world.answer("ANN", ticket, "approve").await, 204);
    // An approval is of what is done, whichever way it comes.
    let approval = world.approval(ticket).await;
    let answer = send().header("portcullis-approval", &approval).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), world.mails().len()), (204, 1));
    assert_eq!(world.send(&mail, Some(&approval)).await.status, 403);
}

#[tokio::test]
async fn an_agent_sees_the_days_that_it_may_see_and_nothing_private() {
    let world = World::start("calendar");
    let events = world.tool("CLAIRE", "list_events", &json!({ "days": 6 }), None).await;
    let events = &events.body["result"]["structuredContent"]["events"];
    assert_eq!(events.as_array().unwrap().iter().map(|event| &event["title"]).collect::<Vec<_>>(), ["Lunch with Bob"]);
    assert_eq!(world.tool("CLAIRE", "list_events", &json!({ "days": 30 }), None).await.status, 403);
    let url = format!("{}/calendars/ann/events?days=30", world.url());
    let own = world.client.get(url).bearer_auth(world.token("ANN")).send().await.unwrap();
    assert_eq!(own.json::<Vec<Value>>().await.unwrap().len(), 3);
}

#[tokio::test]
async fn no_other_page_frames_the_page_signs_in_or_sends_anything() {
    let world = World::start("page");
    let page = world.client.get(world.url()).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    for part in ["default-src 'none'", "frame-ancestors 'none'", "script-src 'sha256-", "require-trusted-types-for"] {
        assert!(policy.contains(part), "{policy}");
    }
    // MCP-12
    for path in ["/demo/sign-in", "/mcp", "/me/approvals"] {
        for (origin, others) in [("http://evil.example", true), ("null", true), (world.url(), false)] {
            let answer = world.client.post(format!("{}{path}", world.url())).header("origin", origin).send().await;
            assert_eq!(answer.unwrap().status().as_u16() == 403, others, "{path} from {origin}");
        }
    }
}

#[tokio::test]
async fn the_agent_asks_waits_and_sends_once() {
    let world = World::start("agent");
    let agent = world.agent();
    let ticket = world.asked().await;
    assert_eq!(world.answer("ANN", &ticket, "approve").await, 204);
    let said = said(agent.await.unwrap());
    assert!(said.contains("200: sent\n") && said.contains("once more: 403, used\n"), "{said}");
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn the_agent_sends_nothing_after_a_no() {
    let world = World::start("agent-declined");
    let agent = world.agent();
    let ticket = world.asked().await;
    assert_eq!(world.answer("ANN", &ticket, "decline").await, 204);
    assert!(said(agent.await.unwrap()).ends_with("Ann has declined. Nothing is sent\n"));
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn every_line_of_the_readme_is_answered_as_it_says() {
    let world = World::start("readme");
    let tokens = world.folder.join("tokens");
    assert_answers(include_str!("../README.md"), &[("target/assistant", tokens.to_str().unwrap())]);
}

#[test]
fn a_demo_is_for_loopback_only() {
    let output = program().args(["--demo", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("`--demo` is for loopback"));
}

/// Service and mail server, each a process of its own.
struct World {
    sink: Option<Example>,
    service: Example,
    folder: PathBuf,
    tokens: BTreeMap<String, String>,
    client: Client,
}

/// What the service answers.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn ticket(&self) -> String {
        self.body["confirmation"]["ticket"].as_str().unwrap_or_else(|| panic!("no ticket: {self:?}")).to_owned()
    }
}

impl World {
    fn start(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("assistant").join(name);
        // It may be left from an earlier run.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut sink = program();
        let sink = Example::start(sink.args(["sink", "--listen", "127.0.0.1:0", "--into"]).arg(&folder), "sink ");
        let mut service = program();
        service.args(["--demo", "--listen", "127.0.0.1:0", "--smtp", sink.ready(), "--tokens"]);
        service.arg(folder.join("tokens")).stderr(File::create(folder.join("log")).unwrap());
        let service = Example::start(&mut service, "service ");
        let lines = std::fs::read_to_string(folder.join("tokens")).unwrap();
        let token = |line: &str| {
            let (name, rest) = line.split_once('=')?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        };
        let tokens = lines.lines().filter_map(token).collect();
        Self { sink: Some(sink), service, folder, tokens, client: Client::new() }
    }

    fn url(&self) -> &str {
        self.service.ready()
    }

    fn token(&self, who: &str) -> &str {
        &self.tokens[who]
    }

    async fn tool(&self, who: &str, name: &str, arguments: &Value, approval: Option<&str>) -> Answer {
        let params = json!({ "name": name, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = self.client.post(format!("{}/mcp", self.url())).bearer_auth(self.token(who)).json(&body);
        let request = approval.iter().fold(request, |request, text| request.header("portcullis-approval", *text));
        let answer = request.send().await.unwrap();
        Answer { status: answer.status().as_u16(), body: answer.json().await.unwrap() }
    }

    /// A new draft, and what sends it to Bob.
    async fn draft(&self, subject: &str, text: &str) -> Value {
        let made = self.tool("CLAIRE", "create_draft", &json!({ "subject": subject, "text": text }), None).await;
        json!({ "draft": made.body["result"]["structuredContent"]["draft"], "to": ["bob@example.com"] })
    }

    async fn send(&self, mail: &Value, approval: Option<&str>) -> Answer {
        self.tool("CLAIRE", "send_email", mail, approval).await
    }

    /// What waits for the word of `who`.
    async fn waiting(&self, who: &str) -> Vec<Value> {
        let request = self.client.get(format!("{}/me/approvals", self.url())).bearer_auth(self.token(who));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn answer(&self, who: &str, ticket: &str, word: &str) -> u16 {
        let request = self.client.post(format!("{}/me/approvals", self.url())).bearer_auth(self.token(who));
        request.json(&json!({ "ticket": ticket, "word": word })).send().await.unwrap().status().as_u16()
    }

    /// What the agent learns of its question.
    async fn word(&self, ticket: &str) -> Value {
        let mut answer = self.tool("CLAIRE", "fetch_approval", &json!({ "ticket": ticket }), None).await;
        answer.body["result"]["structuredContent"].take()
    }

    async fn approval(&self, ticket: &str) -> String {
        self.word(ticket).await["approval"].as_str().unwrap().to_owned()
    }

    /// An approval of `mail`.
    async fn approved(&self, mail: &Value) -> String {
        let ticket = self.send(mail, None).await.ticket();
        assert_eq!(self.answer("ANN", &ticket, "approve").await, 204);
        self.approval(&ticket).await
    }

    /// Starts the agent.
    fn agent(&self) -> tokio::task::JoinHandle<Output> {
        let token = self.folder.join("claire");
        std::fs::write(&token, self.token("CLAIRE")).unwrap();
        let mut agent = program();
        agent.args(["agent", "--url", self.url(), "--token"]).arg(token);
        tokio::task::spawn_blocking(move || agent.output().unwrap())
    }

    /// Waits until Ann is asked something.
    async fn asked(&self) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let [question] = self.waiting("ANN").await.as_slice() {
                return question["ticket"].as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < end, "nobody asks");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        let mails = files.filter(|file| file.extension().is_some_and(|extension| extension == "eml"));
        mails.map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_assistant"))
}

#[track_caller]
fn said(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// All at once, as far as one thread goes.
async fn join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
