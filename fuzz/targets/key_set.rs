//! A key set is usable and bounded, or refused.
// GEN-10
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::KeySet;

fuzz_target!(|text: &[u8]| {
    if let Ok(keys) = KeySet::from_json(text) {
        assert!(keys.len() >= 1, "a set that verifies nothing");
        assert!(keys.len() + keys.ignored().len() <= 100, "more keys than are looked at");
    }
});
