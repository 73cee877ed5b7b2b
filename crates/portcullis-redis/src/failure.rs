//! Why Redis could not be used.

use std::time::Duration;

use redis::RedisError;

/// Why Redis could not be used. For operators and the log, never for callers of the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisFailure {
    /// The server is set up to forget keys for lack of room. A proof that it forgot could be used again, and a revocation
    /// would be lost.
    #[error(
        "redis evicts keys (`maxmemory-policy {policy}`), so it would forget used proofs and revocations; set \
         `maxmemory-policy noeviction`, and give it a server of its own if others need eviction"
    )]
    Evicts {
        /// The setting `maxmemory-policy`.
        policy: String,
    },
    /// There is no connection, or the command failed.
    #[error("redis failed: {problem}")]
    Failed {
        /// What the client or the server says.
        problem: String,
    },
    /// There is a certificate to believe, and the connection would be in plain text.
    #[error("a root certificate is stated, and the URL of redis is not one of TLS; write `rediss://…`")]
    PlainText,
    /// It took too long to answer. Whether the command was carried out is not known.
    #[error("redis did not answer within {after:?}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// It answered what this version does not understand.
    #[error("redis holds what this version does not understand: {problem}")]
    Unreadable {
        /// What that is.
        problem: &'static str,
    },
    /// The URL is none of Redis.
    #[error("the URL of redis must be like `redis://:password@host:6379/0`, or `rediss://…` for TLS")]
    Url,
}

impl RedisFailure {
    pub(crate) fn of(error: RedisError) -> Self {
        if error.code() == Some("EVICTS") {
            let policy = error.detail().and_then(|detail| detail.split_whitespace().next()).unwrap_or_default();
            return Self::Evicts { policy: policy.to_owned() };
        }
        Self::Failed { problem: error.to_string() }
    }
}
