use std::fmt;

use portcullis_core::{Approval, UnixTime};
use serde::{Deserialize, Serialize};

use super::intent::Intent;
use super::key::ApprovalKey;
use super::statement::{self, StatementType};
use super::ticket::{Ticket, TicketClaims};
use crate::dpop::UsedProof;

/// A person's word for one ticket, for the client that asked. It counts for nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedApproval {
    text: String,
    expires: UnixTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalClaims {
    ticket: TicketClaims,
    /// By which client the person approved.
    client_id: String,
    #[serde(with = "seconds")]
    iat: UnixTime,
    #[serde(with = "seconds")]
    exp: UnixTime,
}

impl SignedApproval {
    /// The characters that an approval has at most: it stands in a header field beside others.
    pub const MAX_CHARS: usize = 4096;

    /// `None` if it would be too long.
    pub(super) fn new(key: &ApprovalKey, ticket: &Ticket, client: &str, iat: UnixTime, exp: UnixTime) -> Option<Self> {
        let claims = ApprovalClaims { ticket: ticket.claims.clone(), client_id: client.to_owned(), iat, exp };
        let text = statement::sign(key, StatementType::Approval, &claims)?;
        Some(Self { text, expires: exp })
    }

    /// The approval as it goes over the wire.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// From when on it counts no more.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.expires
    }
}

impl fmt::Debug for SignedApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedApproval").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// An approval of exactly what is asked for. Whether it was used before, a replay store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedApproval {
    used: UsedProof,
    ticket: String,
    by: String,
    at: UnixTime,
}

impl VerifiedApproval {
    /// Reads `text`, which anybody may have written, as the approval of `wanted`.
    pub(super) fn read(key: &ApprovalKey, text: &str, wanted: &Intent, now: UnixTime) -> Result<Self, UnfitApproval> {
        let claims: ApprovalClaims =
            statement::open(key, StatementType::Approval, text).ok_or(UnfitApproval::Malformed)?;
        let ApprovalClaims { ticket: TicketClaims { jti, iat, exp, intent }, .. } = claims;
        if claims.exp <= now || exp <= now {
            return Err(UnfitApproval::Expired);
        }
        if let Some(unfit) = intent.misfit(wanted) {
            return Err(unfit);
        }
        // By the times of the ticket, not of the approval: another approval of it must find that it was used.
        let used = UsedProof::of_approval(&intent.sub.id, &jti, iat, exp);
        Ok(Self { used, ticket: jti, by: intent.sub.id, at: claims.iat.min(now) })
    }

    /// What the engine is told.
    #[must_use]
    pub fn approval(&self) -> Approval {
        Approval::assume_verified(self.by.as_str(), self.at)
    }

    /// What a replay store remembers of it, once it is used.
    #[must_use]
    pub fn used(&self) -> &UsedProof {
        &self.used
    }

    /// The id of the ticket that was approved.
    #[must_use]
    pub fn ticket(&self) -> &str {
        &self.ticket
    }
}

/// Why an approval does not count for the request that it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitApproval {
    /// It is no approval of this service, or there are several.
    #[error("malformed")]
    Malformed,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// It, or another approval of the same ticket, was used; or nobody can tell any more whether it was.
    #[error("used")]
    Used,
    /// It is another person's.
    #[error("other-subject")]
    OtherSubject,
    /// Somebody else asked to act.
    #[error("other-actor")]
    OtherActor,
    /// Another client asked.
    #[error("other-client")]
    OtherClient,
    /// Another action was asked for.
    #[error("other-action")]
    OtherAction,
    /// It was another resource.
    #[error("other-resource")]
    OtherResource,
    /// The resource has changed since.
    #[error("other-version")]
    OtherVersion,
    /// The arguments were others.
    #[error("other-arguments")]
    OtherArguments,
}

/// Times as `NumericDate` (RFC 7519 §2).
pub(super) mod seconds {
    use portcullis_core::UnixTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(in crate::approval) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_secs())
    }

    pub(in crate::approval) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
        UnixTime::from_secs(i64::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not a time"))
    }
}
