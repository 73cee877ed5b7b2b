use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use portcullis::{Admission, Answer, Session, handler};

use crate::passage::Passage;
use crate::rejection::Rejection;
use crate::route_match::matched_route;

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

impl FromRequest for Permit {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admitted(request, |admission| Ok(Self(Arc::clone(admission.require_permit()?))))
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

impl FromRequest for Caller {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admitted(request, |admission| Ok(Self(Arc::clone(admission.require_session()?))))
    }
}

/// Asks for decisions in the handler, on the loaded resource: what it can do stands at [`handler::Authz`].
///
/// ```
/// # use portcullis_actix::{Allowed, Authz, Rejection, Resource};
/// fn given<R: Resource>(authz: &Authz, project: R) -> Result<Allowed<R>, Rejection> {
///     authz.check(project)
/// }
///
/// fn lent<'a, R: Resource>(authz: &Authz, project: &'a R) -> Result<Allowed<&'a R>, Rejection> {
///     authz.check(project)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Authz(handler::Authz<Actix>);

impl Deref for Authz {
    type Target = handler::Authz<Actix>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for Authz {
    type Error = Rejection;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admitted(request, |admission| Ok(Self(admission.into())))
    }
}

/// A resource with the proof that the action was allowed on it: [`handler::Allowed`].
pub type Allowed<R> = handler::Allowed<R, Permit>;

/// The types of this crate, for what all adapters share.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "it is only a name")]
pub struct Actix;

impl handler::Adapter for Actix {
    type Permit = Permit;
    type Rejection = Rejection;
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

/// Takes something of the admission of `request`, which is decided now if nobody asked before.
fn admitted<T>(request: &HttpRequest, take: impl FnOnce(Admission) -> Result<T, Answer> + 'static) -> Extracted<T> {
    let (passage, route) = (Passage::of(request), matched_route(request));
    Box::pin(async move {
        let passage = passage.ok_or_else(Answer::unguarded)?;
        Ok(take(passage.decide(route).await?)?)
    })
}
