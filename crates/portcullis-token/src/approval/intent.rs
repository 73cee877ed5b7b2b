use portcullis_core::{Caller, Facts, FactsError, Kind, ResourceData};
use serde::{Deserialize, Serialize};

use super::signed::UnfitApproval;
use crate::base64url;
use crate::dpop::sha256;

/// Who wants to do what: all that a person's approval binds.
///
/// Subject, actor, client, action, resource with its version, and a digest of the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    pub(super) sub: Party,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<Party>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    pub(super) action: String,
    pub(super) resource: Target,
    /// SHA-256 of the canonical facts, in base64url.
    pub(super) arguments: String,
}

/// Somebody, as policies know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Party {
    pub(super) kind: String,
    pub(super) id: String,
    /// The client that the actor is, where its hop says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
}

/// What is acted upon, in one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    #[serde(rename = "type")]
    pub(super) entity_type: String,
    pub(super) id: String,
    pub(super) version: String,
}

impl Intent {
    /// What `caller` wants: to do `action` on `resource` as it is now, with the arguments `facts`.
    ///
    /// # Errors
    ///
    /// If that cannot be told exactly: the application's fault.
    pub fn new(caller: &Caller, action: &str, resource: &ResourceData, facts: &Facts) -> Result<Self, IntentError> {
        let party = |kind: Kind, id: &str, client_id: Option<&String>| Party {
            kind: kind.as_str().to_owned(),
            id: id.to_owned(),
            client_id: client_id.cloned(),
        };
        Ok(Self {
            sub: party(caller.subject().kind, &caller.subject().id, None),
            act: caller.actor().map(|actor| party(actor.kind, &actor.id, actor.client.as_ref())),
            client_id: caller.client().map(str::to_owned),
            action: action.to_owned(),
            resource: Target::of(resource)?,
            arguments: digest(facts)?,
        })
    }

    /// Whether it is about `resource` as it is now, with the arguments `facts`.
    pub(super) fn is_about(&self, resource: &ResourceData, facts: &Facts) -> bool {
        Target::of(resource).is_ok_and(|target| target == self.resource)
            && digest(facts).is_ok_and(|digest| digest == self.arguments)
    }

    /// In what the approval of this intent does not fit `wanted`, if anything.
    pub(super) fn misfit(&self, wanted: &Self) -> Option<UnfitApproval> {
        let Self { sub, act, client_id, action, resource, arguments } = self;
        let Target { entity_type, id, version } = resource;
        if *sub != wanted.sub {
            Some(UnfitApproval::OtherSubject)
        } else if *act != wanted.act {
            Some(UnfitApproval::OtherActor)
        } else if *client_id != wanted.client_id {
            Some(UnfitApproval::OtherClient)
        } else if *action != wanted.action {
            Some(UnfitApproval::OtherAction)
        } else if (entity_type, id) != (&wanted.resource.entity_type, &wanted.resource.id) {
            Some(UnfitApproval::OtherResource)
        } else if *version != wanted.resource.version {
            Some(UnfitApproval::OtherVersion)
        } else if *arguments != wanted.arguments {
            Some(UnfitApproval::OtherArguments)
        } else {
            None
        }
    }
}

impl Target {
    fn of(resource: &ResourceData) -> Result<Self, IntentError> {
        let entity_type = resource.entity_type().to_owned();
        match resource.version() {
            Some(version) => Ok(Self { entity_type, id: resource.id().to_owned(), version: version.to_owned() }),
            None => Err(IntentError::NoVersion { entity_type }),
        }
    }
}

/// Why it cannot be told what is to be confirmed. Always the application's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntentError {
    /// The arguments have no canonical form.
    #[error(transparent)]
    Arguments(#[from] FactsError),
    /// The resource does not say in which version it is.
    #[error(
        "a `{entity_type}` does not say in which version it is, so a confirmation would hold for whatever becomes of it: \
         implement `Resource::version`"
    )]
    NoVersion {
        /// The entity type.
        entity_type: String,
    },
    /// There is no room in a header field for the ids that are involved.
    #[error("the ids of subject, actor, client and resource are too long for a ticket")]
    TooLong,
}

fn digest(facts: &Facts) -> Result<String, FactsError> {
    Ok(base64url::encode(&sha256(facts.canonical()?.as_bytes())))
}
