//! What the application knows of principals and resources.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use portcullis_core::{Caller, PrincipalFacts, ResourceData};

/// A boxed future, so that a [`Directory`] can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Supplies what neither the token nor the bundle says: memberships and attributes of the subject, and resources that
/// are decided before the handler.
///
/// It is asked once per request, after the token was verified. The gate waits for it for a bounded time; an error or a
/// time-out is answered with 503, never with access.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use portcullis::{BoxFuture, Caller, Directory, DirectoryError, PrincipalFacts};
///
/// struct Roles(BTreeMap<String, String>);
///
/// impl Directory for Roles {
///     fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
///         Box::pin(async move {
///             // The list is complete, so a subject without a role is known to have none.
///             let facts = PrincipalFacts::new().with_complete("Role");
///             Ok(match self.0.get(&caller.subject().id) {
///                 Some(role) => facts.with_membership("Role", role),
///                 None => facts,
///             })
///         })
///     }
/// }
/// ```
pub trait Directory: Send + Sync {
    /// What is known of the subject of `caller`. Nothing, unless this is implemented.
    fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        let _ = caller;
        Box::pin(async { Ok(PrincipalFacts::new()) })
    }

    /// For how long what was said of a principal counts for further requests with the same token from the same address. Not at
    /// all, unless this is implemented: then each request asks.
    fn principal_lifetime(&self) -> Duration {
        Duration::ZERO
    }

    /// The resource `id` of the type `entity_type`; `None` if there is none. Asked only for types that
    /// [`Directory::supplies`] names.
    ///
    /// `id` comes from the request: treat it as hostile.
    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        let _ = (entity_type, id);
        Box::pin(async { Ok(None) })
    }

    /// The entity types whose resources it supplies. None, unless this is implemented.
    fn supplies(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Knows nothing beyond the bundle's `entities.json`, which the engine reads itself.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct StaticDirectory;

impl Directory for StaticDirectory {
    fn principal_lifetime(&self) -> Duration {
        Duration::MAX
    }
}

/// A directory could not answer. For the log, never for the caller.
#[derive(Debug)]
pub struct DirectoryError(Box<dyn Error + Send + Sync>);

impl DirectoryError {
    /// The directory could not answer because of `cause`.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the directory failed")
    }
}

impl Error for DirectoryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
