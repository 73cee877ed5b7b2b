//! Many at once: the items of a list, and the actions that are open to a caller.

use portcullis_core::{Action, Decision, Needs, Request, Resource, ResourceData};
use serde::Serialize;

use crate::admission::Admission;
use crate::answer::Answer;
use crate::audit::ListCounts;
use crate::observe;
use crate::refusal::{Defect, Obtainable, Refusal};
use crate::visit::Listed;

impl Admission {
    /// Those of `items` that the caller may see, on a route whose action returns many (`@lists`): each must pass the action
    /// that the schema names there.
    ///
    /// An item about which no decision can be made, because a policy fails to evaluate, is left out and logged. On a route
    /// of several actions (`@via`), the list is the one that was allowed last.
    ///
    /// # Errors
    ///
    /// 500 if the action is no list, or if an item does not say what the schema declares. 401 or 503 if the credential was
    /// revoked meanwhile, or nobody can tell.
    pub fn filter<R: Resource>(&self, items: impl IntoIterator<Item = R>) -> Result<Vec<R>, Answer> {
        let Some(item_action) = self.item_action() else {
            return Err(self.refuse(Defect::NoList.into()));
        };
        let session = self.session().map(|session| &**session);
        let mut shown = Vec::new();
        let mut counts = ListCounts::new(&item_action);
        for item in items {
            let data = ResourceData::of(&item).map_err(|error| self.refuse(Defect::from(error).into()))?;
            match self.pinned().decide_item(session, &item_action, &data, self.now()) {
                Ok(_) => shown.push(item),
                // What was revoked meanwhile is not about this item.
                Err(refusal @ (Refusal::InvalidToken { .. } | Refusal::Unavailable { .. })) => {
                    return Err(self.refuse(refusal));
                }
                Err(refusal) => {
                    counts.hide(refusal.layers());
                    if refusal.is_defect() {
                        counts.broken += 1;
                        observe::broken_item(self.decision_id(), &item_action, &refusal);
                    }
                }
            }
        }
        counts.shown = shown.len() as u64;
        self.filtered(Listed { shown: counts.shown, hidden: counts.hidden });
        self.pinned().trail.listed(counts);
        Ok(shown)
    }

    /// What the caller may do with `resource`: every action of the schema that applies to its type and is allowed, or would
    /// be with something that the caller can obtain. What else there is, is left out.
    ///
    /// An entry is what [`Admission::check`] would answer: allowed where it allows, obtainable where it answers with a
    /// challenge. Obligations are not discharged, and an action whose facts come with the request is left out, since nothing
    /// is known of them yet. It is no decision: a handler that is to decide must check all the same.
    ///
    /// # Errors
    ///
    /// 500 if the resource does not say what the schema declares.
    pub fn allowed_actions<R: Resource + ?Sized>(&self, resource: &R) -> Result<Vec<AllowedAction>, Answer> {
        let resource = ResourceData::of(resource).map_err(|error| self.refuse(Defect::from(error).into()))?;
        let applies = |action: &&Action| action.applies_to(resource.entity_type());
        let actions = self.pinned().bundle().actions().filter(applies);
        Ok(actions.filter_map(|action| self.possibility(action, &resource)).collect())
    }

    fn possibility(&self, action: &Action, resource: &ResourceData) -> Option<AllowedAction> {
        let (pinned, session) = (self.pinned(), self.session().map(|session| &**session));
        let name = action.name();
        let needs = match pinned.judge(session, &Request::new(name, resource, self.now())) {
            Decision::Allow(grant) => pinned.parts().can_discharge(&grant).then_some(None)?,
            Decision::Deny(denial) => {
                let refusal = Refusal::denied(pinned.bundle(), session, denial, None);
                let Refusal::Denied(denied) = refusal else { return None };
                let Obtainable { remedy, scopes } = denied.obtainable(pinned.parts().proofs())?;
                Some(Needs::of(remedy, scopes.to_vec()))
            }
        };
        Some(AllowedAction { action: name.to_owned(), needs })
    }
}

/// An action that is open to a caller: one entry of what it may do with a resource.
///
/// It serializes for clients that show buttons: `{"action":"GetProject"}`, or with `needs` where something is to be
/// obtained first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AllowedAction {
    /// The name of the action.
    pub action: String,
    /// What must be obtained first; `None` if it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
}
