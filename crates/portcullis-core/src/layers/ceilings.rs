//! May this software ever do this?

use super::evaluate::evaluate;
use super::{LayerReport, Question, Verdict};
use crate::bundle::Layer;

/// Everybody involved that is not a user in person needs a permit of its own. Without such a party there is no ceiling.
pub(crate) fn ceilings<'a>(question: &Question<'a>) -> LayerReport<'a> {
    let judged = question.software().map(|party| {
        if party.kind().is_some_and(|kind| question.action.principals.contains(&kind)) {
            evaluate(Layer::Ceilings, &question.bundle.layers.ceilings, party, question)
        } else {
            LayerReport::new(Layer::Ceilings, Verdict::NotApplicable)
        }
    });
    judged.fold(LayerReport::new(Layer::Ceilings, Verdict::Allows), LayerReport::and)
}
