//! One proof of possession sent over many TCP connections at a time.

use std::sync::Arc;

use portcullis::{MemoryReplayStore, Origin, ProofVerifier, UnixTime};
use portcullis_testkit::{SigningAlgorithm, TestClient};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use crate::service::{NOW, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_proof_sent_ten_thousand_times_over_64_connections_is_accepted_once() {
    // DPP-27
    let store = Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap()));
    let proofs = ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store).unwrap();
    let service = Service::with_gate(|gate| gate.dpop(proofs));
    let holder = TestClient::new(SigningAlgorithm::Es256);
    let token = service.token(&json!({ "cnf": { "jkt": holder.thumbprint() } }));
    let request = || {
        let claims = holder.claims("GET", "https://api.example.com/projects/p", &token, NOW);
        let proof = holder.proof(&claims);
        format!("GET /projects/p HTTP/1.1\r\nHost: x\r\nAuthorization: DPoP {token}\r\nDPoP: {proof}\r\n\r\n")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, service.app.clone()).into_future());

    let (replayed, together) = (request(), Arc::new(Barrier::new(CONNECTIONS)));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (replayed, own, together) = (replayed.clone(), request(), Arc::clone(&together));
            tokio::spawn(async move {
                let mut connection = TcpStream::connect(address).await.unwrap();
                together.wait().await;
                let mut accepted = 0;
                for _ in 0..10_000_usize.div_ceil(CONNECTIONS) {
                    match status(&mut connection, &replayed).await {
                        200 => accepted += 1,
                        other => assert_eq!(other, 401),
                    }
                }
                // Another proof of the same key, on the same connection.
                assert_eq!(status(&mut connection, &own).await, 200);
                accepted
            })
        })
        .collect();
    let mut accepted = 0;
    for client in clients {
        accepted += client.await.unwrap();
    }
    assert_eq!(accepted, 1);
    assert_eq!(service.calls.count(), 1 + CONNECTIONS);
}

/// The status of the answer to `request`. The connection stays open.
async fn status(connection: &mut TcpStream, request: &str) -> u16 {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = connection.read(&mut part).await.unwrap();
        assert_ne!(read, 0, "the server hung up");
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if body.len() == length.parse::<usize>().unwrap() {
            return head["http/1.1 ".len()..][..3].parse().unwrap();
        }
    }
}

const CONNECTIONS: usize = 64;
