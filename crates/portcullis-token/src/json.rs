//! JSON objects from strangers: one meaning each, and bounded.
//!
//! RFC 8259 lets parsers disagree about repeated member names, and every disagreement between two parsers of one
//! token is an attack. So a repeated name is refused, at any depth and however it is escaped, while the text is read;
//! afterwards it could no longer be seen.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::limits::JsonLimits;

/// Reads `bytes` as exactly one JSON object.
pub(crate) fn parse_object(bytes: &[u8], limits: &JsonLimits) -> Result<Map<String, Value>, InvalidJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = deserializer.deserialize_any(Strict { limits, depth: 0 })?;
    deserializer.end()?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(InvalidJson { reason: "not an object".to_owned() }),
    }
}

/// Why a text is not an acceptable JSON object.
///
/// The reason names a place and a rule, never a value or a name from the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct InvalidJson {
    reason: String,
}

impl From<serde_json::Error> for InvalidJson {
    fn from(error: serde_json::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// Reads one value at `depth` containers below the top.
#[derive(Clone, Copy)]
struct Strict<'l> {
    limits: &'l JsonLimits,
    depth: usize,
}

impl Strict<'_> {
    fn enter<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > self.limits.depth {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Self { depth, ..self })
    }

    fn text<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string_bytes {
            return Err(E::custom("a string is too long"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value)?;
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inner)? {
            if items.len() == self.limits.items {
                return Err(de::Error::custom("an array has too many items"));
            }
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.text(&name)?;
            let is_full = members.len() == self.limits.members;
            match members.entry(name) {
                Entry::Occupied(_) => return Err(de::Error::custom("a member name is repeated")),
                Entry::Vacant(_) if is_full => return Err(de::Error::custom("an object has too many members")),
                Entry::Vacant(place) => place.insert(map.next_value_seed(inner)?),
            };
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::Limits;

    const LIMITS: JsonLimits = Limits::DEFAULT.json;

    fn parse(text: &str) -> Result<Map<String, Value>, InvalidJson> {
        parse_object(text.as_bytes(), &LIMITS)
    }

    #[test]
    fn objects_are_read_as_serde_json_reads_them() {
        let text = r#" {"a":[1,-2,2.5,true,null,"x\u0061"],"b":{"c":{}},"é":"\ud83d\ude00"} "#;
        assert_eq!(Value::Object(parse(text).unwrap()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_text_with_two_meanings_is_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"alg":"EdDSA","\u0061lg":"none"}"#, // JWS-06: the escaped twin
            r#"{"x":{"y":[{"a":1,"a":2}]}}"#,       // JWT-01: at any depth
            r#"{"a":1} {}"#,
            r#"{"a":1}x"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        // JWS-05
        for text in
            ["", "[]", "\"x\"", "1", "null", "{", "{\"a\":}", "{\"a\":1,}", "\u{feff}{}", "{'a':1}", "{\"a\":NaN}"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}", &LIMITS).is_err(), "invalid UTF-8");
        assert!(parse_object(b"{\0\"\0a\0", &LIMITS).is_err(), "UTF-16");
    }

    #[test]
    fn each_limit_holds_to_the_last_unit() {
        // JWS-19: (text at the limit, text one above)
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        let string = |bytes: usize| json!({ "a": "x".repeat(bytes) }).to_string();
        let name = |bytes: usize| format!("{{\"{}\":1}}", "x".repeat(bytes));
        let items = |count: usize| json!({ "a": vec![0; count] }).to_string();
        for (at, above) in [
            (nested(LIMITS.depth), nested(LIMITS.depth + 1)),
            (members(LIMITS.members), members(LIMITS.members + 1)),
            (string(LIMITS.string_bytes), string(LIMITS.string_bytes + 1)),
            (name(LIMITS.string_bytes), name(LIMITS.string_bytes + 1)),
            (items(LIMITS.items), items(LIMITS.items + 1)),
        ] {
            assert!(parse(&at).is_ok(), "{} bytes", at.len());
            assert!(parse(&above).is_err(), "{} bytes", above.len());
        }
    }

    #[test]
    fn reasons_repeat_nothing_from_the_text() {
        for text in [r#"{"secret":1,"secret":2}"#, r#"{"secret":secret}"#, "\"secret\"", "{\"a\":\"secret"] {
            let reason = parse(text).unwrap_err().to_string();
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
