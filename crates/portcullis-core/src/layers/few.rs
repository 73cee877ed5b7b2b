//! Lists that mostly hold one thing, which is then kept in place: to allocate for each layer is a third of a decision.

use std::ops::{Deref, DerefMut};

/// A list of none, one or many.
#[derive(Debug, Clone, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub(super) fn push(&mut self, item: T) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(item),
            Self::One(first) => Self::Many(vec![first, item]),
            Self::Many(mut items) => {
                items.push(item);
                Self::Many(items)
            }
        };
    }
}

impl<T: Clone> Few<T> {
    pub(super) fn extend(&mut self, more: &Self) {
        more.iter().cloned().for_each(|item| self.push(item));
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::None => &mut [],
            Self::One(item) => std::slice::from_mut(item),
            Self::Many(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_kept_in_the_order_in_which_they_came() {
        let mut few = Few::default();
        for count in 0..4 {
            assert_eq!(*few, (0..count).collect::<Vec<_>>());
            few.push(count);
        }
        let more = few.clone();
        few.extend(&more);
        few.sort_unstable();
        assert_eq!(*few, [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
