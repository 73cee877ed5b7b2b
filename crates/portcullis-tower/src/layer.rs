use portcullis::Gate;
use tower_layer::Layer;

use crate::matched_route::MatchedRoute;
use crate::service::GateService;

/// Puts a [`Gate`] in front of services. It must be applied where the framework has routed already.
#[derive(Debug, Clone)]
pub struct GateLayer<M> {
    gate: Gate,
    matched_route: M,
}

impl<M: MatchedRoute> GateLayer<M> {
    /// A layer of `gate` that learns the route from `matched_route`.
    #[must_use]
    pub fn new(gate: Gate, matched_route: M) -> Self {
        Self { gate, matched_route }
    }
}

impl<S, M: MatchedRoute> Layer<S> for GateLayer<M> {
    type Service = GateService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService::new(self.gate.clone(), self.matched_route.clone(), inner)
    }
}
