//! A profile as it is written down.
//!
//! Only the shape is checked here; `compile` turns it into what the engine evaluates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::decoder::Decoder;
use super::{AbsentList, Fact, List};
use crate::claims::Kind;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileSpec {
    #[serde(default)]
    pub(super) gate: Vec<PredicateSpec>,
    pub(super) client: Option<ExtractorSpec>,
    pub(super) scopes: Option<ExtractorSpec>,
    pub(super) roles: Option<ExtractorSpec>,
    pub(super) groups: Option<ExtractorSpec>,
    pub(super) permissions: Option<ExtractorSpec>,
    pub(super) entitlements: Option<ExtractorSpec>,
    pub(super) tenant: Option<ExtractorSpec>,
    pub(super) agent_type: Option<ExtractorSpec>,
    #[serde(default)]
    pub(super) absent: BTreeMap<List, AbsentList>,
    #[serde(default)]
    pub(super) unknown_when: BTreeMap<List, PredicateSpec>,
    #[serde(default)]
    pub(super) classify: Vec<ClassifySpec>,
    #[serde(default)]
    pub(super) actor: Vec<ActorSpec>,
    #[serde(default)]
    pub(super) trust: Vec<TrustSpec>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassifySpec {
    pub(super) when: Option<PredicateSpec>,
    pub(super) kind: KindName,
    pub(super) id: ExtractorSpec,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorSpec {
    pub(super) nested: Option<PathSpec>,
    pub(super) when: Option<PredicateSpec>,
    pub(super) id: ExtractorSpec,
    pub(super) issuer: Option<ExtractorSpec>,
    pub(super) client: Option<ExtractorSpec>,
    pub(super) class: Option<ExtractorSpec>,
    #[serde(default)]
    pub(super) kinds: Vec<KindRuleSpec>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindRuleSpec {
    pub(super) when: Option<PredicateSpec>,
    pub(super) kind: KindName,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustSpec {
    pub(super) when: PredicateSpec,
    pub(super) ignore: BTreeSet<Fact>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PredicateSpec {
    Present(ExtractorSpec),
    Eq(EqSpec),
    Has(HasSpec),
    Matches(MatchesSpec),
    All(Vec<PredicateSpec>),
    Any(Vec<PredicateSpec>),
    Not(Box<PredicateSpec>),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EqSpec {
    pub(super) of: ExtractorSpec,
    pub(super) value: Option<String>,
    pub(super) same_as: Option<ExtractorSpec>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HasSpec {
    pub(super) of: ExtractorSpec,
    pub(super) value: Option<String>,
    pub(super) any_of: Option<BTreeSet<String>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchesSpec {
    pub(super) of: ExtractorSpec,
    pub(super) regex: String,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtractorTable {
    pub(super) claim: Option<PathSpec>,
    pub(super) header: Option<PathSpec>,
    pub(super) hop: Option<PathSpec>,
    pub(super) first_of: Option<Vec<ExtractorSpec>>,
    pub(super) union: Option<Vec<ExtractorSpec>>,
    pub(super) decoder: Option<Decoder>,
    #[serde(rename = "as")]
    pub(super) shapes: Option<ShapesSpec>,
    pub(super) case: Option<Case>,
    pub(super) require: Option<String>,
    pub(super) regex: Option<String>,
    #[serde(default)]
    pub(super) drop: BTreeSet<String>,
    pub(super) map: Option<BTreeMap<String, String>>,
    pub(super) default: Option<String>,
    pub(super) template: Option<String>,
}

/// An extractor: a table, or text as the short form of `{ claim = [text] }`.
pub(super) struct ExtractorSpec(pub(super) Box<ExtractorTable>);

/// A path: a list of segments, or text as the short form of one literal key.
pub(super) struct PathSpec(pub(super) Vec<SegmentSpec>);

/// A segment of a path: a table, or text for a literal key (`*` for every key).
pub(super) enum SegmentSpec {
    Any,
    Key(String),
    ValueOf(ExtractorSpec),
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SegmentTable {
    Key(String),
    ValueOf(ExtractorSpec),
}

/// Shapes: a list, or text as the short form of a list of one.
pub(super) struct ShapesSpec(pub(super) Vec<Shape>);

/// A JSON shape in which a claim may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    /// A list of strings, or of what the other shapes say.
    Array,
    /// A boolean, read as `true` or `false`.
    Bool,
    /// An object whose keys are the values.
    Keys,
    /// A whole number, read as its decimal digits.
    Number,
    /// A list of strings or of objects with the member `value` (RFC 7643 §2.4).
    Scim,
    /// A string whose words, separated by spaces, are the values.
    SpaceSeparated,
    /// A string.
    String,
}

/// A change of case.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Case {
    /// ASCII letters become lower case.
    Lower,
}

/// The name of a kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::caller) struct KindName(pub(in crate::caller) Kind);

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.map(Self).ok_or_else(|| Error::unknown_variant(&name, &["user", "service", "agent"]))
    }
}

/// What may be written as text instead of its full form.
trait ShortForm: Sized {
    const EXPECTED: &'static str;
    type Full;
    fn from_text(text: &str) -> Result<Self, String>;
    fn from_full(full: Self::Full) -> Self;
}

impl ShortForm for ExtractorSpec {
    const EXPECTED: &'static str = "the name of a claim or a table";
    type Full = ExtractorTable;

    fn from_text(text: &str) -> Result<Self, String> {
        let claim = PathSpec(vec![SegmentSpec::Key(text.to_owned())]);
        Ok(Self(Box::new(ExtractorTable { claim: Some(claim), ..ExtractorTable::default() })))
    }

    fn from_full(full: ExtractorTable) -> Self {
        Self(Box::new(full))
    }
}

impl ShortForm for PathSpec {
    const EXPECTED: &'static str = "a literal key or a list of path segments";
    type Full = Vec<SegmentSpec>;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(vec![SegmentSpec::Key(text.to_owned())]))
    }

    fn from_full(full: Vec<SegmentSpec>) -> Self {
        Self(full)
    }
}

impl ShortForm for SegmentSpec {
    const EXPECTED: &'static str = "a literal key, `*`, or a table with `key` or `value_of`";
    type Full = SegmentTable;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(if text == "*" { Self::Any } else { Self::Key(text.to_owned()) })
    }

    fn from_full(full: SegmentTable) -> Self {
        match full {
            SegmentTable::Key(key) => Self::Key(key),
            SegmentTable::ValueOf(extractor) => Self::ValueOf(extractor),
        }
    }
}

impl ShortForm for ShapesSpec {
    const EXPECTED: &'static str = "a shape or a list of shapes";
    type Full = Vec<Shape>;

    fn from_text(text: &str) -> Result<Self, String> {
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, StrDeserializer};
        let name: StrDeserializer<'_, Error> = text.into_deserializer();
        Shape::deserialize(name).map(|shape| Self(vec![shape])).map_err(|error| error.to_string())
    }

    fn from_full(full: Vec<Shape>) -> Self {
        Self(full)
    }
}

/// Keeps the precise errors of the full form, which serde's untagged enums would swallow.
struct ShortFormVisitor<T>(PhantomData<T>);

impl<'de, T: ShortForm> Visitor<'de> for ShortFormVisitor<T>
where
    T::Full: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Full::deserialize(MapAccessDeserializer::new(map)).map(T::from_full)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::Full::deserialize(SeqAccessDeserializer::new(list)).map(T::from_full)
    }
}

macro_rules! deserialize_with_short_form {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ShortFormVisitor(PhantomData))
            }
        }
    )*};
}

deserialize_with_short_form!(ExtractorSpec, PathSpec, SegmentSpec, ShapesSpec);
