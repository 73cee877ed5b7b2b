//! What is sent to whom. Everything a person is shown before they confirm is parsed here, so it looks as it is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use portcullis_axum::Resource;
use serde::{Deserialize, Serialize};

/// A mail that is not sent yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) owner: String,
    /// Addresses that the owner has written to before.
    pub(crate) contacts: BTreeSet<String>,
    #[serde(flatten)]
    pub(crate) content: Content,
    /// Grows with each change: what is confirmed is this version, and no other.
    pub(crate) version: u64,
}

impl Resource for Draft {
    const TYPE: &'static str = "Draft";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        Some(self.version.to_string().into())
    }
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) subject: Subject,
    pub(crate) text: Text,
}

/// One line of 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Subject(String);

/// 1 to 10,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(String);

/// The address of somebody who receives mail: ASCII, and without the forms that need quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(lettre::Address);

/// Who receives it: 1 to 10 addresses, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Address>")]
pub(crate) struct Recipients(Vec<Address>);

/// Something that a mail cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unacceptable {
    #[error("a subject is one line of 1 to 200 characters, none of which is invisible or changes the direction")]
    Subject,
    #[error("a text has 1 to 10,000 characters, none of which is invisible or changes the direction")]
    Text,
    #[error("an address is like bob@example.com, in ASCII")]
    Address,
    #[error("a mail has 1 to 10 different recipients")]
    Recipients,
}

impl TryFrom<String> for Subject {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Unacceptable> {
        let fits = (1..=200).contains(&text.chars().count()) && text.chars().all(shows);
        if fits { Ok(Self(text)) } else { Err(Unacceptable::Subject) }
    }
}

impl TryFrom<String> for Text {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Unacceptable> {
        let fits = (1..=10_000).contains(&text.chars().count()) && text.chars().all(|c| c == '\n' || shows(c));
        if fits { Ok(Self(text)) } else { Err(Unacceptable::Text) }
    }
}

impl TryFrom<String> for Address {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Unacceptable> {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "@.-_+".contains(c));
        let parsed = text.parse().ok().filter(|_| plain && text.len() <= 254);
        parsed.map(Self).ok_or(Unacceptable::Address)
    }
}

impl TryFrom<Vec<Address>> for Recipients {
    type Error = Unacceptable;

    fn try_from(addresses: Vec<Address>) -> Result<Self, Unacceptable> {
        let different: BTreeSet<&Address> = addresses.iter().collect();
        let fits = different.len() == addresses.len() && (1..=10).contains(&addresses.len());
        if fits { Ok(Self(addresses)) } else { Err(Unacceptable::Recipients) }
    }
}

impl Subject {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address {
    pub(crate) fn mailbox(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(None, self.0.clone())
    }
}

impl Recipients {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter()
    }

    /// What policies are told, and what is confirmed beside the draft.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts { message: Message { to: self, attachments: ATTACHMENTS } }
    }
}

/// The facts of `SendEmail`.
#[derive(Debug, Serialize)]
pub(crate) struct Facts<'a> {
    message: Message<'a>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    to: &'a Recipients,
    attachments: u32,
}

/// Nothing here can be attached.
pub(crate) const ATTACHMENTS: u32 = 0;

/// Whether a reader sees `c`, and sees it where it stands. Control characters begin header fields, and others turn text around.
fn shows(c: char) -> bool {
    let hidden = matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !(c.is_control() || hidden)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_would_not_look_as_it_is_cannot_be_written() {
        for text in ["", "a\r\nBcc: eve@example.net", "pay \u{202e}001 rub", "bo\u{200b}b", "\u{2066}x", "a\0"] {
            assert_eq!(from_value::<Subject>(json!(text)).ok(), None, "{text:?}");
            assert_eq!(from_value::<Text>(json!(text)).ok(), None, "{text:?}");
        }
        assert_eq!(from_value::<Subject>(json!("two\nlines")).ok(), None);
        assert_eq!(from_value::<Subject>(json!("é".repeat(201))).ok(), None);
        assert_eq!(from_value::<Text>(json!("x".repeat(10_001))).ok(), None);
        assert!(from_value::<Subject>(json!("é".repeat(200))).is_ok());
        assert!(from_value::<Text>(json!("Grüße,\n\nאן 👩\u{200d}💻")).is_ok());
    }

    #[test]
    fn only_plain_addresses_are_written_to_and_nobody_twice() {
        let recipients = |to: &[&str]| from_value::<Recipients>(json!(to)).is_ok();
        for wrong in [
            "",
            "bob",
            "bob@",
            "@example.com",
            "b b@example.com",
            "bob@exämple.com",
            "b\r\nob@example.com",
            "<bob@example.com>",
            "a@b@c",
            "\"x\"@example.com",
            "b,c@example.com",
        ] {
            assert!(!recipients(&[wrong]), "{wrong:?}");
        }
        assert!(recipients(&["bob@example.com", "carol+x@example.com"]));
        assert!(!recipients(&[]) && !recipients(&["bob@example.com", "bob@example.com"]));
        let many: Vec<String> = (0..11).map(|n| format!("p{n}@example.com")).collect();
        assert!(!recipients(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}
