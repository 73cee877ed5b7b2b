use super::table::ScopeId;
use crate::bits::Bits;

/// A set of scopes of one bundle, as bits.
///
/// Order and repetition have no meaning in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(Bits);

impl ScopeSet {
    /// Whether no scope is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, scope: ScopeId) {
        self.0.insert(scope.0);
    }

    pub(crate) fn contains(&self, scope: ScopeId) -> bool {
        self.0.contains(scope.0)
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ScopeId> + '_ {
        self.0.iter().map(ScopeId)
    }
}
