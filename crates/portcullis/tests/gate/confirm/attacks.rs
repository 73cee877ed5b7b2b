//! What an approval is worth for anything but what was approved: nothing.

use serde_json::{Value, json};

use super::{Draft, Post, ann, but, claire_for_ann, confirmation, to_bob};

/// A request with an approval of something.
struct Attempt {
    who: Value,
    draft: Draft,
    message: Value,
    approvals: Vec<String>,
    wait: i64,
}

impl Attempt {
    /// The request that was approved.
    fn honest(approval: &str) -> Self {
        Self {
            who: claire_for_ann(),
            draft: Draft::new(),
            message: to_bob(),
            approvals: vec![approval.to_owned()],
            wait: 0,
        }
    }

    async fn send(&self, post: &Post) -> Result<(), portcullis::Answer> {
        post.wait(self.wait);
        let approvals: Vec<&str> = self.approvals.iter().map(String::as_str).collect();
        post.send(&self.who, &self.draft, &self.message, &approvals).await.map(drop)
    }
}

#[tokio::test]
async fn what_a_person_approved_is_done_once() {
    let post = Post::new();
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[]).await.unwrap_err();
    assert_eq!(answer.status(), 403);
    let problem: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(problem["type"], "urn:problem-type:portcullis:confirmation-required");
    assert_eq!(problem["confirmation"]["expires_at"], "2026-01-01T00:21:40Z");
    assert_eq!(problem["confirmation"].get("rejected"), None);
    let ticket = problem["confirmation"]["ticket"].as_str().unwrap();
    assert_eq!(answer.ticket(), Some(ticket));
    let grpc = answer.grpc().unwrap();
    let info: std::collections::BTreeMap<_, _> = grpc.info().collect();
    assert_eq!((grpc.code() as i32, grpc.reason()), (7, "CONFIRMATION_REQUIRED"));
    assert_eq!((info["ticket"].as_str(), info["expires_at"].as_str()), (ticket, "2026-01-01T00:21:40Z"));
    assert!(!info.contains_key("rejected") && info.contains_key("decision"));
    let approval = post.approve(&ann(), ticket).await.unwrap();
    let permit = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[approval.text()]).await.unwrap();
    assert_eq!((permit.action(), permit.resource()), ("SendEmail", ("Draft", "hello")));
    // Replayed.
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[approval.text()]).await.unwrap_err();
    assert_eq!(answer.status(), 403);
    assert_eq!(confirmation(&answer)["rejected"], "used");
    assert!(answer.grpc().unwrap().info().any(|member| member == ("rejected", "used".to_owned())));
    // With another approval of the same ticket, too.
    let again = post.approve(&ann(), ticket).await.unwrap();
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[again.text()]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "used");
    // The ticket that comes with the refusal is a new one, and does.
    let next = post.approve(&ann(), answer.ticket().unwrap()).await.unwrap();
    post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[next.text()]).await.unwrap();
}

#[tokio::test]
async fn an_approval_counts_for_nothing_but_what_was_approved() {
    type Change = fn(&mut Attempt);
    let rows: &[(&str, &str, Change)] = &[
        ("other recipients", "other-arguments", |attempt| {
            attempt.draft.contacts = ["eve@example.com"];
            attempt.message["message"]["to"] = json!(["eve@example.com"]);
        }),
        ("the same recipient twice", "other-arguments", |attempt| {
            attempt.message["message"]["to"] = json!(["bob@example.com", "bob@example.com"]);
        }),
        ("an address that looks the same", "other-arguments", |attempt| {
            attempt.draft.contacts = ["b\u{43e}b@example.com"];
            attempt.message["message"]["to"] = json!(["b\u{43e}b@example.com"]);
        }),
        ("an edited draft", "other-version", |attempt| attempt.draft.version = Some(8)),
        ("the draft before its last edit", "other-version", |attempt| attempt.draft.version = Some(6)),
        ("another draft", "other-resource", |attempt| attempt.draft.id = "other"),
        ("another agent at the same client", "other-actor", |attempt| {
            attempt.who["act"]["sub"] = json!("carl");
        }),
        ("the same agent at another client", "other-client", |attempt| attempt.who["client_id"] = json!("other")),
        ("an agent that is the client, without an actor in the token", "other-actor", |attempt| {
            attempt.who = but(claire_for_ann(), &json!({ "act": null, "client_id": "carl" }));
        }),
        ("the person, with what the agent was approved", "other-actor", |attempt| attempt.who = ann()),
        ("another person with the same agent", "other-subject", |attempt| {
            attempt.who["sub"] = json!("bob");
            attempt.draft.owner = "bob";
        }),
        ("after its time", "expired", |attempt| attempt.wait = 300),
        ("two approvals at once", "malformed", |attempt| attempt.approvals.push(attempt.approvals[0].clone())),
        ("cut short", "malformed", |attempt| attempt.approvals[0].truncate(400)),
        ("with white space", "malformed", |attempt| attempt.approvals[0].insert(9, ' ')),
        ("no approval at all", "malformed", |attempt| attempt.approvals[0] = "yes".to_owned()),
        ("empty", "malformed", |attempt| attempt.approvals[0].clear()),
    ];
    for (name, rejected, change) in rows {
        let post = post_of_assistants();
        let approval = post.approved(&Draft::new(), &to_bob()).await;
        let mut attempt = Attempt::honest(&approval);
        change(&mut attempt);
        let answer = attempt.send(&post).await.unwrap_err();
        assert_eq!(answer.status(), 403, "{name}");
        assert_eq!(confirmation(&answer)["rejected"], *rejected, "{name}: {}", answer.body());
        // It was not used up by that.
        if attempt.wait == 0 {
            let honest = Attempt::honest(&approval).send(&post).await;
            honest.unwrap_or_else(|answer| panic!("{name}: {}", answer.body()));
        }
    }
}

/// All agents of the attacks are assistants, so that nothing but the approval is in their way.
fn post_of_assistants() -> Post {
    let ceilings = r#"
        @id("send") permit (principal, action == Action::"SendEmail", resource);
        @id("never-another-persons") forbid (principal is Agent, action == Action::"SendEmail", resource)
        unless { context.auth has user && resource.owner == context.auth.user };
    "#;
    Post::with(|files| files.with_file("ceilings/agents.cedar", ceilings), |gate| gate)
}

#[tokio::test]
async fn an_approval_of_one_action_is_none_of_another() {
    let schema = super::files().get("schema.cedarschema").unwrap().to_owned();
    let forward = r#"
        @http("POST /drafts/{draft}/forward") @deferred("only the handler knows what is sent to whom")
        action "ForwardEmail" in ["send:email:requires-confirmation"] appliesTo {
          principal: [User, Agent], resource: [Draft],
          context: { auth: Portcullis::Auth, now: datetime, message: { to: Set<String>, attachments: Long } }
        };
    "#;
    let everything = r#"@id("all") permit (principal, action, resource);"#;
    let none = r#"@id("none") forbid (principal, action == Action::"GetEvent", resource);"#;
    let change = |files: portcullis::BundleFiles| {
        files
            .with_file("schema.cedarschema", schema + forward)
            .with_file("roles/own.cedar", everything)
            .with_file("ceilings/agents.cedar", everything.replace("all", "all-agents") + none)
    };
    let post = Post::with(change, |gate| gate);
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let route = ("POST", "/drafts/{draft}/forward", &["hello"]);
    let admission = post.request(route.0, route.1, route.2, &claire_for_ann(), &[&approval]).await.unwrap();
    let answer = admission.check_with(&Draft::new(), &to_bob()).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "other-action");
}

#[tokio::test]
async fn a_ticket_a_token_and_another_services_approval_are_no_approvals() {
    let post = Post::new();
    let ticket = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    let foreign = {
        let other = post.sibling(|files| files, |gate| gate.approvals(super::approvals(b'o')));
        other.approved(&Draft::new(), &to_bob()).await
    };
    let token = post.issuer.sign(&json!({ "sub": "ann", "iss": post.issuer.identifier() }));
    let approval = post.approve(&ann(), &ticket).await.unwrap().text().to_owned();
    let parts: Vec<&str> = approval.split('.').collect();
    let header = ticket.split('.').next().unwrap();
    for (name, text) in [
        ("the ticket", ticket.clone()),
        ("another key", foreign),
        ("a token", token),
        ("the payload of an approval under the header of a ticket", format!("{header}.{}.{}", parts[1], parts[2])),
        ("without signature", format!("{}.{}.", parts[0], parts[1])),
        ("unsigned", format!("eyJhbGciOiJub25lIn0.{}.", parts[1])),
        ("four parts", format!("{approval}.{}", parts[2])),
        ("far too long", "a".repeat(100_000)),
    ] {
        let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&text]).await.unwrap_err();
        assert_eq!(confirmation(&answer)["rejected"], "malformed", "{name}: {}", answer.body());
    }
    post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_has_changed_is_the_one_that_decides() {
    let post = Post::new();
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let stop = r#"@id("stop") forbid (principal, action == Action::"SendEmail", resource);"#;
    let stopped = post.sibling(|files| files.with_file("guardrails/mail.cedar", stop), |gate| gate);
    let answer = stopped.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), answer.ticket()), (403, None), "{}", answer.body());
    assert!(answer.body().contains("portcullis:denied"), "{}", answer.body());
    // Nor does an approval stand in for a scope, a ceiling or a login.
    for (name, who, message) in [
        ("no scope", but(claire_for_ann(), &json!({ "scope": "" })), to_bob()),
        ("an attachment", claire_for_ann(), json!({ "message": { "to": ["bob@example.com"], "attachments": 1 } })),
        ("a stranger", claire_for_ann(), json!({ "message": { "to": ["new@example.com"], "attachments": 0 } })),
    ] {
        let answer = post.send(&who, &Draft::new(), &message, &[&approval]).await.unwrap_err();
        assert_eq!(answer.ticket(), None, "{name}: {}", answer.body());
    }
    // It was not used up by that.
    post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap();
}

#[tokio::test]
async fn an_approval_that_nobody_needs_harms_nobody() {
    let post = Post::new();
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let free = but(claire_for_ann(), &json!({ "scope": "send:email" }));
    for text in [&approval[..], &approval, "nonsense"] {
        post.send(&free, &Draft::new(), &to_bob(), &[text]).await.unwrap();
    }
    // It counted for the first of them.
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "used");
}

#[tokio::test]
async fn arguments_that_two_readers_could_take_for_different_ones_are_a_defect() {
    let post = Post::new();
    for attachments in [9_007_199_254_740_992_i64, 9_007_199_254_740_993, i64::MAX, -9_007_199_254_740_992] {
        let message = json!({ "message": { "to": ["bob@example.com"], "attachments": attachments } });
        for who in [claire_for_ann(), ann(), but(claire_for_ann(), &json!({ "sub": "bob" }))] {
            let answer = post.send(&who, &Draft::new(), &message, &[]).await.unwrap_err();
            assert_eq!(answer.status(), 500, "{attachments} {who}");
        }
    }
    let message = json!({ "message": { "to": ["bob@example.com"], "attachments": 9_007_199_254_740_991_i64 } });
    let answer = post.send(&ann(), &Draft::new(), &message, &[]).await.unwrap_err();
    assert!(answer.ticket().is_some());
    // The order of members and the way in which a string was escaped say nothing; how it is composed does.
    let escaped: Value =
        serde_json::from_str(r#"{ "message": { "attachments": 0, "to": ["\u0062ob@example.com"] } }"#).unwrap();
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    post.send(&claire_for_ann(), &Draft::new(), &escaped, &[&approval]).await.unwrap();
    let drafts = ["j\u{f6}rg@example.com", "jo\u{308}rg@example.com"];
    let draft = |address| Draft { contacts: [address], ..Draft::new() };
    let message = |address| json!({ "message": { "to": [address], "attachments": 0 } });
    let approval = post.approved(&draft(drafts[0]), &message(drafts[0])).await;
    let answer = post.send(&claire_for_ann(), &draft(drafts[1]), &message(drafts[1]), &[&approval]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "other-arguments");
}
