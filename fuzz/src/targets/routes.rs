//! A route of the schema means the action that declares it, for the gate too, and no route means two.
// GEN-10

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis::{Action, Bundle, BundleFiles, Gate, Layer, RequestHead, Route, RouteMatch};

use crate::{RUNTIME, SIGNED, TRUSTED_KEY, Fixed, settings, text, trusting};

pub(super) fn run(octets: &[u8]) {
    let mut lines = text(octets).split('\n');
    let mut annotations = |names: &[&str]| {
        let texts = names.iter().map(|name| (name, lines.next().unwrap_or_default()));
        let stated = texts.filter(|(_, text)| !text.is_empty());
        stated.map(|(name, text)| format!("@{name}(\"{}\")\n", text.escape_default())).collect::<String>()
    };
    let schema = SCHEMA
        .replace("ANNOTATIONS_OF_GET", &annotations(&["http", "resource", "via", "grpc", "deferred"]))
        .replace("ANNOTATIONS_OF_EDIT", &annotations(&["http", "resource", "via", "grpc", "deferred"]));
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/all.cedar", r#"@id("all") permit (principal, action, resource);"#)
        .with_file("ceilings/all.cedar", r#"@id("any") permit (principal, action, resource);"#);
    let Ok(bundle) = Bundle::load(&files, settings().with_empty_layer(Layer::Guardrails)) else { return };

    let mut owners = BTreeMap::new();
    for action in bundle.actions() {
        for route in action.routes() {
            let owner = owners.insert((route.method().to_owned(), route.pattern()), action.name());
            assert!(owner.is_none_or(|owner| owner == action.name()), "two actions have one route");
        }
        for method in action.grpc() {
            let owner = owners.insert(("gRPC".to_owned(), method.path()), action.name());
            assert!(owner.is_none_or(|owner| owner == action.name()), "two actions have one method");
        }
    }
    let vias: Vec<&Route> = bundle.actions().flat_map(Action::via).collect();
    assert!(vias.iter().all(|route| !owners.contains_key(&(route.method().to_owned(), route.pattern()))));

    let gate = Gate::builder(bundle.clone(), trusting(TRUSTED_KEY)).clock(Fixed).build().unwrap();
    for action in bundle.actions() {
        for route in action.routes() {
            let values = route.parameters().map(|_| "1");
            means(&gate, action, route.method(), &RouteMatch::new(route.path(), values), action.is_deferred());
        }
        for method in action.grpc() {
            means(&gate, action, "POST", &RouteMatch::grpc(&method.path()), action.is_deferred_over_grpc());
        }
    }
}

/// Whether a request on `route` is decided as `action`, by the gate or later by the handler.
fn means(gate: &Gate, action: &Action, method: &str, route: &RouteMatch, is_deferred: bool) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let token = HeaderValue::try_from(format!("Bearer {SIGNED}")).unwrap();
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, token)]);
    let target = Uri::from_static("/");
    let admitted = RUNTIME.block_on(gate.open(&RequestHead::new(&method, &target, &headers, Some(route))));
    let admitted = admitted.unwrap_or_else(|answer| panic!("{route:?} is answered {}", answer.status()));
    let decided = admitted.permit().map(|permit| permit.action().to_owned());
    assert_eq!(decided.as_deref(), Some(action.name()).filter(|_| !is_deferred), "another action");
}

const SCHEMA: &str = r#"
    entity User, Service;
    entity Note;
    @scope @doc("See your notes")
    action "read:notes";
    ANNOTATIONS_OF_GET
    action "GetNote" in ["read:notes"]
      appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
    ANNOTATIONS_OF_EDIT
    action "EditNote" in ["read:notes"]
      appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
"#;
