//! A denial says the least that would lift it: what does it cost to find each kind of remedy?

use benches::{
    GUARDRAILS, Person, ROLES_FILE, SCHEMA_FILE, claims, extended, files, must, now, project, session, source,
};
use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_core::{Bundle, BundleSettings, Decision, Engine, Request};
use serde_json::Value;

fn deny(criterion: &mut Criterion) {
    let files = extended(files(1_000), SCHEMA_FILE, ACTIONS);
    let files =
        extended(extended(files, ROLES_FILE, ROLES), GUARDRAILS, RULES).with_file("consent/projects.cedar", CONSENT);
    let settings = BundleSettings::new(vec![source()]).with_required_file(GUARDRAILS).without_entities();
    let engine = Engine::new(must(Bundle::load(&files, settings)));
    let mut claims = claims(Person::Consented);
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("scope".to_owned(), Value::from("read:projects publish:projects:confirmed"));
        claims.insert("acr".to_owned(), Value::from("urn:acme:password"));
    }
    let (caller, project) = (session(&engine, &claims), project());
    let mut group = criterion.benchmark_group("deny");
    for (kind, action, remedy) in KINDS {
        match caller.decide(&Request::new(action, &project.clone(), now())) {
            Decision::Deny(denial) => assert_eq!(denial.remedy().map(ToString::to_string).as_deref(), remedy, "{kind}"),
            Decision::Allow(_) => must(Err(format!("{action} is allowed"))),
        }
        group.bench_function(kind, |bencher| benches::decide(bencher, &caller, action, &project));
    }
    group.finish();
}

/// What each denial is about: its action, and what would lift it.
const KINDS: [(&str, &str, Option<&str>); 7] = [
    ("no_remedy", "Purge", None),
    ("a_scope", "Rename", Some("scope write:projects")),
    ("a_class_of_login", "Export", Some("acr urn:acme:mfa")),
    ("a_fresh_login", "Share", Some("a login at most 10 s old")),
    ("a_bound_token", "Pay", Some("a token bound by dpop")),
    ("a_confirmation", "Publish", Some("the user's confirmation")),
    (
        "all_but_a_confirmation",
        "Transfer",
        Some("scope write:projects, acr urn:acme:mfa, a login at most 10 s old, a token bound by dpop"),
    ),
];

const ACTIONS: &str = r#"
@scope @conditional @doc("Publish a project, each time after you confirm it")
action "publish:projects:confirmed";

action "Purge", "Export", "Share", "Pay" in ["read:projects"]
  appliesTo { principal: [User], resource: [Project], context: Portcullis::Context };
action "Rename", "Transfer" in ["write:projects"]
  appliesTo { principal: [User], resource: [Project], context: Portcullis::Context };
action "Publish" in ["publish:projects:confirmed"]
  appliesTo { principal: [User], resource: [Project], context: Portcullis::Context };
"#;

const ROLES: &str = r#"
@id("purge") permit (principal in Role::"nobody", action == Action::"Purge", resource);
@id("editor-does-the-rest")
permit (
  principal in Role::"editor",
  action in [Action::"Export", Action::"Share", Action::"Pay", Action::"Rename", Action::"Transfer", Action::"Publish"],
  resource
);
"#;

const RULES: &str = r#"
@id("needs-mfa") @step_up("urn:acme:mfa")
forbid (principal, action in [Action::"Export", Action::"Transfer"], resource)
unless { context.auth has acr && context.auth.acr == "urn:acme:mfa" };

@id("needs-a-fresh-login") @max_age("10s")
forbid (principal, action in [Action::"Share", Action::"Transfer"], resource)
unless {
  context.auth has authenticated_at && context.now <= context.auth.authenticated_at.offset(duration("10s"))
};

@id("needs-a-bound-token") @require_binding("dpop")
forbid (principal, action in [Action::"Pay", Action::"Transfer"], resource)
when { context.auth.binding.isEmpty() };
"#;

const CONSENT: &str = r#"
@id("confirmed") @confirm("user")
permit (principal, action in Action::"publish:projects:confirmed", resource)
when { context.auth has approval && context.auth.approval.by == principal };
"#;

criterion_group! {
    name = benches;
    config = benches::brief();
    targets = deny
}
criterion_main!(benches);
