//! What the handlers of the contract do, in no framework's words.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{CACHE_CONTROL, LOCATION};
use http::{Response, StatusCode};
use portcullis::{AllowedAction, Caller, Permit, Resource, SignedApproval};
use serde::Serialize;

/// What the handlers do once the framework has called them. Cheap to clone; all clones count together.
///
/// A handler of an adapter is two lines: it obtains what the adapter hands to handlers, and passes that on. Whatever comes
/// back is sent as it is.
#[derive(Debug, Clone, Default)]
pub struct Handlers(Arc<AtomicUsize>);

/// The actions whose handlers are [`Handlers::shown`]: the framework hands over a permit, and one parameter of the path.
pub const SHOWN: [&str; 11] = [
    "GetProject",
    "DeleteProject",
    "Export",
    "GetKeys",
    "Audit",
    "DeleteSecret",
    "GetReport",
    "GetFile",
    "ReadProbe",
    "HeadProbe",
    // Decided in the handler: there is no permit to be had.
    "TakePermit",
];

impl Handlers {
    /// [`SHOWN`]: says what was permitted, and which id the framework's own extractor yields.
    #[must_use]
    pub fn shown(&self, permit: &Permit, id: &str) -> Response<String> {
        self.called();
        let (entity_type, allowed) = permit.resource();
        said(format!("{} {entity_type} {allowed}, asked for {id}", permit.action()))
    }

    /// `Stream`: the body in two pieces, to be sent as a stream where the framework has such bodies.
    #[must_use]
    pub fn pieces(&self, permit: &Permit) -> [String; 2] {
        self.called();
        [format!("{} ", permit.action()), permit.resource().1.to_owned()]
    }

    /// `GetMember`: `/projects/{project}/members/{member}`.
    #[must_use]
    pub fn member(&self, permit: &Permit, project: &str, member: &str) -> Response<String> {
        self.called();
        said(format!("{} {:?}, asked for {member} of {project}", permit.action(), permit.resource()))
    }

    /// `GetAnswer`: `/projects/{project}/answers/{answer}`. Answers in the way that `answer` names.
    #[must_use]
    pub fn answer(&self, permit: &Permit, answer: &str) -> Response<String> {
        self.called();
        let mut response = said(format!("{} {answer}", permit.action()));
        let mut field = |name, value| response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        match answer {
            "kept" => field(CACHE_CONTROL, "private, max-age=60"),
            "unkept" => field(CACHE_CONTROL, "no-store"),
            "elsewhere" => field(LOCATION, "/projects/gemini"),
            _ => None,
        };
        *response.status_mut() = match answer {
            "conflict" => StatusCode::CONFLICT,
            "failure" => StatusCode::INTERNAL_SERVER_ERROR,
            "elsewhere" => StatusCode::SEE_OTHER,
            _ => StatusCode::OK,
        };
        response
    }

    /// The projects that `ListProjects` gives to `authz.filter`, and [`Handlers::listed`] what comes back. `ListCarelessly`
    /// forgets to filter.
    #[must_use]
    pub fn projects(&self) -> Vec<Project> {
        self.called();
        ["apollo", "banned", "old"].map(Project::new).into()
    }

    /// `ListProjects`, in the end.
    #[must_use]
    pub fn listed(&self, permit: &Permit, projects: &[Project]) -> Response<String> {
        let ids: Vec<&str> = projects.iter().map(|project| project.id.as_str()).collect();
        said(format!("{} {}", permit.action(), ids.join(" ")))
    }

    /// `ShowOffers`, after `authz.load(|| handlers.project(id))` and `authz.allowed_actions(&project)`.
    #[must_use]
    pub fn offered(&self, offers: &[AllowedAction]) -> Response<String> {
        let offers = offers.iter().map(|offer| serde_json::json!(offer).to_string());
        said(offers.collect::<Vec<_>>().join("\n"))
    }

    /// `WhoAmI`, and `Visit`, for which the framework may find no caller.
    #[must_use]
    pub fn caller(&self, caller: &Caller) -> Response<String> {
        self.called();
        said(format!("{}, with {}", caller.subject().id, caller.client().unwrap_or("no client")))
    }

    /// `Health`: with a caller or without one.
    #[must_use]
    pub fn health(&self, caller: Option<&Caller>) -> Response<String> {
        self.called();
        said(caller.map_or("up".to_owned(), |caller| format!("up, {}", caller.subject().id)))
    }

    /// `UpdateProject`, after `authz.load(|| handlers.project(id))`.
    #[must_use]
    pub fn updated(&self, permit: &Permit, project: &Project) -> Response<String> {
        said(format!("{} {}", permit.action(), project.id))
    }

    /// `Pay`, after `authz.load_with(|| handlers.project(id), &handlers.payment(body))`.
    #[must_use]
    pub fn paid(&self, permit: &Permit, project: &Project) -> Response<String> {
        said(format!("{} {}", permit.action(), project.id))
    }

    /// `Mail`, after `authz.load_with(|| handlers.project(id), &())`.
    #[must_use]
    pub fn mailed(&self, permit: &Permit, project: &Project) -> Response<String> {
        said(format!("{} {}", permit.action(), project.id))
    }

    /// The ticket in the body of `Approve`, for `authz.ticket`. What that returns goes to `authz.approve`.
    #[must_use]
    pub fn ticket(&self, body: &[u8]) -> String {
        self.called();
        text(body)
    }

    /// `Approve`, in the end.
    #[must_use]
    pub fn approved(&self, approval: &SignedApproval) -> Response<String> {
        said(format!("approved until {}", approval.expires()))
    }

    /// What the body of `Pay` says: an amount.
    #[must_use]
    pub fn payment(&self, body: &[u8]) -> Payment {
        Payment { amount: text(body).parse().unwrap_or_default() }
    }

    /// `GetSecret`, after `authz.load(|| handlers.secret(id))`.
    #[must_use]
    pub fn revealed(&self, permit: &Permit, secret: &Secret) -> Response<String> {
        said(format!("{} {} of {}", permit.action(), secret.id, secret.owner))
    }

    /// What the body of a request to `POST /rpc` says. The handler loads [`Handlers::project`], and asks `check_as_with`
    /// if there is a payment, else `check_as` if there is an action, else `check`; then [`Handlers::rpc_done`].
    #[must_use]
    pub fn rpc(&self, body: &[u8]) -> Rpc {
        self.called();
        let text = text(body);
        let mut words = text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
        let (project, action) = (words.next().unwrap_or_default(), words.next());
        Rpc { project, action, payment: words.next().map(|amount| self.payment(amount.as_bytes())) }
    }

    /// `POST /rpc`, once it is allowed.
    #[must_use]
    pub fn rpc_done(&self, permit: &Permit, project: &Project) -> Response<String> {
        said(format!("{} {}", permit.action(), project.id))
    }

    /// `KeepSilent`: the handler asks for no decision, and answers with the status that the body names.
    #[must_use]
    pub fn silent(&self, body: &[u8]) -> Response<String> {
        self.called();
        let mut response = said("a canary".to_owned());
        *response.status_mut() = text(body).parse().unwrap_or(StatusCode::OK);
        response
    }

    /// `Defy`: the handler loads [`Handlers::project`] and calls `check` for each of these, but goes on whatever the
    /// outcome is, and answers with [`Handlers::defied`].
    #[must_use]
    pub fn projects_to_defy(&self, body: &[u8]) -> Vec<String> {
        text(body).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// `Defy`, in the end.
    #[must_use]
    pub fn defied(&self) -> Response<String> {
        said("a canary".to_owned())
    }

    /// The project `id`. Those that begin with `old` are archived; there is no `none`, and `down` cannot be loaded.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`] for `down`.
    #[expect(clippy::unused_async, reason = "as a store has it")]
    pub async fn project(&self, id: &str) -> Result<Option<Project>, OutOfReach> {
        self.called();
        match id {
            "none" => Ok(None),
            "down" => Err(OutOfReach),
            _ => Ok(Some(Project::new(id))),
        }
    }

    /// The secret `id`; there is no `none`.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`] for `down`.
    #[expect(clippy::unused_async, reason = "as a store has it")]
    pub async fn secret(&self, id: &str) -> Result<Option<Secret>, OutOfReach> {
        self.called();
        match id {
            "none" => Ok(None),
            "down" => Err(OutOfReach),
            _ => Ok(Some(Secret { id: id.to_owned(), owner: "bob".to_owned() })),
        }
    }

    /// Notes that a handler ran: a request that is refused before it must not do so.
    fn called(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How often something of a handler ran since it was last asked.
    pub(super) fn take_calls(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// A project as the handlers load it.
#[derive(Debug, Clone, Serialize)]
pub struct Project {
    #[serde(skip)]
    id: String,
    owner: String,
    archived: bool,
}

impl Project {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), owner: "ann".to_owned(), archived: id.starts_with("old") }
    }
}

impl Resource for Project {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        Some("1".into())
    }
}

/// A secret as the handlers load it: whoever may not see it does not learn that it exists.
#[derive(Debug, Clone, Serialize)]
pub struct Secret {
    #[serde(skip)]
    id: String,
    owner: String,
}

impl Resource for Secret {
    const TYPE: &'static str = "Secret";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// The facts of `Pay` and `RpcPay`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Payment {
    /// How much.
    pub amount: i64,
}

/// What a request to `POST /rpc` asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rpc {
    /// On which project.
    pub project: String,
    /// The action, if the handler is to name one.
    pub action: Option<String>,
    /// The facts, if there are any.
    pub payment: Option<Payment>,
}

/// What the handlers read from is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct OutOfReach;

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a canary of the store")
    }
}

impl std::error::Error for OutOfReach {}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn said(text: String) -> Response<String> {
    let mut response = Response::new(text);
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
}
