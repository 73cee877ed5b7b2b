//! Limits of traffic.

mod store;

pub use store::{Charge, Charged, Level, LimitStore, LimitStoreError, Quota};
