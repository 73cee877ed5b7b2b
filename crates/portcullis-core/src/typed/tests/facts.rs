use cedar_policy::Context;
use serde::Serialize;
use serde_json::{Value, json};

use super::types;
use crate::{Facts, FactsError, ValueProblem};

#[derive(Serialize)]
struct Payment {
    amount: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    window: Option<()>,
}

fn names(facts: &Facts, action: &str) -> Result<String, FactsError> {
    let pairs = facts.expressions(&types(), action)?;
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.clone()).collect();
    Context::from_pairs(pairs).unwrap();
    Ok(names.join(" "))
}

#[track_caller]
fn assert_refused(action: &str, facts: &Value, path: &str, problem: ValueProblem) {
    let error = names(&Facts::from_json(facts).unwrap(), action).unwrap_err();
    assert_eq!(error, FactsError::Fact { action: action.to_owned(), path: path.to_owned(), problem });
}

#[test]
fn facts_reach_the_context_with_their_types() {
    let facts = Facts::of(&Payment { amount: 1, note: Some("x".into()), window: None }).unwrap();
    assert_eq!(names(&facts, "PayDoc").unwrap(), "amount note");
    let facts = Facts::of(&Payment { amount: 1, note: None, window: None }).unwrap();
    assert_eq!(names(&facts, "PayDoc").unwrap(), "amount");
    assert_eq!(names(&Facts::none(), "GetDoc").unwrap(), "");
}

#[test]
fn every_declared_fact_must_appear_and_no_other() {
    let window = json!({ "from": "2026-01-01T00:00:00Z" });
    assert_refused("PayDoc", &json!({ "note": null, "window": null }), "amount", ValueProblem::NeverSerialised);
    assert_refused("PayDoc", &json!({ "amount": 1, "window": window }), "note", ValueProblem::NeverSerialised);
    assert_refused("PayDoc", &json!({ "amount": null, "note": null, "window": null }), "amount", ValueProblem::Absent);
    let misspelt = json!({ "amount": 1, "note": null, "window": null, "nota": 1 });
    assert_refused("PayDoc", &misspelt, "nota", ValueProblem::Undeclared);
    let inner = json!({ "amount": 1, "note": null, "window": { "from": "2026-01-01T00:00:00Z", "to": 1 } });
    assert_refused("PayDoc", &inner, "window.to", ValueProblem::Undeclared);
    let error = names(&Facts::none(), "PayDoc").unwrap_err();
    assert_eq!(
        error.to_string(),
        "fact `amount` of `PayDoc` was never serialised: emit it, with `None` or `skip_field` when it is absent"
    );
}

#[test]
fn what_the_engine_supplies_cannot_come_from_the_application() {
    assert_refused("GetDoc", &json!({ "auth": {} }), "auth", ValueProblem::Undeclared);
    assert_refused("GetDoc", &json!({ "now": "2026-01-01T00:00:00Z" }), "now", ValueProblem::Undeclared);
}

#[test]
fn facts_for_an_unknown_action_are_refused() {
    let error = names(&Facts::none(), "Nothing").unwrap_err();
    assert_eq!(error, FactsError::UnknownAction { action: "Nothing".to_owned() });
}
