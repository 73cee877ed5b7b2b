use crate::layers::{LayerReport, Verdict};

use super::denial::DenialKind;
use crate::bundle::{Layer, LayerPolicy};

/// What all four layers say of one request.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation<'a> {
    pub(crate) allowed: bool,
    pub(crate) layers: [LayerReport<'a>; 4],
}

impl<'a> Evaluation<'a> {
    pub(crate) fn layer(&self, layer: Layer) -> Option<&LayerReport<'a>> {
        self.layers.iter().find(|report| report.layer == layer)
    }

    pub(crate) fn denying(&self) -> impl Iterator<Item = &LayerReport<'a>> {
        self.layers.iter().filter(|report| !report.allows())
    }

    /// What kind of denial this is: the first of the kinds, in the order of their precedence. `None` for an allow.
    pub(crate) fn denial_kind(&self) -> Option<DenialKind> {
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
            let liftable = self.forbidding().all(|forbid| forbid.lift.is_possible());
            Some(if liftable { DenialKind::LiftableGuardrail } else { DenialKind::Guardrail })
        } else {
            Some(DenialKind::Consent)
        }
    }

    /// The guardrails that forbid.
    pub(crate) fn forbidding(&self) -> impl Iterator<Item = &'a LayerPolicy> {
        let report = self.layer(Layer::Guardrails).filter(|report| !report.allows());
        report.into_iter().flat_map(|report| report.policies.iter().copied())
    }
}
