use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{IntoMakeService, MethodFilter, any, on};
use http::{Method, Request, StatusCode};
use portcullis::{Answer, Gate, RequestHead, Route};
use portcullis_tower::GateLayer;
use tower_service::Service;

use crate::layer::AxumRoute;

/// Makes routers of a [`Gate`].
pub trait GateExt {
    /// Starts a router whose methods and paths come from the schema.
    fn router<S: Clone + Send + Sync + 'static>(&self) -> GateRouter<S>;

    /// Guards all routes of `router`, and its fallback. Routes that are not in the schema are refused.
    ///
    /// The metadata of the protected resource (RFC 9728) are served beside them, to anybody. They take no route away: the
    /// schema cannot have one at their place.
    fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> GuardedRouter<S>;

    /// The metadata of the protected resource alone, where a guarded router is nested, or another one is merged into it: then
    /// requests for what nobody routes do not reach the gate.
    ///
    /// axum routes no path with a segment that begins with `:` or `*`, so an identifier with such a path is left out.
    ///
    /// ```
    /// # use portcullis_axum::{Gate, GateExt, GuardedRouter};
    /// # fn app(gate: &Gate, guarded: GuardedRouter) -> axum::Router {
    /// axum::Router::new().nest("/api", guarded.into_router()).merge(gate.metadata_router())
    /// # }
    /// ```
    fn metadata_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S>;
}

impl GateExt for Gate {
    fn router<S: Clone + Send + Sync + 'static>(&self) -> GateRouter<S> {
        GateRouter {
            gate: self.clone(),
            router: Router::new(),
            paths: BTreeMap::new(),
            handled: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    fn protect<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> GuardedRouter<S> {
        GuardedRouter(router.layer(GateLayer::new(self.clone(), AxumRoute)))
    }

    fn metadata_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let is_routable = |path: &&str| !path.contains("/:") && !path.contains("/*");
        let paths: BTreeSet<&str> = self.metadata_paths().filter(is_routable).collect();
        paths.into_iter().fold(Router::new(), |router, path| {
            let gate = self.clone();
            let serve = async move |request: Request<Body>| {
                let head = RequestHead::new(request.method(), request.uri(), request.headers(), None);
                gate.metadata(&head).map_or(StatusCode::NOT_FOUND.into_response(), Answer::into_response)
            };
            router.route(path, any(serve))
        })
    }
}

/// A router under construction: handlers by the actions that they do.
#[must_use = "a router under construction serves nothing: call `build`"]
#[derive(Debug)]
pub struct GateRouter<S = ()> {
    gate: Gate,
    router: Router<S>,
    /// The first path of each pattern: axum takes no two that differ in the names of parameters only.
    paths: BTreeMap<String, Route>,
    handled: BTreeSet<Route>,
    problems: Vec<RouterProblem>,
}

impl<S: Clone + Send + Sync + 'static> GateRouter<S> {
    /// Serves all routes of the action called `name` with `handler`.
    pub fn action<H, T>(mut self, name: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let Some(action) = self.gate.bundle().action(name) else {
            self.problems.push(RouterProblem::UnknownAction { action: name.to_owned() });
            return self;
        };
        let routes = action.routes().to_vec();
        if routes.is_empty() {
            self.problems.push(RouterProblem::NoRoutes { action: name.to_owned() });
        }
        routes.into_iter().fold(self, |router, route| router.serve(route, handler.clone()))
    }

    /// Serves the route `route` of several actions (`@via`) with `handler`, which names the action.
    ///
    /// `route` is written as in the schema: `POST /mcp`.
    pub fn via<H, T>(mut self, route: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let routes = self.gate.bundle().actions().flat_map(portcullis::Action::via);
        let Some(found) = routes.into_iter().find(|known| known.to_string() == route).cloned() else {
            self.problems.push(RouterProblem::UnknownVia { route: route.to_owned() });
            return self;
        };
        self.serve(found, handler)
    }

    /// The guarded router.
    ///
    /// # Errors
    ///
    /// Every problem that was found: names that the schema does not know, and routes that are left without a handler.
    pub fn build(mut self) -> Result<GuardedRouter<S>, RouterError> {
        let mut left: BTreeMap<&Route, &str> = BTreeMap::new();
        for action in self.gate.bundle().actions() {
            let routes = action.routes().iter().chain(action.via());
            left.extend(routes.filter(|route| !self.handled.contains(route)).map(|route| (route, action.name())));
        }
        let unhandled = |(route, action): (&Route, &str)| RouterProblem::NotHandled {
            route: route.to_string(),
            action: action.to_owned(),
        };
        self.problems.extend(left.into_iter().map(unhandled));
        if self.problems.is_empty() { Ok(self.gate.protect(self.router)) } else { Err(RouterError(self.problems)) }
    }

    fn serve<H, T>(mut self, route: Route, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        if !self.handled.insert(route.clone()) {
            self.problems.push(RouterProblem::Repeated { route: route.to_string() });
            return self;
        }
        let is_new = !self.paths.contains_key(&route.pattern());
        let first = self.paths.entry(route.pattern()).or_insert_with(|| route.clone());
        if first.path() != route.path() {
            let problem = RouterProblem::ParameterNames { route: route.to_string(), other: first.to_string() };
            self.problems.push(problem);
            return self;
        }
        let method = Method::from_bytes(route.method().as_bytes()).ok();
        let Some(filter) = method.and_then(|method| MethodFilter::try_from(method).ok()) else {
            self.problems.push(RouterProblem::Method { route: route.to_string() });
            return self;
        };
        if is_new {
            // The gate refuses other methods, and tells those that may know which ones there are. axum by itself adds `Allow`
            // to whatever is answered to another method, also to callers of which nothing is known.
            self.router = self.router.route(route.path(), any(async || StatusCode::METHOD_NOT_ALLOWED));
        }
        self.router = self.router.route(route.path(), on(filter, handler));
        self
    }
}

/// A router behind a gate. It takes no further routes: those would not be guarded.
///
/// Turn it into a service, or nest or merge it into a larger router with [`GuardedRouter::into_router`].
#[must_use = "a router serves nothing until it is served"]
#[derive(Debug, Clone)]
pub struct GuardedRouter<S = ()>(Router<S>);

impl<S: Clone + Send + Sync + 'static> GuardedRouter<S> {
    /// Provides the state of the handlers, as [`Router::with_state`] does.
    pub fn with_state<S2>(self, state: S) -> GuardedRouter<S2> {
        GuardedRouter(self.0.with_state(state))
    }

    /// The router, for merging and nesting, and for layers around the gate, such as CORS.
    ///
    /// Routes that are added to it are not guarded.
    pub fn into_router(self) -> Router<S> {
        self.0
    }
}

impl GuardedRouter {
    /// As [`Router::into_make_service`]: what `axum::serve` takes. The gate does not learn the address of the peer.
    #[must_use]
    pub fn into_make_service(self) -> IntoMakeService<Router> {
        self.0.into_make_service()
    }

    /// As [`Router::into_make_service_with_connect_info`]: what `axum::serve` takes, where the address of the peer counts.
    /// Policies may ask for it, and only by it is a proxy known.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// # fn service(app: portcullis_axum::GuardedRouter) {
    /// let service = app.into_make_service_with_connect_info::<SocketAddr>();
    /// # let _ = service;
    /// # }
    /// ```
    #[must_use]
    pub fn into_make_service_with_connect_info<C>(self) -> IntoMakeServiceWithConnectInfo<Router, C> {
        self.0.into_make_service_with_connect_info()
    }
}

impl<S> From<GuardedRouter<S>> for Router<S> {
    fn from(guarded: GuardedRouter<S>) -> Self {
        guarded.0
    }
}

impl<B> Service<Request<B>> for GuardedRouter
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request)
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
    /// axum cannot route this method.
    #[error("axum has no routes with the method of `{route}`")]
    Method {
        /// The route.
        route: String,
    },
    /// Two routes differ only in the names of their parameters, which axum does not take.
    #[error("routes `{route}` and `{other}` name one parameter differently: use one name")]
    ParameterNames {
        /// The route.
        route: String,
        /// The other route.
        other: String,
    },
}
