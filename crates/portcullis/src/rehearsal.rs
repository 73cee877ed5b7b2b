//! What a gate would answer, for tests of policies.

use http::Method;
use portcullis_core::{Denial, Session, UnixTime};

use crate::answer::Answer;
use crate::challenge::{ApiKeyScheme, ProtectionSpace, Scheme};
use crate::decision_id::DecisionId;
use crate::refusal::Refusal;

impl Answer {
    /// The answer to a request with a bearer token of the caller of `session`, which the engine denied on a resource of the type
    /// `entity_type`: what a gate says under its own realm, with the URL of its metadata. `dpop_algs` are those of
    /// [`ProofVerifier::algs`](portcullis_token::ProofVerifier::algs), where it takes tokens under the scheme `DPoP`.
    #[must_use]
    pub fn to_denial(session: &Session, denial: Denial, entity_type: &str, dpop_algs: Option<&str>) -> Self {
        Self::rehearsed(&Refusal::denied(session.bundle(), Some(session), denial, Some(entity_type)), dpop_algs)
    }

    /// The answer where there is no such resource, as [`Answer::to_denial`] says it.
    #[must_use]
    pub fn to_absence(dpop_algs: Option<&str>) -> Self {
        Self::rehearsed(&Refusal::Absent, dpop_algs)
    }

    fn rehearsed(refusal: &Refusal, dpop_algs: Option<&str>) -> Self {
        let space = ProtectionSpace {
            realm: "api",
            metadata: None,
            initial_scopes: None,
            dpop_algs,
            api_keys: ApiKeyScheme::None,
        };
        Self::of(refusal, space, Scheme::Bearer, DecisionId::new(UnixTime::EPOCH), &Method::GET)
    }
}
