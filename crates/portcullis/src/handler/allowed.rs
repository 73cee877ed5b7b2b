use std::ops::Deref;

/// A resource with the proof that the action was allowed on it.
///
/// What was checked is what is used: it derefs to the resource, and does not let it be changed.
#[derive(Debug)]
pub struct Allowed<R, P> {
    permit: P,
    resource: R,
}

impl<R, P> Allowed<R, P> {
    pub(super) fn new(permit: P, resource: R) -> Self {
        Self { permit, resource }
    }

    /// The proof.
    #[must_use]
    pub fn permit(&self) -> &P {
        &self.permit
    }

    /// The proof and the resource.
    #[must_use]
    pub fn into_parts(self) -> (P, R) {
        (self.permit, self.resource)
    }
}

impl<R, P> Deref for Allowed<R, P> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.resource
    }
}
