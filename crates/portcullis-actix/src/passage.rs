//! A request on its way through the gate.

use std::rc::Rc;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpRequest, error};
use http::StatusCode;
use portcullis::{Admission, Answer, Arrival, Binding, Gate, RouteMatch};
use tokio::sync::OnceCell;

use crate::head::{Head, response};
use crate::rejection::Rejection;

/// A request whose sender is known. It is decided once, by whoever needs it first.
#[derive(Clone)]
pub(crate) struct Passage(Rc<Inner>);

struct Inner {
    gate: Gate,
    arrival: Arrival,
    decision: OnceCell<Result<Admission, Answer>>,
}

impl Passage {
    /// Takes `request` in, whose `route` may not be known yet, and puts itself into its extensions.
    ///
    /// Fails with what to answer: the metadata of the protected resource, or a refusal.
    pub(crate) async fn begin(
        gate: &Gate,
        request: &mut ServiceRequest,
        route: Option<&RouteMatch>,
    ) -> Result<Self, Error> {
        let mut head = Head::of(request.request()).map_err(error::ErrorBadRequest)?;
        if let Some(answer) = gate.metadata(&head.borrow(route)) {
            return Err(Rejection::from(answer).into());
        }
        let arrival = gate.authenticate(&head.borrow(route)).await.map_err(Rejection::from)?;
        gate.proxies().strip(&head.connection, &mut head.headers);
        let is_kept = |name: &HeaderName| head.headers.contains_key(name.as_str());
        let stripped: Vec<_> = request.headers().keys().filter(|name| !is_kept(name)).cloned().collect();
        for name in stripped {
            request.headers_mut().remove(name);
        }
        let passage = Self(Rc::new(Inner { gate: gate.clone(), arrival, decision: OnceCell::new() }));
        request.extensions_mut().insert(passage.clone());
        Ok(passage)
    }

    /// The passage that `request` is on.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// The passage that `request` is on, if it is one through `gate`.
    pub(crate) fn through(gate: &Gate, request: &HttpRequest) -> Option<Self> {
        Self::of(request).filter(|passage| passage.0.gate == *gate)
    }

    /// Decides, unless that was done.
    pub(crate) async fn decide(&self, route: Option<RouteMatch>) -> Result<Admission, Rejection> {
        let admit = async || self.0.arrival.clone().admit(route.as_ref()).await;
        Ok(self.0.decision.get_or_init(admit).await.clone()?)
    }

    /// The answer to send instead of one with `status`: nothing was allowed, and it is no error.
    pub(crate) async fn conclude(&self, route: Option<RouteMatch>, status: StatusCode) -> Option<Answer> {
        match self.0.decision.get() {
            Some(Ok(admission)) => admission.conclude(status),
            // Refused and logged. What was sent is this answer, or an error that the application made of it.
            Some(Err(answer)) => (!is_error(status)).then(|| answer.clone()),
            None => self.0.arrival.clone().conclude(route.as_ref(), status).await,
        }
    }

    /// Adds to the answer of the application what the next request and caches must know.
    pub(crate) fn complete<B>(&self, response: &mut ServiceResponse<B>) {
        let Some(Ok(admission)) = self.0.decision.get() else {
            return;
        };
        let headers = response.headers_mut();
        if let Some(nonce) = admission.next_nonce().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert(HeaderName::from_static("dpop-nonce"), nonce);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        for (name, value) in admission.rate_limit_fields() {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        // What one caller may read, a shared cache must not hand to the next (RFC 9111 §3.5). What was read with a client
        // certificate, no cache must hand to who comes without it (RFC 9440).
        if !headers.contains_key(CACHE_CONTROL) {
            let certified = admission.caller().is_some_and(|caller| caller.bindings().contains(&Binding::Mtls));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(if certified { "no-store" } else { "private" }));
        }
    }
}

/// `response` with `answer` in its place.
pub(crate) fn replaced<B>(replaced: ServiceResponse<B>, answer: &Answer) -> ServiceResponse {
    replaced.into_response(response(answer))
}

pub(crate) fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}
