use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use portcullis_core::{Action, Bundle, Route};

/// Which routes of the schema have a handler: what the router of an adapter keeps while it is built.
#[derive(Debug)]
pub struct Assignment {
    bundle: Arc<Bundle>,
    handled: BTreeSet<Route>,
    /// The first path of each pattern: routers take no two that differ in the names of parameters only.
    paths: BTreeMap<String, Route>,
    problems: Vec<RouterProblem>,
}

impl Assignment {
    /// None has a handler yet.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self { bundle, handled: BTreeSet::new(), paths: BTreeMap::new(), problems: Vec::new() }
    }

    /// The routes to serve with the handler of the action called `name`.
    pub fn action(&mut self, name: &str) -> Vec<Route> {
        let Some(action) = self.bundle.action(name) else {
            self.problems.push(RouterProblem::UnknownAction { action: name.to_owned() });
            return Vec::new();
        };
        let routes = action.routes().to_vec();
        if routes.is_empty() {
            self.problems.push(RouterProblem::NoRoutes { action: name.to_owned() });
        }
        routes.into_iter().filter(|route| self.take(route)).collect()
    }

    /// The route of several actions (`@via`) that is written `route`, to be served with one handler.
    pub fn via(&mut self, route: &str) -> Option<Route> {
        let bundle = Arc::clone(&self.bundle);
        let Some(found) = bundle.actions().flat_map(Action::via).find(|known| known.to_string() == route) else {
            self.problems.push(RouterProblem::UnknownVia { route: route.to_owned() });
            return None;
        };
        self.take(found).then(|| found.clone())
    }

    /// Adds what the framework cannot do.
    pub fn report(&mut self, problem: RouterProblem) {
        self.problems.push(problem);
    }

    /// Ends the construction.
    ///
    /// # Errors
    ///
    /// Every problem that was found: names that the schema does not know, and routes that are left without a handler.
    pub fn finish(mut self) -> Result<(), RouterError> {
        let mut left: BTreeMap<&Route, &str> = BTreeMap::new();
        for action in self.bundle.actions() {
            let routes = action.routes().iter().chain(action.via());
            left.extend(routes.filter(|route| !self.handled.contains(route)).map(|route| (route, action.name())));
        }
        let unhandled = |(route, action): (&Route, &str)| RouterProblem::NotHandled {
            route: route.to_string(),
            action: action.to_owned(),
        };
        self.problems.extend(left.into_iter().map(unhandled));
        if self.problems.is_empty() { Ok(()) } else { Err(RouterError(self.problems)) }
    }

    fn take(&mut self, route: &Route) -> bool {
        if !self.handled.insert(route.clone()) {
            self.problems.push(RouterProblem::Repeated { route: route.to_string() });
            return false;
        }
        let first = self.paths.entry(route.pattern()).or_insert_with(|| route.clone());
        if first.path() != route.path() {
            let problem = RouterProblem::ParameterNames { route: route.to_string(), other: first.to_string() };
            self.problems.push(problem);
            return false;
        }
        true
    }
}

/// Why a router does not start: everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterError(Vec<RouterProblem>);

impl RouterError {
    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[RouterProblem] {
        &self.0
    }
}

impl fmt::Display for RouterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handlers do not fit the schema")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for RouterError {}

/// One way in which handlers do not fit the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterProblem {
    /// The schema has no such action.
    #[error("the schema has no action `{action}`")]
    UnknownAction {
        /// The name.
        action: String,
    },
    /// The action cannot be reached: it has no `@http`.
    #[error(
        "action `{action}` has no routes: add `@http(\"…\")` to the schema, or `via` for a route of several actions"
    )]
    NoRoutes {
        /// The name.
        action: String,
    },
    /// No action names this route in `@via`.
    #[error("no action of the schema has `@via(\"{route}\")`")]
    UnknownVia {
        /// The route.
        route: String,
    },
    /// Two handlers for one route.
    #[error("route `{route}` has two handlers")]
    Repeated {
        /// The route.
        route: String,
    },
    /// A route without a handler.
    #[error("route `{route}` of action `{action}` has no handler")]
    NotHandled {
        /// The route.
        route: String,
        /// The action.
        action: String,
    },
    /// The framework cannot route this method.
    #[error("the framework has no routes with the method of `{route}`")]
    Method {
        /// The route.
        route: String,
    },
    /// The framework cannot route this path.
    #[error("the framework has no routes with the path of `{route}`")]
    Path {
        /// The route.
        route: String,
    },
    /// Two routes differ only in the names of their parameters, which a router cannot tell apart.
    #[error("routes `{route}` and `{other}` name one parameter differently: use one name")]
    ParameterNames {
        /// The route.
        route: String,
        /// The other route.
        other: String,
    },
}
