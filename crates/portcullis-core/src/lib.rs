//! The Portcullis engine.

mod bits;
mod bundle;
mod caller;
mod claims;
mod copies;
mod decision;
mod duration;
mod engine;
mod layers;
mod parties;
mod record;
mod scope;
mod session;
mod time;
mod typed;

pub use bundle::{
    Action, Bundle, BundleFiles, BundleHash, BundleSettings, GrpcMethod, Layer, LoadError, Obligation, Problem, Report,
    Route, erase_parameters,
};
pub use caller::{
    AbsentClaim, AbsentList, Actor, AgentType, Caller, ClaimProblem, ClaimsError, Confers, ConsentExemptions,
    Extractor, Fact, Hop, Ignored, Listing, MaxLifetime, Profile, ProfileChanges, ProfileError, Purpose,
    RecordedCaller, Source, SourceError, SourceSettings, Sources, Subject, UnlistedClients,
};
pub use claims::{Binding, Credential, Kind, VerifiedClaims};
pub use decision::{
    AgentExplanation, ConditionAnswer, ConditionExplanation, Decision, Denial, DenialKind, Discharge, Explanation,
    Grant, LayerAnswer, LayerExplanation, Needs, ObligationError, Permit, PolicyAnswer, PolicyExplanation, Remedy,
    StepUp, UserExplanation,
};
pub use duration::parse_duration;
pub use engine::Engine;
pub use layers::{Approval, Request};
pub use record::{RecordedAnswer, RecordedLayer, RecordedQuestion, ReplayError};
pub use scope::{InvalidScopeName, Scope, ScopeName, ScopeSet, Scopes};
pub use session::{PrincipalFacts, Session, SessionError};
pub use time::UnixTime;
pub use typed::{Facts, FactsError, Parents, Resource, ResourceData, ResourceError, ValueProblem};
