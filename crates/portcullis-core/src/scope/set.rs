use super::table::ScopeId;

/// A set of scopes of one bundle, as bits.
///
/// Order and repetition have no meaning in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet {
    words: Vec<u64>,
}

impl ScopeSet {
    /// Whether no scope is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn insert(&mut self, scope: ScopeId) {
        let (word, bit) = position(scope);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= bit;
        }
    }

    pub(crate) fn contains(&self, scope: ScopeId) -> bool {
        let (word, bit) = position(scope);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, added) in self.words.iter_mut().zip(&other.words) {
            *word |= added;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ScopeId> + '_ {
        (0..self.words.len() * BITS).map(ScopeId).filter(|scope| self.contains(*scope))
    }
}

fn position(scope: ScopeId) -> (usize, u64) {
    (scope.0 / BITS, 1 << (scope.0 % BITS))
}

const BITS: usize = 64;
