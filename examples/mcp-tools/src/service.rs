//! The HTTP side: the gate, then every message of a request is judged, then the library answers.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use portcullis::Caller;
use portcullis_axum::{Authz, Gate, GateExt, Permit, Rejection, Resource};
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Serialize;

use crate::mcp::{Message, Origins, Posted, ProtocolError, SESSION_ID, Sessions, mirror};
use crate::notes::Notes;
use crate::server::{NotesServer, Permitted};
use crate::tools::{self, Call};

/// The server at `/mcp`, with its metadata, for programs and for pages of `origins`.
///
/// # Errors
///
/// If the schema has routes or actions that are not served here, or the operating system gives no randomness.
pub fn app(gate: &Gate, origins: Origins) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let guarded = gate
        .router()
        .via("POST /mcp", post)
        .action("open_stream", pass_on)
        .action("end_session", pass_on)
        .build()?
        .with_state(Endpoint::new(Notes::with_sample_data())?);
    // Metadata may be read by any page, so they stand beside the check of origins.
    Ok(gate.metadata_router().merge(guarded.into_router().layer(from_fn_with_state(origins, Origins::check))))
}

#[derive(Clone)]
struct Endpoint {
    notes: Notes,
    sessions: Sessions,
    known: Arc<LocalSessionManager>,
    library: StreamableHttpService<NotesServer, LocalSessionManager>,
}

impl Endpoint {
    fn new(notes: Notes) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let known = Arc::<LocalSessionManager>::default();
        // Nothing here believes `Host`: the token is checked, and so is `Origin`.
        let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
        let server = NotesServer(notes.clone());
        let library = StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&known), config);
        Ok(Self { notes, sessions: Sessions::new()?, known, library })
    }

    /// Lets the library answer a request in the session of its caller, for as long as the token is good.
    async fn answer(&self, request: Request, authz: &Authz) -> Result<Response, Refused> {
        let caller = caller(authz)?;
        let (mut parts, body) = request.into_parts();
        // What calls other services in the name of the caller needs a token of its own.
        parts.headers.remove(AUTHORIZATION);
        if let Err(foreign) = self.sessions.open_request(&mut parts.headers, caller) {
            return Err(self.refuse_session(&parts.headers, foreign).await.into());
        }
        let response = self.library.handle(Request::from_parts(parts, body)).await;
        let stream = |body| Body::from_stream(authz.lease().limit(Body::new(body).into_data_stream()));
        let mut response = response.map(stream);
        self.sessions.seal_response(response.headers_mut(), caller);
        Ok(response)
    }

    /// Of a session that has ended, or that another process had, a client must learn so: it starts a new one.
    async fn refuse_session(&self, headers: &http::HeaderMap, foreign: ProtocolError) -> ProtocolError {
        let sealed = headers.get(SESSION_ID).and_then(|sealed| sealed.to_str().ok()).unwrap_or_default();
        let id = sealed.rsplit_once('.').map_or(sealed, |(id, _)| id).to_owned().into();
        match self.known.has_session(&id).await {
            Ok(false) => ProtocolError::NO_SESSION,
            Ok(true) | Err(_) => foreign,
        }
    }

    /// Decides one message. Methods that are not named here are refused, whatever the library could do with them.
    fn judge(&self, authz: &Authz, message: &Message) -> Result<Permitted, Refused> {
        match message.method() {
            None | Some("initialize" | "ping" | "server/discover") => connect(authz),
            Some(method) if method.starts_with("notifications/") => connect(authz),
            Some("tools/list") => {
                let tools = self.visible_tools(authz)?;
                authz.check_as("list_tools", Server)?;
                Ok(Permitted::Tools(tools))
            }
            Some("tools/call") => {
                let call = Call::of(message).map_err(|error| error.to(message.id()))?;
                let notebook = self.notes.notebook(call.notebook().unwrap_or(own_id(authz)?));
                let notebook = authz.check_as(call.tool(), notebook)?;
                Ok(Permitted::Call(call, notebook))
            }
            Some(_) => Err(ProtocolError::no_method().to(message.id()).into()),
        }
    }

    /// The tools that the caller may use on the own notebook, now or with scopes or a login that it could obtain. A client that
    /// did not see the latter would never ask its user for them.
    fn visible_tools(&self, authz: &Authz) -> Result<Vec<&'static str>, Refused> {
        let open = authz.allowed_actions(&self.notes.notebook(own_id(authz)?))?;
        Ok(tools::names().filter(|tool| open.iter().any(|entry| entry.action == *tool)).collect())
    }
}

/// One message, or a batch, of which one denial denies all. Refusals are HTTP answers: only so do clients see challenges.
async fn post(State(endpoint): State<Endpoint>, authz: Authz, request: Request) -> Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();
    let posted = Posted::read(body).await?;
    mirror::verify(&parts.headers, &posted)?;
    let permitted = posted.messages().iter().map(|message| endpoint.judge(&authz, message));
    let mut permitted = permitted.collect::<Result<Vec<_>, _>>()?;
    let (Some(only), true, false) = (permitted.pop(), permitted.is_empty(), posted.is_batch()) else {
        // The library reads no batches: they were in revision 2025-03-26 alone.
        return Err(ProtocolError::invalid_request("this server takes one message at a time").into());
    };
    parts.extensions.insert(Arc::new(only));
    endpoint.answer(Request::from_parts(parts, posted.into_body()), &authz).await
}

/// The stream of a session, and its end.
async fn pass_on(
    State(endpoint): State<Endpoint>,
    _: Permit,
    authz: Authz,
    request: Request,
) -> Result<Response, Refused> {
    endpoint.answer(request, &authz).await
}

fn connect(authz: &Authz) -> Result<Permitted, Refused> {
    authz.check_as("connect", Server)?;
    Ok(Permitted::Protocol)
}

fn own_id(authz: &Authz) -> Result<&str, Refused> {
    Ok(&caller(authz)?.subject().id)
}

/// No route here is public, so there is one.
fn caller(authz: &Authz) -> Result<&Caller, Refused> {
    Ok(authz.caller().ok_or(ProtocolError::no_method())?)
}

/// The server itself, as the schema has it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Server;

impl Resource for Server {
    const TYPE: &'static str = "Server";

    fn id(&self) -> std::borrow::Cow<'_, str> {
        "mcp".into()
    }
}

/// Why a request is not answered by the library.
#[derive(Debug)]
enum Refused {
    /// The caller may not, or must first obtain something.
    Denied(Rejection),
    /// The request is wrong, whoever sends it.
    Wrong(ProtocolError),
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Denied(rejection)
    }
}

impl From<ProtocolError> for Refused {
    fn from(error: ProtocolError) -> Self {
        Self::Wrong(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Denied(rejection) => rejection.into_response(),
            Self::Wrong(error) => error.into_response(),
        }
    }
}
