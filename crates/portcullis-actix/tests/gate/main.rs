//! The gate in front of an actix-web application: one small bundle, real tokens, requests through the whole stack.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

mod answers;
mod audit;
mod builder;
mod connections;
mod cors;
mod credentials;
mod differential;
mod handlers;
mod log;
mod own_routes;
mod routing;
mod service;
mod streams;
