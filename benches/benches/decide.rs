//! A known token: what does one decision cost, and does it grow with the bundle?

use std::hint::black_box;

use benches::{Person, agent, bare_project, claims, engine, now, project, session};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portcullis_core::{Request, ResourceData, Session};

fn decide(criterion: &mut Criterion) {
    let (bare, loaded) = (bare_project(), project());
    for policies in [10, 1_000] {
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
            let request = Request::new(action, resource, now());
            let decision = caller.decide(&request);
            assert_eq!(decision.is_allow(), allowed, "{question}: {decision:?}");
            let mut group = criterion.benchmark_group(format!("decide/{question}"));
            group.bench_with_input(BenchmarkId::from_parameter(policies), &request, |bencher, request| {
                bencher.iter(|| caller.decide(black_box(request)));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
