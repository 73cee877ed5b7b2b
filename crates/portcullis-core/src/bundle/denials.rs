//! Which kinds of denial a bundle can lead to.

use std::collections::BTreeSet;

use super::{Action, Bundle, ConsentRule};
use crate::claims::Kind;
use crate::decision::DenialKind;

impl Bundle {
    /// The kinds of denial that requests can meet, so that tests can see to it that each is shown. A defect
    /// ([`DenialKind::Error`]) is none of them.
    #[must_use]
    pub fn denial_kinds(&self) -> BTreeSet<DenialKind> {
        let judged = || self.actions.iter().filter(|action| !action.is_public());
        let known: BTreeSet<Kind> = Kind::ALL.into_iter().filter(|kind| self.knows(*kind)).collect();
        let software = known.iter().any(|kind| *kind != Kind::User);
        let liftable = |lifted| self.layers.guardrails.iter().any(|forbid| forbid.lift.is_possible() == lifted);
        let scoped = |action: &Action| !action.requires.is_empty() || matches!(action.consent, ConsentRule::AnyOf(_));
        let kinds = [
            (DenialKind::NotApplicable, judged().any(|action| !action.principals.is_superset(&known))),
            (DenialKind::Ceiling, software && judged().next().is_some()),
            (DenialKind::Role, judged().next().is_some()),
            (DenialKind::Guardrail, liftable(false)),
            (DenialKind::LiftableGuardrail, liftable(true)),
            (DenialKind::Consent, judged().any(scoped)),
        ];
        kinds.into_iter().filter(|(_, possible)| *possible).map(|(kind, _)| kind).collect()
    }
}
