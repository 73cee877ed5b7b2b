//! How much of an attacker's input is looked at.

/// Bounds on a token, checked before anything else is.
///
/// Every bound can be lowered and none can be raised: the defaults leave ample room for the tokens of all products
/// we know, and each limits work that an unauthenticated caller can cause.
///
/// | Bound | Default | Reason |
/// |---|---|---|
/// | token | 16 KiB | what common proxies let through as one header field, at most; keeps work per request small |
/// | header | 4 KiB | room for a certificate chain's thumbprints, none for the chain itself, which is never used |
/// | depth | 16 | `act` chains and authorization details nest a handful deep; bounds the stack |
/// | members | 256 | per object; bounds the search for duplicate names |
/// | string | 8 KiB | per decoded string; a `scope` of some hundred scopes fits |
/// | items | 1,024 | per array (`groups`, `roles`); each may become an entity, and larger lists are sent by reference |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) token_bytes: usize,
    pub(crate) header_bytes: usize,
    pub(crate) json: JsonLimits,
}

impl Limits {
    /// The defaults, which are also the largest values.
    pub const DEFAULT: Self = Self {
        token_bytes: 16 * 1024,
        header_bytes: 4 * 1024,
        json: JsonLimits { depth: 16, members: 256, string_bytes: 8 * 1024, items: 1024 },
    };

    /// Lowers the size of a token to `bytes` of its text.
    #[must_use]
    pub const fn with_token_bytes(mut self, bytes: usize) -> Self {
        if bytes < self.token_bytes {
            self.token_bytes = bytes;
        }
        self
    }

    /// Lowers the size of a header to `bytes` of decoded JSON.
    #[must_use]
    pub fn with_header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = self.header_bytes.min(bytes);
        self
    }

    /// Lowers how deep objects and arrays may nest; the outermost object counts as one.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.json.depth = self.json.depth.min(depth);
        self
    }

    /// Lowers the number of members of one object.
    #[must_use]
    pub fn with_members(mut self, members: usize) -> Self {
        self.json.members = self.json.members.min(members);
        self
    }

    /// Lowers the size of one decoded string or member name to `bytes` of UTF-8.
    #[must_use]
    pub fn with_string_bytes(mut self, bytes: usize) -> Self {
        self.json.string_bytes = self.json.string_bytes.min(bytes);
        self
    }

    /// Lowers the number of items of one array.
    #[must_use]
    pub fn with_items(mut self, items: usize) -> Self {
        self.json.items = self.json.items.min(items);
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The part of [`Limits`] that concerns JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonLimits {
    pub(crate) depth: usize,
    pub(crate) members: usize,
    pub(crate) string_bytes: usize,
    pub(crate) items: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_can_be_lowered_and_none_raised() {
        // JWS-19, GEN-09
        type Bound = (fn(Limits, usize) -> Limits, fn(&Limits) -> usize);
        let bounds: [Bound; 6] = [
            (Limits::with_token_bytes, |limits| limits.token_bytes),
            (Limits::with_header_bytes, |limits| limits.header_bytes),
            (Limits::with_depth, |limits| limits.json.depth),
            (Limits::with_members, |limits| limits.json.members),
            (Limits::with_string_bytes, |limits| limits.json.string_bytes),
            (Limits::with_items, |limits| limits.json.items),
        ];
        for (lower, read) in bounds {
            assert_eq!(read(&lower(Limits::DEFAULT, 3)), 3);
            assert_eq!(lower(Limits::DEFAULT, usize::MAX), Limits::DEFAULT);
            assert_eq!(read(&lower(lower(Limits::DEFAULT, 3), 4)), 3);
        }
    }
}
