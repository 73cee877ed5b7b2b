//! Which action a route means.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::quality::RandomState;
use http::Method;
use portcullis_core::{Action, Bundle, Route, Session};

use crate::head::{Protocol, RouteMatch};
use crate::refusal::Defect;

/// From method and pattern, or the path of a gRPC method, to action, as the schema declares them.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    endpoints: Vec<Endpoint>,
    patterns: HashMap<String, BTreeMap<String, EndpointId>, RandomState>,
    grpc: HashMap<String, EndpointId, RandomState>,
}

/// The place of an endpoint in the table. A request keeps it rather than a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointId(usize);

/// A route and what it means.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// As [`RouteMatch::pattern`].
    pub(crate) pattern: String,
    pub(crate) target: Target,
}

/// What a route means.
#[derive(Debug)]
pub(crate) enum Target {
    /// One action.
    Action {
        name: String,
        /// The names that the schema gives the parameters, in the order of the path.
        parameters: Vec<String>,
    },
    /// The handler names one of these actions (`@via`).
    Via(BTreeSet<String>),
}

impl Target {
    /// The resource that the path names, by the place of the parameter: its name may differ between router and schema.
    pub(crate) fn resource_named<'a>(
        &self,
        action: &'a Action,
        values: &'a [String],
        session: Option<&'a Session>,
    ) -> Result<Option<(&'a str, &'a str)>, Defect> {
        let Self::Action { parameters, .. } = self else {
            return Ok(None);
        };
        if parameters.len() != values.len() {
            return Err(Defect::Parameters);
        }
        let value = |name: &str| {
            let mut named = parameters.iter().zip(values).filter(|(parameter, _)| *parameter == name);
            named.next().map(|(_, value)| value.as_str())
        };
        Ok(action.resource_named(value, session.map(|session| session.caller().subject())))
    }
}

/// Why a request means no action.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unroutable {
    /// No action has the pattern: the application serves a route that the schema does not know.
    NoAction,
    /// Actions have the pattern, but not with this method.
    MethodNotAllowed {
        /// The methods that have one, as the field `Allow` lists them.
        allowed: String,
    },
}

impl RouteTable {
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let mut table = Self::default();
        let mut via: BTreeMap<&Route, BTreeSet<String>> = BTreeMap::new();
        for action in bundle.actions() {
            for route in action.routes() {
                let parameters = route.parameters().map(str::to_owned).collect();
                table.insert(route, Target::Action { name: action.name().to_owned(), parameters });
            }
            for method in action.grpc() {
                let target = Target::Action { name: action.name().to_owned(), parameters: Vec::new() };
                let id = table.add(method.path(), target);
                table.grpc.insert(method.path(), id);
            }
            for route in action.via() {
                via.entry(route).or_default().insert(action.name().to_owned());
            }
        }
        for (route, names) in via {
            table.insert(route, Target::Via(names));
        }
        table
    }

    /// A bundle has no two actions with one route, except for `@via`.
    fn insert(&mut self, route: &Route, target: Target) {
        let id = self.add(route.pattern(), target);
        self.patterns.entry(route.pattern()).or_default().insert(route.method().to_owned(), id);
    }

    fn add(&mut self, pattern: String, target: Target) -> EndpointId {
        let id = EndpointId(self.endpoints.len());
        self.endpoints.push(Endpoint { pattern, target });
        id
    }

    /// The endpoint with the place `id`, which this table gave out.
    pub(crate) fn endpoint(&self, id: EndpointId) -> &Endpoint {
        self.endpoints.get(id.0).unwrap_or(&NOWHERE)
    }

    /// What `method` on `route` means. `HEAD` means what `GET` means, unless it has an action of its own
    /// (RFC 9110 §9.3.2).
    pub(crate) fn find(&self, method: &Method, route: &RouteMatch) -> Result<EndpointId, Unroutable> {
        if route.protocol() == Protocol::Grpc {
            let id = *self.grpc.get(route.pattern()).ok_or(Unroutable::NoAction)?;
            // "Request-Headers" of gRPC over HTTP/2 have no other method.
            let refused = || Unroutable::MethodNotAllowed { allowed: Method::POST.to_string() };
            return (method == Method::POST).then_some(id).ok_or_else(refused);
        }
        let methods = self.patterns.get(route.pattern()).ok_or(Unroutable::NoAction)?;
        let found = methods.get(method.as_str()).or_else(|| {
            let get = methods.get(Method::GET.as_str());
            get.filter(|_| method == Method::HEAD)
        });
        found.copied().ok_or_else(|| Unroutable::MethodNotAllowed { allowed: allow(methods) })
    }
}

fn allow(methods: &BTreeMap<String, EndpointId>) -> String {
    let mut names: BTreeSet<&str> = methods.keys().map(String::as_str).collect();
    if names.contains("GET") {
        names.insert("HEAD");
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Where no action can be named, so nothing is allowed.
static NOWHERE: Endpoint = Endpoint { pattern: String::new(), target: Target::Via(BTreeSet::new()) };
