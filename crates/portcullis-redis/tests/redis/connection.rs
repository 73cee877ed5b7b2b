//! Who is connected to, and what is refused at the start.

use std::num::NonZeroUsize;

use portcullis::LimitStore as _;
use portcullis_redis::{RedisFailure, RedisLimitStore, RedisReplayStore, RedisRevocations, RedisSettings};
use portcullis_token::{Recall, ReplayStore as _, Target};

use crate::limits::charge;
use crate::replay::proof;
use crate::server::{Persistence, RedisServer};
use crate::{SECOND, now};

#[tokio::test]
async fn a_server_that_evicts_keys_is_refused_with_what_to_do() {
    // GEN-09
    for policy in ["allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl", "volatile-lfu"] {
        let server = RedisServer::with(Persistence::None, &["--maxmemory-policy", policy]);
        let error = RedisSettings::new(&server.url()).unwrap().connect().await.unwrap_err();
        assert_eq!(error, RedisFailure::Evicts { policy: policy.to_owned() });
        assert!(error.to_string().contains("set `maxmemory-policy noeviction`"), "{error}");
        assert_eq!(server.ask::<i64>(&["DBSIZE"]), 0);
    }
}

#[tokio::test]
async fn who_may_not_in_learns_why_and_no_log_learns_the_password() {
    // GEN-04
    let server = RedisServer::with(Persistence::None, &["--requirepass", "hunter2"]);
    let wrong = format!("redis://:hunter3@127.0.0.1:{}", server.port());
    let error = RedisSettings::new(&wrong).unwrap().connect().await.unwrap_err();
    assert!(matches!(error, RedisFailure::Failed { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    let right = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    let redis = RedisSettings::new(&right).unwrap().connect().await.unwrap();
    assert!(!format!("{redis:?}").contains("hunter"), "{redis:?}");
}

#[tokio::test]
async fn a_user_with_the_rights_of_the_documentation_may_do_everything() {
    let text = include_str!("../../../../docs/redis.md");
    let rights = text.lines().find_map(|line| line.strip_prefix("| User | `")?.split('`').next()).unwrap();
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "svc", "on", ">secret", "resetkeys", "resetchannels", "~orders:*"];
    server.ask::<()>(&user.into_iter().chain(rights.split(' ')).collect::<Vec<_>>());
    let url = format!("redis://svc:secret@127.0.0.1:{}", server.port());
    let redis = RedisSettings::new(&url).unwrap().with_prefix("orders:").connect().await.unwrap();
    let charged = RedisLimitStore::new(&redis).charge(&[charge(1, SECOND, 5, 1)]).await.unwrap();
    assert!(charged.admitted);
    let ahead = now().plus(5 * SECOND);
    assert_eq!(RedisReplayStore::new(&redis).remember(&proof(1, "a", ahead), now()).await.unwrap(), Recall::New);
    let revocations = RedisRevocations::start(&redis, NonZeroUsize::MIN).await.unwrap();
    revocations.revoke(Target::Everything, now().plus(SECOND), now()).await.unwrap();
    let foreign = RedisSettings::new(&url).unwrap().connect().await;
    assert!(foreign.is_err(), "only its own keys");
}

#[tokio::test]
async fn nobody_there_is_an_error_at_the_start() {
    let mut server = RedisServer::start();
    server.kill();
    let error = RedisSettings::new(&server.url()).unwrap().connect().await.unwrap_err();
    assert!(matches!(error, RedisFailure::Failed { .. } | RedisFailure::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn with_tls_only_a_server_with_a_certificate_of_the_stated_authority_is_believed() {
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/../portcullis-token/tests/data/tls/");
    let file = |name: &str| format!("{tls}{name}");
    // Its port is free again.
    let port = RedisServer::start().port();
    let text = port.to_string();
    let (certificate, key, authority) = (file("localhost.pem"), file("localhost-key.pem"), file("ca.pem"));
    let options = [
        "--port",
        "0",
        "--tls-port",
        &text,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ];
    let running = RedisServer::on_port(port, Persistence::None, &options);
    let url = format!("rediss://localhost:{}", running.port());
    let error = RedisSettings::new(&url).unwrap().connect().await.unwrap_err();
    assert!(matches!(error, RedisFailure::Failed { .. } | RedisFailure::TimedOut { .. }), "{error:?}");
    let authority = std::fs::read(authority).unwrap();
    let plain = RedisSettings::new(&url.replace("rediss", "redis")).unwrap().with_root_certificate(authority.clone());
    assert_eq!(plain.connect().await.unwrap_err(), RedisFailure::PlainText);
    RedisSettings::new(&url).unwrap().with_root_certificate(authority).connect().await.unwrap();
}
