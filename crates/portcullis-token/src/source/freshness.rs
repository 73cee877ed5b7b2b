//! For how long an issuer's answer is used.

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use portcullis_core::UnixTime;
use reqwest::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName};

/// When an answer was asked for, and what may be done with it since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    asked: UnixTime,
    fresh_for: Duration,
    usable_for: Duration,
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Used as it is.
    Fresh,
    /// Used, while a newer one is looked for.
    Stale,
    /// Not used any more.
    Expired,
}

impl Freshness {
    /// Of an answer with `headers` to what was asked at `now`. It is used for `max_stale` after its lifetime, if there
    /// is no newer one.
    pub(super) fn new(headers: &HeaderMap, now: UnixTime, max_stale: Duration) -> Self {
        let lifetime = stated_lifetime(headers, now).unwrap_or(Duration::ZERO).clamp(MIN_LIFETIME, MAX_LIFETIME);
        Self {
            asked: now,
            fresh_for: lifetime.saturating_sub(jitter(lifetime)),
            usable_for: lifetime.saturating_add(max_stale),
        }
    }

    pub(super) fn age(self, now: UnixTime) -> Age {
        let age = now.since(self.asked);
        // Requests are not served in the order of their times, but nearly. Beyond that, the clock was set back, and
        // nobody knows how old the answer is.
        let is_from_the_future = self.asked.since(now) > MIN_LIFETIME;
        match () {
            () if is_from_the_future || age >= self.usable_for => Age::Expired,
            () if age >= self.fresh_for => Age::Stale,
            () => Age::Fresh,
        }
    }
}

/// The freshness lifetime that is left (RFC 9111 §4.2.1, §4.2.3), for a private cache.
fn stated_lifetime(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let directives = || {
        let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(str::trim)
    };
    if directives().any(|directive| ["no-store", "no-cache"].iter().any(|no| directive.eq_ignore_ascii_case(no))) {
        return None;
    }
    let max_age = directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| seconds(value.trim_matches('"')))
    });
    match max_age {
        Some(max_age) => Some(max_age?.saturating_sub(text(headers, AGE).and_then(seconds).unwrap_or_default())),
        None => date(headers, EXPIRES)?.duration_since(date(headers, DATE).unwrap_or_else(|| system_time(now))).ok(),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

fn system_time(now: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs().unsigned_abs())
}

/// `delta-seconds` (RFC 9111 §1.2.2): a number that is too large means "for ever".
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

/// Up to a tenth of `lifetime`, so that the replicas of a service that were started together do not ask together for
/// ever. Without random numbers there is none, which does no harm.
fn jitter(lifetime: Duration) -> Duration {
    let mut random = [0];
    let _ = rand::fill(&mut random);
    let [random] = random;
    lifetime / 10 * u32::from(random) / 256
}

/// However briefly an issuer wants its answer to be kept: keys do not change that often, and an issuer that forbids
/// caching would be asked for every token.
const MIN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// However long an issuer lets its answer be kept: so long a key that it withdrew is still believed.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const NOW: i64 = 1_767_226_000; // Thu, 01 Jan 2026 00:06:40 GMT

    fn time(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs).unwrap()
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_lifetime_is_the_issuers_within_bounds() {
        // JWK-10
        const MIN: i64 = 300;
        const MAX: i64 = 86_400;
        for (lines, lifetime) in [
            (&[][..], MIN),
            (&[("cache-control", "max-age=3600")], 3600),
            (&[("cache-control", "public, Max-Age=\"3600\", must-revalidate")], 3600),
            (&[("cache-control", "public"), ("cache-control", "max-age=3600")], 3600),
            (&[("cache-control", "max-age=3600"), ("age", "600")], 3000),
            (&[("cache-control", "max-age=3600, max-age=7200")], 3600),
            (&[("cache-control", "s-maxage=3600")], MIN), // for shared caches
            (&[("cache-control", "max-age=0")], MIN),
            (&[("cache-control", "max-age=3600, no-store")], MIN),
            (&[("cache-control", "no-cache"), ("expires", "Fri, 02 Jan 2026 00:00:00 GMT")], MIN),
            (&[("cache-control", "max-age=31536000")], MAX),
            (&[("cache-control", "max-age=99999999999999999999")], MAX),
            (&[("cache-control", "max-age=-1")], MIN),
            (&[("cache-control", "max-age=+3600")], MIN),
            (&[("cache-control", "max-age=")], MIN),
            (&[("expires", "Thu, 01 Jan 2026 01:06:40 GMT")], 3600),
            (&[("expires", "Thu, 01 Jan 2026 01:06:40 GMT"), ("date", "Thu, 01 Jan 2026 00:36:40 GMT")], 1800),
            (&[("expires", "Thu, 01 Jan 2026 01:06:40 GMT"), ("cache-control", "max-age=600")], 600),
            (&[("expires", "Wed, 31 Dec 2025 00:00:00 GMT")], MIN),
            (&[("expires", "0")], MIN),
            (&[("expires", "Fri, 31 Dec 9999 23:59:59 GMT")], MAX),
        ] {
            let freshness = Freshness::new(&headers(lines), time(NOW), Duration::from_secs(60));
            let early = lifetime / 10;
            for (after, age) in [
                (-300, Age::Fresh),
                (-301, Age::Expired), // the clock was set back
                (0, Age::Fresh),
                (lifetime - early - 1, Age::Fresh),
                (lifetime, Age::Stale),
                (lifetime + 59, Age::Stale),
                (lifetime + 60, Age::Expired),
            ] {
                assert_eq!(freshness.age(time(NOW + after)), age, "{lines:?} after {after}");
            }
        }
    }

    #[test]
    fn replicas_ask_at_different_times() {
        // JWK-10
        let lifetimes: std::collections::HashSet<_> = (0..100)
            .map(|_| Freshness::new(&HeaderMap::new(), time(NOW), Duration::ZERO).fresh_for)
            .inspect(|lifetime| assert!((MIN_LIFETIME * 9 / 10..=MIN_LIFETIME).contains(lifetime)))
            .collect();
        assert!(lifetimes.len() > 10, "{lifetimes:?}");
    }
}
