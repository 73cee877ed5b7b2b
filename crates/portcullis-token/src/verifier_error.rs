//! Issuers that cannot be trusted together.

/// Why these issuers cannot be trusted together. The operator must change a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// An opaque token could be from either issuer, and would be shown to the wrong one.
    #[error(
        "issuers `{first}` and `{second}` both take opaque tokens; give each a `token_prefix` that the other's tokens do \
         not begin with"
    )]
    AmbiguousOpaqueTokens {
        /// The alias of one.
        first: String,
        /// The alias of the other.
        second: String,
    },
    /// There is no issuer.
    #[error("no issuer is trusted, so no token could ever be accepted; name at least one")]
    NoIssuer,
    /// Two sources have one alias, so their subjects could not be told apart.
    #[error("two sources have the alias `{alias}`; give each one of its own")]
    RepeatedAlias {
        /// The alias.
        alias: String,
    },
    /// One issuer is configured twice, so its rules would be ambiguous.
    #[error("issuer `{issuer}` is configured twice; keep one")]
    RepeatedIssuer {
        /// The issuer.
        issuer: String,
    },
}
