//! The gate in front of a tonic server: one small bundle, real tokens, calls over a socket.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod answers;
mod audit;
mod client;
mod dpop;
mod methods;
mod net;
mod schema;
mod service;
mod streams;
mod wire;
