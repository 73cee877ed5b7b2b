//! Signing in without an authorization server, to try this out. Whoever can reach a service with it can be anybody there.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use portcullis::SystemClock;
use portcullis_axum::Clock as _;
use projects_data::Demo;
use serde_json::{Value, json};

/// Lines for a shell: a variable with the URL, and one for each token that tests and readers use.
pub(crate) fn variables(demo: &Demo, url: &str) -> String {
    let agent = |person: &str, name: &str, scope: &str| {
        let act = json!({ "sub": name, "sub_profile": "ai_agent" });
        demo.token(json!({ "sub": person, "client_id": name, "scope": scope, "act": act }))
    };
    let asking = "read:calendar:next-7-days write:drafts send:email:requires-confirmation";
    let reach = "approve:actions write:drafts send:email:requires-confirmation";
    [
        ("URL", url.to_owned(), "the service"),
        ("CLAIRE", agent("ann", "claire", asking), "the assistant, for Ann"),
        ("CLAIRE_REACHING", agent("ann", "claire", reach), "the same with a scope that it should not have"),
        ("PEEK", agent("ann", "peek", asking), "another agent of Ann, which only reads calendars"),
        ("CLAIRE_FOR_BOB", agent("bob", "claire", asking), "the assistant, for Bob"),
        ("ANN", person(demo, "ann", 0), "Ann herself, who has just logged in"),
        ("ANN_THIS_MORNING", person(demo, "ann", 3 * 3_600), "Ann, who logged in three hours ago"),
        ("BOB", person(demo, "bob", 0), "Bob himself"),
    ]
    .map(|(name, value, who)| format!("{name}={value} # {who}\n"))
    .concat()
}

/// A token of a person at the client `web`, who logged in so many seconds ago.
fn person(demo: &Demo, name: &str, ago: i64) -> String {
    let now = SystemClock.now().as_secs();
    let scope = "approve:actions read:calendar send:email:requires-confirmation";
    demo.token(json!({ "sub": name, "client_id": "web", "scope": scope, "iat": now, "exp": now + 3_600, "auth_time": now - ago }))
}

/// `POST /demo/sign-in`: Ann's token for the page.
pub(crate) fn sign_in(demo: Arc<Demo>) -> Router {
    Router::new().route("/demo/sign-in", post(ann)).with_state(demo)
}

async fn ann(State(demo): State<Arc<Demo>>) -> Json<Value> {
    Json(json!({ "access_token": person(&demo, "ann", 0), "token_type": "Bearer" }))
}
