//! Untrusted text in error messages.

use std::fmt;

/// A piece of text that a stranger chose, made fit for a log line: at most 64 characters, control characters and
/// quotes escaped (RFC 8725 §3.10).
///
/// It belongs in logs only. Answers to callers use fixed texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Takes the beginning of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut characters = text.chars();
        let mut shown: String = characters.by_ref().take(MAX_CHARS).flat_map(char::escape_debug).collect();
        if characters.next().is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        // JWT-14
        assert_eq!(Excerpt::new("a\r\nfake log line\u{1b}[31m").to_string(), r"a\r\nfake log line\u{1b}[31m");
        assert_eq!(Excerpt::new(&"é".repeat(64)).to_string(), "é".repeat(64));
        assert_eq!(Excerpt::new(&"é".repeat(65)).to_string(), format!("{}…", "é".repeat(64)));
    }
}
