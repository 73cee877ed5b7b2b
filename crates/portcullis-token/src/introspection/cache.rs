//! What the issuer said, for as long as it may be believed.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use portcullis_core::UnixTime;

use super::answer::Answer;
use crate::known::TokenHash;

/// Answers of one endpoint to one client. Facts, never verdicts: who reads one checks it again at its own time.
pub(super) struct AnswerCache {
    lifetime: Duration,
    /// Apart from the others, so that a flood of made-up tokens drives out no answer about a real one.
    active: RwLock<Generations>,
    inactive: RwLock<Generations>,
}

impl AnswerCache {
    /// Keeps answers for `lifetime`, and those about inactive tokens for 5 seconds at most.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, active: RwLock::default(), inactive: RwLock::default() }
    }

    /// The answer about the token, if there is one that holds at `now`.
    pub(super) fn get(&self, key: &TokenHash, now: UnixTime) -> Option<Answer> {
        let find = |kind: &RwLock<Generations>| kind.read().unwrap_or_else(PoisonError::into_inner).get(key, now);
        find(&self.active).or_else(|| find(&self.inactive))
    }

    /// Keeps an answer of `octets` bytes that was asked for at `now`.
    pub(super) fn put(&self, key: TokenHash, answer: &Answer, octets: usize, now: UnixTime) {
        let (kind, lifetime) = match answer {
            Answer::Active(_) => (&self.active, self.lifetime),
            Answer::Inactive => (&self.inactive, self.lifetime.min(INACTIVE_LIFETIME)),
        };
        let until = now.plus(lifetime);
        // RFC 7662 §4: never beyond `exp`. Leeway is for clocks that differ, not for answers that are kept.
        let until = answer.expires().map_or(until, |exp| exp.min(until));
        if until > now {
            let entry = Entry { answer: answer.clone(), stored: now, until };
            kind.write().unwrap_or_else(PoisonError::into_inner).put(key, entry, octets);
        }
    }
}

/// Two generations: when the young one is full, it becomes the old one, and the old one is forgotten. So the cache is
/// bounded, and nothing is ever searched for something to drop.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    entries: HashMap<TokenHash, Entry>,
    octets: usize,
}

struct Entry {
    answer: Answer,
    stored: UnixTime,
    until: UnixTime,
}

impl Generations {
    fn get(&self, key: &TokenHash, now: UnixTime) -> Option<Answer> {
        let entry = self.young.entries.get(key).or_else(|| self.old.entries.get(key))?;
        entry.holds(now).then(|| entry.answer.clone())
    }

    fn put(&mut self, key: TokenHash, entry: Entry, octets: usize) {
        if self.young.entries.len() >= MAX_ENTRIES || self.young.octets >= MAX_OCTETS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.octets = self.young.octets.saturating_add(octets);
        self.young.entries.insert(key, entry);
    }
}

impl Entry {
    /// A request may have read the clock somewhat before the answer came. If it lies far before, the clock was set
    /// back, and the answer would seem young for too long.
    fn holds(&self, now: UnixTime) -> bool {
        now < self.until && self.stored.since(now) <= MAX_SKEW
    }
}

/// Per generation. With two generations of two kinds of answers: some 16,000 tokens at a time.
const MAX_ENTRIES: usize = 4_096;

/// Per generation, counted in bytes of the answers as they were received.
const MAX_OCTETS: usize = 8 * 1024 * 1024;

/// A token that is unknown now may be known in a moment, if the issuer replicates.
const INACTIVE_LIFETIME: Duration = Duration::from_secs(5);

/// A request is never under way for longer.
const MAX_SKEW: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preset::Preset;

    fn time(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs).unwrap()
    }

    fn active(exp: Option<i64>) -> Answer {
        let mut claims = json!({ "active": true });
        if let Some(exp) = exp {
            claims["exp"] = exp.into();
        }
        Answer::read("https://as.example.com", &Preset::Rfc9068.rules(), claims.as_object().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_answer_holds_until_its_lifetime_or_its_token_ends() {
        // INT-10, INT-11: (lifetime, answer, how long it holds)
        for (lifetime, answer, seconds) in [
            (300, active(None), 300),
            (300, active(Some(1010)), 10),
            (5, active(Some(1010)), 5),
            (300, active(Some(1000)), 0),
            (300, Answer::Inactive, 5),
            (2, Answer::Inactive, 2),
            (0, active(None), 0),
            (0, Answer::Inactive, 0),
        ] {
            let (cache, key) = (AnswerCache::new(Duration::from_secs(lifetime)), TokenHash::of("token"));
            cache.put(key, &answer, 100, time(1000));
            for second in [0, 1, 2, 4, 5, 9, 10, 299, 300] {
                let found = cache.get(&key, time(1000 + second)).is_some();
                assert_eq!(found, second < seconds, "{lifetime}: {second}");
            }
            assert!(cache.get(&key, time(900)).is_none(), "the clock was set back");
            assert!(cache.get(&TokenHash::of("other"), time(1000)).is_none());
        }
    }

    #[test]
    fn the_cache_is_bounded_and_strangers_drive_nobody_out() {
        // INT-11
        let cache = AnswerCache::new(Duration::from_secs(300));
        let known = TokenHash::of("known");
        cache.put(known, &active(None), 100, time(1000));
        for n in 0..3 * MAX_ENTRIES {
            cache.put(TokenHash::of(&n.to_string()), &Answer::Inactive, 20, time(1000));
        }
        assert!(cache.get(&known, time(1000)).is_some());
        let kept = |kind: &RwLock<Generations>| {
            let kind = kind.read().unwrap();
            kind.young.entries.len() + kind.old.entries.len()
        };
        assert!(kept(&cache.inactive) <= 2 * MAX_ENTRIES);
        // Few large answers are bounded by their size.
        for n in 0..100 {
            cache.put(TokenHash::of(&n.to_string()), &active(None), MAX_OCTETS / 8, time(1000));
        }
        assert!(kept(&cache.active) <= 16, "{}", kept(&cache.active));
    }
}
