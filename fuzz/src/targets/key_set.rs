//! A key set is usable and bounded, or refused.
// GEN-10

use portcullis::KeySet;

pub(super) fn run(text: &[u8]) {
    if let Ok(keys) = KeySet::from_json(text) {
        assert!(keys.len() >= 1, "a set that verifies nothing");
        assert!(keys.len() + keys.ignored().len() <= 100, "more keys than are looked at");
    }
}
