//! Lines that are chained: each one names the hash of the line before it, and ends with its own.
//!
//! ```text
//! {"v":1,"writer":"…","seq":7,"prev":"<hash of line 6>","type":"request", … ,"hash":"<SHA-256 of all before this member>"}
//! ```

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Where a chain stands: the last line of a writer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// The writer, which has a chain of its own.
    pub writer: String,
    /// The number of its last line, from 0.
    pub seq: u64,
    /// The hash of that line.
    pub hash: String,
}

/// The chain of one writer.
#[derive(Debug)]
pub(super) struct Chain {
    writer: String,
    next: u64,
    prev: String,
}

impl Chain {
    pub(super) fn new(writer: String) -> Self {
        Self { writer, next: 0, prev: NOTHING.to_owned() }
    }

    /// The chain that goes on after `head`, with the number `next`.
    pub(super) fn after(head: Head, next: u64) -> Self {
        Self { writer: head.writer, next, prev: head.hash }
    }

    /// The last line; `None` before the first.
    pub(super) fn head(&self) -> Option<Head> {
        let seq = self.next.checked_sub(1)?;
        Some(Head { writer: self.writer.clone(), seq, hash: self.prev.clone() })
    }

    /// Makes the next line, which ends with a line break, of `body`: the members of a JSON object as text.
    pub(super) fn seal(&mut self, kind: &str, body: &str) -> String {
        let members = body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or_default();
        let comma = if members.is_empty() { "" } else { "," };
        let Self { writer, next, prev } = &*self;
        let mut line = format!(
            "{{\"v\":{VERSION},\"writer\":\"{writer}\",\"seq\":{next},\"prev\":\"{prev}\",\"type\":\"{kind}\"{comma}{members}"
        );
        let hash = sha256(line.as_bytes());
        line.extend([HASH, &hash, END, "\n"]);
        self.prev = hash;
        self.next += 1;
        line
    }
}

/// A line that is whole by itself: its hash is its own.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Link {
    pub(super) v: u64,
    pub(super) writer: String,
    pub(super) seq: u64,
    pub(super) prev: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) hash: String,
    #[serde(default)]
    pub(super) missing: Option<Missing>,
    #[serde(default)]
    pub(super) replaces: Option<Head>,
    #[serde(default)]
    pub(super) count: u64,
    #[serde(default)]
    pub(super) torn: u64,
    #[serde(default)]
    pub(super) after: Option<Before>,
    #[serde(default)]
    pub(super) reason: String,
}

impl Link {
    /// Reads `line`, without its line break. `None` if it is not as it was written.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let sealed = line.strip_suffix(END)?;
        let (rest, hash) = sealed.split_at_checked(sealed.len().checked_sub(HEX)?)?;
        let content = rest.strip_suffix(HASH)?;
        if sha256(content.as_bytes()) != hash {
            return None;
        }
        let link: Self = serde_json::from_str(line).ok()?;
        (link.v == VERSION && link.hash == hash).then_some(link)
    }

    pub(super) fn head(&self) -> Head {
        Head { writer: self.writer.clone(), seq: self.seq, hash: self.hash.clone() }
    }
}

/// Lines of a chain that a head has seen and that were gone when the writer started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Missing {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// What came before a `start` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Before {
    /// Nothing: the chain begins.
    Nothing,
    /// The writer ended in order.
    End,
    /// It did not: what was not synced is lost.
    Crash,
    /// Another file of this log.
    Rotation,
}

/// Lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(HEX);
    for byte in digest(&SHA256, bytes).as_ref() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    text
}

pub(super) const VERSION: u64 = 1;

/// The `prev` of a first line.
pub(super) const NOTHING: &str = "";

/// What stands between the content of a line and its hash.
const HASH: &str = ",\"hash\":\"";
const END: &str = "\"}";
/// The length of a hash in hexadecimal.
const HEX: usize = 64;

/// The types of lines.
pub(super) mod kind {
    pub(crate) const START: &str = "start";
    pub(crate) const REQUEST: &str = "request";
    pub(crate) const LATER: &str = "later";
    pub(crate) const LOST: &str = "lost";
    pub(crate) const END: &str = "end";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_only_as_it_was_written() {
        let mut chain = Chain::new("w".to_owned());
        let (first, second) = (chain.seal("start", "{}"), chain.seal("request", r#"{"id":"ü\n","hash":"x"}"#));
        let first = Link::read(first.trim_end().as_bytes()).unwrap();
        assert_eq!((first.seq, first.prev.as_str(), first.kind.as_str()), (0, NOTHING, "start"));
        // A member that occurs twice is no line of ours.
        assert!(Link::read(second.trim_end().as_bytes()).is_none());
        let third = chain.seal("request", r#"{"id":"ü\n"}"#);
        let third = third.trim_end().as_bytes();
        assert_eq!(Link::read(third).unwrap().seq, 2);
        for index in 0..third.len() {
            for flip in [1, 0x20, 0x80] {
                let mut altered = third.to_vec();
                altered[index] ^= flip;
                assert!(Link::read(&altered).is_none(), "{index} {flip}");
            }
            assert!(Link::read(&third[..index]).is_none());
        }
    }
}
