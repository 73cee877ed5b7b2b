//! Where requests are counted.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::directory::BoxFuture;

/// Counts requests against limits.
///
/// Each limit is a bucket for each key that holds [`Quota::burst`] tokens and is refilled with one every
/// [`Quota::interval`], continuously (the generic cell rate algorithm).
///
/// Implementations keep three promises:
///
/// - Looking and charging are one step, for all charges together: all are made, or none is.
/// - No bucket that is not full is forgotten, not for lack of room either.
/// - Whoever cannot count says so with an error. What follows from it is each limit's own setting.
pub trait LimitStore: fmt::Debug + Send + Sync {
    /// Charges all of `charges`, or none of them if one finds too few tokens.
    ///
    /// The levels that come back are in the order of the charges, whether they were made or not.
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>>;
}

/// How much a bucket holds, and how fast it is refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "every store has to use all of it")]
pub struct Quota {
    /// The time in which one token is refilled. Not zero.
    pub interval: Duration,
    /// The number of tokens in a full bucket.
    pub burst: NonZeroU32,
}

/// Tokens to take from one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "every store has to use all of it")]
pub struct Charge {
    /// The bucket: a hash of the limit and of its key, so that it says nothing about who is counted.
    pub bucket: [u8; 32],
    /// How it is filled.
    pub quota: Quota,
    /// How many tokens. At most [`Quota::burst`].
    pub cost: u32,
}

/// What became of the charges.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "every store has to say all of it")]
pub struct Charged {
    /// Whether all charges were made. Otherwise none was.
    pub admitted: bool,
    /// The level of each bucket afterwards.
    pub levels: Vec<Level>,
}

/// The level of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "every store has to say all of it")]
pub struct Level {
    /// The number of whole tokens that are left.
    pub left: u32,
    /// How long it takes until the bucket is full, if nobody takes from it.
    pub full_in: Duration,
    /// How long it takes until it has enough for the charge that was asked for; zero if it had.
    pub enough_in: Duration,
}

/// A store could not count. For the log, never for the caller.
#[derive(Debug)]
pub struct LimitStoreError(Box<dyn Error + Send + Sync>);

impl LimitStoreError {
    /// The store could not count because of `cause`.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for LimitStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of limits failed: {}", self.0)
    }
}

impl Error for LimitStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
