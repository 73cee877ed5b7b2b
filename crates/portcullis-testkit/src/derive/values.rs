//! Values for what the schema declares: those that policies tell apart, and some that they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portcullis_core::UnixTime;
use serde_json::{Map, Value, json};

use super::declared::{Member, Shape};
use super::mentions::Mentions;

/// Where values come from.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) mentions: &'a Mentions,
    /// The ids of entities, by type.
    pub(super) ids: BTreeMap<String, Vec<String>>,
    pub(super) now: UnixTime,
}

impl Values<'_> {
    /// The ids of entities of a type.
    pub(super) fn ids(&self, entity_type: &str) -> Vec<String> {
        match self.ids.get(entity_type) {
            Some(ids) if !ids.is_empty() => ids.clone(),
            _ => [1, 2].map(|number| format!("{}-{number}", entity_type.to_lowercase())).into(),
        }
    }

    /// Values for the attribute `name`, simplest first.
    pub(super) fn of(&self, name: &str, shape: &Shape) -> Vec<Value> {
        match shape {
            Shape::Bool => vec![json!(false), json!(true)],
            Shape::Long => self.longs(name).into_iter().map(Value::from).collect(),
            Shape::String => self.strings(name).into_iter().map(Value::from).collect(),
            Shape::Datetime => self.times().into_iter().map(|time| time.to_string().into()).collect(),
            Shape::Duration => self.durations(),
            Shape::Decimal => self.calls("decimal", &["0.0", "1.0"]),
            Shape::Ip => self.calls("ip", &["192.0.2.1", "2001:db8::1"]),
            Shape::Entity(entity_type) => self.ids(entity_type).into_iter().map(Value::from).collect(),
            Shape::Set(element) => sets(&self.of(name, element)),
            Shape::Record(members) => self.records(members),
        }
    }

    /// Records that differ from the first in nothing, in one member, in two. Absent members are `null`.
    pub(super) fn records(&self, members: &[Member]) -> Vec<Value> {
        let choices: Vec<(&str, Vec<Value>)> = members
            .iter()
            .map(|member| {
                let absent = (!member.required).then_some(Value::Null);
                let mut values = self.of(&member.name, &member.shape);
                values.truncate(MOST);
                (member.name.as_str(), values.into_iter().chain(absent).collect())
            })
            .collect();
        let first = choices.iter().filter_map(|(name, values)| Some(((*name).to_owned(), values.first()?.clone())));
        let first: Map<String, Value> = first.collect();
        let other = |record: &Map<String, Value>, name: &str, value: &Value| {
            let mut record = record.clone();
            record.insert(name.to_owned(), value.clone());
            record
        };
        let mut singles = Vec::new();
        let mut pairs = Vec::new();
        for (at, (name, values)) in choices.iter().enumerate() {
            for value in values.iter().skip(1) {
                let single = other(&first, name, value);
                for (second, more) in choices.iter().skip(at + 1) {
                    pairs.extend(more.iter().skip(1).map(|value| other(&single, second, value)));
                }
                singles.push(single);
            }
        }
        // Fewer pairs, of all members.
        let step = pairs.len() / MOST_PAIRS + 1;
        let pairs = pairs.into_iter().step_by(step);
        [first].into_iter().chain(singles).chain(pairs).map(Value::Object).collect()
    }

    /// Words that policies compare `name` with, and two that no policy knows.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let known = self.mentions.strings.get(name).into_iter().flatten().cloned();
        known.chain(["one".to_owned(), "two".to_owned()]).collect()
    }

    fn longs(&self, name: &str) -> Vec<i64> {
        let known = self.mentions.longs.get(name).into_iter().flatten();
        let near = known.flat_map(|known| [*known, known.saturating_add(1), known.saturating_sub(1)]);
        distinct(near.chain([0, 1, i64::MAX]))
    }

    /// Limits of policies seen from now, and a second beyond each.
    fn times(&self) -> Vec<UnixTime> {
        let second = Duration::from_secs(1);
        let mut times = vec![self.now.plus(Duration::from_secs(60)), self.now, self.now.minus(second)];
        for limit in &self.mentions.durations {
            let (after, before) = (self.now.plus(*limit), self.now.minus(*limit));
            times.extend([after, after.plus(second), before, before.minus(second)]);
        }
        distinct(times)
    }

    /// None, and where policies ask for the address of the peer, one in each range that they know and one in none.
    pub(super) fn peers(&self) -> Vec<Option<IpAddr>> {
        let known = self.mentions.calls.get("ip").into_iter().flatten();
        let known: Vec<_> = known.filter_map(|range| range.split('/').next()?.parse().ok()).map(Some).collect();
        let stranger = (!known.is_empty()).then_some(Some(STRANGER));
        known.into_iter().chain(stranger).chain([None]).collect()
    }

    fn durations(&self) -> Vec<Value> {
        let second = Duration::from_secs(1);
        let known = self.mentions.durations.iter().flat_map(|limit| [*limit, limit.saturating_add(second)]);
        let seconds = known.chain([second]).map(|duration| format!("{}s", duration.as_secs()));
        distinct(seconds).into_iter().map(Value::from).collect()
    }

    fn calls(&self, function: &str, others: &[&str]) -> Vec<Value> {
        let known = self.mentions.calls.get(function).into_iter().flatten().map(String::as_str);
        distinct(known.chain(others.iter().copied())).into_iter().map(Value::from).collect()
    }
}

/// The values without repetition, in their order.
pub(super) fn distinct<T: Ord + Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}

/// One element, none, two, another one, all.
pub(super) fn sets(elements: &[Value]) -> Vec<Value> {
    let mut sets: Vec<Vec<Value>> = vec![elements.iter().take(1).cloned().collect(), Vec::new()];
    sets.push(elements.iter().take(2).cloned().collect());
    sets.extend(elements.iter().skip(1).take(MOST).map(|element| vec![element.clone()]));
    sets.push(elements.to_vec());
    let mut kept: Vec<Vec<Value>> = Vec::new();
    for set in sets {
        if !kept.contains(&set) {
            kept.push(set);
        }
    }
    kept.into_iter().map(Value::Array).collect()
}

/// For documentation (RFC 5737).
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Values of one attribute.
const MOST: usize = 16;

/// Records that differ from the first in two members.
const MOST_PAIRS: usize = 256;
