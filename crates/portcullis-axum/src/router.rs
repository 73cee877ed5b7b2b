use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{IntoMakeService, MethodFilter, any, on};
use http::{Method, Request, StatusCode};
use portcullis::handler::{Assignment, RouterError, RouterProblem};
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
        let assignment = Assignment::new(self.bundle());
        GateRouter { gate: self.clone(), router: Router::new(), assignment, paths: BTreeSet::new() }
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
    assignment: Assignment,
    /// Those that are served already.
    paths: BTreeSet<String>,
}

impl<S: Clone + Send + Sync + 'static> GateRouter<S> {
    /// Serves all routes of the action called `name` with `handler`.
    pub fn action<H, T>(mut self, name: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let routes = self.assignment.action(name);
        routes.iter().fold(self, |router, route| router.serve(route, handler.clone()))
    }

    /// Serves the route `route` of several actions (`@via`) with `handler`, which names the action.
    ///
    /// `route` is written as in the schema: `POST /mcp`.
    pub fn via<H, T>(mut self, route: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        match self.assignment.via(route) {
            Some(route) => self.serve(&route, handler),
            None => self,
        }
    }

    /// The guarded router.
    ///
    /// # Errors
    ///
    /// Every problem that was found: names that the schema does not know, and routes that are left without a handler.
    pub fn build(self) -> Result<GuardedRouter<S>, RouterError> {
        self.assignment.finish()?;
        Ok(self.gate.protect(self.router))
    }

    fn serve<H, T>(mut self, route: &Route, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let method = Method::from_bytes(route.method().as_bytes()).ok();
        let Some(filter) = method.and_then(|method| MethodFilter::try_from(method).ok()) else {
            self.assignment.report(RouterProblem::Method { route: route.to_string() });
            return self;
        };
        if self.paths.insert(route.path().to_owned()) {
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
