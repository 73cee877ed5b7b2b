//! A known token: what does one decision cost, and does it grow with the bundle?
//!
//! Each decision is about a resource that nobody has asked about yet, as a request's is.

use std::hint::black_box;
use std::time::Duration;

use benches::{Person, agent, bare_project, claims, engine, now, project, session};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use portcullis_core::{Request, ResourceData, Session, UnixTime};

fn decide(criterion: &mut Criterion) {
    let (bare, loaded) = (bare_project(), project());
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if is_measured { &[10, 1_000, 100_000] } else { &[10] };
    for policies in sizes.iter().copied() {
        let engine = engine(policies);
        let person = session(&engine, &claims(Person::Consented));
        let reader = session(&engine, &claims(Person::ReadsOnly));
        let agent = session(&engine, &agent());
        // (question, caller, action, resource, the expected answer)
        let cases: [(&str, &Session, &str, &ResourceData, bool); 5] = [
            ("heads_alone", &person, "GetProject", &bare, true),
            ("one_condition_three_guardrails", &person, "UpdateProject", &loaded, true),
            ("the_same_by_an_agent", &agent, "UpdateProject", &loaded, true),
            ("denied_above_the_ceiling", &agent, "DeleteProject", &loaded, false),
            ("denied_with_a_remedy", &reader, "UpdateProject", &loaded, false),
        ];
        for (question, caller, action, resource, allowed) in cases {
            let decision = caller.decide(&Request::new(action, &resource.clone(), now()));
            assert_eq!(decision.is_allow(), allowed, "{question}: {decision:?}");
            let mut group = criterion.benchmark_group(format!("decide/{question}"));
            group.bench_function(BenchmarkId::from_parameter(policies), |bencher| {
                benches::decide(bencher, caller, action, resource);
            });
            group.finish();
        }
        // Each decision is the first in its second, so nothing that was made for the last one fits.
        let seconds = [now(), now().plus(Duration::from_secs(1))];
        let mut times = seconds.into_iter().cycle();
        let mut group = criterion.benchmark_group("decide/first_in_its_second");
        group.bench_function(BenchmarkId::from_parameter(policies), |bencher| {
            let decide = |(now, resource): &mut (UnixTime, ResourceData)| {
                person.decide(black_box(&Request::new("UpdateProject", resource, *now)))
            };
            let next = || (times.next().unwrap_or(now()), loaded.clone());
            bencher.iter_batched_ref(next, decide, BatchSize::SmallInput);
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = benches::brief();
    targets = decide
}
criterion_main!(benches);
