//! What a client posts: one JSON-RPC message, or a batch of them.

use axum::body::{Body, to_bytes};
use serde_json::{Map, Value};

use super::error::ProtocolError;
use super::json;

/// The body of a `POST`, parsed once: what is judged, and what is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    messages: Vec<Message>,
    is_batch: bool,
    body: Value,
}

/// A JSON-RPC message (revisions of the protocol differ in methods, not in this).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Wants an answer.
    Request {
        /// What the answer is called: a text or a whole number.
        id: Value,
        /// What is to be done.
        method: String,
        /// With what.
        params: Map<String, Value>,
    },
    /// Wants none.
    Notification {
        /// What has happened.
        method: String,
        /// With what.
        params: Map<String, Value>,
    },
    /// Answers a request of the server.
    Reply,
}

/// The most octets of a body that are read.
pub const MAX_BYTES: usize = 256 * 1024;

impl Posted {
    /// Reads `body` up to [`MAX_BYTES`].
    ///
    /// # Errors
    ///
    /// If it is longer, breaks off, or is no message.
    pub async fn read(body: Body) -> Result<Self, ProtocolError> {
        let bytes = to_bytes(body, MAX_BYTES).await.map_err(|_| ProtocolError::TOO_LARGE)?;
        Self::parse(&bytes)
    }

    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// If it is not JSON with one meaning, or neither a message nor a batch of at most [`MAX_BATCH`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProtocolError> {
        let body = json::parse(bytes).ok_or(ProtocolError::NOT_JSON)?;
        let (is_batch, items) = match &body {
            Value::Array(items) => (true, items.as_slice()),
            one => (false, std::slice::from_ref(one)),
        };
        if items.is_empty() || items.len() > MAX_BATCH {
            return Err(ProtocolError::invalid_request("a batch has between one and 32 messages"));
        }
        let messages = items.iter().map(Message::of).collect::<Result<_, _>>()?;
        Ok(Self { messages, is_batch, body })
    }

    /// The messages: more than one only in a batch.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Whether it came as a list, even of one message. Revision 2025-03-26 alone has them.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// The text to hand on, written anew from what was parsed: whoever reads it next can find nothing else in it.
    pub fn into_body(self) -> Body {
        self.body.to_string().into()
    }
}

impl Message {
    fn of(value: &Value) -> Result<Self, ProtocolError> {
        let refuse = ProtocolError::invalid_request;
        let object = value.as_object().ok_or(refuse("a message is an object"))?;
        if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(refuse("the version of JSON-RPC is 2.0"));
        }
        let id = match object.get("id") {
            None => None,
            Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Some(id.clone()),
            Some(_) => return Err(refuse("an id is a text or a whole number")),
        };
        let replies = ["result", "error"].iter().filter(|name| object.contains_key(**name)).count();
        let Some(method) = object.get("method") else {
            return if replies == 1 {
                Ok(Self::Reply)
            } else {
                Err(refuse("a message has a method, a result or an error"))
            };
        };
        let method = method.as_str().ok_or(refuse("a method is a text"))?.to_owned();
        if replies != 0 {
            return Err(refuse("a message has a method, a result or an error"));
        }
        let params = match object.get("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params.clone(),
            Some(_) => return Err(refuse("params are an object")),
        };
        Ok(match id {
            Some(id) => Self::Request { id, method, params },
            None => Self::Notification { method, params },
        })
    }

    /// The method; `None` for a reply.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        match self {
            Self::Request { method, .. } | Self::Notification { method, .. } => Some(method),
            Self::Reply => None,
        }
    }

    /// The parameter `name`, if there is one.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Request { params, .. } | Self::Notification { params, .. } => params.get(name),
            Self::Reply => None,
        }
    }

    /// What an answer is called: `null` if none is wanted.
    #[must_use]
    pub fn id(&self) -> Value {
        match self {
            Self::Request { id, .. } => id.clone(),
            Self::Notification { .. } | Self::Reply => Value::Null,
        }
    }
}

/// The most messages of a batch: each of them is judged.
pub const MAX_BATCH: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Posted, ProtocolError> {
        Posted::parse(body.to_string().as_bytes())
    }

    #[test]
    fn each_kind_of_message_is_understood() {
        let params = || Map::from_iter([("name".to_owned(), json!("read_note"))]);
        let cases = [
            (
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "read_note" } }),
                Message::Request { id: json!(1), method: "tools/call".into(), params: params() },
            ),
            (
                json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
                Message::Notification { method: "notifications/initialized".into(), params: Map::new() },
            ),
            (json!({ "jsonrpc": "2.0", "id": "a", "result": {} }), Message::Reply),
            (json!({ "jsonrpc": "2.0", "id": "a", "error": { "code": 1, "message": "" } }), Message::Reply),
        ];
        for (body, message) in cases {
            let posted = parse(&body).unwrap();
            assert_eq!((posted.messages(), posted.is_batch()), ([message].as_slice(), false), "{body}");
        }
    }

    #[test]
    fn what_could_be_two_things_is_neither() {
        for body in [
            json!({ "id": 1, "method": "ping" }),
            json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1 }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "result": {} }),
            json!({ "jsonrpc": "2.0", "id": 1, "result": {}, "error": {} }),
            json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1.5, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": ["ping"] }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ["read_note"] }),
            json!("ping"),
            json!(null),
            json!([]),
            json!([[]]),
            json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }, 1]),
        ] {
            assert_eq!(parse(&body).unwrap_err().code(), -32600, "{body}");
        }
    }

    #[test]
    fn a_batch_is_bounded() {
        // MCP-17
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let batch = parse(&vec![ping.clone(); MAX_BATCH].into()).unwrap();
        assert_eq!((batch.messages().len(), batch.is_batch()), (MAX_BATCH, true));
        assert!(parse(&vec![ping.clone(); MAX_BATCH + 1].into()).is_err());
        assert!(parse(&json!([ping])).unwrap().is_batch());
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_a_limit() {
        let text = |length: usize| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
            Body::from(format!("{body}{}", " ".repeat(length - body.len())))
        };
        assert!(Posted::read(text(MAX_BYTES)).await.is_ok());
        assert_eq!(Posted::read(text(MAX_BYTES + 1)).await, Err(ProtocolError::TOO_LARGE));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = Posted::parse(&bytes);
        }
    }
}
