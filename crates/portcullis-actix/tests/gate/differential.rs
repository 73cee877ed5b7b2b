//! Whatever path is sent: the action that is decided is the one whose handler runs, on the id that the handler sees.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use actix_web::App;
use actix_web::http::Method;
use actix_web::test::init_service;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{Resource, Route};
use percent_encoding::percent_decode_str;
use portcullis_actix::{Gate, GateExt, Permit};
use serde_json::json;

use crate::service::{Calls, Service, bundle, reply, request};

/// Method, template, action, and which parameter is the id of the resource.
type Row = (&'static str, &'static str, &'static str, Option<usize>);

const ROUTES: [Row; 15] = [
    ("GET", "/projects/{id}", "GetProject", Some(0)),
    ("PUT", "/projects/{id}", "PutProject", Some(0)),
    ("DELETE", "/projects/{id}", "DeleteProject", Some(0)),
    ("GET", "/projects/new", "NewProject", None),
    ("HEAD", "/projects/new", "PeekProject", None),
    ("GET", "/projects/{id}/", "OpenProject", Some(0)),
    ("GET", "/projects/{id}/members/{member}", "GetMember", Some(1)),
    ("PUT", "/projects/{id}/members/me", "JoinProject", Some(0)),
    ("GET", "/projects/{id}/members/me", "AmMember", Some(0)),
    ("GET", "/projects/{id}/files/{*path}", "GetFile", Some(1)),
    ("DELETE", "/{kind}/new", "DropDraft", Some(0)),
    ("GET", "/{kind}/{id}/raw", "GetRaw", Some(1)),
    ("GET", "/a/{x}/c", "GetX", Some(0)),
    ("GET", "/a/b/{y}", "GetY", Some(0)),
    ("GET", "/", "GetRoot", None),
];

fn schema() -> String {
    let mut schema = "@scope action \"use\";\nentity User;\nentity Thing;\n".to_owned();
    for (method, template, action, id) in ROUTES {
        let names: Vec<&str> = template.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect();
        let id = id.map_or("\\\"fixed\\\"".to_owned(), |id| format!("{{{}}}", names[id].trim_start_matches('*')));
        writeln!(
            schema,
            "@http(\"{method} {template}\") @resource(\"Thing::{id}\") action \"{action}\" in [\"use\"] appliesTo \
             {{ principal: [User], resource: [Thing], context: Portcullis::Context }};"
        )
        .unwrap();
    }
    schema
}

/// Says who it is, which id it sees, and what was decided.
async fn tell(row: Row, calls: Data<Calls>, permit: Permit, path: Path<Vec<String>>) -> String {
    calls.add();
    let id = row.3.map_or("fixed", |id| &path[id]);
    json!([row.2, id, permit.action(), permit.resource().1]).to_string()
}

fn route(row: Row) -> Route {
    let handler = move |calls: Data<Calls>, permit: Permit, path: Path<Vec<String>>| tell(row, calls, permit, path);
    web::method(Method::from_bytes(row.0.as_bytes()).unwrap()).to(handler)
}

/// The resource of `template`, called `path` where it stands.
fn resource(template: &str, path: &str) -> Resource {
    let rows = ROUTES.into_iter().filter(|row| row.1 == template);
    rows.fold(web::resource(path.replace("{*path}", "{path:.+}")), |resource, row| resource.route(route(row)))
}

fn templates() -> Vec<&'static str> {
    let mut templates: Vec<&str> = ROUTES.iter().map(|row| row.1).collect();
    templates.dedup();
    templates
}

/// The ways in which an application can be put together, in the order of which nothing may depend.
fn app(way: usize, gate: &Gate, config: &mut ServiceConfig) {
    let templates = templates();
    let guarded = |template: &str| gate.protect(resource(template, template));
    let under = |prefix: &str, template: &str| gate.protect(resource(template, template.strip_prefix(prefix).unwrap()));
    let around = || web::scope("").wrap(gate.layer());
    match way {
        // The router that the gate makes.
        0 => {
            let router = ROUTES.into_iter().fold(gate.router(), |router, row| {
                let handler =
                    move |calls: Data<Calls>, permit: Permit, path: Path<Vec<String>>| tell(row, calls, permit, path);
                router.action(row.2, handler)
            });
            config.service(router.build().unwrap());
        }
        // Resources one after the other, in both orders.
        1 => drop(templates.into_iter().fold(config, |config, template| config.service(guarded(template)))),
        2 => {
            let scope = templates.into_iter().rev().fold(around(), |scope, path| scope.service(guarded(path)));
            config.service(scope);
        }
        // Nested scopes, two of which have the same prefix.
        3 => {
            let member = "/projects/{id}/members/{member}";
            let project = web::scope("/{id}")
                .service(under("/projects/{id}", "/projects/{id}/members/me"))
                .service(web::scope("/members").service(under("/projects/{id}/members", member)))
                .service(under("/projects/{id}", "/projects/{id}/files/{*path}"))
                .service(under("/projects/{id}", "/projects/{id}/"))
                .service(under("/projects/{id}", "/projects/{id}"));
            let new = web::scope("/projects/new").service(under("/projects/new", "/projects/new"));
            let kinds = web::scope("/{kind}").service(under("/{kind}", "/{kind}/new"));
            let scope = around().service(new).service(web::scope("/projects").service(project));
            let scope = scope.service(guarded("/a/b/{y}")).service(guarded("/a/{x}/c")).service(guarded("/"));
            config.service(scope.service(guarded("/{kind}/{id}/raw")).service(kinds));
        }
        // Routes that are chosen by path and method together, which are decided by what the handlers take.
        4 => drop(
            config.service(
                ROUTES
                    .into_iter()
                    .fold(around(), |scope, row| scope.route(&row.1.replace("{*path}", "{path:.+}"), route(row))),
            ),
        ),
        _ => drop(
            config.service(
                ROUTES
                    .into_iter()
                    .rev()
                    .fold(around(), |scope, row| scope.route(&row.1.replace("{*path}", "{path}*"), route(row))),
            ),
        ),
    }
}

const WAYS: usize = 6;

/// SplitMix64: the same requests each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn method(&mut self) -> &'static str {
        self.one_of(&["GET", "GET", "GET", "GET", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "BREW"])
    }

    /// A path that looks like one of a template.
    fn path(&mut self) -> String {
        let template = ROUTES[self.below(ROUTES.len())].1;
        let mut path = String::new();
        for segment in template.split('/').skip(1) {
            path.push('/');
            let count = if segment.starts_with("{*") { 1 + self.below(3) } else { 1 };
            let filled = if segment.starts_with('{') {
                let values: Vec<&str> = (0..count).map(|_| self.one_of(&VALUES)).collect();
                values.join("/")
            } else {
                segment.to_owned()
            };
            // Some characters are encoded that need not be.
            for character in filled.chars() {
                if character.is_ascii_alphanumeric() && self.below(24) == 0 && !filled.contains('%') {
                    write!(path, "%{:02x}", u32::from(character)).unwrap();
                } else {
                    path.push(character);
                }
            }
        }
        match self.below(12) {
            0 => path.push('/'),
            1 => path.insert(0, '/'),
            2 => path.push_str("/.."),
            3 => path = path.replacen("/", "//", 2),
            4 => path.push_str("?id=other"),
            _ => {}
        }
        path
    }
}

const VALUES: [&str; 32] = [
    "p", "q1", "new", "me", "members", "files", "raw", "projects", "a", "b", "c", "A", "-", "~", "%2F", "a%2Fb", "..",
    ".", "%2e%2e", "%25", "%2525", "%252F", "%ff", "%C3%A9", "+", "%2B", "%20", "%3Fx", "%7Bid%7D", "100%", "%%36%31",
    "%00%0a",
];

/// What the raw path says where the template has its id: decoded once, by itself.
fn expected_id(row: Row, raw: &str) -> String {
    let Some(index) = row.3 else { return "fixed".to_owned() };
    let place = row.1.split('/').enumerate().filter(|(_, segment)| segment.starts_with('{')).nth(index).unwrap();
    let raw = raw.split('?').next().unwrap();
    let segments: Vec<&str> = raw.split('/').collect();
    let said = if place.1.starts_with("{*") { segments[place.0..].join("/") } else { segments[place.0].to_owned() };
    percent_decode_str(&said).decode_utf8().unwrap().into_owned()
}

/// A sixth of the hundred thousand requests, to an application that is put together in one of the ways.
async fn what_is_decided_is_what_runs(way: usize) {
    // OWA-03
    let service = Service::of(bundle(&schema(), ""), None, |gate| gate);
    let bearer = service.bearer(&json!({ "scope": "use" }));
    let (calls, gate) = (Calls::default(), service.gate.clone());
    let data = Data::new(calls.clone());
    let app = init_service(App::new().app_data(data).configure(|config| app(way, &gate, config))).await;
    let mut random = Random(0x706F_7274 + u64::try_from(way).unwrap());
    let (mut ran, mut statuses) = (BTreeMap::<String, usize>::new(), BTreeMap::<u16, usize>::new());
    for _ in 0..100_000 / WAYS + 1 {
        let (method, path) = (random.method(), random.path());
        let request = request(method, &path, &[("authorization", &bearer)]).to_request();
        let reply = reply(&app, request).await;
        *statuses.entry(reply.status).or_default() += 1;
        if reply.status != 200 {
            assert!([403, 404, 405].contains(&reply.status), "{method} {path}: {}", reply.body);
            continue;
        }
        let [name, seen, action, decided] = serde_json::from_str::<[String; 4]>(&reply.body).unwrap();
        assert_eq!((&name, &seen), (&action, &decided), "{method} {path}");
        let row = ROUTES.into_iter().find(|row| row.2 == name).unwrap();
        assert!(row.0 == method || (row.0, method) == ("GET", "HEAD"), "{method} {path}: {name}");
        assert_eq!(seen, expected_id(row, &path), "{method} {path}");
        *ran.entry(name).or_default() += 1;
    }
    // No handler ran that was not allowed, and most handlers did run.
    assert_eq!(calls.count(), ran.values().sum::<usize>());
    assert!(ran.len() >= 11, "{ran:?}");
    assert!(ran.values().sum::<usize>() > 4_000 && statuses[&404] > 1_000, "{ran:?} {statuses:?}");
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_the_router_of_the_gate() {
    what_is_decided_is_what_runs(0).await;
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_resources_without_the_middleware() {
    what_is_decided_is_what_runs(1).await;
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_resources_in_the_opposite_order() {
    what_is_decided_is_what_runs(2).await;
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_nested_scopes() {
    what_is_decided_is_what_runs(3).await;
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_routes_that_decide_in_extractors() {
    what_is_decided_is_what_runs(4).await;
}

#[tokio::test]
async fn what_is_decided_is_what_runs_in_such_routes_in_the_opposite_order() {
    what_is_decided_is_what_runs(5).await;
}
