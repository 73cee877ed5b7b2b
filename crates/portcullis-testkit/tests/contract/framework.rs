//! A framework of a hundred lines with an adapter: all that the contract asks for, and nothing else.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use portcullis::{Admission, Answer, Binding, Connection, RequestHead, RouteMatch};
use portcullis_testkit::contract::{App, Handlers, SHOWN};

/// What is wrong with an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One route is served without asking the gate.
    SkipsTheGate,
    /// Handlers are called before the gate has answered.
    CallsTheHandlerFirst,
    /// What the handler did is not asked for in the end.
    IgnoresConclude,
    /// A path without a route gets the framework's own answer.
    OwnNotFound,
    /// A trailing slash is taken off before routing.
    TrimsSlashes,
    /// Ids are percent-decoded twice.
    DecodesTwice,
    /// Ids are not decoded.
    DecodesNever,
    /// The gate sees the target without its query.
    LosesTheQuery,
    /// Header fields of one name are joined to one before the gate sees them.
    JoinsFields,
    /// The gate is not told of the connection.
    LosesTheConnection,
    /// Of several fields `WWW-Authenticate` the last one is sent.
    DropsChallenges,
    /// Refusals are sent with another media type.
    OwnMediaType,
    /// Every refusal tells which methods there are.
    TellsMethods,
    /// The next nonce is not sent.
    LosesTheNonce,
    /// Keeps to itself what is left of limits.
    LosesTheLimits,
    /// The next nonce is sent twice.
    RepeatsTheNonce,
    /// The next nonce is sent, and a cache may keep it.
    LetsCachesKeepTheNonce,
    /// What the handler answers may be kept by any cache.
    LetsCachesKeepAnswers,
    /// An answer to `HEAD` has a body.
    SendsBodiesToHead,
    /// `HEAD` is not served where there is `GET`.
    RefusesHead,
    /// A list is as long as its handler made it.
    IgnoresFilter,
}

/// A route that matched: its template, its action if it has one, and the values of its parameters.
struct Matched {
    template: String,
    action: Option<String>,
    /// `None` if one is no text.
    values: Option<Vec<String>>,
}

pub(crate) fn serve(app: App, fault: Option<Fault>) -> impl AsyncFn(Request<Vec<u8>>) -> Response<Vec<u8>> {
    async move |request: Request<Vec<u8>>| {
        let mut response = answer(&app, fault, request).await;
        let fields = response.headers_mut();
        let is_problem = fields.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
        match fault {
            Some(Fault::DropsChallenges) => {
                if let Some(last) = fields.get_all(WWW_AUTHENTICATE).iter().next_back().cloned() {
                    fields.insert(WWW_AUTHENTICATE, last);
                }
            }
            Some(Fault::OwnMediaType) if is_problem => {
                fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Some(Fault::TellsMethods) if is_problem => {
                fields.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response.map(String::into_bytes)
    }
}

async fn answer(app: &App, fault: Option<Fault>, request: Request<Vec<u8>>) -> Response<String> {
    let is = |suspect| fault == Some(suspect);
    let (mut parts, body) = request.into_parts();
    spoil(fault, &mut parts);
    let matched = find(app, fault, &parts.method, parts.uri.path());
    let route = matched.as_ref().map(|matched| match &matched.values {
        Some(values) => RouteMatch::new(&matched.template, values),
        None => RouteMatch::unreadable(&matched.template),
    });
    let stated = parts.extensions.get().copied().filter(|_| !is(Fault::LosesTheConnection));
    let connection: Connection = stated.unwrap_or_default();
    let head = RequestHead::new(&parts.method, &parts.uri, &parts.headers, route.as_ref()).with_connection(connection);
    if let Some(answer) = app.gate().metadata(&head) {
        return answer.into_response();
    }
    let action = matched.as_ref().and_then(|matched| matched.action.clone()).unwrap_or_default();
    match fault {
        Some(Fault::SkipsTheGate) if action == "KeepSilent" => return app.handlers().silent(&body),
        Some(Fault::CallsTheHandlerFirst) if action == "GetProject" => drop(app.handlers().projects()),
        Some(Fault::OwnNotFound) if route.is_none() => return status(StatusCode::NOT_FOUND),
        Some(Fault::RefusesHead) if parts.method == Method::HEAD => return status(StatusCode::METHOD_NOT_ALLOWED),
        _ => {}
    }
    let admission = match app.gate().open(&head).await {
        Ok(admission) => admission,
        Err(answer) => return answer.into_response(),
    };
    app.gate().proxies().strip(&connection, &mut parts.headers);
    let values = matched.and_then(|matched| matched.values).unwrap_or_default();
    let mut response = match handle(app.handlers(), fault, &action, &values, &body, &admission).await {
        Ok(response) => response,
        Err(answer) => answer.into_response(),
    };
    if parts.method == Method::HEAD && !is(Fault::SendsBodiesToHead) {
        response.body_mut().clear();
    }
    if let Some(answer) = admission.conclude(response.status()).filter(|_| !is(Fault::IgnoresConclude)) {
        return answer.into_response();
    }
    let fields = response.headers_mut();
    if let Some(nonce) = admission.next_nonce().filter(|_| !is(Fault::LosesTheNonce)) {
        fields.insert("dpop-nonce", HeaderValue::try_from(nonce).unwrap());
        if is(Fault::RepeatsTheNonce) {
            fields.append("dpop-nonce", HeaderValue::try_from(nonce).unwrap());
        }
        if !is(Fault::LetsCachesKeepTheNonce) {
            fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    if !is(Fault::LosesTheLimits) {
        for (name, value) in admission.rate_limit_fields() {
            fields.insert(name, HeaderValue::try_from(value).unwrap());
        }
    }
    let certified = admission.caller().is_some_and(|caller| caller.bindings().contains(&Binding::Mtls));
    if !is(Fault::LetsCachesKeepAnswers) {
        let kept = HeaderValue::from_static(if certified { "no-store" } else { "private" });
        fields.entry(CACHE_CONTROL).or_insert(kept);
    }
    response
}

/// What a framework with `fault` does to a request before anybody sees it.
fn spoil(fault: Option<Fault>, parts: &mut Parts) {
    match fault {
        Some(Fault::LosesTheQuery) => parts.uri = Uri::try_from(parts.uri.path()).unwrap(),
        Some(Fault::JoinsFields) => {
            let mut joined = HeaderMap::new();
            for name in parts.headers.keys() {
                let values: Vec<&[u8]> = parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
                joined.insert(name.clone(), HeaderValue::from_bytes(&values.join(&b", "[..])).unwrap());
            }
            parts.headers = joined;
        }
        _ => {}
    }
}

fn status(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    response
}

/// The handlers, by action.
async fn handle(
    handlers: &Handlers,
    fault: Option<Fault>,
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
        "ListProjects" => Ok(handlers.listed(admission.require_permit()?, &admission.filter(handlers.projects())?)),
        "ListCarelessly" if fault == Some(Fault::IgnoresFilter) => {
            drop(admission.filter(handlers.projects())?);
            Ok(handlers.listed(admission.require_permit()?, &handlers.projects()))
        }
        "ListCarelessly" => Ok(handlers.listed(admission.require_permit()?, &handlers.projects())),
        "ShowOffers" => {
            let project = loaded(admission, handlers.project(id).await)?;
            admission.check(&project)?;
            Ok(handlers.offered(&admission.allowed_actions(&project)?))
        }
        "UpdateProject" => {
            let project = loaded(admission, handlers.project(id).await)?;
            Ok(handlers.updated(&admission.check(&project)?, &project))
        }
        "Pay" => {
            let project = loaded(admission, handlers.project(id).await)?;
            Ok(handlers.paid(&admission.check_with(&project, &handlers.payment(body)).await?, &project))
        }
        "Mail" => {
            let project = loaded(admission, handlers.project(id).await)?;
            Ok(handlers.mailed(&admission.check_with(&project, &()).await?, &project))
        }
        "Approve" => {
            let ticket = admission.ticket(&handlers.ticket(body))?;
            Ok(handlers.approved(&admission.approve(&ticket)?))
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
                (Some(action), Some(payment)) => admission.check_as_with(action, &project, payment).await?,
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
fn find(app: &App, fault: Option<Fault>, method: &Method, path: &str) -> Option<Matched> {
    let path = if fault == Some(Fault::TrimsSlashes) { path.trim_end_matches('/') } else { path };
    let bundle = app.gate().bundle();
    let mut found: Option<Matched> = None;
    for action in bundle.actions() {
        for route in action.routes().iter().chain(action.via()) {
            let Some(raw) = matches(route.path(), path) else { continue };
            let serves = route.method() == method.as_str() || (route.method() == "GET" && method == Method::HEAD);
            let exactly = route.method() == method.as_str();
            if exactly || found.as_ref().is_none_or(|found| serves && found.action.is_none()) {
                let decode = |value: &&str| match fault {
                    Some(Fault::DecodesNever) => Some((*value).to_owned()),
                    Some(Fault::DecodesTwice) => decode(&decode(value)?),
                    _ => decode(value),
                };
                let values = raw.iter().map(decode).collect();
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
