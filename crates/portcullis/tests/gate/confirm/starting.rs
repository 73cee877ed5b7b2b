//! When there is no gate, and what a handler must not do.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use portcullis::{BundleFiles, GateBuilder, GateError};
use portcullis_testkit::TestIssuer;
use serde_json::json;

use crate::library::{Book, Library};
use crate::service::{Noon, Service};

use super::{Draft, NOW, Post, ann, approvals, build, claire_for_ann, files, to_bob};

fn start(
    change: impl FnOnce(BundleFiles) -> BundleFiles,
    options: impl FnOnce(GateBuilder) -> GateBuilder,
) -> Option<GateError> {
    let issuer = TestIssuer::new("https://issuer.example.com");
    build(&issuer, &Arc::new(AtomicI64::new(NOW)), change, options).err()
}

#[test]
fn a_bundle_that_waits_for_people_needs_people_who_can_approve() {
    assert_eq!(start(|files| files, |gate| gate), Some(GateError::NoApprovals { action: "SendEmail".to_owned() }));
    assert_eq!(start(|files| files, |gate| gate.approvals(approvals(b'k'))), None);
    let unknown = |gate: GateBuilder| gate.approvals(approvals(b'k').with_scope("approve:everything"));
    assert_eq!(
        start(|files| files, unknown),
        Some(GateError::ApprovalScope { scope: "approve:everything".to_owned() })
    );
    // Its condition would not be asked for.
    let conditional = |gate: GateBuilder| gate.approvals(approvals(b'k').with_scope("read:calendar:next-7-days"));
    let error = GateError::ApprovalScope { scope: "read:calendar:next-7-days".to_owned() };
    assert_eq!(start(|files| files, conditional), Some(error));
}

#[test]
fn what_waits_for_people_is_decided_in_the_handler() {
    let schema = files().get("schema.cedarschema").unwrap().to_owned();
    let early = r#"
        @http("POST /me/panic") @resource("User::{@subject}")
        action "Panic" in ["send:email:requires-confirmation"] appliesTo {
          principal: [User], resource: [User], context: Portcullis::Context
        };
    "#;
    let change = |files: BundleFiles| files.with_file("schema.cedarschema", schema + early);
    let error = start(change, |gate| gate.approvals(approvals(b'k'))).unwrap();
    assert_eq!(error, GateError::ConfirmedBeforeHandler { action: "Panic".to_owned() });
    assert!(error.to_string().contains("@deferred"), "{error}");
}

#[tokio::test]
async fn an_action_that_may_be_confirmed_is_decided_with_its_arguments_whoever_asks() {
    let post = Post::new();
    let free = super::but(claire_for_ann(), &json!({ "scope": "send:email" }));
    for who in [claire_for_ann(), ann(), free] {
        let admission = post.open(&who, &[]).await.unwrap();
        assert_eq!(admission.check(&Draft::new()).unwrap_err().status(), 500);
        assert_eq!(admission.check_as("SendEmail", &Draft::new()).unwrap_err().status(), 500);
        assert_eq!(admission.conclude(http::StatusCode::OK).unwrap().status(), 500);
    }
}

#[tokio::test]
async fn an_action_without_arguments_is_no_exception() {
    let library = Library::new(Noon, |gate| gate);
    let admission = library.open("POST /rpc", &json!({})).await.unwrap();
    assert_eq!(admission.check_as("LendBook", &Book::new("a")).unwrap_err().status(), 500);
    let answer = admission.check_as_with("LendBook", &Book::new("a"), &()).await.unwrap_err();
    assert!(answer.status() == 403 && answer.ticket().is_some(), "{}", answer.body());
}

#[tokio::test]
async fn a_resource_without_version_is_a_defect_whoever_asks() {
    let post = Post::new();
    let draft = Draft { version: None, ..Draft::new() };
    let free = super::but(claire_for_ann(), &json!({ "scope": "send:email" }));
    let bob = super::but(claire_for_ann(), &json!({ "sub": "bob" }));
    for who in [claire_for_ann(), ann(), free, bob] {
        assert_eq!(post.send(&who, &draft, &to_bob(), &[]).await.unwrap_err().status(), 500, "{who}");
    }
}

#[tokio::test]
async fn a_gate_without_approvals_reads_no_tickets() {
    let library = Service::new(|gate| gate);
    let admission = library.open(&json!({})).await.unwrap();
    assert_eq!(admission.ticket("any").unwrap_err().status(), 500);
}

#[test]
fn settings_under_which_an_approval_could_be_used_twice_or_by_nobody_do_not_start() {
    let text = files().get("portcullis.toml").unwrap().to_owned();
    let load = |old: &str, new: &str| {
        assert!(text.contains(old));
        portcullis::load(&files().with_file("portcullis.toml", text.replace(old, new)))
    };
    let (replay, key) = ("replay = \"one-replica\"", "key = { env = \"APPROVAL_KEY\" }");
    for (old, new, said) in [
        (replay, "replay = \"each-replica\"", "would let one approval be used once at each of them"),
        (replay, "", "missing field `replay`"),
        (key, "key = \"0123456789abcdef0123456789abcdef\"", "a secret never stands in the settings"),
        (key, "", "missing field `key`"),
        ("\nclients = [\"web\"]", "\nclients = []", "there is no client by which people approve"),
        ("\nclients = [\"web\"]", "\n", "missing field `clients`"),
        (replay, "replay = \"shared\"\nticket_lifetime = \"5s\"", "cannot live for 5s"),
        (replay, "replay = \"shared\"\napproval_lifetime = \"2d\"", "cannot live for"),
        (replay, "replay = \"shared\"\nscope = \"send:mail\"", "has the scope `send:mail`"),
        (replay, "replay = \"shared\"\nscopes = \"send:mail\"", "unknown key `scopes`"),
        ("[approval]", "[approvals]", "nobody can approve: add `[approval]`"),
    ] {
        let error = load(old, new).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("0123456789"), "{new}: {error}");
    }
    // The key is read, and the store needed, when a gate is built.
    let missing =
        load(key, "key = { env = \"PORTCULLIS_TEST_NO_SUCH_VARIABLE\" }").unwrap().gate().build().unwrap_err();
    assert!(missing.to_string().contains("PORTCULLIS_TEST_NO_SUCH_VARIABLE"), "{missing}");
    let short = load(key, "key = { file = \"/etc/hostname\" }").unwrap().gate().build().unwrap_err();
    assert!(short.to_string().contains("can be guessed"), "{short}");
    let file = std::env::temp_dir().join(format!("portcullis-approval-{}.key", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let settings = text.replace(replay, "replay = \"shared\"").replace(key, &format!("key = {{ file = {file:?} }}"));
    let shared = portcullis::load(&files().with_file("portcullis.toml", settings)).unwrap().gate().build();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(shared.unwrap_err(), GateError::NoSharedApprovals);
}
