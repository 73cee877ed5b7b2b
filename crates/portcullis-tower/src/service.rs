use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, Response};
use portcullis::{Binding, Gate, RequestHead};
use tower_service::Service;

use crate::matched_route::MatchedRoute;

/// A service behind a [`Gate`].
///
/// The gate itself serves the metadata of the protected resource. A request that it refuses does not reach the service. For one that it lets in, the service finds an
/// [`Admission`](portcullis::Admission) in the request's extensions. If the service decides itself and answers without
/// an error although nothing was allowed, its answer is replaced.
#[derive(Debug, Clone)]
pub struct GateService<S, M> {
    gate: Gate,
    matched_route: M,
    inner: S,
}

impl<S, M> GateService<S, M> {
    pub(crate) fn new(gate: Gate, matched_route: M, inner: S) -> Self {
        Self { gate, matched_route, inner }
    }
}

impl<S, M, B, A> Service<Request<B>> for GateService<S, M>
where
    S: Service<Request<B>, Response = Response<A>> + Clone + Send + 'static,
    S::Future: Send,
    M: MatchedRoute,
    B: Send + 'static,
    A: From<String>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone has not been polled to readiness: it stays, the ready one goes.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (gate, matched_route) = (self.gate.clone(), self.matched_route.clone());
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let route = matched_route.matched_route(&mut parts).await;
            let (target, connection) = (matched_route.target(&parts), matched_route.connection(&parts));
            let head = RequestHead::new(&parts.method, target, &parts.headers, route.as_ref());
            let head = head.with_connection(connection);
            if let Some(answer) = gate.metadata(&head) {
                return Ok(answer.into_response());
            }
            let admission = match gate.open(&head).await {
                Ok(admission) => admission,
                Err(answer) => return Ok(answer.into_response()),
            };
            gate.proxies().strip(&connection, &mut parts.headers);
            parts.extensions.insert(admission.clone());
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            if let Some(answer) = admission.conclude(response.status()) {
                return Ok(answer.into_response());
            }
            if let Some(nonce) = admission.next_nonce().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
                response.headers_mut().insert("dpop-nonce", nonce);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            // What one caller may read, a shared cache must not hand to the next (RFC 9111 §3.5). What was read with a client
            // certificate, no cache must hand to who comes without it (RFC 9440).
            let certified = admission.caller().is_some_and(|caller| caller.bindings().contains(&Binding::Mtls));
            let kept = HeaderValue::from_static(if certified { "no-store" } else { "private" });
            response.headers_mut().entry(CACHE_CONTROL).or_insert(kept);
            Ok(response)
        })
    }
}
