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

#[track_caller]
fn canonical(facts: &Value) -> String {
    Facts::from_json(facts).unwrap().canonical().unwrap()
}

#[test]
fn canonical_facts_are_what_rfc_8785_says() {
    // §3.2.3: sorted by UTF-16 code units, in which a character beyond the basic plane comes before U+FB33.
    let sorted = json!({
        "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
    });
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"Latin Small Letter O With \
                    Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter \
                    Dalet With Dagesh\"}";
    assert_eq!(canonical(&sorted), expected);
    // §3.2.2: the sample, without its floating-point numbers, which no facts have.
    let sample: Value = serde_json::from_str(
        r#"{ "numbers": [333, 0, -1], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [true, false] }"#,
    )
    .unwrap();
    let expected = r#"{"literals":[true,false],"numbers":[333,0,-1],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(&sample), expected);
    // §3.2.2.2: the escapes.
    let controls: String = (0..0x20_u8).map(char::from).chain(['\u{7f}', '\u{2028}']).collect();
    let expected = "\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\\u0012\
                    \\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f\u{7f}\u{2028}";
    assert_eq!(canonical(&json!({ "c": controls })), format!("{{\"c\":\"{expected}\"}}"));
}

#[test]
fn canonical_facts_tell_apart_what_differs_and_nothing_else() {
    let note = |note| Facts::of(&Payment { amount: 1, note, window: None }).unwrap().canonical().unwrap();
    assert_eq!(note(None), canonical(&json!({ "window": null, "amount": 1 })));
    assert_ne!(note(None), note(Some(String::new())));
    // Nothing is normalised: who confirms one spelling has not confirmed the other.
    assert_ne!(note(Some("\u{e9}".into())), note(Some("e\u{301}".into())));
    assert_ne!(canonical(&json!({ "to": ["a", "b"] })), canonical(&json!({ "to": ["b", "a"] })));
    assert_ne!(canonical(&json!({ "n": 1 })), canonical(&json!({ "n": "1" })));
    assert_eq!(Facts::none().canonical().unwrap(), canonical(&json!({})));
}

#[test]
fn a_number_that_readers_of_json_could_mistake_is_refused() {
    const LARGEST: i64 = 9_007_199_254_740_991;
    let of = |amount: i64| Facts::from_json(&json!({ "list": [{ "amount": amount }] })).unwrap().canonical();
    for amount in [LARGEST, -LARGEST, 0] {
        assert_eq!(of(amount).unwrap(), format!("{{\"list\":[{{\"amount\":{amount}}}]}}"));
    }
    for amount in [LARGEST + 1, LARGEST + 2, -LARGEST - 1, i64::MAX, i64::MIN] {
        let expected =
            FactsError::Unusable { path: "list[0].amount".to_owned(), problem: ValueProblem::NotInteroperable };
        assert_eq!(of(amount).unwrap_err(), expected, "{amount}");
    }
}

#[test]
fn a_fact_with_two_values_has_no_canonical_form() {
    struct Twice;
    impl Serialize for Twice {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap as _;
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("a", &1)?;
            map.serialize_entry("b", &1)?;
            map.serialize_entry("a", &2)?;
            map.end()
        }
    }
    let expected = FactsError::Unusable { path: "a".to_owned(), problem: ValueProblem::Twice };
    assert_eq!(Facts::of(&Twice).unwrap().canonical().unwrap_err(), expected);
}
