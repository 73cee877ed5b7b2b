//! Many decisions for one caller at once: what does each of a hundred cost?
//!
//! `filter` keeps the items of a list that a caller may see, `allowed_actions` says what it may do, such as which of a
//! hundred tools it may call. `one_by_one` is what they stand on: as many single decisions.

use std::hint::black_box;
use std::sync::Arc;

use benches::{
    Asker, Person, ROLES_FILE, SCHEMA_FILE, bare_project, claims, extended, files, must, now, served, session, settings,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::Uri;
use portcullis::RouteMatch;
use portcullis_core::{Bundle, Engine, Request, ResourceData};
use portcullis_testkit::SigningAlgorithm;
use served::Project;

fn batch(criterion: &mut Criterion) {
    let bundle = bundle();
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    let gate = served::gate_of(Arc::clone(&bundle), verifier, |gate| gate);
    let asker = Asker::new(&gate, &issuer.sign(&claims(Person::Consented)));
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let route = RouteMatch::new("/workspaces/{workspace}/projects", ["space"]);
    let list = runtime.block_on(asker.get(&Uri::from_static("/workspaces/space/projects"), &route));

    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(MANY as u64));
    let names: Vec<String> = (0..MANY).map(|number| format!("project-{number}")).collect();
    group.bench_function("filter", |bencher| {
        bencher.iter(|| {
            let shown = must(list.filter(names.iter().map(|name| Project(name))).map_err(|answer| answer.status()));
            assert_eq!(shown.len(), MANY);
        });
    });
    group.bench_function("allowed_actions", |bencher| {
        bencher.iter(|| {
            let open = must(list.allowed_actions(&Toolbox).map_err(|answer| answer.status()));
            assert_eq!(open.len(), MANY);
        });
    });
    let caller = session(&Engine::new(bundle), &claims(Person::Consented));
    let tools: Vec<String> = (0..MANY).map(|number| format!("Tool{number}")).collect();
    let toolbox = ResourceData::bare("Toolbox", "tools");
    group.bench_function("one_by_one/tools", |bencher| {
        bencher.iter(|| {
            let open = tools.iter().filter(|tool| caller.decide(&Request::new(tool, &toolbox, now())).is_allow());
            assert_eq!(black_box(open.count()), MANY);
        });
    });
    let project = bare_project();
    group.bench_function("one_by_one/items", |bencher| {
        bencher.iter(|| {
            let open = (0..MANY).filter(|_| caller.decide(&Request::new("GetProject", &project, now())).is_allow());
            assert_eq!(black_box(open.count()), MANY);
        });
    });
    group.finish();
}

/// A bundle with a list and a hundred tools, each of them permitted by a policy of its own.
fn bundle() -> Arc<Bundle> {
    use std::fmt::Write as _;

    let mut actions = r#"
entity Workspace;
entity Toolbox;
@http("GET /workspaces/{workspace}/projects") @lists("GetProject")
action "ListProjects" in ["read:projects"]
  appliesTo { principal: [User, Agent], resource: [Workspace], context: Portcullis::Context };
"#
    .to_owned();
    let mut roles =
        r#"@id("viewer-lists") permit (principal in Role::"viewer", action == Action::"ListProjects", resource);"#
            .to_owned();
    for tool in 0..MANY {
        let applies = "principal: [User, Agent], resource: [Toolbox], context: Portcullis::Context";
        let _ = writeln!(actions, r#"action "Tool{tool}" in ["read:projects"] appliesTo {{ {applies} }};"#);
        let head = format!(r#"principal in Role::"viewer", action == Action::"Tool{tool}", resource"#);
        let _ = writeln!(roles, r#"@id("tool-{tool}") permit ({head});"#);
    }
    let files = extended(extended(files(1_000), SCHEMA_FILE, &actions), ROLES_FILE, &roles);
    must(Bundle::load(&files, settings()))
}

/// What all tools are in.
#[derive(Debug, serde::Serialize)]
struct Toolbox;

impl portcullis::Resource for Toolbox {
    const TYPE: &'static str = "Toolbox";

    fn id(&self) -> std::borrow::Cow<'_, str> {
        "tools".into()
    }
}

const MANY: usize = 100;

criterion_group! {
    name = benches;
    config = benches::brief();
    targets = batch
}
criterion_main!(benches);
