//! The conditions of one policy, part by part.

use cedar_policy::{Entities, EvalResult, Request};
use serde::Serialize;

use super::value::{self, Secrets};
use crate::bundle::{Anatomy, ClauseKeyword, ConditionClause, Conjunct, Layer};
use crate::layers::Question;
use crate::parties::Party;

/// One part of a condition: what stands between `&&`, evaluated by Cedar as it would be in the policy.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ConditionExplanation {
    /// `when` or `unless`.
    pub clause: &'static str,
    /// It, as policy text. Long ones are cut.
    pub text: String,
    /// What became of it.
    pub answer: ConditionAnswer,
    /// How it failed to evaluate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The attributes that it reads, as paths, with their values: long ones cut, those marked `@secret` left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, String)>,
}

/// What became of a part of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConditionAnswer {
    /// It is `true`.
    True,
    /// It is `false`.
    False,
    /// It fails to evaluate.
    Fails,
    /// It was not evaluated: what stands before it had decided.
    NotReached,
}

/// What became of all conditions of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    DoesNotHold,
    Fails,
}

/// One request of one layer, to which conditions are put.
pub(super) struct Evaluator<'a> {
    request: Request,
    entities: &'a Entities,
    secrets: Secrets<'a>,
}

impl<'a> Evaluator<'a> {
    /// `None` if the input is broken: then no policy was asked.
    pub(super) fn new(question: &'a Question<'a>, layer: Layer, party: &'a Party) -> Option<Self> {
        let (request, entities) = question.scene.request(question, layer, party).ok()?;
        Some(Self { request, entities, secrets: Secrets::new(question, party) })
    }

    /// Evaluates the clauses in turn, and in each what is joined by `&&`: what the outcome does not depend on any more is not
    /// reached.
    pub(super) fn conditions(&self, anatomy: &Anatomy) -> (Outcome, Vec<ConditionExplanation>) {
        let (mut outcome, mut told) = (Outcome::Holds, Vec::new());
        for clause in &anatomy.clauses {
            outcome = self.clause(clause, outcome, &mut told);
        }
        (outcome, around_the_last_that_was_reached(told))
    }

    fn clause(&self, clause: &ConditionClause, before: Outcome, told: &mut Vec<ConditionExplanation>) -> Outcome {
        let mut all = (before == Outcome::Holds).then_some(Outcome::Holds);
        for conjunct in &clause.conjuncts {
            let reached = all == Some(Outcome::Holds);
            let evaluated = reached.then(|| conjunct.condition.evaluate(&self.request, self.entities));
            let (answer, error) = match evaluated {
                None => (ConditionAnswer::NotReached, None),
                Some(Ok(EvalResult::Bool(true))) => (ConditionAnswer::True, None),
                Some(Ok(EvalResult::Bool(false))) => (ConditionAnswer::False, None),
                Some(Ok(_)) => (ConditionAnswer::Fails, Some("it is no Boolean".to_owned())),
                Some(Err(error)) => (ConditionAnswer::Fails, Some(error)),
            };
            match answer {
                ConditionAnswer::False => all = Some(Outcome::DoesNotHold),
                ConditionAnswer::Fails => all = Some(Outcome::Fails),
                ConditionAnswer::True | ConditionAnswer::NotReached => {}
            }
            told.push(self.tell(clause.keyword, conjunct, answer, error));
        }
        match (all, clause.keyword) {
            (None, _) => before,
            (Some(Outcome::Fails), _) => Outcome::Fails,
            (Some(Outcome::Holds), ClauseKeyword::When) | (Some(Outcome::DoesNotHold), ClauseKeyword::Unless) => {
                Outcome::Holds
            }
            (Some(Outcome::Holds), ClauseKeyword::Unless) | (Some(Outcome::DoesNotHold), ClauseKeyword::When) => {
                Outcome::DoesNotHold
            }
        }
    }

    fn tell(
        &self,
        keyword: ClauseKeyword,
        conjunct: &Conjunct,
        answer: ConditionAnswer,
        error: Option<String>,
    ) -> ConditionExplanation {
        let reads = conjunct.reads.iter().filter(|_| answer != ConditionAnswer::NotReached).take(MOST_VALUES);
        let values: Vec<(String, String)> = reads
            .map(|read| {
                let value = if self.secrets.contains(&read.path) {
                    SECRET.to_owned()
                } else {
                    let value = read.value.evaluate(&self.request, self.entities);
                    value.map_or_else(|_| ABSENT.to_owned(), |value| value::shown(&value))
                };
                (read.path.join("."), value)
            })
            .collect();
        // Cedar's words may repeat a value.
        let secret = conjunct.reads.iter().any(|read| self.secrets.contains(&read.path));
        let error = error.map(|error| if secret { SECRET.to_owned() } else { value::cut(&error, LONGEST_TEXT) });
        ConditionExplanation {
            clause: match keyword {
                ClauseKeyword::When => "when",
                ClauseKeyword::Unless => "unless",
            },
            text: value::cut(&conjunct.text, LONGEST_TEXT),
            answer,
            error,
            values,
        }
    }
}

/// What decided is always told.
fn around_the_last_that_was_reached(mut told: Vec<ConditionExplanation>) -> Vec<ConditionExplanation> {
    let reached = told.iter().rposition(|condition| condition.answer != ConditionAnswer::NotReached);
    let first = reached.map_or(0, |last| (last + 1).saturating_sub(MOST_CONDITIONS));
    told.drain(..first);
    told.truncate(MOST_CONDITIONS);
    told
}

/// Stands in the place of a value that is not shown.
pub(super) const SECRET: &str = "[secret]";

/// What is not there has no value.
pub(super) const ABSENT: &str = "absent";

/// Parts of conditions that are told of one policy.
const MOST_CONDITIONS: usize = 16;

/// Values that are told of one part.
const MOST_VALUES: usize = 8;

/// Characters of the text of one part, or of what Cedar says of it.
const LONGEST_TEXT: usize = 400;
