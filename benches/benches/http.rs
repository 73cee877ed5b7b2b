//! What does the gate cost a service: requests per second with and without it, for each framework?
//!
//! Two services with the same handler, one behind a gate, answer the same requests in turns: a known token each time, over
//! connections that stay open. The client runs on the same machine and takes its share of it, so what is told is the ratio
//! that a whole service sees, and not the cost of the gate alone.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use benches::served::{self, Guard};
use benches::{Person, Unit, claims, log, median, must, record};
use portcullis_testkit::SigningAlgorithm;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let rounds = if is_measured { ROUNDS } else { 1 };
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    let gate = served::gate(verifier);
    let bearer = format!("Bearer {}", issuer.sign(&claims(Person::Consented)));
    log::install();
    let runtime = must(tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(WORKERS).build());
    println!("{:<12}{:>16}{:>24}{:>24}", "", "without a gate", "with it, log off", "with it, log on");
    let axum = |guard| runtime.block_on(served::axum(guard));
    measure("axum", rounds, axum(Guard::None), axum(Guard::Gate(&gate)), &|address| http(address, &bearer));
    let actix = |guard: Guard<'_>| served::actix(&guard);
    measure("actix-web", rounds, actix(Guard::None), actix(Guard::Gate(&gate)), &|address| http(address, &bearer));
    let tonic = |guard| runtime.block_on(served::tonic(guard));
    let call = |address| runtime.block_on(grpc(address, &bearer));
    measure("tonic", rounds, tonic(Guard::None), tonic(Guard::Gate(&gate)), &call);
}

/// Lets the two services take turns, and prints the medians.
fn measure(name: &str, rounds: usize, bare: SocketAddr, guarded: SocketAddr, send: &dyn Fn(SocketAddr) -> Duration) {
    let mut turns = Vec::new();
    for _ in 0..=rounds {
        let floor = send(bare);
        let quiet = send(guarded);
        log::set(true);
        let logged = send(guarded);
        log::set(false);
        turns.push([floor, quiet, logged].map(|took| REQUESTS as f64 / took.as_secs_f64()));
    }
    // The first turn warms up.
    let turns = turns.get(1..).unwrap_or_default();
    let [bare, quiet, logged] =
        [0, 1, 2].map(|column| median(turns.iter().filter_map(|turn| turn.get(column).copied())));
    let [quiet_ratio, logged_ratio] =
        [1, 2].map(|column| median(turns.iter().filter_map(|turn| Some(turn.get(column)? / turn.first()?))));
    record(&format!("http/{name}/bare"), bare, Unit::PerSecond);
    record(&format!("http/{name}/gate"), quiet_ratio, Unit::Ratio);
    record(&format!("http/{name}/gate_and_log"), logged_ratio, Unit::Ratio);
    println!("{name:<12}{bare:>14.0}/s{quiet:>13.0}/s {quiet_ratio:>6.2} x{logged:>13.0}/s {logged_ratio:>6.2} x");
}

/// Sends the requests over HTTP/1.1, on each connection one after the other.
fn http(address: SocketAddr, bearer: &str) -> Duration {
    let request = format!("GET /projects/apollo HTTP/1.1\r\nhost: api.example.com\r\nauthorization: {bearer}\r\n\r\n");
    let request = request.as_bytes();
    let mut connections: Vec<TcpStream> = (0..CONNECTIONS).map(|_| must(TcpStream::connect(address))).collect();
    let start = Instant::now();
    std::thread::scope(|threads| {
        for connection in &mut connections {
            threads.spawn(move || {
                must(connection.set_nodelay(true));
                let mut answer = [0; 2048];
                for _ in 0..REQUESTS / CONNECTIONS {
                    must(connection.write_all(request));
                    let length = must(connection.read(&mut answer));
                    // Both services send their answer in one piece, which ends with the name of the project.
                    let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default());
                    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("apollo"), "{text}");
                }
            });
        }
    });
    start.elapsed()
}

/// Calls the method over HTTP/2, on each connection once after the other.
async fn grpc(address: SocketAddr, bearer: &str) -> Duration {
    let mut channels: Vec<Channel> = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(must(must(Endpoint::new(format!("http://{address}"))).connect().await));
    }
    let start = Instant::now();
    let calls = channels.into_iter().map(|channel| {
        let bearer = bearer.to_owned();
        tokio::spawn(async move {
            let mut client = Grpc::new(channel);
            for _ in 0..REQUESTS / CONNECTIONS {
                let mut request = tonic::Request::new("apollo".to_owned());
                request.metadata_mut().insert("authorization", must(bearer.parse()));
                must(client.ready().await);
                let method = http::uri::PathAndQuery::from_static(served::GRPC_PATH);
                let answer = client.unary(request, method, ProstCodec::<String, String>::default()).await;
                assert_eq!(must(answer).into_inner(), "apollo");
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        must(call.await);
    }
    start.elapsed()
}

const ROUNDS: usize = 20;

/// A turn: some hundred milliseconds.
const REQUESTS: usize = 2_000;

const CONNECTIONS: usize = 4;

/// As many as cores of the reference machine.
const WORKERS: usize = 2;
