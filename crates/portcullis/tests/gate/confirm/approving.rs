//! Who can approve, and what they see of it.

use serde_json::{Value, json};

use super::{Draft, Post, ann, but, claire_for_ann, to_bob};

#[tokio::test]
async fn only_the_person_approves_by_a_client_for_it_after_a_fresh_login() {
    // The gate of these tests lists the agent's client among those that approve, which is a mistake. It helps nobody.
    let rows = [
        ("the person", json!({}), 200, None),
        ("with a login that is just young enough", json!({ "auth_time": "now-300" }), 200, None),
        ("another person", json!({ "sub": "bob" }), 403, None),
        ("the agent itself", json!({ "sub": "claire", "client_id": "claire" }), 403, None),
        ("the agent, with the person's token from the agent's own client", json!({ "client_id": "claire" }), 403, None),
        ("the agent, for the person", json!({ "act": { "sub": "claire", "sub_profile": "ai_agent" } }), 403, None),
        ("another agent, for the person", json!({ "act": { "sub": "peek", "sub_profile": "ai_agent" } }), 403, None),
        ("a client of people that is not for it", json!({ "client_id": "mobile" }), 403, None),
        ("a client that nobody has looked at", json!({ "client_id": "unheard-of" }), 403, None),
        ("no client", json!({ "client_id": null }), 401, None),
        ("a login that is too old", json!({ "auth_time": "now-301" }), 401, Some("max_age=\"300\"")),
        ("no login that is known", json!({ "auth_time": null }), 401, Some("max_age=\"300\"")),
        ("a login of tomorrow", json!({ "auth_time": "now+86400" }), 401, Some("max_age=\"300\"")),
    ];
    // On the route for it, whose policies keep agents out; and on one to which policies let everybody come.
    let open = r#"@id("all") permit (principal, action, resource);
        @id("none") forbid (principal, action == Action::"GetEvent", resource);"#;
    let post = Post::with(|files| files.with_file("ceilings/agents.cedar", open), |gate| gate);
    let routes = [("/me/approvals", Post::new()), ("/drafts/{draft}/send", post)];
    for ((name, change, status, challenge), (route, post)) in
        rows.iter().flat_map(|row| routes.iter().map(move |route| (row, route)))
    {
        let ticket = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
        let who = but(ann(), &timed(change));
        let values: &[&str] = if route.contains('{') { &["hello"] } else { &[] };
        let approve = |admission: portcullis::Admission| admission.approve(&admission.ticket(&ticket)?);
        let (status, challenge) = (*status, *challenge);
        match post.request("POST", route, values, &who, &[]).await.and_then(approve) {
            Ok(approval) => {
                assert_eq!(status, 200, "{name}");
                assert_eq!(approval.expires().as_secs(), super::NOW + 300);
            }
            Err(answer) => {
                assert_eq!(answer.status(), status, "{name}: {}", answer.body());
                let said = answer.headers().get("www-authenticate").map(|said| said.to_str().unwrap().to_owned());
                if let Some(challenge) = challenge {
                    let said = said.unwrap();
                    assert!(
                        said.contains("insufficient_user_authentication") && said.contains(challenge),
                        "{name}: {said}"
                    );
                }
                assert!(!answer.body().contains("SendEmail"), "{name}");
            }
        }
    }
}

/// `now-60` as a time.
fn timed(change: &Value) -> Value {
    let mut change = change.clone();
    if let Some(time) = change["auth_time"].as_str() {
        change["auth_time"] = (super::NOW + time.strip_prefix("now").unwrap().parse::<i64>().unwrap()).into();
    }
    change
}

#[tokio::test]
async fn the_clients_that_approve_are_those_of_the_settings_and_never_the_one_that_asked() {
    // Without agents in the schema's issuer, a client is only what the list says.
    let post = Post::new();
    // The person asks by the client that approves: nobody is between them, and still another one must confirm.
    let ticket = post.ticket(&ann(), &Draft::new(), &to_bob()).await;
    assert_eq!(post.approve(&ann(), &ticket).await.unwrap_err().status(), 403);
    // By another client of theirs they can.
    let mobile = but(ann(), &json!({ "client_id": "mobile" }));
    let ticket = post.ticket(&mobile, &Draft::new(), &to_bob()).await;
    let approval = post.approve(&ann(), &ticket).await.unwrap();
    post.send(&mobile, &Draft::new(), &to_bob(), &[approval.text()]).await.unwrap();
    // An actor that has the name of the client that approves is that client.
    let web_for_ann = but(claire_for_ann(), &json!({ "act": { "sub": "web", "sub_profile": "ai_agent" } }));
    let ceilings = r#"@id("send") permit (principal, action == Action::"SendEmail", resource);
        @id("see") forbid (principal, action == Action::"GetEvent", resource);"#;
    let post = Post::with(|files| files.with_file("ceilings/agents.cedar", ceilings), |gate| gate);
    let ticket = post.ticket(&web_for_ann, &Draft::new(), &to_bob()).await;
    assert_eq!(post.approve(&ann(), &ticket).await.unwrap_err().status(), 403);
}

#[tokio::test]
async fn without_the_scope_for_it_nobody_approves_whatever_the_route_needs() {
    let post = Post::new();
    let ticket = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    // By a route that anybody with another scope may use.
    let who = but(ann(), &json!({ "scope": "send:email" }));
    let admission = post.request("POST", "/drafts/{draft}/send", &["hello"], &who, &[]).await.unwrap();
    let answer = admission.approve(&admission.ticket(&ticket).unwrap()).unwrap_err();
    assert_eq!(answer.status(), 403);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"approve:actions\""), "{challenge}");
    // Both at once, where both are missing.
    let who = but(ann(), &json!({ "scope": "send:email", "auth_time": null }));
    let admission = post.request("POST", "/drafts/{draft}/send", &["hello"], &who, &[]).await.unwrap();
    let answer = admission.approve(&admission.ticket(&ticket).unwrap()).unwrap_err();
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("max_age=\"300\"") && challenge.contains("scope=\"approve:actions\""), "{challenge}");
}

#[tokio::test]
async fn a_page_shows_what_the_ticket_covers() {
    let post = Post::new();
    let text = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    let admission = post.request("GET", "/me/approvals", &[], &ann(), &[]).await.unwrap();
    let ticket = admission.ticket(&text).unwrap();
    assert_eq!((ticket.action(), ticket.resource(), ticket.version()), ("SendEmail", ("Draft", "hello"), "7"));
    assert_eq!((ticket.subject(), ticket.actor(), ticket.client()), ("ann", Some("claire"), Some("claire")));
    assert_eq!((ticket.text(), ticket.expires().as_secs()), (text.as_str(), super::NOW + 900));
    assert!(ticket.covers(&Draft::new(), &to_bob()));
    let edited = Draft { version: Some(8), ..Draft::new() };
    let unversioned = Draft { version: None, ..Draft::new() };
    let other = Draft { id: "other", ..Draft::new() };
    let more = json!({ "message": { "to": ["bob@example.com"], "attachments": 1 } });
    for covered in [
        ticket.covers(&edited, &to_bob()),
        ticket.covers(&unversioned, &to_bob()),
        ticket.covers(&other, &to_bob()),
        ticket.covers(&Draft::new(), &more),
        ticket.covers(&Draft::new(), &json!({})),
        ticket.covers(&Draft::new(), &json!({ "message": 1.5 })),
    ] {
        assert!(!covered);
    }
    // Nobody else sees it, nor approves what somebody else has seen.
    let bob = but(ann(), &json!({ "sub": "bob" }));
    let admission = post.request("GET", "/me/approvals", &[], &bob, &[]).await.unwrap();
    assert_eq!(admission.ticket(&text).unwrap_err().status(), 403);
    assert_eq!(admission.approve(&ticket).unwrap_err().status(), 403);
}

#[tokio::test]
async fn what_is_no_ticket_or_over_is_said_to_be() {
    let post = Post::new();
    let text = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    let approval = post.approve(&ann(), &text).await.unwrap().text().to_owned();
    let parts: Vec<&str> = text.split('.').collect();
    for (name, text) in [
        ("nothing", String::new()),
        ("an approval", approval),
        ("a letter more", format!("{text}A")),
        ("without signature", format!("{}.{}.", parts[0], parts[1])),
        ("too long", "a".repeat(100_000)),
    ] {
        let answer = post.approve(&ann(), &text).await.unwrap_err();
        assert_eq!(answer.status(), 400, "{name}");
        assert!(answer.body().contains("invalid-ticket"), "{name}: {}", answer.body());
    }
    // A page was open for long.
    let admission = post.request("POST", "/me/approvals", &[], &ann(), &[]).await.unwrap();
    admission.ticket(&text).unwrap();
    post.wait(900);
    let fresh = but(ann(), &json!({ "auth_time": super::NOW + 890 }));
    let answer = post.approve(&fresh, &text).await.unwrap_err();
    assert!(answer.status() == 400 && answer.body().contains("expired"), "{}", answer.body());
}

#[tokio::test]
async fn an_approval_ends_with_its_ticket() {
    let post = Post::new();
    let ticket = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    post.wait(890);
    let fresh = but(ann(), &json!({ "auth_time": super::NOW + 880 }));
    let approval = post.approve(&fresh, &ticket).await.unwrap();
    assert_eq!(approval.expires().as_secs(), super::NOW + 900);
    post.wait(10);
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[approval.text()]).await.unwrap_err();
    assert_eq!(super::confirmation(&answer)["rejected"], "expired");
}
