use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use portcullis_core::{Caller, Permit, Resource};
use portcullis_token::{SignedApproval, Ticket};
use serde::Serialize;

use super::{Adapter, Allowed};
use crate::admission::Admission;
use crate::answer::Answer;
use crate::confirm::Asked;
use crate::lease::Lease;
use crate::lists::AllowedAction;

/// Asks for decisions in the handler, on the loaded resource.
///
/// The action is the route's; on a route of several (`@via`), [`Authz::check_as`] names it. A handler on a route that
/// the schema marks `@deferred` must ask: if it answers without an error and nothing was allowed, its answer is
/// withheld. That cannot undo a write, so data functions take `&Permit`.
pub struct Authz<A> {
    admission: Admission,
    adapter: PhantomData<fn() -> A>,
}

impl<A: Adapter> Authz<A> {
    /// Decides on `resource`, for an action without facts. It can be given for good, or lent: `check(&project)`.
    ///
    /// # Errors
    ///
    /// If it is denied.
    pub fn check<R: Resource>(&self, resource: R) -> Result<Allowed<R, A::Permit>, A::Rejection> {
        let permit = self.admission.check(&resource);
        allowed::<A, R>(permit, resource)
    }

    /// Decides on `resource`, with what the schema declares in the action's context.
    ///
    /// An action that a person may have to confirm (`@confirm`) is decided so and in no other way. If it is denied and the
    /// person's word would help, the answer carries a ticket.
    ///
    /// # Errors
    ///
    /// If it is denied.
    pub fn check_with<R: Resource>(
        &self,
        resource: R,
        facts: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<Allowed<R, A::Permit>, A::Rejection>> {
        let asked = Asked::new(&resource, facts);
        async move { allowed::<A, R>(self.admission.decide_with(None, asked).await, resource) }
    }

    /// Decides `action`, one of those that the schema declares for this route (`@via`), on `resource`.
    ///
    /// # Errors
    ///
    /// If it is denied, or not declared for this route.
    pub fn check_as<R: Resource>(&self, action: &str, resource: R) -> Result<Allowed<R, A::Permit>, A::Rejection> {
        let permit = self.admission.check_as(action, &resource);
        allowed::<A, R>(permit, resource)
    }

    /// Decides `action` as [`Authz::check_as`] does, with facts.
    ///
    /// # Errors
    ///
    /// As [`Authz::check_as`].
    pub fn check_as_with<R: Resource>(
        &self,
        action: &str,
        resource: R,
        facts: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<Allowed<R, A::Permit>, A::Rejection>> {
        let asked = Asked::new(&resource, facts);
        async move { allowed::<A, R>(self.admission.decide_with(Some(action), asked).await, resource) }
    }

    /// Loads a resource and decides on it.
    ///
    /// # Errors
    ///
    /// 404 if there is none: the same as a denial, if the schema marks the type `@hide`. 503 if it cannot be loaded; the
    /// error is logged. An application that wants to answer such errors itself loads first and calls [`Authz::check`].
    pub async fn load<R, E, F>(&self, resource: impl FnOnce() -> F) -> Result<Allowed<R, A::Permit>, A::Rejection>
    where
        R: Resource,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Future<Output = Result<Option<R>, E>>,
    {
        let resource = self.loaded(resource().await)?;
        self.check(resource)
    }

    /// Loads a resource and decides on it, with what the schema declares in the action's context.
    ///
    /// # Errors
    ///
    /// As [`Authz::load`].
    pub async fn load_with<R, E, F>(
        &self,
        resource: impl FnOnce() -> F,
        facts: &(impl Serialize + ?Sized),
    ) -> Result<Allowed<R, A::Permit>, A::Rejection>
    where
        R: Resource,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Future<Output = Result<Option<R>, E>>,
    {
        let resource = self.loaded(resource().await)?;
        self.check_with(resource, facts).await
    }

    /// Those of `items` that the caller may see, on a route whose action returns many (`@lists`): each must pass the action
    /// that the schema names there. A list that is answered unfiltered is withheld.
    ///
    /// An item about which no decision can be made is left out, and logged.
    ///
    /// # Errors
    ///
    /// 500 if the action of the route is no list, or if an item does not say what the schema declares.
    pub fn filter<R: Resource>(&self, items: impl IntoIterator<Item = R>) -> Result<Vec<R>, A::Rejection> {
        Ok(self.admission.filter(items)?)
    }

    /// What the caller may do with `resource`: the actions that are allowed, and those that would be with something that it
    /// can obtain. Clients show buttons by it; it decides nothing.
    ///
    /// Each entry is what [`Authz::check`] would answer. An action whose facts come with the request is left out.
    ///
    /// # Errors
    ///
    /// 500 if the resource does not say what the schema declares.
    pub fn allowed_actions<R: Resource + ?Sized>(&self, resource: &R) -> Result<Vec<AllowedAction>, A::Rejection> {
        Ok(self.admission.allowed_actions(resource)?)
    }

    /// Reads the ticket `text` for the person whom it concerns, so that a page can show what they are asked to approve.
    ///
    /// # Errors
    ///
    /// 400 if it is no ticket of this service, or has expired; 403 if it is for somebody else to approve.
    pub fn ticket(&self, text: &str) -> Result<Ticket, A::Rejection> {
        Ok(self.admission.ticket(text)?)
    }

    /// Approves `ticket` in the name of the caller. Whoever asked for the ticket sends the approval with the same request again,
    /// in the field `Portcullis-Approval`.
    ///
    /// # Errors
    ///
    /// 403 or 401 unless the caller is the ticket's subject in person, at one of the clients by which people approve, with the
    /// scope for it and a fresh login; 400 if the ticket has expired meanwhile.
    pub fn approve(&self, ticket: &Ticket) -> Result<SignedApproval, A::Rejection> {
        Ok(self.admission.approve(ticket)?)
    }

    fn loaded<R, E>(&self, found: Result<Option<R>, E>) -> Result<R, A::Rejection>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match found {
            Ok(Some(resource)) => Ok(resource),
            Ok(None) => Err(self.admission.absent().into()),
            Err(error) => Err(self.admission.unavailable(error).into()),
        }
    }
}

impl<A> Authz<A> {
    /// For how long an answer that lasts may go on: it ends when the token expires or is revoked.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.admission.lease()
    }

    /// Who is behind the token; `None` on a public route without one.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.admission.caller()
    }
}

impl<A> From<Admission> for Authz<A> {
    fn from(admission: Admission) -> Self {
        Self { admission, adapter: PhantomData }
    }
}

impl<A> Clone for Authz<A> {
    fn clone(&self) -> Self {
        self.admission.clone().into()
    }
}

impl<A> fmt::Debug for Authz<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authz").field(&self.admission).finish()
    }
}

fn allowed<A: Adapter, R>(permit: Result<Permit, Answer>, resource: R) -> Result<Allowed<R, A::Permit>, A::Rejection> {
    Ok(Allowed::new(Arc::new(permit?).into(), resource))
}
