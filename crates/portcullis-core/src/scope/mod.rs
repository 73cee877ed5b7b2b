//! What a token can be granted: scope names, their hierarchy, sets of them.

mod name;
mod set;
mod table;

pub use name::{InvalidScopeName, ScopeName};
pub use set::ScopeSet;
pub use table::{Scope, Scopes};
pub(crate) use table::{ScopeDraft, ScopeId};
