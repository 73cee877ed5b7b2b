use std::fmt;
use std::str::FromStr;

/// The name of a scope: a `scope-token` of RFC 6749 §3.3.
///
/// One or more printable ASCII characters without space, `"` and `\`. Names are case-sensitive and compared whole.
///
/// ```
/// use portcullis_core::ScopeName;
///
/// let scope: ScopeName = "read:calendar:next-7-days".parse().unwrap();
/// assert_eq!(scope.as_str(), "read:calendar:next-7-days");
/// assert!("read calendar".parse::<ScopeName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(String);

impl ScopeName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeName {
    type Err = InvalidScopeName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let valid = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if !name.is_empty() && name.bytes().all(valid) { Ok(Self(name.to_owned())) } else { Err(InvalidScopeName) }
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string that is no scope name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope name is one or more printable ASCII characters without space, `\"` and `\\` (RFC 6749 §3.3)")]
#[non_exhaustive]
pub struct InvalidScopeName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_6749() {
        for name in ["a", "read:projects", "https://api.example.com/read", "!#[]~", "A/b+c"] {
            assert_eq!(name.parse::<ScopeName>().unwrap().to_string(), name);
        }
        for name in ["", "a b", "a\tb", "say\"hi\"", "back\\slash", "größe", "a\u{7f}", "\n"] {
            assert_eq!(name.parse::<ScopeName>(), Err(InvalidScopeName), "{name:?}");
        }
    }
}
