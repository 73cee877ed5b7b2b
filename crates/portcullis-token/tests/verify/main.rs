//! The behaviour of the verifier, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::too_many_lines,
    reason = "helpers of tests assert as tests do, and tables are as long as the standards"
)]

mod hostile_tokens;
mod key_sets;
mod key_sources;
mod mint;
mod properties;
mod settings;
mod signatures;
mod vectors;
