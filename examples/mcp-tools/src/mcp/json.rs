//! JSON that has one meaning, whoever reads it.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Reads `bytes` as one JSON value of at most [`MAX_DEPTH`] containers within each other.
///
/// Parsers disagree about repeated names (RFC 8259 §4), and then one reader judges what another does not run. So a repeated
/// name is refused, at any depth and however it is escaped.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = deserializer.deserialize_any(Strict { depth: 0 }).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

/// Reads one value, `depth` containers below the top.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn enter<E: de::Error>(self) -> Result<Self, E> {
        if self.depth < MAX_DEPTH { Ok(Self { depth: self.depth + 1 }) } else { Err(E::custom("nested too deeply")) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.enter()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.enter()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(below)?;
            match object.entry(name) {
                Entry::Vacant(vacant) => drop(vacant.insert(value)),
                Entry::Occupied(_) => return Err(de::Error::custom("a name is repeated")),
            }
        }
        Ok(Value::Object(object))
    }
}

/// No tool of this world needs more.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_repeated_name_is_refused_at_any_depth_and_however_it_is_escaped() {
        // MCP-14: what is judged is what runs
        for text in [
            r#"{"method":"ping","method":"tools/call"}"#,
            r#"{"method":"ping","m\u0065thod":"tools/call"}"#,
            r#"{"params":{"name":"list_notes","arguments":{},"name":"delete_note"}}"#,
            r#"[{"params":[{"a":1,"a":1}]}]"#,
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_one_json_value_of_bounded_depth_is_read() {
        assert_eq!(parse(br#" {"a":[1,-2,0.5,true,null,"b"]} "#), Some(json!({ "a": [1, -2, 0.5, true, null, "b"] })));
        for text in ["", "{", "{} {}", "{}x", "nul", "'a'", "{\"a\":1e400}", "{\"a\":\"\\ud800\"}", "\u{feff}{}"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), None);
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_some());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), None);
        assert_eq!(parse("[".repeat(1_000_000).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_read_means_the_same_to_serde_json(bytes in any::<Vec<u8>>(), text in "[\\[\\]{}\",:0-9a-c ]{0,40}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                if let Some(value) = parse(bytes) {
                    prop_assert_eq!(serde_json::from_slice::<Value>(bytes).unwrap(), value);
                }
            }
        }
    }
}
