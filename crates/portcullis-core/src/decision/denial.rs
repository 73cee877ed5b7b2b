use super::remedy::Remedy;
use crate::bundle::Layer;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub(super) kind: DenialKind,
    pub(super) layers: Vec<Layer>,
    pub(super) policies: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) messages: Vec<String>,
    pub(super) remedy: Option<Remedy>,
}

impl Denial {
    /// What kind of denial this is: the first in the order of [`DenialKind`].
    #[must_use]
    pub fn kind(&self) -> DenialKind {
        self.kind
    }

    /// Every layer that denies.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The ids of the policies that forbid; none where nothing permits. For the log, never for the caller.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// What was broken: policies by their ids, or the input. For the log, never for the caller.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// What the policies that forbid say to the caller (`@message`).
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Those of [`Denial::messages`] that the caller may be told: all of them if nothing but guardrails denies, else none. Whoever
    /// may not see the resource at all is not told what is special about it. Nor is anybody if its type is marked `@hide`.
    #[must_use]
    pub fn messages_for_caller(&self) -> &[String] {
        let open = self.layers == [Layer::Guardrails] && self.kind != DenialKind::Error;
        if open { &self.messages } else { &[] }
    }

    /// The least that the caller could obtain to be allowed. `None` where nothing honestly would help.
    #[must_use]
    pub fn remedy(&self) -> Option<&Remedy> {
        self.remedy.as_ref()
    }
}

/// The kinds of denial, in the order of precedence: the first one that applies names the denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DenialKind {
    /// A policy or the input is broken. A defect of the application or its policies, not of the caller.
    Error,
    /// The action is not for this kind of principal or actor.
    NotApplicable,
    /// Some software involved may never do this.
    Ceiling,
    /// The subject is not granted this.
    Role,
    /// A guardrail forbids it, and nothing lifts it.
    Guardrail,
    /// Guardrails forbid it, all of which could be lifted.
    LiftableGuardrail,
    /// No granted scope covers the action.
    Consent,
}

impl DenialKind {
    /// The name of the kind in cases and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::NotApplicable => "not_applicable",
            Self::Ceiling => "ceiling",
            Self::Role => "role",
            Self::Guardrail => "guardrail",
            Self::LiftableGuardrail => "liftable_guardrail",
            Self::Consent => "consent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_of_errors_has_every_kind_of_denial_and_no_other() {
        let page = include_str!("../../../../docs/errors.md");
        let table = page.split("\n## Kinds of denial\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let stated: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let kinds = [
            DenialKind::Error,
            DenialKind::NotApplicable,
            DenialKind::Ceiling,
            DenialKind::Role,
            DenialKind::Guardrail,
            DenialKind::LiftableGuardrail,
            DenialKind::Consent,
        ];
        assert_eq!(stated, kinds.map(DenialKind::as_str));
        // A new kind does not compile until it is here, too.
        kinds.into_iter().for_each(|kind| match kind {
            DenialKind::Error | DenialKind::NotApplicable | DenialKind::Ceiling | DenialKind::Role => {}
            DenialKind::Guardrail | DenialKind::LiftableGuardrail | DenialKind::Consent => {}
        });
    }
}
