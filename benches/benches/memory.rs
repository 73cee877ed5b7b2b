//! How much memory does a known token take beyond its text, and a bundle?
//!
//! What the allocator was asked for and not yet given back, so the same in every run on one platform. What the allocator
//! itself adds is not in it.

use std::alloc::System;
use std::sync::Arc;

use benches::{Asker, Person, Unit, claims, files, must, record, served, settings};
use portcullis_core::Bundle;
use portcullis_testkit::SigningAlgorithm;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    known_tokens(if is_measured { [1_000, 5_000] } else { [1, 2] });
    let sizes: &[usize] = if is_measured { &[1_000, 10_000] } else { &[10] };
    for policies in sizes {
        bundle(*policies);
    }
}

/// The gate after some tokens, and after some more: what is there from the beginning is in neither.
fn known_tokens([few, many]: [usize; 2]) {
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    let gate = served::gate(verifier);
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let ask = |number: usize| {
        let mut claims = claims(Person::Consented);
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("jti".to_owned(), format!("t-{number:08}").into());
        }
        let token = issuer.sign(&claims);
        drop(runtime.block_on(Asker::new(&gate, &token).open()));
        token.len()
    };
    let _ = (0..few).map(ask).max();
    let before = held();
    let length = (few..many).map(ask).max().unwrap_or_default();
    let each = (held() - before) / (many - few) as f64;
    record("memory/known_token", each, Unit::Bytes);
    record("memory/known_token/beyond_its_text", each - length as f64, Unit::Bytes);
    println!("memory/known_token      {each:>12.0} B, for a token of {length} B");
}

fn bundle(policies: usize) {
    let files = files(policies);
    let before = held();
    let bundle: Arc<Bundle> = must(Bundle::load(&files, settings()));
    let bytes = held() - before;
    record(&format!("memory/bundle/{policies}"), bytes, Unit::Bytes);
    println!("memory/bundle/{policies:<8}{bytes:>12.0} B, {:.0} B for each policy", bytes / policies as f64);
    drop(bundle);
}

/// The bytes that are in use now.
fn held() -> f64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}
