//! Building one name from several parts.

use std::fmt::Write;

/// A text with the places `{value}` and `{1}`, `{2}`, … for the keys that the `*` of a path went through.
///
/// In a filled-in key, `%` and every character of the template's own text are percent-encoded. So the keys end where
/// they seem to: with `{1}:{value}`, role `b:c` of client `a` and role `c` of client `a:b` stay apart.
#[derive(Debug, Clone)]
pub(super) struct Template {
    parts: Vec<Part>,
    literals: String,
}

#[derive(Debug, Clone)]
enum Part {
    Key(usize),
    Literal(String),
    Value,
}

impl Template {
    /// Reads `text`, which may refer to as many keys as `keys` says.
    pub(super) fn parse(text: &str, keys: usize) -> Result<Self, String> {
        let (mut parts, mut literals, mut rest) = (Vec::new(), String::new(), text);
        while !rest.is_empty() {
            let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
            if literal.contains('}') {
                return Err("a `}` without `{`".to_owned());
            }
            if !literal.is_empty() {
                literals.push_str(literal);
                parts.push(Part::Literal(literal.to_owned()));
            }
            if literal.len() == rest.len() {
                break;
            }
            let Some((name, after)) = after.split_once('}') else {
                return Err("a `{` without `}`".to_owned());
            };
            parts.push(match (name, name.parse()) {
                ("value", _) => Part::Value,
                (_, Ok(number @ 1..)) if number <= keys => Part::Key(number),
                _ => {
                    return Err(format!("`{{{name}}}` is neither `{{value}}` nor the number of a `*` of the path"));
                }
            });
            rest = after;
        }
        if !parts.iter().any(|part| matches!(part, Part::Value)) {
            return Err("`{value}` is missing".to_owned());
        }
        Ok(Self { parts, literals })
    }

    /// Fills in `value` and the `keys`.
    pub(super) fn fill(&self, value: &str, keys: &[String]) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Value => out.push_str(value),
                Part::Key(number) => self.push_key(&mut out, keys.get(number - 1).map_or("", String::as_str)),
            }
        }
        out
    }

    fn push_key(&self, out: &mut String, key: &str) {
        for c in key.chars() {
            if c == '%' || self.literals.contains(c) {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "%{byte:02X}");
                }
            } else {
                out.push(c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_spill_into_the_value() {
        let template = Template::parse("{1}:{value}", 1).unwrap();
        assert_eq!(template.fill("orders-reader", &["orders-api".into()]), "orders-api:orders-reader");
        assert_ne!(template.fill("b:c", &["a".into()]), template.fill("c", &["a:b".into()]));
        assert_ne!(template.fill("c", &["a%3Ab".into()]), template.fill("c", &["a:b".into()]));
    }

    #[test]
    fn a_template_with_a_mistake_is_refused() {
        for (text, keys) in
            [("", 0), ("x", 0), ("{1}", 1), ("{1}:{value}", 0), ("{0}{value}", 1), ("{value", 0), ("}{value}", 0)]
        {
            assert!(Template::parse(text, keys).is_err(), "{text}");
        }
    }
}
