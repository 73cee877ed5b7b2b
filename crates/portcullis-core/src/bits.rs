//! Sets of small numbers, as bits.

/// A set of numbers that count something of a bundle: its scopes, its actions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn insert(&mut self, number: usize) {
        let (word, bit) = position(number);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        let (word, bit) = position(number);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, added) in self.0.iter_mut().zip(&other.0) {
            *word |= added;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * WORD).filter(|number| self.contains(*number))
    }

    /// How many are in this set and not in `other`.
    pub(crate) fn count_without(&self, other: &Self) -> usize {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).map(|(word, other)| (word & !other).count_ones() as usize).sum()
    }
}

fn position(number: usize) -> (usize, u64) {
    (number / WORD, 1 << (number % WORD))
}

const WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[usize]) -> Bits {
        let mut bits = Bits::default();
        numbers.iter().for_each(|number| bits.insert(*number));
        bits
    }

    #[test]
    fn sets_of_different_lengths_are_joined_and_compared() {
        let (short, long) = (set(&[0, 63]), set(&[63, 64, 500]));
        let mut both = short.clone();
        both.extend(&long);
        assert_eq!(both.iter().collect::<Vec<_>>(), [0, 63, 64, 500]);
        assert_eq!((short.count_without(&long), long.count_without(&short)), (1, 2));
        assert!(both.contains(500) && !both.contains(501) && !both.contains(5_000));
        assert!(Bits::default().is_empty() && !short.is_empty());
    }
}
