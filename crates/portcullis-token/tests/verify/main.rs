//! The behaviour of the verifier, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::too_many_lines,
    reason = "helpers of tests assert as tests do, and tables are as long as the standards"
)]

mod algorithms;
mod api_keys;
mod discovery;
mod dpop;
mod hostile_tokens;
mod introspection;
mod issuers;
mod key_life_cycle;
mod key_sets;
mod key_sources;
mod known;
mod mint;
mod properties;
mod server;
mod settings;
mod signatures;
mod status_lists;
mod tls;
mod vectors;
mod vendors;
