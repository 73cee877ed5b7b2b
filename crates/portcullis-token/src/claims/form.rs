//! The JSON types of claims. A claim of the wrong type is an error and never counts as absent: `"cnf": null` must not
//! turn a bound token into a bearer token.

use portcullis_core::UnixTime;
use serde_json::{Map, Number, Value};

use crate::error::TokenError;

/// Checks the form of every claim that anything in Portcullis reads. Claims not listed are ignored (RFC 7519 §4).
pub(super) fn check(claims: &Map<String, Value>) -> Result<(), TokenError> {
    for (claim, expected, holds) in FORMS {
        if claims.get(claim).is_some_and(|value| !holds(value)) {
            return Err(TokenError::InvalidClaim { claim, expected });
        }
    }
    NumericDate::of(claims, "auth_time")?;
    Ok(())
}

/// A point in time as a token carries it: seconds, perhaps with a fraction (RFC 7519 §2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NumericDate {
    floor: UnixTime,
    ceil: UnixTime,
}

impl NumericDate {
    /// Reads `claim`; `None` if it is absent.
    pub(crate) fn of(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Self>, TokenError> {
        let invalid =
            TokenError::InvalidClaim { claim, expected: "a number of seconds between the years 1970 and 9999" };
        match claims.get(claim) {
            None => Ok(None),
            Some(Value::Number(number)) => Self::new(number).map(Some).ok_or(invalid),
            Some(_) => Err(invalid),
        }
    }

    fn new(number: &Number) -> Option<Self> {
        if let Some(secs) = number.as_i64() {
            return UnixTime::from_secs(secs).map(|time| Self { floor: time, ceil: time });
        }
        let secs = number.as_f64()?;
        Some(Self { floor: whole(secs.floor())?, ceil: whole(secs.ceil())? })
    }

    /// The second in which it lies.
    pub(crate) fn floor(self) -> UnixTime {
        self.floor
    }

    /// The first whole second that is not before it.
    pub(crate) fn ceil(self) -> UnixTime {
        self.ceil
    }
}

/// A whole `secs`. Negative ones are refused before the conversion, which would be exact up to 2^53 and saturates
/// above: far outside the range of times either way.
fn whole(secs: f64) -> Option<UnixTime> {
    if secs.is_sign_negative() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and the range is checked afterwards")]
    UnixTime::from_secs(secs as i64)
}

fn is_object(value: &Value) -> bool {
    value.is_object()
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn is_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
}

/// RFC 6749 §3.3: scope tokens of visible ASCII without `"` and `\`, separated by single spaces. The empty string is
/// the empty set.
fn is_scope(value: &Value) -> bool {
    let is_scope_octet = |octet: u8| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    value.as_str().is_some_and(|scope| {
        scope.is_empty() || scope.split(' ').all(|token| !token.is_empty() && token.bytes().all(is_scope_octet))
    })
}

/// RFC 9068 §2.2.3.1 points to SCIM: names, or objects with the name in `value` (RFC 7643 §4.1.2).
fn is_scim_list(value: &Value) -> bool {
    let is_entry = |entry: &Value| entry.is_string() || entry.get("value").is_some_and(Value::is_string);
    value.as_array().is_some_and(|entries| entries.iter().all(is_entry))
}

/// RFC 8693 §4.1: each actor is an object, and so is the one before it. The JSON depth limit bounds the chain.
fn is_actor(value: &Value) -> bool {
    let mut hop = Some(value);
    while let Some(actor) = hop {
        if !actor.is_object() || actor.get("sub").is_some_and(|sub| !is_text(sub)) {
            return false;
        }
        hop = actor.get("act");
    }
    true
}

type Form = (&'static str, &'static str, fn(&Value) -> bool);

const FORMS: [Form; 14] = [
    ("acr", "a non-empty string", is_text),
    ("act", "an object, with objects for prior actors", is_actor),
    ("amr", "an array of strings", is_texts),
    ("authorization_details", "an array of objects", is_objects),
    ("client_id", "a non-empty string", is_text),
    ("cnf", "an object", is_object),
    ("entitlements", "an array of strings or of objects with `value`", is_scim_list),
    ("groups", "an array of strings or of objects with `value`", is_scim_list),
    ("iss", "a non-empty string", is_text),
    ("jti", "a non-empty string", is_text),
    ("roles", "an array of strings or of objects with `value`", is_scim_list),
    ("scope", "a string of scopes separated by single spaces", is_scope),
    ("status", "an object", is_object),
    ("sub", "a non-empty string", is_text),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fractions_of_a_second_round_to_the_strict_side() {
        // JWT-02, JWT-03
        let date = |value: Value| NumericDate::of(json!({ "exp": value }).as_object().unwrap(), "exp");
        let time = |secs| UnixTime::from_secs(secs).unwrap();
        for (value, floor, ceil) in [
            (json!(0), 0, 0),
            (json!(1_767_229_200), 1_767_229_200, 1_767_229_200),
            (json!(1_767_229_200.5), 1_767_229_200, 1_767_229_201),
            (json!(1.767_229_2e9), 1_767_229_200, 1_767_229_200),
            (json!(253_402_300_799_i64), 253_402_300_799, 253_402_300_799),
        ] {
            assert_eq!(date(value).unwrap(), Some(NumericDate { floor: time(floor), ceil: time(ceil) }));
        }
        for value in [
            json!(-1),
            json!(-0.5),
            json!(253_402_300_800_i64),
            json!(253_402_300_799.5),
            json!(1e308),
            json!(i64::MAX),
            json!(u64::MAX),
            json!("1767229200"),
            json!(true),
            json!(null),
            json!([]),
        ] {
            assert!(date(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn scopes_follow_rfc_6749() {
        // BRR-14
        for scope in ["", "read", "read:projects write:projects", "!#[]~"] {
            assert!(is_scope(&json!(scope)), "{scope}");
        }
        for scope in [" ", " a", "a ", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "é", "a\u{a0}b", "\u{7f}"] {
            assert!(!is_scope(&json!(scope)), "{scope:?}");
        }
        assert!(!is_scope(&json!(["a"])));
    }
}
