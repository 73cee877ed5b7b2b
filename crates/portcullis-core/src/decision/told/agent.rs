use std::fmt;

use serde::Serialize;

use super::{Needs, Told};
use crate::decision::LayerAnswer;

/// A decision for the program that asked, such as an AI agent: a code, what it can obtain, and that this is policy, around which
/// no way is to be looked for.
///
/// No ids, attributes or values, and of a resource that is hidden (`@hide`) the same as of one that is not there. It serialises as
/// JSON; `Display` writes it as text, for the error of a tool:
///
/// ```json
/// {
///   "answer": "deny",
///   "code": "insufficient-scope",
///   "needs": { "scope": ["read:projects"] },
///   "policy": "This is a decision of policy, not a fault. Do not look for a way around it: …"
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentExplanation {
    answer: LayerAnswer,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<Needs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
}

impl AgentExplanation {
    /// What is said of a resource that is not there.
    #[must_use]
    pub fn not_found() -> Self {
        Self::of(&Told::NotFound)
    }

    pub(in crate::decision) fn of(told: &Told) -> Self {
        let (answer, policy) = match told {
            Told::Allowed => (LayerAnswer::Allow, None),
            Told::Failed => (LayerAnswer::Error, Some(NOT_DECIDED)),
            Told::NotFound => (LayerAnswer::Deny, Some(NOT_FOUND)),
            Told::Denied { offer: None, .. } => (LayerAnswer::Deny, Some(FINAL)),
            Told::Denied { offer: Some(_), .. } => (LayerAnswer::Deny, Some(OBTAINABLE)),
        };
        let needs = match told {
            Told::Denied { offer, .. } => offer.as_ref().map(|offer| offer.needs.clone()),
            Told::Allowed | Told::Failed | Told::NotFound => None,
        };
        Self { answer, code: told.code(), needs, policy }
    }

    /// Why not: the name of the problem type under which a gate that verifies proofs of DPoP answers the same over HTTP. `None`
    /// for an allow.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code
    }

    /// What can be obtained to be allowed.
    #[must_use]
    pub fn needs(&self) -> Option<&Needs> {
        self.needs.as_ref()
    }
}

impl fmt::Display for AgentExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(code), Some(policy)) = (self.code, self.policy) else { return f.write_str("allowed") };
        write!(f, "{code}. {policy}")?;
        let Some(needs) = &self.needs else { return Ok(()) };
        if !needs.scope.is_empty() {
            write!(f, "\nneeds a token with the scopes: {}", needs.scope.join(" "))?;
        }
        if !needs.acr_values.is_empty() {
            write!(f, "\nneeds a login of the user with one of the classes: {}", needs.acr_values.join(" "))?;
        }
        if let Some(age) = needs.max_age {
            write!(f, "\nneeds a login of the user that is at most {age} seconds old")?;
        }
        if !needs.binding.is_empty() {
            write!(f, "\nneeds a token that is bound by one of: {}", needs.binding.join(" "))?;
        }
        if needs.confirmation {
            write!(f, "\nneeds the confirmation of the user")?;
        }
        Ok(())
    }
}

const FINAL: &str = "This is a decision of policy, not a fault. Do not look for a way around it: no other arguments, tools, \
                     accounts or credentials to the same end. Tell your user that it is not allowed.";

const OBTAINABLE: &str = "This is a decision of policy, not a fault. Do not look for a way around it: no other arguments, tools, \
                          accounts or credentials to the same end. Obtain what is needed, all of it and with the consent of \
                          your user, and repeat the same request. Otherwise tell your user that it is not allowed.";

const NOT_FOUND: &str = "Nothing of this name was found. Do not look for a way around it: no other tools, accounts or \
                         credentials to the same end. Tell your user that it was not found.";

const NOT_DECIDED: &str = "The service could not decide, so it is not allowed. Do not look for a way around it. Tell your user \
                           that the service has a fault.";
