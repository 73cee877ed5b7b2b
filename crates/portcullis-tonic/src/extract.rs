use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use portcullis::{Admission, Answer, Session, handler};
use tonic::Request;

use crate::rejection::Rejection;

/// What a handler of a guarded server finds in its request.
pub trait RequestExt {
    /// Asks for decisions in the handler.
    ///
    /// # Errors
    ///
    /// 13 if the server has no gate.
    fn authz(&self) -> Result<Authz, Rejection>;

    /// Proof that the action of this method was allowed before the handler.
    ///
    /// # Errors
    ///
    /// 13 if the handler decides: it must ask with the resource.
    fn permit(&self) -> Result<Permit, Rejection>;

    /// Who is behind the token. On a public method, `authz()?.caller()` knows whether there is one.
    ///
    /// # Errors
    ///
    /// 16 if there is no token.
    fn caller(&self) -> Result<Caller, Rejection>;
}

impl<T> RequestExt for Request<T> {
    fn authz(&self) -> Result<Authz, Rejection> {
        Ok(Authz(admission(self)?.clone().into()))
    }

    fn permit(&self) -> Result<Permit, Rejection> {
        Ok(Permit(Arc::clone(admission(self)?.require_permit()?)))
    }

    fn caller(&self) -> Result<Caller, Rejection> {
        Ok(Caller(Arc::clone(admission(self)?.require_session()?)))
    }
}

/// Proof that the action of this method was allowed on the resource of this request.
///
/// Pass it on: a function that takes `&Permit` cannot be called without the decision. It cannot be made by hand. Where the
/// handler decides, it comes from [`Allowed::permit`](handler::Allowed::permit).
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

/// Who is behind the token.
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

/// Asks for decisions in the handler, on the loaded resource: what it can do stands at [`handler::Authz`].
///
/// It needs no borrow of the request, so a handler of a stream can keep it.
#[derive(Debug, Clone)]
pub struct Authz(handler::Authz<Tonic>);

impl Deref for Authz {
    type Target = handler::Authz<Tonic>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A resource with the proof that the action was allowed on it.
pub type Allowed<R> = handler::Allowed<R, Permit>;

/// The types in which permits and refusals reach handlers of tonic.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Tonic;

impl handler::Adapter for Tonic {
    type Permit = Permit;
    type Rejection = Rejection;
}

fn admission<T>(request: &Request<T>) -> Result<&Admission, Rejection> {
    request.extensions().get().ok_or_else(|| Answer::unguarded().into())
}
