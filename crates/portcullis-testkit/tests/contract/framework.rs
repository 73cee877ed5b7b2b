//! A framework of a hundred lines with an adapter: all that the contract asks for, and nothing else.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request, Response};
use portcullis::{Admission, Answer, Binding, Connection, RequestHead, RouteMatch};
use portcullis_testkit::contract::{App, Handlers, SHOWN};

/// What is wrong with an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {}

/// A route that matched: its template, its action if it has one, and the values of its parameters.
struct Matched {
    template: String,
    action: Option<String>,
    /// `None` if one is no text.
    values: Option<Vec<String>>,
}

pub(crate) fn serve(app: App, fault: Option<Fault>) -> impl AsyncFn(Request<Vec<u8>>) -> Response<Vec<u8>> {
    async move |request| answer(&app, fault, request).await.map(String::into_bytes)
}

async fn answer(app: &App, fault: Option<Fault>, request: Request<Vec<u8>>) -> Response<String> {
    let _ = fault;
    let (mut parts, body) = request.into_parts();
    let matched = find(app, &parts.method, parts.uri.path());
    let route = matched.as_ref().map(|matched| match &matched.values {
        Some(values) => RouteMatch::new(&matched.template, values),
        None => RouteMatch::unreadable(&matched.template),
    });
    let connection = parts.extensions.get().copied().unwrap_or_else(Connection::unknown);
    let head = RequestHead::new(&parts.method, &parts.uri, &parts.headers, route.as_ref()).with_connection(connection);
    if let Some(answer) = app.gate().metadata(&head) {
        return answer.into_response();
    }
    let admission = match app.gate().open(&head).await {
        Ok(admission) => admission,
        Err(answer) => return answer.into_response(),
    };
    app.gate().proxies().strip(&connection, &mut parts.headers);
    let values = matched.as_ref().and_then(|matched| matched.values.clone()).unwrap_or_default();
    let action = matched.and_then(|matched| matched.action).unwrap_or_default();
    let mut response = match handle(app.handlers(), &action, &values, &body, &admission).await {
        Ok(response) => response,
        Err(answer) => answer.into_response(),
    };
    if parts.method == Method::HEAD {
        response.body_mut().clear();
    }
    if let Some(answer) = admission.conclude(response.status()) {
        return answer.into_response();
    }
    if let Some(nonce) = admission.next_nonce() {
        response.headers_mut().insert("dpop-nonce", HeaderValue::try_from(nonce).unwrap());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let certified = admission.caller().is_some_and(|caller| caller.bindings().contains(&Binding::Mtls));
    let kept = HeaderValue::from_static(if certified { "no-store" } else { "private" });
    response.headers_mut().entry(CACHE_CONTROL).or_insert(kept);
    response
}

/// The handlers, by action.
async fn handle(
    handlers: &Handlers,
    action: &str,
    values: &[String],
    body: &[u8],
    admission: &Admission,
) -> Result<Response<String>, Answer> {
    let id = values.first().map_or("", String::as_str);
    match action {
        shown if SHOWN.contains(&shown) => Ok(handlers.shown(admission.require_permit()?, id)),
        "Stream" => Ok(Response::new(handlers.pieces(admission.require_permit()?).concat())),
        "GetMember" => Ok(handlers.member(admission.require_permit()?, id, &values[1])),
        "GetAnswer" => Ok(handlers.answer(admission.require_permit()?, &values[1])),
        "WhoAmI" | "Visit" => Ok(handlers.caller(admission.require_session()?.caller())),
        "Health" => Ok(handlers.health(admission.caller())),
        "UpdateProject" => {
            let project = loaded(admission, handlers.project(id).await)?;
            Ok(handlers.updated(&admission.check(&project)?, &project))
        }
        "Pay" => {
            let project = loaded(admission, handlers.project(id).await)?;
            Ok(handlers.paid(&admission.check_with(&project, &handlers.payment(body))?, &project))
        }
        "GetSecret" => {
            let secret = loaded(admission, handlers.secret(id).await)?;
            Ok(handlers.revealed(&admission.check(&secret)?, &secret))
        }
        "KeepSilent" => Ok(handlers.silent(body)),
        "Defy" => {
            for id in handlers.projects_to_defy(body) {
                let project = loaded(admission, handlers.project(&id).await)?;
                drop(admission.check(&project));
            }
            Ok(handlers.defied())
        }
        // `POST /rpc`
        _ => {
            let rpc = handlers.rpc(body);
            let project = loaded(admission, handlers.project(&rpc.project).await)?;
            let permit = match (&rpc.action, &rpc.payment) {
                (Some(action), Some(payment)) => admission.check_as_with(action, &project, payment)?,
                (Some(action), None) => admission.check_as(action, &project)?,
                (None, _) => admission.check(&project)?,
            };
            Ok(handlers.rpc_done(&permit, &project))
        }
    }
}

fn loaded<R, E: std::error::Error + Send + Sync + 'static>(
    admission: &Admission,
    found: Result<Option<R>, E>,
) -> Result<R, Answer> {
    found.map_err(|error| admission.unavailable(error))?.ok_or_else(|| admission.absent())
}

/// Routes by segments. The method chooses the handler, and matters to no route.
fn find(app: &App, method: &Method, path: &str) -> Option<Matched> {
    let bundle = app.gate().bundle();
    let mut found: Option<Matched> = None;
    for action in bundle.actions() {
        for route in action.routes().iter().chain(action.via()) {
            let Some(raw) = matches(route.path(), path) else { continue };
            let serves = route.method() == method.as_str() || (route.method() == "GET" && method == Method::HEAD);
            let exactly = route.method() == method.as_str();
            if exactly || found.as_ref().is_none_or(|found| serves && found.action.is_none()) {
                let values = raw.iter().map(|value| decode(value)).collect();
                let action = serves.then(|| action.name().to_owned());
                found = Some(Matched { template: route.path().to_owned(), action, values });
            }
        }
    }
    found
}

/// The values of the parameters of `template` in `path`, as they stand there.
fn matches<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut values = Vec::new();
    let mut rest = path.strip_prefix('/')?;
    let mut segments = template.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.starts_with("{*") {
            values.push(rest);
            return Some(values).filter(|_| !rest.is_empty());
        }
        let (value, after) = rest.split_once('/').map_or((rest, None), |(value, after)| (value, Some(after)));
        match segment.starts_with('{') {
            true if !value.is_empty() => values.push(value),
            false if value == segment => {}
            _ => return None,
        }
        match (after, segments.peek()) {
            (Some(after), Some(_)) => rest = after,
            (None, None) => return Some(values),
            _ => return None,
        }
    }
    None
}

/// Percent-decodes once; `None` if that is no text.
fn decode(value: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(octets).ok()
}
