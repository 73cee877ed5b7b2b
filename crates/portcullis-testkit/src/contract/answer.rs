use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{Method, Response};

use super::app::{approvals, nonces, now};

/// An answer as the files of the contract have it: status, header fields by name, body.
///
/// What is another one each time is masked. `Content-Length` is shown only where it says something that the body does not:
/// in an answer of the gate to `HEAD`, and where it is wrong.
pub(super) fn transcript(method: &Method, response: &Response<Vec<u8>>, handler_ran: bool) -> String {
    let status = response.status();
    let mut text = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    if handler_ran && !status.is_success() {
        text.push_str(" (a handler ran)");
    }
    let mut fields: Vec<(&str, String)> = Vec::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if *name != DATE && *name != CONTENT_LENGTH {
            fields.push((name.as_str(), mask_nonce(value)));
        }
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    match length {
        Some(length) if method == Method::HEAD && is_problem => {
            fields.push((CONTENT_LENGTH.as_str(), length.to_owned()))
        }
        Some(length) if method != Method::HEAD && length != response.body().len().to_string() => {
            fields.push((CONTENT_LENGTH.as_str(), format!("{length}, of a body of {}", response.body().len())));
        }
        _ => {}
    }
    // Lines of one name keep their order: it is part of the answer.
    fields.sort_by_key(|(name, _)| name.to_owned());
    text.extend(fields.iter().map(|(name, value)| format!("\n{name}: {value}")));
    let body = String::from_utf8_lossy(response.body());
    if !body.is_empty() {
        text.extend(["\n\n", &mask_ticket(&mask_decision(&body))]);
    }
    text
}

/// The nonce of this moment. Any other one stays as it is, and so differs.
pub(super) fn mask_nonce(value: String) -> String {
    if value == nonces().issue(now()) { "<nonce>".to_owned() } else { value }
}

/// The id of a decision, if it has the form of one.
fn mask_decision(body: &str) -> String {
    let id = body.split_once(DECISION).and_then(|(_, rest)| rest.split_once('"')).map(|(id, _)| id);
    match id.filter(|id| is_uuid(id)) {
        Some(id) => body.replacen(id, "<id>", 1),
        None => body.to_owned(),
    }
}

/// A ticket, if it is one.
fn mask_ticket(body: &str) -> String {
    let ticket = body.split_once(TICKET).and_then(|(_, rest)| rest.split_once('"')).map(|(ticket, _)| ticket);
    match ticket.filter(|ticket| approvals().read(ticket, now()).is_ok()) {
        Some(ticket) => body.replacen(ticket, "<ticket>", 1),
        None => body.to_owned(),
    }
}

/// RFC 9562 §4, version 7.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = |byte: u8| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(is_hex)
        && text.split('-').nth(2).is_some_and(|part| part.starts_with('7'))
}

const DECISION: &str = "\"decision\":\"";
const TICKET: &str = "\"ticket\":\"";
