//! The gate without a framework: challenges, the directory, introspection, the log.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

mod actors;
mod api_keys;
mod audit;
mod callers;
mod challenges;
mod confirm;
mod denials;
mod directory;
mod introspection;
mod known;
mod lease;
mod library;
mod lists;
mod log;
mod measure;
mod office;
mod readiness;
mod reload;
mod replay;
mod revocation;
mod service;
