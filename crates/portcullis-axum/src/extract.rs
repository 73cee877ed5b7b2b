use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use portcullis::{Admission, Answer, Resource, Session};
use serde::Serialize;

use crate::rejection::Rejection;

/// Proof that the action of this route was allowed on the resource of this request.
///
/// A handler that takes it does not run without the decision. Pass it on: a function that takes `&Permit` cannot be
/// called without one. It cannot be made by hand, and a route that is decided in its handler rejects it with 500: there
/// it comes from [`Allowed::permit`].
pub struct Permit(Arc<portcullis::Permit>);

impl Deref for Permit {
    type Target = portcullis::Permit;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Permit {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(Arc::clone(admission(parts)?.require_permit()?)))
    }
}

/// Who is behind the token.
///
/// On a public route, take `Option<Caller>`: without a token there is none, and `Caller` is rejected with 401.
pub struct Caller(Arc<Session>);

impl Deref for Caller {
    type Target = portcullis::Caller;

    fn deref(&self) -> &Self::Target {
        self.0.caller()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.caller().fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(Arc::clone(admission(parts)?.require_session()?)))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(admission(parts)?.session().map(Arc::clone).map(Self))
    }
}

/// Asks for decisions in the handler, on the loaded resource.
///
/// The action is the route's; on a route of several (`@via`), [`Authz::check_as`] names it. A handler on a route that
/// the schema marks `@deferred` must ask: if it answers without an error and nothing was allowed, its answer is
/// withheld. That cannot undo a write, so data functions take `&Permit`.
#[derive(Debug, Clone)]
pub struct Authz(Admission);

impl Authz {
    /// Decides on `resource`, for an action without facts.
    ///
    /// ```
    /// # use portcullis_axum::{Allowed, Authz, Rejection, Resource};
    /// fn owned<R: Resource>(authz: &Authz, project: R) -> Result<Allowed<R>, Rejection> {
    ///     authz.check(project)
    /// }
    /// fn borrowed<'a, R: Resource>(authz: &Authz, project: &'a R) -> Result<Allowed<&'a R>, Rejection> {
    ///     authz.check(project)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If it is denied.
    pub fn check<R: Resource>(&self, resource: R) -> Result<Allowed<R>, Rejection> {
        Allowed::new(self.0.check(&resource), resource)
    }

    /// Decides on `resource`, with what the schema declares in the action's context.
    ///
    /// # Errors
    ///
    /// If it is denied.
    pub fn check_with<R: Resource>(
        &self,
        resource: R,
        facts: &(impl Serialize + ?Sized),
    ) -> Result<Allowed<R>, Rejection> {
        Allowed::new(self.0.check_with(&resource, facts), resource)
    }

    /// Decides `action`, one of those that the schema declares for this route (`@via`), on `resource`.
    ///
    /// # Errors
    ///
    /// If it is denied, or not declared for this route.
    pub fn check_as<R: Resource>(&self, action: &str, resource: R) -> Result<Allowed<R>, Rejection> {
        Allowed::new(self.0.check_as(action, &resource), resource)
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
    ) -> Result<Allowed<R>, Rejection> {
        Allowed::new(self.0.check_as_with(action, &resource, facts), resource)
    }

    /// Loads a resource and decides on it.
    ///
    /// # Errors
    ///
    /// 404 if there is none: the same as a denial, if the schema marks the type `@hide`. 503 if it cannot be loaded; the
    /// error is logged. An application that wants to answer such errors itself loads first and calls [`Authz::check`].
    pub async fn load<R, E, F>(&self, resource: impl FnOnce() -> F) -> Result<Allowed<R>, Rejection>
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
    /// ```
    /// # use portcullis_axum::{Allowed, Authz, Rejection, Resource};
    /// #[derive(serde::Serialize)]
    /// struct Facts {
    ///     amount: i64,
    /// }
    ///
    /// async fn pay<R: Resource>(authz: &Authz, account: R) -> Result<Allowed<R>, Rejection> {
    ///     authz.load_with(async || Ok::<_, std::io::Error>(Some(account)), &Facts { amount: 100 }).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Authz::load`].
    pub async fn load_with<R, E, F>(
        &self,
        resource: impl FnOnce() -> F,
        facts: &(impl Serialize + ?Sized),
    ) -> Result<Allowed<R>, Rejection>
    where
        R: Resource,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Future<Output = Result<Option<R>, E>>,
    {
        let resource = self.loaded(resource().await)?;
        self.check_with(resource, facts)
    }

    fn loaded<R, E>(&self, found: Result<Option<R>, E>) -> Result<R, Rejection>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match found {
            Ok(Some(resource)) => Ok(resource),
            Ok(None) => Err(self.0.absent().into()),
            Err(error) => Err(self.0.unavailable(error).into()),
        }
    }

    /// Who is behind the token; `None` on a public route without one.
    #[must_use]
    pub fn caller(&self) -> Option<&portcullis::Caller> {
        self.0.caller()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authz {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        admission(parts).map(Self)
    }
}

/// A resource with the proof that the action was allowed on it.
///
/// What was checked is what is used: it derefs to the resource, and does not let it be changed.
#[derive(Debug)]
pub struct Allowed<R> {
    permit: Permit,
    resource: R,
}

impl<R> Allowed<R> {
    /// The proof.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The proof and the resource.
    #[must_use]
    pub fn into_parts(self) -> (Permit, R) {
        (self.permit, self.resource)
    }

    fn new(permit: Result<portcullis::Permit, Answer>, resource: R) -> Result<Self, Rejection> {
        Ok(Self { permit: Permit(Arc::new(permit?)), resource })
    }
}

impl<R> Deref for Allowed<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.resource
    }
}

fn admission(parts: &Parts) -> Result<Admission, Rejection> {
    parts.extensions.get().cloned().ok_or_else(|| Answer::unguarded().into())
}
