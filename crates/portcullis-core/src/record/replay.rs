use super::{RecordedAnswer, RecordedQuestion};
use crate::bundle::BundleHash;
use crate::caller::RecordedCaller;
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
        if !question.is_replayable() {
            return Err(ReplayError::Incomplete);
        }
        let session = caller.map(|caller| caller.session(self.bundle())).transpose()?;
        let Some(resource) = question.resource().transpose()? else {
            let early = session.and_then(|session| session.explain_early(question.action(), question.now()));
            return early.map(|early| (&early).into()).ok_or(ReplayError::Incomplete);
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
