//! Is the subject granted this in the application?

use super::evaluate::evaluate;
use super::{LayerReport, Question};
use crate::bundle::Layer;
use crate::parties::Party;

pub(crate) fn roles(question: &Question<'_>, subject: &Party) -> LayerReport {
    evaluate(Layer::Roles, &question.bundle.layers.roles, subject, question)
}
