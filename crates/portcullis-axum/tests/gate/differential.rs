//! What is decided is what runs: the same routes with and without a gate, for generated paths.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get};
use http_body_util::BodyExt;
use portcullis::{BundleFiles, BundleSettings, Layer, Profile, Source, SourceSettings, Verifier};
use portcullis_axum::{Gate, GateExt, Permit};
use portcullis_testkit::TestIssuer;
use tower::ServiceExt;

use crate::service::verifier;

/// Public actions, so that nothing but the route decides. Templates overlap on purpose.
const SCHEMA: &str = r#"
entity User;
entity Thing;
@http("GET /projects/{project}, GET /api/v1/projects/{project}") @public("test")
action "GetProject" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("GET /projects/new/{thing}") @public("test")
action "NewProject" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("DELETE /projects/{project}") @public("test")
action "DeleteProject" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("HEAD /projects/{project}/members/{member}") @resource("Thing::{member}") @public("test")
action "ProbeMember" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("GET /projects/{project}/members/{member}") @resource("Thing::{member}") @public("test")
action "GetMember" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("GET /files/{*path}") @public("test")
action "GetFile" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("GET /files/readme/{thing}/") @public("test")
action "GetReadme" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
@http("GET /{thing}/raw") @public("test")
action "GetRaw" appliesTo { principal: [Portcullis::Anonymous], resource: [Thing], context: { now: datetime } };
"#;

/// A route of the application, and the action that its handler does.
type Served = (&'static str, Method, &'static str);

fn routes() -> Vec<Served> {
    vec![
        ("/projects/{id}", Method::GET, "GetProject"),
        ("/projects/new/{id}", Method::GET, "NewProject"),
        ("/projects/{id}", Method::DELETE, "DeleteProject"),
        ("/projects/{other}/members/{id}", Method::GET, "GetMember"),
        ("/projects/{other}/members/{id}", Method::HEAD, "ProbeMember"),
        ("/files/{*id}", Method::GET, "GetFile"),
        ("/files/readme/{id}/", Method::GET, "GetReadme"),
        ("/{id}/raw", Method::GET, "GetRaw"),
    ]
}

/// Says which handler ran, with the last parameter that axum's own extractor yields; if there is a permit, it must say the
/// same.
fn handler(action: &'static str, method: &Method) -> MethodRouter {
    let run = async move |permit: Option<Permitted>, Path(values): Path<Vec<String>>| {
        let id = values.last().cloned().unwrap_or_default();
        if let Some(Permitted(permit)) = permit {
            assert_eq!((permit.action(), permit.resource().1), (action, id.as_str()));
        }
        ([("x-ran", action)], id)
    };
    match *method {
        Method::DELETE => delete(run),
        Method::HEAD => axum::routing::head(run),
        _ => get(run),
    }
}

/// A permit where there is a gate.
struct Permitted(Permit);

impl<S: Send + Sync> axum::extract::OptionalFromRequestParts<S> for Permitted {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let permit = <Permit as axum::extract::FromRequestParts<S>>::from_request_parts(parts, state).await;
        Ok(permit.ok().map(Self))
    }
}

fn flat(routes: &[Served]) -> Router {
    let add = |router: Router, (path, method, action): &Served| router.route(path, handler(action, method));
    routes.iter().fold(Router::new(), add)
}

/// The applications: in both orders of registration, and nested.
fn applications() -> [Router; 3] {
    let (forwards, mut backwards) = (routes(), routes());
    backwards.reverse();
    let api = Router::new().nest("/api/v1", Router::new().route("/projects/{id}", handler("GetProject", &Method::GET)));
    let below: Vec<Served> = routes()
        .into_iter()
        .filter_map(|(path, method, action)| Some((path.strip_prefix("/projects")?, method, action)))
        .collect();
    let others: Vec<Served> = routes().into_iter().filter(|(path, ..)| !path.starts_with("/projects")).collect();
    let nested = flat(&others).nest("/projects", flat(&below)).merge(api.clone());
    [flat(&forwards).merge(api.clone()), flat(&backwards).merge(api), nested]
}

fn gate() -> Gate {
    let files = BundleFiles::new().with_file("schema.cedarschema", SCHEMA);
    let settings: SourceSettings = serde_json::from_value(serde_json::json!({})).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings = Layer::ALL.into_iter().fold(BundleSettings::new(vec![source]), BundleSettings::with_empty_layer);
    let bundle = portcullis::Bundle::load(&files, settings.without_entities()).unwrap();
    let verifier: Verifier = verifier(&TestIssuer::new("https://as.example.com"));
    Gate::builder(bundle, verifier).build().unwrap()
}

/// A small generator: the same paths each time, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn request(&mut self) -> (Method, String) {
        const SEGMENTS: &[&str] = &[
            "projects",
            "projects",
            "new",
            "p",
            "members",
            "members",
            "me",
            "files",
            "files",
            "readme",
            "raw",
            "api",
            "v1",
            "a%2Fb",
            "%2e%2e",
            "..",
            ".",
            "%25",
            "%252F",
            "caf%C3%A9",
            "%ff",
            "",
            "Projects",
            "%70rojects",
            "{id}",
            "%7Bid%7D",
            ":id",
            "*",
            "a+b",
            "a;b=c",
            "a,b",
        ];
        const METHODS: &[Method] =
            &[Method::GET, Method::GET, Method::GET, Method::HEAD, Method::DELETE, Method::PUT, Method::OPTIONS];
        // Half of them begin as a path that some route has.
        const SHAPES: &[&str] = &[
            "/projects/$",
            "/projects/new/$",
            "/projects/$/members/$",
            "/projects/$/members/$",
            "/files/$/$",
            "/files/readme/$/",
            "/$/raw",
            "/api/v1/projects/$",
        ];
        let shape = SHAPES[self.below(SHAPES.len())];
        let shape = if self.below(2) == 0 { &"/$".repeat(self.below(5) + 1) } else { shape };
        let mut path = String::new();
        for character in shape.chars() {
            match character {
                '$' => path.push_str(SEGMENTS[self.below(SEGMENTS.len())]),
                other => path.push(other),
            }
        }
        if self.below(6) == 0 {
            path.push('/');
        }
        if self.below(8) == 0 {
            path.push_str("?project=new&_method=DELETE");
        }
        (METHODS[self.below(METHODS.len())].clone(), path)
    }
}

async fn answer(app: &Router, method: &Method, path: &str) -> (StatusCode, Option<String>, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response: Response = app.clone().oneshot(request).await.unwrap();
    let ran = response.headers().get("x-ran").map(|ran| ran.to_str().unwrap().to_owned());
    let status = response.status();
    (status, ran, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn for_generated_paths_the_action_that_is_decided_is_that_of_the_handler_that_runs() {
    // OWA-03
    let gate = gate();
    let mut random = Random(20_260_101);
    let mut ran = std::collections::BTreeMap::<String, usize>::new();
    let applications = applications().map(|plain| (gate.protect(plain.clone()).into_router(), plain));
    for index in 0..100_000 {
        let (method, path) = random.request();
        let (guarded, plain) = &applications[index % applications.len()];
        let without = answer(plain, &method, &path).await;
        let with = answer(guarded, &method, &path).await;
        if without.1.is_some() {
            // Every action is public, so what runs without a gate runs with one, and the handler has compared its permit.
            assert_eq!(with, without, "{method} {path}");
            *ran.entry(with.1.unwrap_or_default()).or_default() += 1;
        } else {
            assert!(with.1.is_none() && with.0.is_client_error(), "{method} {path}: {with:?}");
        }
    }
    // Each handler ran often enough for the comparison to mean something.
    assert_eq!(ran.len(), 8, "{ran:?}");
    assert!(ran.values().all(|count| *count > 50), "{ran:?}");
}
