//! `[[limit]]`: who may ask how often.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_core::{Bundle, Problem};

use super::table::Table;
use crate::limits::{Class, Counts, Limit, OnStoreFailure, Part, Quota};

/// The limits, before it is known which actions there are.
#[derive(Debug, Default)]
pub(super) struct LimitSettings {
    limits: Vec<Limit>,
    /// The actions that they name, each with the problem if there is none of that name.
    actions: Vec<(String, Problem)>,
}

impl LimitSettings {
    pub(super) fn read(tables: Vec<Table<'_>>, problems: &mut Vec<Problem>) -> Self {
        let mut read = Self::default();
        let mut names = BTreeSet::new();
        for table in tables {
            let name = table.text("name").map(str::to_owned);
            if let Some(name) = name.filter(|name| !names.insert(name.clone())) {
                let problem = table.problem("name", format!("there are two limits with the name `{name}`"));
                problems.push(problem.with_help("callers and logs tell limits apart by their names"));
            }
            let limit = read.read_one(table, problems);
            read.limits.extend(limit);
        }
        read
    }

    /// The limits, if `bundle` has all the actions that they name.
    pub(super) fn check(self, bundle: &Bundle, problems: &mut Vec<Problem>) -> Vec<Limit> {
        for (name, problem) in self.actions {
            if bundle.action(&name).is_none() {
                let known = bundle.actions().map(portcullis_core::Action::name);
                problems.push(problem.with_suggestion(&name, known, "name an action of the schema"));
            }
        }
        self.limits
    }

    /// `None` if something is wrong or missing, of which `problems` tell.
    fn read_one(&mut self, mut table: Table<'_>, problems: &mut Vec<Problem>) -> Option<Limit> {
        table.refuse_unknown("a `[[limit]]`", KEYS, problems);
        let whole = table.clone();
        let before = problems.len();
        let name = require::<String>(&mut table, "name", problems).filter(|name| {
            let fits = (1..=64).contains(&name.len()) && name.bytes().all(is_plain);
            if !fits {
                let message = format!("`{name}` is not 1 to 64 letters, digits, `-` and `_`");
                problems.push(
                    whole.problem("name", message).with_help("answers name it: write it like `name = \"agents\"`"),
                );
            }
            fits
        });
        let class: Option<Class> = table.take("class", problems);
        let per: Option<BTreeSet<Part>> = require(&mut table, "per", problems);
        let interval = require::<String>(&mut table, "rate", problems).and_then(|text| {
            let interval = interval(&text);
            if interval.is_none() {
                let message = format!("`{text}` is not a number from 1 and a unit of time");
                problems.push(
                    whole
                        .problem("rate", message)
                        .with_help("write it like `rate = \"60/m\"`; units are `s`, `m`, `h`, `d`"),
                );
            }
            interval
        });
        let burst: Option<NonZeroU32> = require(&mut table, "burst", problems);
        let counts: Counts = table.take("counts", problems).unwrap_or_default();
        let on_store_failure = table.take("on_store_failure", problems);
        let costs = table.take_table("costs", problems).map(|costs| self.read_costs(costs, burst, problems));
        if problems.len() > before {
            return None;
        }
        let limit = Limit {
            name: name?.into(),
            class,
            per: per?,
            quota: Quota { interval: interval?, burst: burst? },
            costs: costs.unwrap_or_default(),
            counts,
            on_store_failure: on_store_failure.unwrap_or(OnStoreFailure::default_for(class, counts)),
        };
        refuse_senseless(&limit, &whole, problems);
        Some(limit)
    }

    fn read_costs(
        &mut self,
        mut costs: Table<'_>,
        burst: Option<NonZeroU32>,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, NonZeroU32> {
        let whole = costs.clone();
        let mut read = BTreeMap::new();
        for action in whole.keys() {
            let Some(cost) = costs.take::<NonZeroU32>(&action, problems) else { continue };
            if burst.is_some_and(|burst| cost > burst) {
                let message = format!("`{action}` costs {cost}, and the limit never holds as many tokens");
                let help = "raise `burst`, or lower the cost: nobody could ever do it";
                problems.push(whole.problem(&action, message).with_help(help));
            }
            let unknown = whole.problem(&action, format!("`costs` names `{action}`, which is no action of the schema"));
            self.actions.push((action.clone(), unknown));
            read.insert(action, cost);
        }
        read
    }
}

/// What can be read, and cannot be meant.
fn refuse_senseless(limit: &Limit, table: &Table<'_>, problems: &mut Vec<Problem>) {
    let window = limit.quota.interval.checked_mul(limit.quota.burst.get());
    if window.is_none_or(|window| window > LONGEST) {
        let message = "at this rate, a burst takes more than a year to come back";
        problems.push(table.problem("burst", message).with_help("lower `burst`, or raise `rate`"));
    }
    if limit.counts != Counts::FailedAuthentication {
        return;
    }
    // What a token that is not accepted says of its sender is nothing to count by.
    if limit.per != BTreeSet::from([Part::Peer]) {
        let message = "of failed authentication, nothing is known but the address of the peer";
        problems.push(table.problem("per", message).with_help("write `per = [\"peer\"]`"));
    }
    for (key, said) in [("class", limit.class.is_some()), ("costs", !limit.costs.is_empty())] {
        if said {
            let message = format!("`{key}` means nothing where failed authentication is counted");
            problems.push(table.problem(key, message).with_help("remove it: nobody is known yet, and no action"));
        }
    }
}

/// The value of a key that must be there.
fn require<T: serde::de::DeserializeOwned>(table: &mut Table<'_>, key: &str, problems: &mut Vec<Problem>) -> Option<T> {
    if !table.keys().iter().any(|known| known == key) {
        let problem = table.problem("", format!("the limit has no `{key}`"));
        problems.push(problem.with_help(super::table::form(key).unwrap_or_default()));
    }
    table.take(key, problems)
}

/// The time in which one token comes back: `60/m` is one second. Rounded up, so that never more is admitted than the rate
/// says.
fn interval(rate: &str) -> Option<Duration> {
    let (number, unit) = rate.split_once('/')?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = u64::from(number.parse::<NonZeroU32>().ok()?.get());
    Some(Duration::from_nanos((seconds * 1_000_000_000).div_ceil(number)))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const KEYS: &[&str] = &["name", "class", "per", "rate", "burst", "costs", "counts", "on_store_failure"];

const LONGEST: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit_and_never_rounded_down() {
        let nanos = |rate| interval(rate).map(|interval| interval.as_nanos());
        assert_eq!(nanos("60/m"), Some(1_000_000_000));
        assert_eq!(nanos("7/s"), Some(142_857_143));
        assert_eq!(nanos("1/d"), Some(86_400_000_000_000));
        assert_eq!(nanos("4294967295/s"), Some(1));
        for wrong in ["", "60", "/m", "0/m", "60/", "60/min", "60 /m", "+6/m", "-6/m", "6.5/m", "4294967296/s", "6/m/m"]
        {
            assert_eq!(nanos(wrong), None, "{wrong}");
        }
    }
}
