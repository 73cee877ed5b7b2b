//! What handlers work with, whatever the framework.
//!
//! An adapter wraps [`Authz`] in a type of its own, since only so can it implement the extractor of its framework. The
//! wrapper derefs to it, and [`Adapter`] says in which types permits and refusals reach the handlers.

mod allowed;
mod assignment;
mod authz;

use std::sync::Arc;

pub use allowed::Allowed;
pub use assignment::{Assignment, RouterError, RouterProblem};
pub use authz::Authz;
use portcullis_core::Permit;

use crate::answer::Answer;

/// The types in which permits and refusals reach the handlers of a framework.
pub trait Adapter {
    /// Wraps a permit, so that handlers can take it as a parameter.
    type Permit: From<Arc<Permit>>;
    /// Wraps the answer to send, so that handlers can return it as an error.
    type Rejection: From<Answer>;
}
