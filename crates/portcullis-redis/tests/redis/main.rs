//! Several replicas on one Redis: servers are real, killed, paused and started again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod approvals;
mod connection;
mod failover;
mod gates;
mod limits;
mod processes;
mod replay;
mod revocations;
mod server;

use std::time::{Duration, SystemTime};

use portcullis_core::UnixTime;
use portcullis_redis::{Redis, RedisSettings};

use crate::server::RedisServer;

/// A replica's connection to `server`.
async fn connect(server: &RedisServer) -> Redis {
    connect_to(&server.url()).await
}

async fn connect_to(url: &str) -> Redis {
    // The machine that runs the tests may be busy with other ones.
    RedisSettings::new(url).unwrap().with_timeout(Duration::from_secs(2)).connect().await.unwrap()
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixTime::from_secs(i64::try_from(now.as_secs()).unwrap()).unwrap()
}

const SECOND: Duration = Duration::from_secs(1);
