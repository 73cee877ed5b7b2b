//! Who is connected to, and what is refused at the start.

use portcullis_redis::{RedisFailure, RedisSettings};

use crate::server::{Persistence, RedisServer};

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
async fn nobody_there_is_an_error_at_the_start() {
    let mut server = RedisServer::start();
    server.kill();
    let error = RedisSettings::new(&server.url()).unwrap().connect().await.unwrap_err();
    assert!(matches!(error, RedisFailure::Failed { .. } | RedisFailure::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn with_tls_only_a_server_with_a_certificate_of_the_stated_authority_is_believed() {
    // O21-06
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
    RedisSettings::new(&url).unwrap().with_root_certificate(authority).connect().await.unwrap();
}
