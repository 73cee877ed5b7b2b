//! Fields of the header that repeat what the body says (revision 2026-07-28).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::Value;

use super::error::ProtocolError;
use super::message::{Message, Posted};

/// Refuses a request whose `MCP-Protocol-Version`, `Mcp-Method` or `Mcp-Name` says something else than its body.
///
/// Whoever stands in between may have decided by the header, so the two must agree in every revision. From 2026-07-28 on,
/// the fields must also be there.
///
/// # Errors
///
/// 400 with the code −32020.
pub fn verify(headers: &HeaderMap, posted: &Posted) -> Result<(), ProtocolError> {
    let id = match posted.messages() {
        [message] => message.id(),
        _ => Value::Null,
    };
    Fields::read(headers)
        .and_then(|fields| fields.fit(posted))
        .map_err(|reason| ProtocolError::header_mismatch(reason).to(id))
}

/// What the header says. Each field stands there once, if at all.
struct Fields<'a> {
    version: Option<&'a str>,
    method: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, &'static str> {
        let field = |name| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => {
                    value.to_str().map(Some).map_err(|_| "a field of the protocol is not visible ASCII")
                }
                (Some(_), Some(_)) => Err("a field of the protocol is repeated"),
            }
        };
        Ok(Self { version: field(VERSION)?, method: field("mcp-method")?, name: field("mcp-name")? })
    }

    fn fit(&self, posted: &Posted) -> Result<(), &'static str> {
        // Versions are dates, and sort as texts. What is no date sorts after them, and is held to the newest rule.
        let required = self.version.is_some_and(|version| version >= MIRRORED_SINCE);
        match posted.messages() {
            [message] if !posted.is_batch() => self.fit_one(message, required),
            _ if required || self.method.is_some() || self.name.is_some() => Err("one header cannot speak for a batch"),
            messages => messages.iter().try_for_each(|message| self.fit_version(message)),
        }
    }

    fn fit_one(&self, message: &Message, required: bool) -> Result<(), &'static str> {
        self.fit_version(message)?;
        let Some(method) = message.method() else {
            return match self.method.or(self.name) {
                Some(_) => Err("a reply has no method"),
                None => Ok(()),
            };
        };
        match self.method {
            Some(stated) if stated != method => return Err("`Mcp-Method` is not the method of the body"),
            None if required => return Err("`Mcp-Method` is missing"),
            Some(_) | None => {}
        }
        let named = named_by(method).map(|parameter| message.param(parameter).and_then(Value::as_str));
        match self.name {
            Some(stated) => match (decoded(stated), named.flatten()) {
                (Some(stated), Some(name)) if stated == name => Ok(()),
                _ => Err("`Mcp-Name` is not the name in the body"),
            },
            None if required && named.is_some() => Err("`Mcp-Name` is missing"),
            None => Ok(()),
        }
    }

    /// From 2026-07-28 on, each request repeats the version.
    fn fit_version(&self, message: &Message) -> Result<(), &'static str> {
        let stated = message.param("_meta").and_then(|meta| meta.get(VERSION_IN_BODY)).and_then(Value::as_str);
        match stated {
            Some(version) if self.version != Some(version) => {
                Err("`MCP-Protocol-Version` is not the version of the body")
            }
            _ => Ok(()),
        }
    }
}

/// Which parameter of `method` the field `Mcp-Name` repeats.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// A name as it was before it was written into a field. `None` if it is wrongly encoded.
fn decoded(value: &str) -> Option<String> {
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

const VERSION: &str = "mcp-protocol-version";
const VERSION_IN_BODY: &str = "io.modelcontextprotocol/protocolVersion";
const MIRRORED_SINCE: &str = "2026-07-28";

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(fields: &[(&str, &str)], body: &Value, fits: bool) {
        let posted = Posted::parse(body.to_string().as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let found = verify(&headers, &posted).map_err(|error| error.code());
        assert_eq!(found, if fits { Ok(()) } else { Err(-32020) }, "{fields:?} {body}");
    }

    const NEW: (&str, &str) = ("mcp-protocol-version", "2026-07-28");
    const OLD: (&str, &str) = ("mcp-protocol-version", "2025-11-25");
    const CALL: (&str, &str) = ("mcp-method", "tools/call");

    fn call(tool: &str) -> Value {
        json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "arguments": {} } })
    }

    #[test]
    fn header_and_body_say_the_same() {
        // MCP-13, MCP-14
        check(&[NEW, CALL, ("mcp-name", "read_note")], &call("read_note"), true);
        check(&[NEW, CALL, ("mcp-name", "list_notes")], &call("delete_note"), false);
        check(&[NEW, ("mcp-method", "ping"), ("mcp-name", "read_note")], &call("read_note"), false);
        // Values are compared as they are.
        check(&[NEW, ("mcp-method", "Tools/Call"), ("mcp-name", "read_note")], &call("read_note"), false);
        check(&[NEW, CALL, ("mcp-name", "Read_Note")], &call("read_note"), false);
        check(&[NEW, CALL, ("mcp-name", "")], &call("read_note"), false);
    }

    #[test]
    fn an_encoded_name_is_decoded_before_it_is_compared() {
        // MCP-13
        check(&[NEW, CALL, ("mcp-name", "=?base64?cmVhZF9ub3Rl?=")], &call("read_note"), true);
        check(&[NEW, CALL, ("mcp-name", "=?base64?w7xiZXI=?=")], &call("über"), true);
        check(&[NEW, CALL, ("mcp-name", "=?base64?cmVhZF9ub3Rl?=")], &call("delete_note"), false);
        for wrong in ["=?base64?cmVhZF9ub3R?=", "=?base64?____?=", "=?base64?/w==?=", "=?BASE64?cmVhZF9ub3Rl?="] {
            check(&[NEW, CALL, ("mcp-name", wrong)], &call("read_note"), false);
        }
    }

    #[test]
    fn fields_are_required_from_the_revision_on_that_has_them() {
        // MCP-13: what an older revision does not know may be absent, and may not contradict the body
        let ping = json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" });
        for (version, fits) in [(NEW, false), (("mcp-protocol-version", "2027-01-01"), false), (OLD, true)] {
            check(&[version], &ping, fits);
            check(&[version, ("mcp-method", "ping")], &ping, true);
            check(&[version, CALL], &call("read_note"), fits);
            check(&[version, CALL, ("mcp-name", "delete_note")], &call("read_note"), false);
        }
        check(&[], &call("read_note"), true);
        check(&[("mcp-protocol-version", "DRAFT")], &ping, false);
        for name in ["read_note", "=?base64?____?="] {
            check(&[("mcp-name", name)], &ping, false);
        }
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        check(&[NEW], &notification, false);
        check(&[NEW, ("mcp-method", "notifications/initialized")], &notification, true);
        let reply = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
        check(&[NEW], &reply, true);
        check(&[NEW, CALL], &reply, false);
    }

    #[test]
    fn a_field_that_stands_there_twice_fits_nothing() {
        check(&[NEW, NEW, CALL, ("mcp-name", "read_note")], &call("read_note"), false);
        check(&[NEW, CALL, CALL, ("mcp-name", "read_note")], &call("read_note"), false);
        check(&[NEW, CALL, ("mcp-name", "read_note"), ("mcp-name", "read_note")], &call("read_note"), false);
        check(&[NEW, CALL, ("mcp-name", "r\u{e9}ad_note")], &call("read_note"), false);
    }

    #[test]
    fn the_version_in_the_body_is_that_of_the_header() {
        let discover = json!({
            "jsonrpc": "2.0", "id": 7, "method": "server/discover",
            "params": { "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
        });
        let method = ("mcp-method", "server/discover");
        check(&[NEW, method], &discover, true);
        check(&[OLD, method], &discover, false);
        check(&[method], &discover, false);
    }

    #[test]
    fn no_field_speaks_for_a_batch() {
        // MCP-17: batches are of a revision that has none of these fields
        let batch = json!([call("list_notes"), call("delete_note")]);
        check(&[], &batch, true);
        check(&[("mcp-protocol-version", "2025-03-26")], &batch, true);
        check(&[NEW], &batch, false);
        check(&[CALL, ("mcp-name", "list_notes")], &batch, false);
    }

    proptest! {
        #[test]
        fn no_field_panics(value in any::<Vec<u8>>()) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(HeaderName::from_static("mcp-name"), value)]);
                let _ = verify(&headers, &Posted::parse(call("read_note").to_string().as_bytes()).unwrap());
            }
        }
    }
}
