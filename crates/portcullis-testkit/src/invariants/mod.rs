//! What a bundle promises beyond the laws: `invariants/*.toml`.

mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use portcullis_core::{Bundle, BundleFiles, Caller, Kind, LayerAnswer, Listing, Problem};
use serde_json::Value;

use crate::decider::{Decider, Product};
use crate::derive::{Mentions, Schema};
use crate::laws::{TAKING_AWAY, Violation};
use crate::scenario::Scenario;
use crate::strategies::World;
use terms::{File, Names, Terms};

/// The invariants of one bundle.
#[derive(Debug)]
pub(crate) struct Invariants {
    all: Vec<Invariant>,
    schema: Schema,
    /// What static entities are directly in: `(type, id)` by `(type, id)`.
    parents: BTreeMap<Uid, Vec<Uid>>,
    /// Actions of which it does not matter who asks.
    public: BTreeSet<String>,
    /// Policies that may allow more if a fact is taken away.
    waived: BTreeSet<String>,
}

type Uid = (String, String);

/// One of them.
#[derive(Debug)]
pub(crate) struct Invariant {
    rule: Rule,
    terms: Terms,
    /// File and line.
    place: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Never,
    Only,
}

impl Invariants {
    /// Reads `invariants/*.toml` below `dir`; none if there is no such folder.
    pub(crate) fn from_dir(dir: &Path, files: &BundleFiles, bundle: &Bundle) -> Result<Self, Vec<Problem>> {
        let folder = dir.join(FOLDER);
        let mut texts = Vec::new();
        if folder.is_dir() {
            let unreadable = |error: std::io::Error| vec![Problem::new(FOLDER, format!("cannot be read: {error}"))];
            for entry in std::fs::read_dir(folder).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with('.') || name == "README.md" {
                    continue;
                }
                if path.extension().is_none_or(|extension| extension != "toml") {
                    let problem = Problem::new(format!("{FOLDER}/{name}"), "is no invariant");
                    return Err(vec![problem.with_help("invariants are files `*.toml`")]);
                }
                texts.push((format!("{FOLDER}/{name}"), std::fs::read_to_string(&path).map_err(unreadable)?));
            }
        }
        texts.sort();
        Self::parse(&texts, files, bundle)
    }

    fn parse(texts: &[(String, String)], files: &BundleFiles, bundle: &Bundle) -> Result<Self, Vec<Problem>> {
        let unreadable = |reason: String| vec![Problem::new(FOLDER, reason)];
        let schema = Schema::read(files.get("schema.cedarschema").unwrap_or_default()).map_err(unreadable)?;
        let mentions = Mentions::of(files).map_err(unreadable)?;
        let parents = parents(files).map_err(unreadable)?;
        let names = Names::of(bundle, &schema, &mentions, &parents);
        let (mut all, mut waived, mut problems) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (file, text) in texts {
            let read: File = match toml::from_str(text) {
                Ok(read) => read,
                Err(error) => {
                    let offset = error.span().map_or(0, |span| span.start);
                    problems.push(Problem::new(file, error.message()).at(text, offset));
                    continue;
                }
            };
            problems.extend(unknown_policies(bundle, &read, file, text));
            waived.extend(read.waived.into_keys());
            let never = read.never.into_iter().map(|terms| (Rule::Never, terms));
            for (rule, terms) in never.chain(read.only.into_iter().map(|terms| (Rule::Only, terms))) {
                let offset = terms.span().start;
                let terms = terms.into_inner();
                let problem = |message: String| Problem::new(file, message).at(text, offset);
                problems.extend(names.problems(rule, &terms, &problem));
                let line = problem(String::new()).place.map_or(0, |(line, _)| line);
                all.push(Invariant { rule, terms, place: format!("{file}:{line}") });
            }
        }
        let public = bundle.actions().filter(|action| action.is_public()).map(|action| action.name().to_owned());
        let public = public.collect();
        if problems.is_empty() { Ok(Self { all, schema, parents, public, waived }) } else { Err(problems) }
    }

    /// Whether every invariant holds for the answer of `product` to `scenario`.
    pub(crate) fn check(&self, product: &Product, scenario: &Scenario) -> Result<(), Violation> {
        if self.all.is_empty() || !product.decide(scenario).allowed {
            return Ok(());
        }
        match self.all.iter().find(|invariant| self.would_break(invariant, product, scenario)) {
            None => Ok(()),
            Some(invariant) => Err(Violation {
                law: "the invariants of the bundle hold",
                message: format!("allowed, against {}: {invariant}", invariant.place),
                scenario: Box::new(scenario.clone()),
                neighbour: None,
            }),
        }
    }

    /// Whether the denial that `violation` is about is of policies that may allow more if a fact is taken away, and of no other.
    pub(crate) fn waive(&self, product: &Product, violation: &Violation) -> bool {
        let verdict = product.decide(&violation.scenario);
        let mut denying = verdict.layers.values().filter(|layer| layer.answer != LayerAnswer::Allow);
        violation.law == TAKING_AWAY
            && denying.all(|layer| !layer.policies.is_empty() && layer.policies.is_subset(&self.waived))
    }

    /// Each invariant with the part of `world` that it is about.
    pub(crate) fn focused(&self, world: &World) -> impl Iterator<Item = (&Invariant, World)> {
        self.all.iter().map(|invariant| {
            let mut world = world.clone();
            world.requests.retain(|asking| self.concerns(invariant, &asking.action));
            (invariant, world)
        })
    }

    /// Whether `scenario` puts `invariant` to the test: layers judge it, and an allow would break it.
    pub(crate) fn is_tested(&self, invariant: &Invariant, product: &Product, scenario: &Scenario) -> bool {
        self.would_break(invariant, product, scenario) && !product.decide(scenario).is_refused()
    }

    /// Whether to allow `scenario` breaks `invariant`.
    fn would_break(&self, invariant: &Invariant, product: &Product, scenario: &Scenario) -> bool {
        // Whoever is allowed something has been read.
        let session = product.engine().session(&scenario.token.verified());
        session.is_ok_and(|session| {
            self.concerns(invariant, &scenario.action) && self.is_broken(invariant, session.caller())
        })
    }

    fn concerns(&self, invariant: &Invariant, action: &str) -> bool {
        !self.public.contains(action) && invariant.terms.concern(&self.schema.above(action))
    }

    /// Whether it is broken by an allow for `caller` of an action that it is about.
    fn is_broken(&self, invariant: &Invariant, caller: &Caller) -> bool {
        let terms = &invariant.terms;
        let role = terms.role.admits_one_of(self.roles(caller).iter());
        let subject = caller.subject();
        let actor = caller.actor().map(|actor| (actor.kind, actor.id.as_str(), actor.class.as_deref()));
        let mut parties = actor.into_iter().chain([(subject.kind, subject.id.as_str(), subject.class.as_deref())]);
        let class = |kind, id, class| terms.class.admits_one_of(self.classes(kind, id, class).iter());
        match invariant.rule {
            Rule::Never => {
                role && parties.any(|(kind, id, own)| terms.kind.admits(kind.as_str()) && class(kind, id, own))
            }
            Rule::Only => {
                !role
                    || parties.any(|(kind, id, own)| {
                        !terms.kind.admits(kind.as_str()) || (kind == Kind::Agent && !class(kind, id, own))
                    })
            }
        }
    }

    /// The roles of the subject, with those that they include.
    fn roles(&self, caller: &Caller) -> BTreeSet<String> {
        let subject = caller.subject();
        let stated = match caller.roles() {
            Listing::Known(roles) => roles.to_vec(),
            _ => Vec::new(),
        };
        self.inside("Role", (subject.kind.entity_type(), &subject.id), stated)
    }

    fn classes(&self, kind: Kind, id: &str, class: Option<&str>) -> BTreeSet<String> {
        let stated = class.map(str::to_owned).into_iter().collect();
        if kind == Kind::Agent { self.inside("AgentClass", ("Agent", id), stated) } else { BTreeSet::new() }
    }

    /// What `member` is in, of the type `ty`: `entities.json` wins over what the token states.
    fn inside(&self, ty: &str, member: (&str, &str), stated: Vec<String>) -> BTreeSet<String> {
        let known = self.parents.get(&(member.0.to_owned(), member.1.to_owned()));
        let stated = || stated.into_iter().map(|id| (ty.to_owned(), id)).collect();
        let mut open: Vec<Uid> = known.cloned().unwrap_or_else(stated);
        let mut found = BTreeSet::new();
        while let Some(uid) = open.pop() {
            if found.insert(uid.clone()) {
                open.extend(self.parents.get(&uid).into_iter().flatten().cloned());
            }
        }
        found.into_iter().filter(|(found, _)| found == ty).map(|(_, id)| id).collect()
    }
}

/// Waivers of what is no policy, or that give no reason.
fn unknown_policies(bundle: &Bundle, read: &File, file: &str, text: &str) -> Vec<Problem> {
    let known: Vec<&str> = bundle.policy_ids().map(|(_, id)| id).collect();
    let problem = |(policy, reason): (&String, &String)| {
        let problem =
            |message: String| Problem::new(file, message).at(text, text.find(policy.as_str()).unwrap_or_default());
        if !known.contains(&policy.as_str()) {
            let unknown = problem(format!("`waived`: the bundle has no policy `{policy}`"));
            return Some(unknown.with_suggestion(
                policy,
                known.iter().copied(),
                "name a policy by its `@id`".to_owned(),
            ));
        }
        let reason = reason.trim().is_empty();
        reason.then(|| problem(format!("`waived`: `{policy}` has no reason")).with_help("say why"))
    };
    read.waived.iter().filter_map(problem).collect()
}

impl Invariant {
    /// What to say if nothing in `world` is about it; `None` if it says itself why.
    pub(crate) fn untested(&self, world: &World) -> Option<Problem> {
        let reason = if world.requests.is_empty() {
            "no action that can be asked for is what it names"
        } else {
            "nobody of whom it speaks is among the callers that can be made up from the bundle"
        };
        let problem = Problem::new(&self.place, format!("nothing tests `{self}`: {reason}"));
        let help = "name what callers can be and ask for, or state `vacuous = \"why\"`";
        self.terms.vacuous.is_none().then(|| problem.with_help(help))
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rule == Rule::Never { "never" } else { "only" })?;
        for (key, names) in self.terms.keys().into_iter().filter(|(_, names)| !names.names().is_empty()) {
            write!(f, " {key} {}", names.names().join(" or "))?;
        }
        self.terms.why.iter().try_for_each(|why| write!(f, " ({why})"))
    }
}

/// What entities of `entities.json` are directly in.
fn parents(files: &BundleFiles) -> Result<BTreeMap<Uid, Vec<Uid>>, String> {
    let text = files.get("entities.json").unwrap_or("[]");
    let entities: Vec<Value> = serde_json::from_str(text).map_err(|error| format!("entities.json: {error}"))?;
    let uid = |value: &Value| Some((value.get("type")?.as_str()?.to_owned(), value.get("id")?.as_str()?.to_owned()));
    let entry = |entity: &Value| {
        let parents = entity.get("parents").and_then(Value::as_array).into_iter().flatten();
        Some((uid(entity.get("uid")?)?, parents.filter_map(uid).collect()))
    };
    Ok(entities.iter().filter_map(entry).collect())
}

const FOLDER: &str = "invariants";
