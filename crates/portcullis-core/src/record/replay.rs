use super::{RecordedAnswer, RecordedQuestion};
use crate::bundle::{Bundle, BundleHash};
use crate::caller::RecordedCaller;
use crate::decision::LayerAnswer;
use crate::engine::Engine;
use crate::layers::Request;
use crate::session::SessionError;
use crate::typed::{FactsError, ResourceError};

impl Engine {
    /// Asks `question` again, as `caller` did, or nobody. The answer is the recorded one if the record says what was asked.
    ///
    /// `bundle` is the hash in the record, as text. The answer permits nothing.
    ///
    /// # Errors
    ///
    /// If the record is of another bundle, is masked, or does not say everything.
    pub fn replay(
        &self,
        bundle: &str,
        caller: Option<&RecordedCaller>,
        question: &RecordedQuestion,
    ) -> Result<RecordedAnswer, ReplayError> {
        let hash = self.bundle().hash();
        if bundle != hash.to_string() {
            return Err(ReplayError::OtherBundle { recorded: bundle.to_owned(), loaded: hash });
        }
        self.again(caller, question)
    }

    /// Asks `question`, which was asked under the bundle `recorded`, of this engine's bundle: what it would have answered.
    ///
    /// The caller is who the token was under `recorded`, with the same lists and attributes: how tokens are read, and what a
    /// directory says, is no part of the question. The answer permits nothing.
    ///
    /// # Errors
    ///
    /// As [`Engine::replay`]; if this bundle declares what `recorded` does not, so that the record cannot hold it; and if the
    /// question was asked without the resource, and this bundle would not have denied it yet.
    pub fn ask_recorded(
        &self,
        recorded: &Bundle,
        caller: Option<&RecordedCaller>,
        question: &RecordedQuestion,
    ) -> Result<RecordedAnswer, ReplayError> {
        let (types, known) = (&self.bundle().types, &recorded.types);
        let subject = caller.map(|caller| caller.subject().kind.entity_type());
        let resource = question.resource_id().map(|(entity_type, _)| entity_type);
        let beyond = subject.into_iter().chain(resource).find_map(|name| types.entity_beyond(known, name));
        let facts = || types.facts_beyond(known, question.action()).filter(|_| resource.is_some());
        if let Some(what) = beyond.or_else(facts) {
            return Err(ReplayError::NotRecorded(what));
        }
        let answer = self.again(caller, question)?;
        // What is allowed before the resource is known is decided later.
        if resource.is_none() && answer.answer == LayerAnswer::Allow {
            return Err(ReplayError::NeedsResource);
        }
        Ok(answer)
    }

    fn again(
        &self,
        caller: Option<&RecordedCaller>,
        question: &RecordedQuestion,
    ) -> Result<RecordedAnswer, ReplayError> {
        if !question.is_replayable() {
            return Err(ReplayError::Incomplete);
        }
        let session = caller.map(|caller| caller.session(self.bundle())).transpose()?;
        let Some(resource) = question.resource().transpose()? else {
            let early = session.and_then(|session| session.explain_early(question.action(), question.now()));
            return early.map(|early| (&early).into()).ok_or(ReplayError::NeedsResource);
        };
        let mut request = Request::new(question.action(), &resource, question.now()).with_facts(question.facts()?);
        if let Some(approval) = question.approval() {
            request = request.with_approval(approval);
        }
        Ok((&self.explain(session.as_ref(), &request)).into())
    }
}

/// Why a recorded question cannot be asked again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The decision was made under another bundle.
    #[error("the record is of the bundle {recorded}, and {loaded} is loaded")]
    OtherBundle {
        /// The hash in the record.
        recorded: String,
        /// The hash of the engine's bundle.
        loaded: BundleHash,
    },
    /// The record does not hold everything that was asked.
    #[error("the record does not hold everything that was asked")]
    Incomplete,
    /// The bundle reads what the one of the record does not declare, which therefore is not in the record.
    #[error("`{0}` is not in the record")]
    NotRecorded(String),
    /// The question was asked before the resource was known, and the bundle decides with the resource.
    #[error("the bundle decides with the resource, which is not in the record")]
    NeedsResource,
    /// The bundle has no such source of credentials.
    #[error("the bundle has no source `{0}`")]
    Source(String),
    /// The recorded caller has no session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The recorded resource cannot be read.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// The recorded facts cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
}
