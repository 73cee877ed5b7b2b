//! An opaque token that is known: how much does everything cost that is left to do?

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use benches::{Person, asking, claims, must, now};
use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_core::VerifiedClaims;
use portcullis_token::Verifier;

fn introspect(criterion: &mut Criterion) {
    let endpoint = endpoint();
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let mut group = criterion.benchmark_group("introspect");
    for tokens in [1, 4_000] {
        let verifier = asking(&endpoint);
        for n in 0..tokens {
            must(runtime.block_on(verifier.verify(&token(n), now())));
        }
        let token = token(tokens / 2);
        group.bench_function(format!("known_among_{tokens}"), |bencher| {
            bencher.iter(|| to_claims(&verifier, black_box(&token)));
        });
    }
    group.finish();
}

/// The answer is at hand, so the future is ready at once.
fn to_claims(verifier: &Verifier, token: &str) -> VerifiedClaims {
    match pin!(verifier.verify(token, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(claims) => must(claims),
        Poll::Pending => must(Err("the answer is not at hand")),
    }
}

fn token(n: usize) -> String {
    format!("opaque_{n:036}")
}

/// The URL of an issuer that calls every token active. Its thread ends with the process.
fn endpoint() -> String {
    let listener = must(TcpListener::bind("127.0.0.1:0"));
    let url = format!("http://{}/introspect", must(listener.local_addr()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = must(stream);
            std::thread::spawn(move || must(serve(stream)));
        }
    });
    url
}

/// Answers the requests of one connection, until the client closes it.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer = claims(Person::Consented);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("active".to_owned(), true.into());
    }
    let answer = answer.to_string();
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line)? > 2 {
            let field = line.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if length == 0 {
            return Ok(());
        }
        reader.read_exact(&mut vec![0; length])?;
        let length = answer.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        // In one piece: a second one would wait for the first to be acknowledged, which may take 40 ms.
        stream.write_all(format!("{head}{answer}").as_bytes())?;
    }
}

criterion_group!(benches, introspect);
criterion_main!(benches);
