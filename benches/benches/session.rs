//! A verified token that was not seen before: what does it cost to prepare its caller?

use std::hint::black_box;

use benches::{Person, agent, claims, engine, must, verified};
use criterion::{Criterion, criterion_group, criterion_main};

fn session(criterion: &mut Criterion) {
    let engine = engine(10);
    let mut group = criterion.benchmark_group("session");
    for (caller, claims) in [("person", claims(Person::Consented)), ("agent_for_a_person", agent())] {
        let claims = verified(&claims);
        group.bench_function(caller, |bencher| bencher.iter(|| must(engine.session(black_box(&claims)))));
    }
    group.finish();
}

criterion_group!(benches, session);
criterion_main!(benches);
