//! What a resource is in.

use std::borrow::Cow;

/// What a resource is in: entity types and ids.
///
/// ```
/// use portcullis_core::Parents;
///
/// let one = Parents::from([("Folder", "inbox")]);
/// let many: Parents = ["a", "b"].into_iter().map(|id| ("Folder", id)).collect();
/// assert_ne!(one, many);
/// assert_ne!(Parents::none(), Parents::unstated());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parents(Option<Vec<(Cow<'static, str>, String)>>);

impl Parents {
    /// Nothing contains this resource.
    #[must_use]
    pub fn none() -> Self {
        Self(Some(Vec::new()))
    }

    pub(super) fn stated(&self) -> Option<&[(Cow<'static, str>, String)]> {
        self.0.as_deref()
    }

    /// Nothing was said, which is an error for a type that can be in others.
    #[must_use]
    pub fn unstated() -> Self {
        Self(None)
    }
}

impl<T: Into<Cow<'static, str>>, I: Into<String>> FromIterator<(T, I)> for Parents {
    fn from_iter<P: IntoIterator<Item = (T, I)>>(parents: P) -> Self {
        Self(Some(parents.into_iter().map(|(ty, id)| (ty.into(), id.into())).collect()))
    }
}

impl<T: Into<Cow<'static, str>>, I: Into<String>, const N: usize> From<[(T, I); N]> for Parents {
    fn from(parents: [(T, I); N]) -> Self {
        parents.into_iter().collect()
    }
}
