//! What one table of `invariants/*.toml` says, and the names that it may use.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::{Action, Bundle, Kind, Problem};
use serde::Deserialize;
use toml::Spanned;

use super::{Rule, Uid};
use crate::derive::{Mentions, Schema};

/// One table. A key that is left out says nothing; several values of one key are alternatives.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Terms {
    pub(super) why: Option<String>,
    /// Why it is no mistake that no request is about it.
    pub(super) vacuous: Option<String>,
    pub(super) kind: OneOrMore,
    pub(super) class: OneOrMore,
    pub(super) role: OneOrMore,
    action: OneOrMore,
    scope: OneOrMore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) never: Vec<Spanned<Terms>>,
    #[serde(default)]
    pub(super) only: Vec<Spanned<Terms>>,
    /// Policies that may allow more if a fact is taken away, each with the reason.
    #[serde(default)]
    pub(super) waived: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::More(names) => names,
        }
    }

    /// Whether nothing is asked, or `name` is among what is.
    pub(super) fn admits(&self, name: &str) -> bool {
        self.names().is_empty() || self.names().iter().any(|known| known == name)
    }

    pub(super) fn admits_one_of<'a>(&self, mut names: impl Iterator<Item = &'a String>) -> bool {
        self.names().is_empty() || names.any(|name| self.names().contains(name))
    }
}

impl Terms {
    /// Whether they are about an action that is in `above`.
    pub(super) fn concern(&self, above: &[String]) -> bool {
        self.action.admits_one_of(above.iter()) && self.scope.admits_one_of(above.iter())
    }

    pub(super) fn keys(&self) -> [(&'static str, &OneOrMore); 5] {
        [
            ("kind", &self.kind),
            ("class", &self.class),
            ("role", &self.role),
            ("action", &self.action),
            ("scope", &self.scope),
        ]
    }
}

/// The names that keys may have.
pub(super) struct Names {
    known: BTreeMap<&'static str, BTreeSet<String>>,
    /// Actions of which it does not matter who asks.
    public: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(bundle: &Bundle, schema: &Schema, mentions: &Mentions, parents: &BTreeMap<Uid, Vec<Uid>>) -> Self {
        fn names(actions: Vec<&Action>) -> impl Iterator<Item = String> {
            actions.into_iter().map(|action| action.name().to_owned())
        }
        let entities = |ty: &str| {
            let known = parents.keys().filter(|(known, _)| known == ty).map(|(_, id)| id.clone());
            known.chain(mentions.ids(ty).cloned()).collect::<BTreeSet<_>>()
        };
        let is_scope = |name: &str| bundle.scopes().get(name).is_some();
        // A public action may apply to nothing, as groups do.
        let groups = schema.groups().filter(|name| !is_scope(name) && bundle.action(name).is_none()).map(str::to_owned);
        let mut classes = entities("AgentClass");
        classes.extend(["unlisted".to_owned(), "unclassified".to_owned()]);
        let (public, asked): (Vec<_>, Vec<_>) = bundle.actions().partition(|action| action.is_public());
        let known = BTreeMap::from([
            ("kind", Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()),
            ("class", classes),
            ("role", entities("Role")),
            ("action", names(asked).chain(groups).collect()),
            ("scope", bundle.scopes().iter().map(|scope| scope.name().to_string()).collect()),
        ]);
        Self { known, public: names(public).collect() }
    }

    pub(super) fn problems(&self, rule: Rule, terms: &Terms, problem: &dyn Fn(String) -> Problem) -> Vec<Problem> {
        let mut problems = Vec::new();
        let states =
            |keys: &[&str]| terms.keys().iter().any(|(key, names)| keys.contains(key) && !names.names().is_empty());
        if !states(&["kind", "class", "role"]) && (rule == Rule::Only || !states(&["action", "scope"])) {
            let help = "state `kind`, `class` or `role`, and what it is about with `action` or `scope`";
            problems.push(problem("says nothing".to_owned()).with_help(help));
        }
        if terms.vacuous.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            problems.push(problem("`vacuous` gives no reason".to_owned()).with_help("say why"));
        }
        for (key, names) in terms.keys() {
            let known: Vec<&str> = self.known.get(key).into_iter().flatten().map(String::as_str).collect();
            for name in names.names().iter().filter(|name| !known.contains(&name.as_str())) {
                if key == "action" && self.public.contains(name) {
                    let public = problem(format!("`{name}` is public, so it does not matter who asks"));
                    problems.push(public.with_help("take it out: guardrails alone judge public actions"));
                    continue;
                }
                let all = format!("it knows {}", known.join(", "));
                let unknown = problem(format!("`{key}`: the bundle knows no `{name}`"));
                problems.push(unknown.with_suggestion(name, known.iter().copied(), all));
            }
        }
        problems
    }
}
