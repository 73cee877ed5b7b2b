//! Portcullis on many replicas: what several processes of one service have to know of each other, in Redis.
//!
//! | What | Shared by |
//! |---|---|
//! | used DPoP proofs | [`RedisReplayStore`] |
//! | limits | [`RedisLimitStore`] |
//! | revocations | [`RedisRevocations`] |
//!
//! ```no_run
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//! use portcullis::GateBuilder;
//! use portcullis_redis::{RedisLimitStore, RedisReplayStore, RedisRevocations, RedisSettings};
//!
//! async fn shared(builder: GateBuilder) -> Result<GateBuilder, Box<dyn std::error::Error>> {
//!     let url = std::env::var("REDIS_URL")?; // it holds the password
//!     let redis = RedisSettings::new(&url)?.with_prefix("orders:").connect().await?;
//!     let capacity = NonZeroUsize::new(100_000).ok_or("no room")?;
//!     // Kept, so that the service can revoke.
//!     let revocations = Arc::new(RedisRevocations::start(&redis, capacity).await?);
//!     let builder = builder.limit_store(Arc::new(RedisLimitStore::new(&redis)));
//!     Ok(builder.replay_store(Arc::new(RedisReplayStore::new(&redis))).revocations(Arc::clone(&revocations)))
//! }
//! ```
//!
//! # The server
//!
//! One Redis (7 or later) or Valkey, not a cluster and not a replica, with `maxmemory-policy noeviction`: a server that evicts keys forgets used
//! proofs, so [`RedisSettings::connect`] refuses it, and each script refuses a server that took the place of the first one.
//! The user of the connection may run scripts and `INFO`, and use the keys of the prefix.
//!
//! # When it is lost
//!
//! No command takes longer than the time-out, and none is sent twice. Without an answer, proofs are refused (503), limits
//! do what each of them says, and of revocations the last copy is used, for agents and services no longer than 5 seconds.
//! The connection comes back by itself.

mod connection;
mod failure;
mod limits;
mod replay;
mod revocations;
mod script;
#[cfg(test)]
#[path = "../tests/redis/server.rs"]
#[expect(dead_code, reason = "the tests of the whole crate use the rest")]
mod server;
mod target_text;

pub use connection::{Redis, RedisSettings};
pub use failure::RedisFailure;
pub use limits::RedisLimitStore;
pub use replay::RedisReplayStore;
pub use revocations::{RedisRevocations, RevokeError};
