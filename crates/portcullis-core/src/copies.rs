//! Names that threads do not share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// Equal names with nothing in common.
///
/// Cedar counts the users of a name in one place, and every question about a condition uses some. Threads that count in the same
/// place wait for each other, so each takes the copy of its number.
#[derive(Debug, Clone)]
pub(crate) struct Copies<T> {
    first: T,
    others: Arc<[T]>,
}

impl<T> Copies<T> {
    fn of(first: T, copy: impl Fn(&T) -> T) -> Self {
        let others = (1..COPIES).map(|_| copy(&first)).collect();
        Self { first, others }
    }

    /// The one for this thread.
    pub(crate) fn get(&self) -> &T {
        thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed) % COPIES);
        self.others.get(NUMBER.with(|number| *number)).unwrap_or(&self.first)
    }
}

/// The copies are equal.
impl<T: PartialEq> PartialEq for Copies<T> {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first
    }
}

impl Copies<EntityTypeName> {
    pub(crate) fn of_type(name: EntityTypeName) -> Self {
        Self::of(name, copy)
    }
}

impl Copies<EntityUid> {
    pub(crate) fn of_uid(uid: EntityUid) -> Self {
        Self::of(uid, |uid| {
            EntityUid::from_type_name_and_id(copy(uid.type_name()), EntityId::new(uid.id().unescaped()))
        })
    }
}

/// Names read from their text share nothing. Cedar has written it, and so it reads it.
fn copy(name: &EntityTypeName) -> EntityTypeName {
    name.to_string().parse().unwrap_or_else(|_| name.clone())
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// More than the threads that decide at one time on most machines.
const COPIES: usize = 16;
