//! What else there may be many of: which of it costs time?
//!
//! Issuers, static entities and policies about the same action for others should cost nothing. Conditions that have to be
//! evaluated do: there is a line for 1, 10 and 100 of them.

use std::fmt::Write as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use benches::{
    AUDIENCE, GUARDRAILS, ISSUER, Person, ROLES_FILE, bare_project, claims, extended, files, must, now, project,
    session, settings, source,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portcullis_core::{Bundle, BundleFiles, BundleSettings, Engine, Layer, Request, ResourceData};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::{Algorithm, Issuer, KeySet, Verifier};
use serde_json::json;

fn grow(criterion: &mut Criterion) {
    issuers(criterion);
    let (bare, loaded) = (bare_project(), project());
    for many in [10, 1_000] {
        let engine = Engine::new(must(Bundle::load(&with_entities(many), settings_with_entities())));
        decide(criterion, "entities", many, &engine, "UpdateProject", &loaded);
        let engine = Engine::new(must(Bundle::load(&crowded(many), settings())));
        decide(criterion, "policies_about_the_action", many, &engine, "GetProject", &bare);
    }
    for many in [1, 10, 100] {
        let engine = Engine::new(must(Bundle::load(&conditions(many), settings())));
        decide(criterion, "conditions_that_match", many, &engine, "UpdateProject", &loaded);
    }
}

fn decide(criterion: &mut Criterion, what: &str, many: usize, engine: &Engine, action: &str, resource: &ResourceData) {
    let caller = session(engine, &claims(Person::Consented));
    assert!(caller.decide(&Request::new(action, &resource.clone(), now())).is_allow(), "{what}");
    let mut group = criterion.benchmark_group(format!("grow/{what}"));
    group.bench_function(BenchmarkId::from_parameter(many), |bencher| {
        benches::decide(bencher, &caller, action, resource);
    });
    group.finish();
}

/// The one issuer of the token, among others.
fn issuers(criterion: &mut Criterion) {
    for many in [1, 1_000] {
        let signer = TestIssuer::with_algorithm(ISSUER, SigningAlgorithm::Es256);
        let keys = || must(KeySet::try_from(&signer.jwks()));
        let issuer = |alias: &str, identifier: &str| {
            must(Issuer::new(alias, identifier, [AUDIENCE], [Algorithm::Es256], keys()))
        };
        let others = (1..many).map(|other| issuer(&format!("other-{other}"), &format!("https://{other}.example.com")));
        let verifier = must(Verifier::new(others.chain([issuer("main", ISSUER)])));
        let token = signer.sign(&claims(Person::Consented));
        let mut group = criterion.benchmark_group("grow/issuers");
        group.bench_function(BenchmarkId::from_parameter(many), |bencher| {
            bencher.iter(|| match pin!(verifier.verify(&token, now())).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(claims) => must(claims),
                Poll::Pending => must(Err("the keys are not at hand")),
            });
        });
        group.finish();
    }
}

/// Static entities of the types that the decision is about.
fn with_entities(many: usize) -> BundleFiles {
    // Whoever keeps some roles keeps all of them.
    let others = (0..many - 2).map(|number| format!("role-{number}"));
    let roles = others.chain(["viewer", "editor"].map(str::to_owned));
    let entity = |id: String| json!({ "uid": { "type": "Role", "id": id }, "attrs": {}, "parents": [] });
    let entities = roles.map(entity).collect::<Vec<_>>();
    files(10).with_file("entities.json", json!(entities).to_string())
}

fn settings_with_entities() -> BundleSettings {
    BundleSettings::new(vec![source()]).with_empty_layer(Layer::Consent).with_required_file(GUARDRAILS)
}

/// Permits for the same action, each for another role.
fn crowded(many: usize) -> BundleFiles {
    let mut roles = String::new();
    for other in 0..many {
        let head = format!(r#"principal in Role::"role-{other}", action == Action::"GetProject", resource"#);
        let _ = writeln!(roles, r#"@id("crowd-{other}") permit ({head});"#);
    }
    extended(files(10), ROLES_FILE, &roles)
}

/// Guardrails for the same action, each with a condition that does not hold.
fn conditions(many: usize) -> BundleFiles {
    let mut rules = String::new();
    for other in 0..many {
        let condition = format!(r#"resource.tenant == "tenant-{other}""#);
        let _ = writeln!(
            rules,
            r#"@id("not-{other}") forbid (principal, action == Action::"UpdateProject", resource) when {{ {condition} }};"#
        );
    }
    extended(files(10), GUARDRAILS, &rules)
}

criterion_group! {
    name = benches;
    config = benches::brief();
    targets = grow
}
criterion_main!(benches);
