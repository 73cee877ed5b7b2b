//! What a caller may learn of a decision: all that it reads is made of this, and of nothing else.

mod agent;
mod needs;
mod user;

pub use agent::AgentExplanation;
pub use needs::Needs;
pub use user::UserExplanation;

use super::{Decision, Denial, DenialKind};
use crate::bundle::Bundle;
use crate::caller::Caller;
use crate::claims::Binding;

/// What the caller may learn. Two requests that are told the same cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Allowed,
    /// The service is at fault: nothing but that.
    Failed,
    /// There is no such resource, or none that the caller may know of (`@hide`).
    NotFound,
    Denied {
        /// What policies say to the caller. Only where the caller may know what is special about the resource.
        messages: Vec<String>,
        /// What the caller can obtain to be allowed.
        offer: Option<Offer>,
    },
}

/// What a caller can obtain to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    needs: Needs,
    /// What the scopes that are missing mean (`@doc`), or their names.
    consents: Vec<String>,
}

impl Told {
    /// What `caller` may learn of `decision` about a resource of the type `entity_type`.
    pub(super) fn of(decision: &Decision, bundle: Option<&Bundle>, caller: Option<&Caller>, entity_type: &str) -> Self {
        let denial = match decision {
            Decision::Allow(_) => return Self::Allowed,
            Decision::Deny(denial) if denial.kind() == DenialKind::Error => return Self::Failed,
            Decision::Deny(denial) => denial,
        };
        let hidden = bundle.is_some_and(|bundle| bundle.is_hidden(entity_type));
        let offer = bundle.zip(caller).and_then(|(bundle, caller)| Offer::of(denial, bundle, caller));
        if hidden && offer.is_none() {
            return Self::NotFound;
        }
        let messages = if hidden { &[] } else { denial.messages_for_caller() };
        Self::Denied { messages: messages.to_vec(), offer }
    }

    /// What policies say to the caller.
    pub(super) fn messages(&self) -> &[String] {
        match self {
            Self::Denied { messages, .. } => messages,
            Self::Allowed | Self::Failed | Self::NotFound => &[],
        }
    }

    /// The name of the problem type (RFC 9457) under which a gate answers so over HTTP; `None` for an allow.
    fn code(&self) -> Option<&'static str> {
        let needs = match self {
            Self::Allowed => return None,
            Self::Failed => return Some("internal-error"),
            Self::NotFound => return Some("not-found"),
            Self::Denied { offer: None, .. } => return Some("denied"),
            Self::Denied { offer: Some(offer), .. } => &offer.needs,
        };
        Some(if needs.binding.contains(&Binding::Dpop.as_str()) {
            "dpop-required"
        } else if !needs.binding.is_empty() {
            "proof-of-possession-required"
        } else if needs.asks_for_login() {
            "stronger-login-required"
        } else if !needs.scope.is_empty() {
            "insufficient-scope"
        } else {
            "confirmation-required"
        })
    }
}

impl Offer {
    /// `None` where nothing honestly helps: also where the caller's issuer cannot confer a scope.
    fn of(denial: &Denial, bundle: &Bundle, caller: &Caller) -> Option<Self> {
        let remedy = denial.remedy()?;
        let scope = |name: &crate::scope::ScopeName| bundle.scopes().get(name.as_str());
        let wire = |name| {
            let wire = scope(name).and_then(|scope| caller.wire_name(scope))?;
            // Whether a client gets a refresh token is between it and the authorization server.
            (wire != OFFLINE_ACCESS).then(|| wire.to_owned())
        };
        let needed: Option<Vec<String>> = remedy.needed_scopes().iter().map(wire).collect();
        let consents = remedy.scopes().iter().filter_map(|name| {
            let meaning = scope(name).and_then(|scope| scope.doc()).filter(|doc| !doc.is_empty());
            meaning.map(str::to_owned).or_else(|| wire(name))
        });
        Some(Self { needs: Needs::of(remedy, needed?), consents: consents.collect() })
    }
}

/// OpenID Connect Core §11.
const OFFLINE_ACCESS: &str = "offline_access";
