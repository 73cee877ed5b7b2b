//! Taking values out of claims.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::decoder::Decoder;
use super::spec::{Case, ExtractorSpec, Shape};
use super::template::Template;
use super::{ProfileError, compile};
use crate::caller::error::{ClaimFault, ClaimProblem};
use crate::claims::VerifiedClaims;

/// Where extractors and predicates read: the token, and the hop of its actor chain that is being looked at.
#[derive(Clone, Copy)]
pub(in crate::caller) struct View<'a> {
    pub(in crate::caller) claims: &'a Map<String, Value>,
    pub(in crate::caller) header: &'a Map<String, Value>,
    pub(in crate::caller) hop: Option<&'a Map<String, Value>>,
}

impl<'a> View<'a> {
    pub(in crate::caller) fn of(verified: &'a VerifiedClaims) -> Self {
        Self { claims: verified.claims(), header: verified.header(), hop: None }
    }

    pub(in crate::caller) fn at_hop(self, hop: &'a Map<String, Value>) -> Self {
        Self { hop: Some(hop), ..self }
    }
}

/// What an extractor found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::caller) enum Found {
    /// The claim is not there.
    Absent,
    /// The claim is there, but every value was of a form that this extractor is not for.
    Unmatched,
    /// The claim is there and has these values, possibly none.
    Values(Vec<String>),
}

impl Found {
    /// The values, if the claim is there.
    pub(in crate::caller) fn into_values(self) -> Option<Vec<String>> {
        match self {
            Self::Absent => None,
            Self::Unmatched => Some(Vec::new()),
            Self::Values(values) => Some(values),
        }
    }
}

/// Where a value comes from: a path into the claims, the header or a hop, a choice or union of several, or a decoder.
///
/// Written as the name of a claim, or as a table; the keys are described at [`Profile`](super::Profile).
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "ExtractorSpec")]
pub struct Extractor {
    pub(super) origin: Origin,
    pub(super) transforms: Transforms,
}

#[derive(Debug, Clone)]
pub(super) enum Origin {
    At(Location, BTreeSet<Shape>),
    Decoder(Decoder),
    FirstOf(Vec<Extractor>),
    Union(Vec<Extractor>),
}

/// A place in a token, with its name for messages.
#[derive(Debug, Clone)]
pub(in crate::caller) struct Location {
    pub(super) place: Place,
    pub(super) path: Vec<Segment>,
    pub(super) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Claims,
    Header,
    Hop,
}

#[derive(Debug, Clone)]
pub(super) enum Segment {
    Any,
    Key(String),
    ValueOf(Box<Extractor>),
}

/// What happens to values, in the order of the fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Transforms {
    pub(super) case: Option<Case>,
    pub(super) require: Option<Regex>,
    pub(super) regex: Option<Regex>,
    pub(super) drop: BTreeSet<String>,
    pub(super) map: Option<ValueMap>,
    pub(super) template: Option<Template>,
}

#[derive(Debug, Clone)]
pub(super) struct ValueMap {
    pub(super) known: BTreeMap<String, String>,
    pub(super) default: Option<String>,
}

/// A value on its way, with the keys that the `*` of its path went through.
struct Item {
    text: String,
    keys: Vec<String>,
}

impl Extractor {
    pub(in crate::caller) fn find(&self, view: View<'_>) -> Result<Found, ClaimFault> {
        match &self.origin {
            Origin::At(location, shapes) => {
                let mut reading = Reading { view, location, shapes, keys: Vec::new(), items: None };
                reading.read()?;
                self.finish(reading.items)
            }
            Origin::Decoder(decoder) => self.finish(decoder.decode(view)?.map(without_keys)),
            Origin::FirstOf(choices) => {
                let mut rest = Found::Absent;
                for choice in choices {
                    match choice.find(view)? {
                        Found::Absent => {}
                        Found::Unmatched => rest = Found::Unmatched,
                        Found::Values(values) => return self.finish(Some(without_keys(values))),
                    }
                }
                Ok(rest)
            }
            Origin::Union(parts) => {
                let mut all: Option<Vec<String>> = None;
                for part in parts {
                    if let Some(values) = part.find(view)?.into_values() {
                        all.get_or_insert_default().extend(values);
                    }
                }
                self.finish(all.map(without_keys))
            }
        }
    }

    /// The only value; `None` if there is none.
    pub(in crate::caller) fn single(&self, view: View<'_>) -> Result<Option<String>, ClaimFault> {
        let mut values = self.find(view)?.into_values().unwrap_or_default();
        let value = values.pop();
        if values.is_empty() { Ok(value) } else { Err(self.fault(ClaimProblem::Several)) }
    }

    /// The only value; its absence is a fault.
    pub(in crate::caller) fn required(&self, view: View<'_>) -> Result<String, ClaimFault> {
        self.single(view)?.ok_or_else(|| self.fault(ClaimProblem::Missing))
    }

    /// The name of this extractor's claims, for messages.
    pub(in crate::caller) fn name(&self) -> String {
        match &self.origin {
            Origin::At(location, _) => location.name.clone(),
            Origin::Decoder(decoder) => decoder.name().to_owned(),
            Origin::FirstOf(parts) => join(parts, " or "),
            Origin::Union(parts) => join(parts, " and "),
        }
    }

    fn fault(&self, problem: ClaimProblem) -> ClaimFault {
        ClaimFault { claim: self.name(), problem }
    }

    fn finish(&self, items: Option<Vec<Item>>) -> Result<Found, ClaimFault> {
        let Some(items) = items else {
            return Ok(Found::Absent);
        };
        let (mut values, mut unmatched) = (Vec::new(), false);
        for item in items {
            match self.transforms.apply(item).map_err(|problem| self.fault(problem))? {
                Applied::Value(value) => values.push(value),
                Applied::Dropped => {}
                Applied::Unmatched => unmatched = true,
            }
        }
        if values.len() > MAX_VALUES {
            return Err(self.fault(ClaimProblem::TooMany { limit: MAX_VALUES }));
        }
        Ok(if unmatched && values.is_empty() { Found::Unmatched } else { Found::Values(values) })
    }
}

/// Outside an actor source there is no hop to read.
impl TryFrom<ExtractorSpec> for Extractor {
    type Error = ProfileError;

    fn try_from(spec: ExtractorSpec) -> Result<Self, ProfileError> {
        compile::claims_extractor(spec)
    }
}

impl Location {
    /// Whether there is anything here, `null` included.
    pub(super) fn exists(&self, view: View<'_>) -> Result<bool, ClaimFault> {
        let shapes = BTreeSet::new();
        let mut probe = Reading { view, location: self, shapes: &shapes, keys: Vec::new(), items: None };
        probe.read()?;
        Ok(probe.items.is_some())
    }

    fn root<'a>(&self, view: View<'a>) -> Option<&'a Map<String, Value>> {
        match self.place {
            Place::Claims => Some(view.claims),
            Place::Header => Some(view.header),
            Place::Hop => view.hop,
        }
    }
}

enum Applied {
    Value(String),
    Dropped,
    Unmatched,
}

impl Transforms {
    fn apply(&self, item: Item) -> Result<Applied, ClaimProblem> {
        let Item { mut text, keys } = item;
        if let Some(Case::Lower) = self.case {
            text.make_ascii_lowercase();
        }
        if self.require.as_ref().is_some_and(|pattern| !pattern.is_match(&text)) {
            return Err(ClaimProblem::Malformed);
        }
        if let Some(pattern) = &self.regex {
            let Some(captures) = pattern.captures(&text) else {
                return Ok(Applied::Unmatched);
            };
            if pattern.captures_len() > 1 {
                let Some(part) = captures.get(1) else {
                    return Ok(Applied::Unmatched);
                };
                text = part.as_str().to_owned();
            }
        }
        if text.is_empty() || self.drop.contains(&text) {
            return Ok(Applied::Dropped);
        }
        if let Some(map) = &self.map {
            match map.known.get(&text).or(map.default.as_ref()) {
                Some(mapped) => text.clone_from(mapped),
                None => return Ok(Applied::Unmatched),
            }
        }
        if let Some(template) = &self.template {
            text = template.fill(&text, &keys);
        }
        if text.len() > MAX_VALUE_BYTES {
            return Err(ClaimProblem::TooLong { limit: MAX_VALUE_BYTES });
        }
        Ok(Applied::Value(text))
    }
}

/// One walk along a path. No shapes: only existence is asked.
struct Reading<'a> {
    view: View<'a>,
    location: &'a Location,
    shapes: &'a BTreeSet<Shape>,
    keys: Vec<String>,
    /// `None` until something is there.
    items: Option<Vec<Item>>,
}

impl Reading<'_> {
    fn read(&mut self) -> Result<(), ClaimFault> {
        let location = self.location;
        match location.root(self.view) {
            Some(root) => self.descend(root, &location.path),
            None => Ok(()),
        }
    }

    /// Recursion is as deep as the path in the profile, whatever the token holds.
    fn descend(&mut self, object: &Map<String, Value>, path: &[Segment]) -> Result<(), ClaimFault> {
        let Some((segment, rest)) = path.split_first() else {
            return Ok(());
        };
        match segment {
            Segment::Key(key) => self.step(object.get(key), rest),
            Segment::ValueOf(extractor) => match extractor.single(self.view)? {
                Some(key) => self.step(object.get(&key), rest),
                None => Ok(()),
            },
            Segment::Any => {
                for (key, value) in object {
                    self.check_size(key)?;
                    self.keys.push(key.clone());
                    self.step(Some(value), rest)?;
                    self.keys.pop();
                }
                Ok(())
            }
        }
    }

    fn step(&mut self, value: Option<&Value>, rest: &[Segment]) -> Result<(), ClaimFault> {
        match value {
            None => Ok(()),
            Some(value) if rest.is_empty() => {
                self.items.get_or_insert_default();
                if self.shapes.is_empty() { Ok(()) } else { self.take(value, false) }
            }
            Some(Value::Object(object)) => self.descend(object, rest),
            Some(_) => Err(self.fault(ClaimProblem::WrongType)),
        }
    }

    fn take(&mut self, value: &Value, in_array: bool) -> Result<(), ClaimFault> {
        let has = |shape| self.shapes.contains(&shape);
        match value {
            Value::String(text) if !in_array && has(Shape::SpaceSeparated) => {
                text.split(' ').try_for_each(|word| self.push(word))
            }
            Value::String(text) if in_array || has(Shape::String) => self.push(text),
            Value::Array(elements) if !in_array && (has(Shape::Array) || has(Shape::Scim)) => {
                elements.iter().try_for_each(|element| self.take(element, true))
            }
            Value::Object(object) if has(Shape::Keys) => object.keys().try_for_each(|key| self.push(key)),
            Value::Object(object) if in_array && has(Shape::Scim) => match object.get("value") {
                Some(Value::String(text)) => self.push(text),
                _ => Err(self.fault(ClaimProblem::WrongType)),
            },
            Value::Number(number) if has(Shape::Number) && !number.is_f64() => self.push(&number.to_string()),
            Value::Bool(value) if has(Shape::Bool) => self.push(if *value { "true" } else { "false" }),
            _ => Err(self.fault(ClaimProblem::WrongType)),
        }
    }

    /// Adds a value; an empty one says nothing.
    fn push(&mut self, text: &str) -> Result<(), ClaimFault> {
        if text.is_empty() {
            return Ok(());
        }
        self.check_size(text)?;
        let items = self.items.get_or_insert_default();
        if items.len() >= MAX_VALUES {
            return Err(self.fault(ClaimProblem::TooMany { limit: MAX_VALUES }));
        }
        items.push(Item { text: text.to_owned(), keys: self.keys.clone() });
        Ok(())
    }

    fn check_size(&self, text: &str) -> Result<(), ClaimFault> {
        if text.len() > MAX_VALUE_BYTES {
            return Err(self.fault(ClaimProblem::TooLong { limit: MAX_VALUE_BYTES }));
        }
        Ok(())
    }

    fn fault(&self, problem: ClaimProblem) -> ClaimFault {
        ClaimFault { claim: self.location.name.clone(), problem }
    }
}

fn without_keys(values: Vec<String>) -> Vec<Item> {
    values.into_iter().map(|text| Item { text, keys: Vec::new() }).collect()
}

fn join(parts: &[Extractor], word: &str) -> String {
    parts.iter().map(Extractor::name).collect::<Vec<_>>().join(word)
}

/// Values in one list. Each may become an entity of the session. Entra ID, the issuer with the longest documented
/// lists, puts at most 200 groups into a JWT and refers to its directory beyond.
pub(in crate::caller) const MAX_VALUES: usize = 256;

/// Bytes of one value. The longest identifiers in use are SPIFFE IDs, limited to 2048 bytes (SPIFFE-ID §2.3). It also
/// bounds the input of every regular expression.
pub(in crate::caller) const MAX_VALUE_BYTES: usize = 2_048;
