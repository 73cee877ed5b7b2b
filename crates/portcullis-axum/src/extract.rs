use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use portcullis::{Admission, Answer, Session, handler};

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

impl From<Arc<portcullis::Permit>> for Permit {
    fn from(permit: Arc<portcullis::Permit>) -> Self {
        Self(permit)
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

/// Asks for decisions in the handler, on the loaded resource: what it can do stands at [`handler::Authz`].
///
/// ```
/// # use portcullis_axum::{Allowed, Authz, Rejection, Resource};
/// #[derive(serde::Serialize)]
/// struct Facts {
///     amount: i64,
/// }
///
/// fn given<R: Resource>(authz: &Authz, project: R) -> Result<Allowed<R>, Rejection> {
///     authz.check(project)
/// }
///
/// fn lent<'a, R: Resource>(authz: &Authz, project: &'a R) -> Result<Allowed<&'a R>, Rejection> {
///     authz.check(project)
/// }
///
/// async fn pay<R: Resource>(authz: &Authz, account: R) -> Result<Allowed<R>, Rejection> {
///     authz.load_with(async || Ok::<_, std::io::Error>(Some(account)), &Facts { amount: 100 }).await
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Authz(handler::Authz<Axum>);

impl Deref for Authz {
    type Target = handler::Authz<Axum>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authz {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        admission(parts).map(|admission| Self(admission.into()))
    }
}

/// A resource with the proof that the action was allowed on it: [`handler::Allowed`].
pub type Allowed<R> = handler::Allowed<R, Permit>;

/// The types of this crate, for what all adapters share.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it is only a name")]
pub struct Axum;

impl handler::Adapter for Axum {
    type Permit = Permit;
    type Rejection = Rejection;
}

fn admission(parts: &Parts) -> Result<Admission, Rejection> {
    parts.extensions.get().cloned().ok_or_else(|| Answer::unguarded().into())
}
