//! A request with a bound token: what does the proof cost on top of the check of its signature, and the whole request?
//!
//! The floor is one ES256 signature with a parsed key. A proof brings its key along, so that is read and hashed each time,
//! and it is used once, so it is remembered. The whole request is two signatures: the issuer's and the client's.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use benches::{Bench, Person, SignatureAlone, claims, must, now, ready, trusted};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::{MemoryReplayStore, Origin, PresentedToken, ProofRequest, ProofVerifier, Thumbprint};
use serde_json::{Value, json};

fn main() {
    let bench = Bench::from_arguments(&["signature", "proof alone", "bearer token", "bound token"]);
    let name = "dpop/ES256";
    if bench.wants(name) {
        measure(&bench, name);
    }
}

fn measure(bench: &Bench, name: &str) {
    let client = Client::new();
    let (issuer, verifier) = trusted(SigningAlgorithm::Es256);
    let bearer = issuer.sign(&claims(Person::Consented));
    let bound = issuer.sign(&client.bound(claims(Person::Consented)));
    // No proof is accepted twice, so each call has its own, and each column its own memory.
    let proofs: Vec<String> = (0..bench.calls()).map(|number| client.proof(&bound, number)).collect();
    let signature = SignatureAlone::of(&client.key, &must(proofs.first().cloned().ok_or("no proof")));
    let alone = proof_verifier();
    let request = ProofRequest::new("GET", PATH, &bound, client.thumbprint);
    let with_proofs = verifier.with_proofs(proof_verifier());
    let (next_alone, next_whole) = (Turn::new(&proofs), Turn::new(&proofs));
    bench.compare(
        name,
        &[
            &|| signature.check(),
            &|| drop(must(ready(alone.verify(&[next_alone.next()], &request, now())))),
            &|| drop(must(ready(with_proofs.verify_presented(&PresentedToken::bearer(black_box(&bearer)), now())))),
            &|| {
                let fields = [next_whole.next()];
                let presented = PresentedToken::dpop(black_box(&bound), &fields, "GET", PATH);
                drop(must(ready(with_proofs.verify_presented(&presented, now()))));
            },
        ],
    );
}

/// Who holds the key that tokens are bound to.
struct Client {
    key: TestIssuer,
    jwk: Value,
    thumbprint: Thumbprint,
}

impl Client {
    fn new() -> Self {
        let key = TestIssuer::new("client");
        let published = key.jwk();
        let member = |name: &str| published.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (x, y) = (member("x"), member("y"));
        // RFC 7638 §3.2.
        let thumbprint = hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        Self { key, jwk, thumbprint: must(thumbprint.parse()) }
    }

    fn bound(&self, mut claims: Value) -> Value {
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("cnf".to_owned(), json!({ "jkt": self.thumbprint.to_string() }));
        }
        claims
    }

    fn proof(&self, token: &str, number: usize) -> String {
        let claims = json!({
            "jti": format!("e1j3V_bKic8-LAEB_{number:06}"), "htm": "GET", "htu": format!("{ORIGIN}{PATH}"),
            "iat": now().as_secs(), "ath": hash(token),
        });
        self.key.sign_with(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk }), &claims)
    }
}

/// Hands out one proof after the other.
struct Turn<'a> {
    proofs: &'a [String],
    next: Cell<usize>,
}

impl<'a> Turn<'a> {
    fn new(proofs: &'a [String]) -> Self {
        Self { proofs, next: Cell::new(0) }
    }

    fn next(&self) -> &'a [u8] {
        let number = self.next.replace(self.next.get() + 1);
        black_box(must(self.proofs.get(number).ok_or("too few proofs"))).as_bytes()
    }
}

fn proof_verifier() -> ProofVerifier {
    must(ProofVerifier::new([must(Origin::new(ORIGIN))], Arc::new(MemoryReplayStore::new(now()))))
}

fn hash(text: &str) -> String {
    use base64::Engine as _;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}

const ORIGIN: &str = "https://api.example.com";

const PATH: &str = "/workspaces/space/projects";
