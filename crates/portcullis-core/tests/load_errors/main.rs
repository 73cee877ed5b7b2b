//! What a bundle must not be, and what its author is told: file, line, column, message, help.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

mod files;
mod fixture;
mod next;
mod policies;
mod schema;
mod settings;

use fixture::load;

/// Without this, every refusal below could have another reason.
#[test]
fn the_bundle_that_the_cases_break_loads() {
    let bundle = load(&[]).unwrap();
    assert_eq!(bundle.warnings(), []);
}
