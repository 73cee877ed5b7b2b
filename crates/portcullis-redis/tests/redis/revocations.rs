//! Revocations, at several replicas.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use portcullis_core::{Kind, UnixTime};
use portcullis_redis::{RedisRevocations, RevokeError};
use portcullis_token::{Presented, Revocations, RevocationsUnavailable, Target};

use crate::server::{Persistence, RedisServer};
use crate::{SECOND, connect, now};
