//! What Cedar sees of a resource, kept for the next question about it.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use cedar_policy::{Entity, EntityUid};

use crate::bundle::BundleHash;

/// The entity of a resource, with all that it is in.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) entity: Entity,
    pub(crate) ancestors: HashSet<EntityUid>,
}

/// The entity of a resource that was asked about: whoever asks for all actions on it makes it once. It follows from the resource
/// and from the files of the bundle, of which this is the hash.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(OnceLock<(BundleHash, Arc<Loaded>)>);

impl Memory {
    /// What was made for the bundle with the hash `bundle`, or what `make` makes now.
    pub(super) fn get_or_make<E>(
        &self,
        bundle: BundleHash,
        make: impl FnOnce() -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Arc<Loaded>>, E> {
        if let Some((_, loaded)) = self.0.get().filter(|(made_for, _)| *made_for == bundle) {
            return Ok(Some(Arc::clone(loaded)));
        }
        let loaded = make()?.map(Arc::new);
        if let Some(loaded) = &loaded {
            // Another bundle may have been first. Then this one makes it anew each time.
            let _ = self.0.set((bundle, Arc::clone(loaded)));
        }
        Ok(loaded)
    }
}

/// Resources are the same whether or not somebody has asked about them.
impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::bundle::BundleFiles;

    #[test]
    fn what_was_made_for_one_bundle_is_not_used_for_another() {
        let (one, other) = (BundleFiles::new().hash(), BundleFiles::new().with_file("a", "b").hash());
        let (memory, made) = (Memory::default(), Cell::new(0));
        let make = || {
            made.set(made.get() + 1);
            let entity = Entity::with_uid(format!("Made::\"{}\"", made.get()).parse().unwrap());
            Ok::<_, ()>(Some(Loaded { entity, ancestors: HashSet::new() }))
        };
        let asked = |bundle| memory.get_or_make(bundle, make).unwrap().unwrap().entity.uid().to_string();
        let answers = [one, one, other, other, one].map(asked);
        assert_eq!(answers, [1, 1, 2, 3, 1].map(|number| format!("Made::\"{number}\"")));
        let nothing = Memory::default().get_or_make(one, || Ok::<_, ()>(None)).unwrap();
        assert!(nothing.is_none());
    }
}
