//! An agent that may send mail once its person has approved it: the person is a real browser.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::authorization_server::run_script;
use crate::eventually;
use crate::folder::Folder;
use crate::process::Process;
use crate::service::program;

#[tokio::test]
async fn an_agent_sends_the_mail_that_its_person_has_seen_and_approved_once() {
    let desk = Desk::start();
    let agent = desk.agent();
    let seen = desk.person(&["--word", "approve"]).await;
    let text = seen["card"]["text"].as_str().unwrap();
    assert_eq!(
        seen["card"],
        json!({
            "heading": "claire wants to send this mail for you",
            "From": "ann@example.com",
            "To": "bob@example.com",
            "Subject": "Our lunch",
            "Attachments": "none",
            "text": text,
        })
    );
    assert!(text.starts_with("Hi Bob,\n\nI look forward to our lunch."), "{text}");
    assert_eq!((&seen["end"], &seen["buttons"]), (&json!("Approved. It can be sent once."), &json!(0)));

    let said = agent.await.unwrap();
    assert!(said.contains("403: Ann has to approve it") && said.contains("200: sent\n"), "{said}");
    assert!(said.ends_with("tries it once more: 403, used\n"), "{said}");
    let mails = desk.mails();
    assert_eq!(mails.len(), 1);
    // To the letter what she saw.
    let (head, body) = mails[0].split_once("\n\n").unwrap();
    for field in ["X-RCPT TO:<bob@example.com>", "From: ann@example.com", "To: bob@example.com", "Subject: Our lunch"] {
        assert!(head.lines().any(|line| line == field), "{field} in {head}");
    }
    assert_eq!(body.trim_end(), text);
}

#[tokio::test]
async fn who_has_logged_in_long_ago_logs_in_again_to_approve() {
    let desk = Desk::start();
    let agent = desk.agent();
    let seen = desk.person_with(&["--word", "approve", "--stale", &desk.tokens["ANN_THIS_MORNING"]]).await;
    assert_eq!(seen["stale"], "It has been a while. Please sign in again.");
    assert_eq!(seen["end"], "Approved. It can be sent once.");
    // The browser notes each answer 4xx of its own accord: here the one that asked for the login, and no other.
    let [complaint] = seen["errors"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert!(complaint.as_str().unwrap().contains("401"), "{seen}");
    agent.await.unwrap();
    assert_eq!(desk.mails().len(), 1);
}

#[tokio::test]
async fn what_a_person_declines_is_not_sent() {
    let desk = Desk::start();
    let agent = desk.agent();
    let seen = desk.person(&["--word", "decline"]).await;
    assert_eq!((&seen["end"], &seen["buttons"]), (&json!("Declined. Nothing is sent."), &json!(0)));
    let said = agent.await.unwrap();
    assert!(said.ends_with("Ann has declined. Nothing is sent\n"), "{said}");
    assert_eq!(desk.mails(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_that_changes_before_the_eyes_of_its_person_can_no_longer_be_approved() {
    let desk = Desk::start();
    let mail = json!({ "subject": "<b>Lunch</b>", "text": "Hi <img src=x onerror=alert(1)>" });
    let draft = desk.tool("create_draft", &mail).await["result"]["structuredContent"]["draft"].take();
    let ask = json!({ "draft": draft, "to": ["bob@example.com"] });
    assert!(desk.tool("send_email", &ask).await["confirmation"]["ticket"].is_string());
    let edit = async {
        let shown = || async { desk.folder.join("waiting-light-wide.png").exists() };
        eventually(Duration::from_secs(60), &true, shown).await;
        let edit = json!({ "draft": draft, "subject": "<b>Lunch</b>", "text": "Hi, and send me money" });
        desk.tool("edit_draft", &edit).await
    };
    let (seen, _) = tokio::join!(desk.person(&[]), edit);
    // What an agent writes is text, whatever it looks like.
    assert_eq!((&seen["card"]["Subject"], &seen["card"]["text"]), (&mail["subject"], &mail["text"]));
    let end = "This has changed or ended. It can no longer be approved.";
    assert_eq!((&seen["end"], &seen["buttons"]), (&json!(end), &json!(0)));
    assert_eq!(desk.mails(), Vec::<String>::new());
}

/// The service with its page, and a mail server that keeps what it gets.
struct Desk {
    folder: Folder,
    _sink: Process,
    _service: Process,
    url: String,
    tokens: BTreeMap<String, String>,
}

impl Desk {
    fn start() -> Self {
        let folder = Folder::of_this_test();
        std::fs::create_dir(folder.join("mails")).unwrap();
        let mut sink = Command::new(program("assistant"));
        sink.args(["sink", "--listen", "127.0.0.1:0", "--into"]).arg(folder.join("mails"));
        let (sink, smtp) = Process::start(sink, folder.join("sink.log"), after("sink "));
        let mut service = Command::new(program("assistant"));
        service.args(["--demo", "--listen", "127.0.0.1:0", "--smtp", &smtp, "--tokens"]).arg(folder.join("tokens"));
        let (service, url) = Process::start(service, folder.join("service.log"), after("service "));
        let lines = std::fs::read_to_string(folder.join("tokens")).unwrap();
        let token = |line: &str| {
            let (name, rest) = line.split_once('=')?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        };
        let tokens = lines.lines().filter_map(token).collect();
        Self { folder, _sink: sink, _service: service, url, tokens }
    }

    /// Starts the agent: what it says until it ends.
    fn agent(&self) -> tokio::task::JoinHandle<String> {
        let token = self.folder.join("claire");
        std::fs::write(&token, &self.tokens["CLAIRE"]).unwrap();
        let mut agent = Command::new(program("assistant"));
        agent.args(["agent", "--url", &self.url, "--token"]).arg(token);
        tokio::task::spawn_blocking(move || {
            let Output { status, stdout, stderr } = agent.output().unwrap();
            assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
            String::from_utf8(stdout).unwrap()
        })
    }

    /// Ann, at the page: what she saw, without a complaint of her browser.
    async fn person(&self, options: &[&str]) -> Value {
        let seen = self.person_with(options).await;
        assert_eq!(seen["errors"], json!([]));
        seen
    }

    /// Ann, at the page: what she saw.
    async fn person_with(&self, options: &[&str]) -> Value {
        let folder: PathBuf = self.folder.join("");
        let options = [&["--url", &self.url, "--folder", folder.to_str().unwrap()], options].concat();
        run_script("approve.mjs", &options).await
    }

    /// What a tool answers the agent.
    async fn tool(&self, name: &str, arguments: &Value) -> Value {
        let params = json!({ "name": name, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = reqwest::Client::new().post(format!("{}/mcp", self.url)).bearer_auth(&self.tokens["CLAIRE"]);
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.join("mails")).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

fn after(announcement: &'static str) -> impl Fn(&str) -> Option<String> {
    move |line| line.strip_prefix(announcement).map(str::to_owned)
}
