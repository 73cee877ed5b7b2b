use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis::{Gate, RequestHead};
use tower_service::Service;

use crate::matched_route::MatchedRoute;
use crate::protocol::Protocol;

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
    M::Protocol: Protocol<B, A>,
    B: Send + 'static,
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
        let inner = std::mem::replace(&mut self.inner, clone);
        let (gate, matched_route) = (self.gate.clone(), self.matched_route.clone());
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let route = matched_route.matched_route(&mut parts).await;
            let (target, connection) = (matched_route.target(&parts), matched_route.connection(&parts));
            let head = RequestHead::new(&parts.method, target, &parts.headers, route.as_ref());
            let head = head.with_connection(connection);
            if let Some(answer) = gate.metadata(&head) {
                return Ok(M::Protocol::refuse(answer));
            }
            let admission = match gate.open(&head).await {
                Ok(admission) => admission,
                Err(answer) => return Ok(M::Protocol::refuse(answer)),
            };
            gate.proxies().strip(&connection, &mut parts.headers);
            parts.extensions.insert(admission.clone());
            M::Protocol::exchange(admission, Request::from_parts(parts, body), inner).await
        })
    }
}
