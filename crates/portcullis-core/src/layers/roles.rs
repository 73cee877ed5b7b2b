//! Is the subject granted this in the application?

use super::evaluate::evaluate;
use super::{LayerReport, Question};
use crate::bundle::Layer;
use crate::parties::Party;

pub(crate) fn roles<'a>(question: &Question<'a>, subject: &Party) -> LayerReport<'a> {
    evaluate(Layer::Roles, &question.bundle.layers.roles, subject, question)
}
