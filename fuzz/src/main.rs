//! One program for all targets: the variable `FUZZ_TARGET` names the one to run.
#![no_main]

use std::sync::LazyLock;

use portcullis_fuzz::{TARGETS, Target};

libfuzzer_sys::fuzz_target!(init: { LazyLock::force(&TARGET); }, |octets: &[u8]| (*TARGET)(octets));

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let known = TARGETS.iter().find(|(known, _)| *known == name);
    known.unwrap_or_else(|| panic!("`FUZZ_TARGET={name}` names no target")).1
});
