//! Does anything forbid it for everyone?

use super::evaluate::evaluate;
use super::{LayerReport, Question, Verdict};
use crate::bundle::Layer;
use crate::parties::Party;

/// The layer holds only forbids and starts from allow, so Cedar's "nothing permits this" is not a denial here.
pub(crate) fn guardrails<'a>(question: &Question<'a>, subject: &Party) -> LayerReport<'a> {
    let mut report = evaluate(Layer::Guardrails, &question.bundle.layers.guardrails, subject, question);
    if report.verdict == Verdict::Denies && report.policies.is_empty() && report.errors.is_empty() {
        report.verdict = Verdict::Allows;
    }
    report
}
