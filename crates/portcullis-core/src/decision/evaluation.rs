use crate::layers::{LayerReport, Verdict};

use super::denial::DenialKind;
use crate::bundle::{Bundle, Layer, LayerPolicy};

/// What all four layers say of one request.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    pub(crate) allowed: bool,
    pub(crate) layers: [LayerReport; 4],
}

impl Evaluation {
    pub(crate) fn layer(&self, layer: Layer) -> Option<&LayerReport> {
        self.layers.iter().find(|report| report.layer == layer)
    }

    pub(crate) fn denying(&self) -> impl Iterator<Item = &LayerReport> {
        self.layers.iter().filter(|report| !report.allows())
    }

    /// What kind of denial this is: the first of the kinds, in the order of their precedence. `None` for an allow.
    pub(crate) fn denial_kind(&self, bundle: &Bundle) -> Option<DenialKind> {
        let denies = |layer| self.denying().any(|report| report.layer == layer);
        let verdict = |verdict| self.denying().any(|report| report.verdict == verdict);
        if self.allowed {
            None
        } else if verdict(Verdict::Error) {
            Some(DenialKind::Error)
        } else if verdict(Verdict::NotApplicable) {
            Some(DenialKind::NotApplicable)
        } else if denies(Layer::Ceilings) {
            Some(DenialKind::Ceiling)
        } else if denies(Layer::Roles) {
            Some(DenialKind::Role)
        } else if denies(Layer::Guardrails) {
            let liftable = self.forbidding(bundle).all(|forbid| forbid.is_some_and(|forbid| forbid.lift.is_possible()));
            Some(if liftable { DenialKind::LiftableGuardrail } else { DenialKind::Guardrail })
        } else {
            Some(DenialKind::Consent)
        }
    }

    /// The guardrails that forbid.
    pub(crate) fn forbidding<'a>(&'a self, bundle: &'a Bundle) -> impl Iterator<Item = Option<&'a LayerPolicy>> {
        let report = self.layer(Layer::Guardrails).filter(|report| !report.allows());
        let ids = report.into_iter().flat_map(|report| &report.policies);
        ids.map(|id| bundle.layers.guardrails.by_id.get(id))
    }
}
