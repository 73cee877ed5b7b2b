//! A new token: how much does everything cost on top of the signature check, which nobody can avoid?
//!
//! The answer is a ratio, so the two are measured in turns and within milliseconds: whatever slows the machine down
//! slows both. The median of many such pairs is printed.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use benches::{Person, bare_project, claims, engine, must, now, trusted};
use portcullis_core::{Request, VerifiedClaims};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::Verifier;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` when times are wanted; otherwise it is enough that everything works.
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-')).map_or("", String::as_str);
    if is_measured {
        println!("{:<13} {:>10} {:>20} {:>20}", "", "signature", "to claims", "to decision");
    }
    for algorithm in SigningAlgorithm::ALL {
        let name = format!("verify/{}", algorithm.as_str());
        if name.contains(wanted) {
            let times = measure(algorithm, if is_measured { ROUNDS } else { 1 });
            println!("{name:<13} {}", if is_measured { &times } else { "works" });
        }
    }
}

fn measure(algorithm: SigningAlgorithm, rounds: usize) -> String {
    let (engine, project) = (engine(10), bare_project());
    let request = Request::new("GetProject", &project, now());
    let (issuer, verifier) = trusted(algorithm);
    let token = issuer.sign(&claims(Person::Consented));
    let key = public_key(&issuer);
    let (message, signature) = must(token.rsplit_once('.').ok_or("not a token"));
    let signature = must(URL_SAFE_NO_PAD.decode(signature));

    let signature_alone = || must(key.verify_sig(black_box(message).as_bytes(), &signature));
    let to_claims = || drop(black_box(to_claims(&verifier, black_box(&token))));
    let to_decision = || {
        let session = must(engine.session(&self::to_claims(&verifier, black_box(&token))));
        assert!(session.decide(&request).is_allow());
    };
    let times: Vec<[Duration; 3]> =
        (0..rounds).map(|_| [time(signature_alone), time(to_claims), time(to_decision)]).collect();
    let [floor, claims, decision] = [0, 1, 2].map(|column| {
        let time = |row: &[Duration; 3]| row.get(column).copied().unwrap_or_default();
        let ratio = |row: &[Duration; 3]| time(row).as_secs_f64() / row[0].as_secs_f64();
        (median(times.iter().map(|row| time(row).as_secs_f64())), median(times.iter().map(ratio)))
    });
    let shown = |(secs, ratio): (f64, f64)| format!("{:>9.1} µs {ratio:>5.2} ×", secs * 1e6);
    format!("{:>7.1} µs {} {}", floor.0 * 1e6, shown(claims), shown(decision))
}

/// The mean time of one call, from as few as keep the clock's own grain out of it.
fn time(call: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..CALLS).for_each(|_| call());
    start.elapsed() / CALLS
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The keys are at hand, so the future is ready at once.
fn to_claims(verifier: &Verifier, token: &str) -> VerifiedClaims {
    match pin!(verifier.verify(token, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(claims) => must(claims),
        Poll::Pending => must(Err("the keys are not at hand")),
    }
}

/// The key in the form in which checking is fastest: everything that can be done once, is.
fn public_key(issuer: &TestIssuer) -> ParsedPublicKey {
    let jwk = issuer.jwk();
    let member = |name: &str| {
        let text = must(jwk.get(name).and_then(serde_json::Value::as_str).ok_or(name));
        must(URL_SAFE_NO_PAD.decode(text))
    };
    let elliptic = |algorithm: &'static dyn VerificationAlgorithm| {
        // SEC 1 §2.3.3: an uncompressed point.
        ParsedPublicKey::new(algorithm, [vec![4], member("x"), member("y")].concat())
    };
    let rsa = |padding| RsaPublicKeyComponents { n: member("n"), e: member("e") }.to_parsed_public_key(padding);
    must(match issuer.algorithm() {
        SigningAlgorithm::Es256 => elliptic(&ECDSA_P256_SHA256_FIXED),
        SigningAlgorithm::Es384 => elliptic(&ECDSA_P384_SHA384_FIXED),
        SigningAlgorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
        _ => ParsedPublicKey::new(&ED25519, member("x")),
    })
}

const ROUNDS: usize = 500;

/// A millisecond or so: shorter than what the scheduler grants, so most pairs run undisturbed.
const CALLS: u32 = 20;
