//! The Rust in the pages of the guide, which is compiled with the tests. What is in `docs/testing.md` the test kit compiles, and the
//! tutorial is an example.

#[doc = include_str!("../../../docs/agents.md")]
struct Agents;

#[doc = include_str!("../../../docs/audit.md")]
struct Audit;

#[doc = include_str!("../../../docs/confirmation.md")]
struct Confirmation;

#[doc = include_str!("../../../docs/http.md")]
struct Http;

#[doc = include_str!("../../../docs/operations.md")]
struct Operations;

#[doc = include_str!("../../../docs/redis.md")]
struct Redis;
