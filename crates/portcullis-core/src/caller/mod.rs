//! From verified claims to a [`Caller`].
//!
//! ```text
//! VerifiedClaims + Source { settings, Profile } ─► Caller { subject, actor, client, scopes, lists, … }
//! ```
//!
//! Pure: no clock, no I/O. A claim that is read and is not what it should be refuses the token. Absence is never
//! assumed from it.

#[expect(clippy::module_inception, reason = "the folder is named after the type that comes out of it")]
mod caller;
mod delegation;
mod error;
mod lifetime;
mod principal_id;
mod profile;
mod read;
mod recorded;
mod source;
#[cfg(test)]
mod tests;

pub use caller::{AbsentClaim, Actor, Caller, Hop, Ignored, Listing, Subject};
pub use error::{ClaimProblem, ClaimsError, Purpose};
pub use lifetime::MaxLifetime;
pub use profile::{AbsentList, Extractor, Fact, Profile, ProfileChanges, ProfileError};
pub use recorded::RecordedCaller;
pub use source::{
    AgentType, Confers, ConsentExemptions, Source, SourceError, SourceSettings, Sources, UnlistedClients,
};
