//! A new token: how much does everything cost on top of the signature check, which nobody can avoid?

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use benches::{Person, bare_project, claims, engine, must, now, trusted};
use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_core::{Request, VerifiedClaims};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::Verifier;

fn verify(criterion: &mut Criterion) {
    let (engine, project) = (engine(10), bare_project());
    let request = Request::new("GetProject", &project, now());
    for algorithm in SigningAlgorithm::ALL {
        let (issuer, verifier) = trusted(algorithm);
        let token = issuer.sign(&claims(Person::Consented));
        let key = public_key(&issuer);
        let (message, signature) = must(token.rsplit_once('.').ok_or("not a token"));
        let signature = must(URL_SAFE_NO_PAD.decode(signature));

        let mut group = criterion.benchmark_group(format!("verify/{}", algorithm.as_str()));
        group.bench_function("signature_alone", |bencher| {
            bencher.iter(|| must(key.verify_sig(black_box(message).as_bytes(), &signature)));
        });
        group.bench_function("to_claims", |bencher| bencher.iter(|| to_claims(&verifier, black_box(&token))));
        group.bench_function("to_decision", |bencher| {
            bencher.iter(|| {
                let session = must(engine.session(&to_claims(&verifier, black_box(&token))));
                assert!(session.decide(&request).is_allow());
            });
        });
        group.finish();
    }
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
    must(match issuer.algorithm() {
        SigningAlgorithm::Es256 => {
            let uncompressed_point = [vec![4], member("x"), member("y")].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed_point)
        }
        SigningAlgorithm::Rs256 => {
            let components = RsaPublicKeyComponents { n: member("n"), e: member("e") };
            components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        }
        _ => ParsedPublicKey::new(&ED25519, member("x")),
    })
}

criterion_group!(benches, verify);
criterion_main!(benches);
