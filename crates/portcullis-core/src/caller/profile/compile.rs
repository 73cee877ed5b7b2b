//! Checks a profile and turns it into what is evaluated.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::extract::{Extractor, Location, Origin, Place, Segment, Transforms, ValueMap};
use super::predicate::Predicate;
use super::spec::{
    ActorSpec, ClassifySpec, ExtractorSpec, ExtractorTable, PathSpec, PredicateSpec, ProfileSpec, SegmentSpec, Shape,
    ShapesSpec,
};
use super::template::Template;
use super::{ActorSource, ClassifyRule, List, ListRule, Rules, TrustRule};

/// Why a profile is not usable: the key, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile key `{key}`: {problem}")]
pub struct ProfileError {
    key: String,
    problem: String,
}

impl ProfileError {
    fn new(problem: impl Into<String>) -> Self {
        Self { key: String::new(), problem: problem.into() }
    }

    fn within(mut self, key: &str) -> Self {
        let dot = if self.key.is_empty() || self.key.starts_with('[') { "" } else { "." };
        self.key = format!("{key}{dot}{}", self.key);
        self
    }

    /// The key, as a path from the top of the profile.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

pub(super) fn profile(spec: ProfileSpec) -> Result<Rules, ProfileError> {
    if spec.classify.is_empty() {
        return Err(ProfileError::new("at least one rule is needed").within("classify"));
    }
    rules(spec)
}

/// Compiles changes to a profile. Which tokens it is for and what their subjects are stays its own business.
pub(super) fn changes(spec: ProfileSpec) -> Result<Rules, ProfileError> {
    let fixed =
        [("gate", !spec.gate.is_empty()), ("classify", !spec.classify.is_empty()), ("trust", !spec.trust.is_empty())];
    match fixed.into_iter().find(|(_, stated)| *stated) {
        Some((key, _)) => Err(ProfileError::new("cannot be changed alone; write a whole `profile`").within(key)),
        None => rules(spec),
    }
}

fn rules(mut spec: ProfileSpec) -> Result<Rules, ProfileError> {
    let lists = List::ALL.map(|list| {
        let (key, from) = match list {
            List::Roles => ("roles", spec.roles.take()),
            List::Groups => ("groups", spec.groups.take()),
            List::Permissions => ("permissions", spec.permissions.take()),
            List::Entitlements => ("entitlements", spec.entitlements.take()),
        };
        let unknown_when = spec.unknown_when.remove(&list);
        Ok((
            list,
            ListRule {
                from: optional(key, from, Hops::Refused)?,
                absent: spec.absent.get(&list).copied(),
                unknown_when: unknown_when
                    .map(|when| predicate(when, Hops::Refused))
                    .transpose()
                    .map_err(|error| error.within(key).within("unknown_when"))?,
            },
        ))
    });
    Ok(Rules {
        gate: each("gate", spec.gate, |rule| predicate(rule, Hops::Refused))?,
        client: optional("client", spec.client, Hops::Refused)?,
        scopes: optional("scopes", spec.scopes, Hops::Refused)?,
        lists: lists.into_iter().collect::<Result<_, _>>()?,
        tenant: optional("tenant", spec.tenant, Hops::Refused)?,
        agent_type: optional("agent_type", spec.agent_type, Hops::Refused)?,
        classify: each("classify", spec.classify, classify)?,
        actor: each("actor", spec.actor, actor)?,
        trust: each("trust", spec.trust, |rule| {
            let when = predicate(rule.when, Hops::Refused).map_err(|error| error.within("when"))?;
            Ok(TrustRule { when, ignore: rule.ignore })
        })?,
    })
}

/// Compiles an extractor that reads claims or header.
pub(super) fn claims_extractor(spec: ExtractorSpec) -> Result<Extractor, ProfileError> {
    extractor(spec, Hops::Refused)
}

/// Whether an extractor or predicate may, must or must not read the hop of an actor chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hops {
    Accepted,
    Required,
    Refused,
}

fn classify(spec: ClassifySpec) -> Result<ClassifyRule, ProfileError> {
    Ok(ClassifyRule {
        when: condition(spec.when, Hops::Refused)?,
        kind: spec.kind.0,
        id: extractor(spec.id, Hops::Refused).map_err(|error| error.within("id"))?,
    })
}

fn actor(spec: ActorSpec) -> Result<ActorSource, ProfileError> {
    let (values, conditions) = match &spec.nested {
        Some(_) => (Hops::Required, Hops::Accepted),
        None => (Hops::Refused, Hops::Refused),
    };
    if spec.nested.is_none() && spec.when.is_none() {
        return Err(ProfileError::new("must be there, because `nested` is not").within("when"));
    }
    Ok(ActorSource {
        nested: spec.nested.map(literal_path).transpose().map_err(|error| error.within("nested"))?,
        // Decides before there is a hop.
        when: condition(spec.when, Hops::Refused)?,
        id: extractor(spec.id, values).map_err(|error| error.within("id"))?,
        issuer: optional("issuer", spec.issuer, values)?,
        client: optional("client", spec.client, values)?,
        class: optional("class", spec.class, values)?,
        kinds: each("kinds", spec.kinds, |rule| Ok((condition(rule.when, conditions)?, rule.kind.0)))?,
    })
}

fn literal_path(spec: PathSpec) -> Result<Vec<String>, ProfileError> {
    let keys = spec.0.into_iter().map(|segment| match segment {
        SegmentSpec::Key(key) => Ok(key),
        SegmentSpec::Any | SegmentSpec::ValueOf(_) => Err(ProfileError::new("only literal keys are possible here")),
    });
    let keys: Vec<String> = keys.collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(ProfileError::new("the path is empty")) } else { Ok(keys) }
}

fn condition(spec: Option<PredicateSpec>, hops: Hops) -> Result<Option<Predicate>, ProfileError> {
    spec.map(|when| predicate(when, hops)).transpose().map_err(|error| error.within("when"))
}

fn predicate(spec: PredicateSpec, hops: Hops) -> Result<Predicate, ProfileError> {
    match spec {
        PredicateSpec::Present(of) => location_only(of, hops).map_err(|error| error.within("present")),
        PredicateSpec::Eq(spec) => {
            let of = extractor(spec.of, hops).map_err(|error| error.within("eq.of"))?;
            match (spec.value, spec.same_as) {
                (Some(value), None) => Ok(Predicate::Eq(of, value)),
                (None, Some(other)) => {
                    let other = extractor(other, hops).map_err(|error| error.within("eq.same_as"))?;
                    Ok(Predicate::Same(Box::new((of, other))))
                }
                _ => Err(ProfileError::new("needs either `value` or `same_as`").within("eq")),
            }
        }
        PredicateSpec::Has(spec) => {
            let of = extractor(spec.of, hops).map_err(|error| error.within("has.of"))?;
            match (spec.value, spec.any_of) {
                (Some(value), None) => Ok(Predicate::Has(of, BTreeSet::from([value]))),
                (None, Some(values)) if !values.is_empty() => Ok(Predicate::Has(of, values)),
                _ => Err(ProfileError::new("needs either `value` or a list `any_of`").within("has")),
            }
        }
        PredicateSpec::Matches(spec) => {
            let of = extractor(spec.of, hops).map_err(|error| error.within("matches.of"))?;
            let regex = pattern(&spec.regex).map_err(|error| error.within("matches.regex"))?;
            Ok(Predicate::Matches(of, regex))
        }
        PredicateSpec::All(parts) => several("all", parts, hops).map(Predicate::All),
        PredicateSpec::Any(parts) => several("any", parts, hops).map(Predicate::Any),
        PredicateSpec::Not(part) => {
            let part = predicate(*part, hops).map_err(|error| error.within("not"))?;
            Ok(Predicate::Not(Box::new(part)))
        }
    }
}

/// An empty `all` would hold for every token.
fn several(key: &str, parts: Vec<PredicateSpec>, hops: Hops) -> Result<Vec<Predicate>, ProfileError> {
    if parts.is_empty() {
        return Err(ProfileError::new("the list is empty").within(key));
    }
    each(key, parts, |part| predicate(part, hops))
}

fn location_only(spec: ExtractorSpec, hops: Hops) -> Result<Predicate, ProfileError> {
    let plain = spec.0.shapes.is_none();
    let extractor = extractor(spec, hops)?;
    match extractor.origin {
        Origin::At(location, _) if plain && extractor.transforms.is_empty() => Ok(Predicate::Present(location)),
        _ => Err(ProfileError::new("takes a path only")),
    }
}

fn extractor(spec: ExtractorSpec, hops: Hops) -> Result<Extractor, ProfileError> {
    let table = *spec.0;
    let transforms = transforms(&table)?;
    let shaped = table.shapes.is_some();
    let mut origins = Vec::new();
    for (place, path) in [(Place::Claims, table.claim), (Place::Header, table.header), (Place::Hop, table.hop)] {
        if let Some(path) = path {
            origins.push(at(place, path, table.shapes.as_ref(), hops)?);
        }
    }
    if let Some(choices) = table.first_of {
        origins.push(Origin::FirstOf(parts("first_of", choices, hops)?));
    }
    if let Some(all) = table.union {
        origins.push(Origin::Union(parts("union", all, hops)?));
    }
    if let Some(decoder) = table.decoder {
        if hops == Hops::Required {
            return Err(ProfileError::new("reads the claims, but the actor is described by its hop").within("decoder"));
        }
        origins.push(Origin::Decoder(decoder));
    }
    let (Some(origin), true) = (origins.pop(), origins.is_empty()) else {
        return Err(ProfileError::new("needs exactly one of `claim`, `header`, `hop`, `first_of`, `union`, `decoder`"));
    };
    if shaped && !matches!(origin, Origin::At(..)) {
        return Err(ProfileError::new("only goes with `claim`, `header` or `hop`").within("as"));
    }
    let keys = match &origin {
        Origin::At(location, _) => location.path.iter().filter(|segment| matches!(segment, Segment::Any)).count(),
        _ => 0,
    };
    let template = table.template.map(|text| Template::parse(&text, keys)).transpose();
    let template = template.map_err(|problem| ProfileError::new(problem).within("template"))?;
    Ok(Extractor { origin, transforms: Transforms { template, ..transforms } })
}

fn at(place: Place, path: PathSpec, shapes: Option<&ShapesSpec>, hops: Hops) -> Result<Origin, ProfileError> {
    let (key, prefix) = match place {
        Place::Claims => ("claim", ""),
        Place::Header => ("header", "header "),
        Place::Hop => ("hop", "hop "),
    };
    let fits = match hops {
        Hops::Accepted => true,
        Hops::Required => place == Place::Hop,
        Hops::Refused => place != Place::Hop,
    };
    if !fits {
        let problem = if place == Place::Hop { "there is no hop here" } else { "an actor is described by its `hop`" };
        return Err(ProfileError::new(problem).within(key));
    }
    if path.0.is_empty() {
        return Err(ProfileError::new("the path is empty").within(key));
    }
    let path = each("", path.0, |segment| {
        Ok(match segment {
            SegmentSpec::Any => Segment::Any,
            SegmentSpec::Key(key) => Segment::Key(key),
            SegmentSpec::ValueOf(spec) => Segment::ValueOf(Box::new(extractor(spec, hops)?)),
        })
    });
    let path = path.map_err(|error| error.within(key))?;
    let name = prefix.to_owned() + &path.iter().map(segment_name).collect::<Vec<_>>().join(".");
    let shapes = shape_set(shapes).map_err(|error| error.within("as"))?;
    Ok(Origin::At(Location { place, path, name }, shapes))
}

fn segment_name(segment: &Segment) -> String {
    match segment {
        Segment::Any => "*".to_owned(),
        Segment::Key(key) => key.clone(),
        Segment::ValueOf(extractor) => format!("{{{}}}", extractor.name()),
    }
}

fn shape_set(spec: Option<&ShapesSpec>) -> Result<BTreeSet<Shape>, ProfileError> {
    let Some(ShapesSpec(shapes)) = spec else {
        return Ok(BTreeSet::from([Shape::String]));
    };
    let set: BTreeSet<Shape> = shapes.iter().copied().collect();
    if set.is_empty() {
        return Err(ProfileError::new("the list is empty"));
    }
    let excluded = [[Shape::String, Shape::SpaceSeparated], [Shape::Keys, Shape::Scim]];
    if excluded.iter().any(|pair| pair.iter().all(|shape| set.contains(shape))) {
        return Err(ProfileError::new("`string` and `space-separated`, `keys` and `scim` exclude each other"));
    }
    Ok(set)
}

fn transforms(table: &ExtractorTable) -> Result<Transforms, ProfileError> {
    let compile = |key: &str, text: &Option<String>, groups: usize| {
        let compiled = text.as_deref().map(pattern).transpose().map_err(|error| error.within(key))?;
        match compiled {
            Some(regex) if regex.captures_len() > groups + 1 => {
                Err(ProfileError::new(format!("more than {groups} groups; write `(?:…)` for others")).within(key))
            }
            other => Ok(other),
        }
    };
    if table.default.is_some() && table.map.is_none() {
        return Err(ProfileError::new("goes with `map`").within("default"));
    }
    let mapped = table.map.iter().flat_map(|map| map.values()).chain(&table.default);
    if mapped.into_iter().any(String::is_empty) {
        return Err(ProfileError::new("a value is empty; `drop` leaves values out").within("map"));
    }
    let map = table.map.clone().map(|known| ValueMap { known, default: table.default.clone() });
    Ok(Transforms {
        case: table.case,
        require: compile("require", &table.require, usize::MAX - 1)?,
        regex: compile("regex", &table.regex, 1)?,
        drop: table.drop.clone(),
        map,
        template: None,
    })
}

impl Transforms {
    fn is_empty(&self) -> bool {
        let Self { case, require, regex, drop, map, template } = self;
        case.is_none() && require.is_none() && regex.is_none() && drop.is_empty() && map.is_none() && template.is_none()
    }
}

/// Compiles `text` so that it matches whole values only.
fn pattern(text: &str) -> Result<Regex, ProfileError> {
    // On its own first: `a)|(b` would be sound inside the group that anchors it, and mean something else.
    let anchored = Regex::new(text).and_then(|_| Regex::new(&format!(r"\A(?:{text})\z")));
    anchored.map_err(|error| ProfileError::new(error.to_string()))
}

fn parts(key: &str, parts: Vec<ExtractorSpec>, hops: Hops) -> Result<Vec<Extractor>, ProfileError> {
    if parts.is_empty() {
        return Err(ProfileError::new("the list is empty").within(key));
    }
    each(key, parts, |part| extractor(part, hops))
}

fn optional(key: &str, spec: Option<ExtractorSpec>, hops: Hops) -> Result<Option<Extractor>, ProfileError> {
    spec.map(|spec| extractor(spec, hops)).transpose().map_err(|error| error.within(key))
}

fn each<S, T>(
    key: &str,
    specs: Vec<S>,
    compile: impl Fn(S) -> Result<T, ProfileError>,
) -> Result<Vec<T>, ProfileError> {
    let compiled = specs
        .into_iter()
        .enumerate()
        .map(|(index, spec)| compile(spec).map_err(|error| error.within(&format!("[{index}]")).within(key)));
    compiled.collect()
}
