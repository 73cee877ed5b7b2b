use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{AppService, HttpServiceFactory, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::{Error, FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web};
use portcullis::Gate;
use portcullis::handler::{Assignment, RouterError, RouterProblem};

use crate::layer::GateLayer;

/// Makes routers and middleware of a [`Gate`].
pub trait GateExt {
    /// Starts a router whose methods and paths come from the schema.
    fn router(&self) -> GateRouter;

    /// A middleware for `App::wrap` and `Scope::wrap`, for services that the application routes itself.
    ///
    /// It refuses wrong credentials before anything is routed, and serves the metadata of the protected resource (RFC 9728). The decision follows
    /// in the extractors of this crate. A handler that takes none of them runs before the gate knows what it does: its answer is withheld,
    /// which cannot undo a write. Wrap its resource with [`GateExt::protect`].
    ///
    /// Middleware inside of it that answers by itself is taken for a handler that nobody routed to. Put it around the gate.
    fn layer(&self) -> GateLayer;

    /// Guards one resource, with all of its routes: no handler of it runs before the decision.
    ///
    /// The template of the resource must be in the schema, in full where it stands in a scope: `{name:.*}` and `{name}*` are
    /// its `{*name}`, and `{name:…}` is its `{name}`. Of several templates of one resource, only the first is ever allowed.
    ///
    /// ```
    /// use actix_web::web;
    /// use portcullis_actix::{Gate, GateExt, Permit};
    ///
    /// async fn read_project(permit: Permit) -> String {
    ///     permit.resource().1.to_owned()
    /// }
    ///
    /// # fn app(gate: &Gate) -> actix_web::Scope {
    /// web::scope("/projects")
    ///     .service(gate.protect(web::resource("/{project}").route(web::get().to(read_project))))
    /// # }
    /// ```
    fn protect<T, B>(&self, resource: Resource<T>) -> Resource<impl Guarded<B> + use<Self, T, B>>
    where
        T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
            + 'static,
        T::Service: 'static,
        B: MessageBody + 'static;
}

/// What a resource behind a gate is to actix-web.
pub trait Guarded<B>:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<EitherBody<B>>, Error = Error, InitError = ()>
{
}

impl<B, T> Guarded<B> for T where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<EitherBody<B>>,
            Error = Error,
            InitError = (),
        >
{
}

impl GateExt for Gate {
    fn router(&self) -> GateRouter {
        let assignment = Assignment::new(self.bundle());
        GateRouter { gate: self.clone(), assignment, resources: BTreeMap::new() }
    }

    fn layer(&self) -> GateLayer {
        GateLayer::around(self.clone())
    }

    fn protect<T, B>(&self, resource: Resource<T>) -> Resource<impl Guarded<B> + use<T, B>>
    where
        T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
            + 'static,
        T::Service: 'static,
        B: MessageBody + 'static,
    {
        resource.wrap(GateLayer::of_resource(self.clone()))
    }
}

/// A router under construction: handlers by the actions that they do.
#[must_use = "a router under construction serves nothing: call `build`"]
#[derive(Debug)]
pub struct GateRouter {
    gate: Gate,
    assignment: Assignment,
    resources: BTreeMap<Template, Vec<Served>>,
}

impl GateRouter {
    /// Serves all routes of the action called `name` with `handler`.
    pub fn action<H, Args>(mut self, name: &str, handler: H) -> Self
    where
        H: Handler<Args> + Send + Sync,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let routes = self.assignment.action(name);
        routes.iter().fold(self, |router, route| router.serve(route, handler.clone()))
    }

    /// Serves the route `route` of several actions (`@via`) with `handler`, which names the action.
    ///
    /// `route` is written as in the schema: `POST /mcp`.
    pub fn via<H, Args>(mut self, route: &str, handler: H) -> Self
    where
        H: Handler<Args> + Send + Sync,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
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
    /// Every problem that was found: names that the schema does not know, routes that are left without a handler, and those
    /// that actix-web cannot serve.
    pub fn build(self) -> Result<GuardedRouter, RouterError> {
        self.assignment.finish()?;
        Ok(GuardedRouter { gate: self.gate, resources: self.resources.into_iter().collect() })
    }

    fn serve<H, Args>(mut self, route: &portcullis::Route, handler: H) -> Self
    where
        H: Handler<Args> + Send + Sync,
        H::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let (Ok(method), Some(template)) = (Method::from_bytes(route.method().as_bytes()), Template::of(route.path()))
        else {
            self.assignment.report(RouterProblem::Path { route: route.to_string() });
            return self;
        };
        let handle: Handle = Arc::new(move |route: Route| route.to(handler.clone()));
        self.resources.entry(template).or_default().push(Served { method, handle });
        self
    }
}

/// A router behind a gate: a service for `App::service`, and a new one for each worker.
///
/// Every path that nothing before it serves is its own, and answered with 401 or 404 if the schema does not know it. So it
/// comes last, and at the root of the application, since the paths in the schema are whole.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
///
/// # fn serve(app: portcullis_actix::GuardedRouter) -> std::io::Result<actix_web::dev::Server> {
/// let server = HttpServer::new(move || App::new().service(app.clone())).bind("127.0.0.1:8080")?.run();
/// # Ok(server)
/// # }
/// ```
#[must_use = "a router serves nothing until it is served"]
#[derive(Debug, Clone)]
pub struct GuardedRouter {
    gate: Gate,
    resources: Arc<[(Template, Vec<Served>)]>,
}

impl HttpServiceFactory for GuardedRouter {
    fn register(self, config: &mut AppService) {
        let nobody = web::to(async || HttpResponse::NotFound());
        let scope = web::scope("").default_service(nobody).wrap(self.gate.layer());
        let resources = self.resources.iter().map(|(template, served)| resource(template, served));
        resources.fold(scope, |scope, resource| scope.service(self.gate.protect(resource))).register(config);
    }
}

/// The routes of one path. `HEAD` is served where `GET` is, unless it has a handler of its own (RFC 9110 §9.3.2).
fn resource(template: &Template, served: &[Served]) -> Resource {
    let own = served.iter().map(|Served { method, handle }| handle(web::method(method.clone())));
    let get = served.iter().filter(|served| served.method == Method::GET);
    let head = get.map(|Served { handle, .. }| handle(web::route().guard(guard::Head())));
    own.chain(head).fold(web::resource(template.pattern()), Resource::route)
}

/// A method of a path with its handler.
#[derive(Clone)]
struct Served {
    method: Method,
    handle: Handle,
}

/// Gives its handler to a route. Routes of actix-web stay in the thread that makes them.
type Handle = Arc<dyn Fn(Route) -> Route + Send + Sync>;

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.method.fmt(f)
    }
}

/// A path as the schema writes it.
///
/// actix-web takes the first template that matches, in the order of registration. Ordered by how much a segment says, the
/// first that matches is the one that other routers take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    Rest(String),
}

impl Template {
    /// `None` if actix-web cannot serve it.
    fn of(path: &str) -> Option<Self> {
        let segments: Option<Vec<Segment>> = path.split('/').map(Segment::of).collect();
        let template = Self(segments?);
        let parameters = template.0.iter().filter(|segment| !matches!(segment, Segment::Literal(_))).count();
        (parameters <= MOST_PARAMETERS).then_some(template)
    }

    /// The path as actix-web writes it. The rest of a path is not empty, as with other routers.
    fn pattern(&self) -> String {
        let segments = self.0.iter().map(|segment| match segment {
            Segment::Literal(text) => text.clone(),
            Segment::Parameter(name) => format!("{{{name}}}"),
            Segment::Rest(name) => format!("{{{name}:.+}}"),
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl Segment {
    fn of(text: &str) -> Option<Self> {
        let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            // actix-web takes `*` for the rest of the path, and compares with what is decoded.
            return (!text.contains(['*', '%'])).then(|| Self::Literal(text.to_owned()));
        };
        let (name, is_rest) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        is_name.then(|| if is_rest { Self::Rest(name.to_owned()) } else { Self::Parameter(name.to_owned()) })
    }
}

/// What actix-web takes in one path.
const MOST_PARAMETERS: usize = 16;
