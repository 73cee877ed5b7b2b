use std::collections::{BTreeMap, BTreeSet};

use super::{ScopeName, ScopeSet};

/// The scopes of a bundle and their hierarchy.
///
/// Granting a scope grants the scopes below it, transitively.
#[derive(Debug, Clone, Default)]
pub struct Scopes {
    scopes: Vec<Scope>,
    by_name: BTreeMap<String, ScopeId>,
}

/// One scope: an action group of the schema marked `@scope`.
#[derive(Debug, Clone)]
pub struct Scope {
    name: ScopeName,
    wire_name: ScopeName,
    doc: Option<String>,
    conditional: bool,
    hidden: bool,
    /// The scope itself and all below it.
    grants: ScopeSet,
    parents: Vec<ScopeId>,
}

/// A scope as the schema states it, before the hierarchy is closed.
pub(crate) struct ScopeDraft {
    pub(crate) name: ScopeName,
    pub(crate) wire_name: ScopeName,
    pub(crate) doc: Option<String>,
    pub(crate) conditional: bool,
    pub(crate) hidden: bool,
    /// Names of the nearest scopes above; plain groups are looked through.
    pub(crate) parents: BTreeSet<String>,
}

/// The place of a scope in its bundle's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeId(pub(crate) usize);

impl Scopes {
    /// Closes the hierarchy. The drafts come from a schema that Cedar accepted, so there are no cycles.
    pub(crate) fn new(drafts: Vec<ScopeDraft>) -> Self {
        let by_name: BTreeMap<String, ScopeId> =
            drafts.iter().enumerate().map(|(place, draft)| (draft.name.as_str().to_owned(), ScopeId(place))).collect();
        let scopes = drafts.into_iter().enumerate().map(|(place, draft)| {
            let mut grants = ScopeSet::default();
            grants.insert(ScopeId(place));
            let parents = draft.parents.iter().filter_map(|parent| by_name.get(parent).copied()).collect();
            let ScopeDraft { name, wire_name, doc, conditional, hidden, .. } = draft;
            Scope { name, wire_name, doc, conditional, hidden, grants, parents }
        });
        let mut table = Self { scopes: scopes.collect(), by_name };
        for place in 0..table.scopes.len() {
            table.grant_to_ancestors(ScopeId(place));
        }
        table
    }

    /// All scopes, in the order of the schema.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// The scope called `name` in the schema.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Scope> {
        self.by_name.get(name).and_then(|id| self.scopes.get(id.0))
    }

    /// The scope that goes by the name `wire` in tokens, unless an issuer's settings say otherwise.
    #[must_use]
    pub fn by_wire_name(&self, wire: &str) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.wire_name.as_str() == wire)
    }

    /// The names of the scopes in `set`, in the order of the schema.
    pub fn names<'a>(&'a self, set: &'a ScopeSet) -> impl Iterator<Item = &'a ScopeName> {
        set.iter().filter_map(|scope| self.scopes.get(scope.0)).map(Scope::name)
    }

    /// Everything that granting the scopes called `names` grants; unknown names grant nothing.
    #[must_use]
    pub fn expand<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> ScopeSet {
        let mut set = ScopeSet::default();
        for scope in names.into_iter().filter_map(|name| self.get(name)) {
            set.extend(&scope.grants);
        }
        set
    }

    pub(crate) fn id(&self, name: &str) -> Option<ScopeId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(id.0)
    }

    /// `id` itself if it may be offered to clients, else the nearest scopes above that may.
    pub(crate) fn nearest_visible(&self, id: ScopeId) -> BTreeSet<ScopeId> {
        match self.scope(id) {
            Some(scope) if scope.hidden => scope.parents.iter().flat_map(|up| self.nearest_visible(*up)).collect(),
            Some(_) => BTreeSet::from([id]),
            None => BTreeSet::new(),
        }
    }

    fn grant_to_ancestors(&mut self, scope: ScopeId) {
        let mut above = self.scope(scope).map(|scope| scope.parents.clone()).unwrap_or_default();
        while let Some(ancestor) = above.pop() {
            if let Some(ancestor) = self.scopes.get_mut(ancestor.0)
                && !ancestor.grants.contains(scope)
            {
                ancestor.grants.insert(scope);
                above.extend(&ancestor.parents);
            }
        }
    }
}

impl Scope {
    /// The name in the schema and in policies.
    #[must_use]
    pub fn name(&self) -> &ScopeName {
        &self.name
    }

    /// The name in tokens and challenges, unless an issuer maps it.
    #[must_use]
    pub fn wire_name(&self) -> &ScopeName {
        &self.wire_name
    }

    /// What it means, for a consent screen.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.doc.as_deref()
    }

    /// Whether it covers an action only under the condition in its consent policy.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.conditional
    }

    /// Whether it is kept out of challenges and metadata.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// The scope itself and all below it.
    #[must_use]
    pub fn grants(&self) -> &ScopeSet {
        &self.grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};

    /// Scopes `s0`, `s1`, … in which each is below some of those before it, as Cedar refuses cycles.
    fn hierarchies() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
        proptest::collection::vec(any::<u16>(), 1..90).prop_map(|rows| {
            let row = |(place, bits): (usize, u16)| {
                // A few parents, near and far.
                let parent = |bit: u16| usize::from(bits.rotate_left(u32::from(bit)) % 97) % place.max(1);
                (0..bits % 4).map(parent).filter(|_| place > 0).collect()
            };
            rows.into_iter().enumerate().map(row).collect()
        })
    }

    fn table(parents: &[BTreeSet<usize>], reversed: bool) -> Scopes {
        let draft = |(place, above): (usize, &BTreeSet<usize>)| ScopeDraft {
            name: name(place).parse().unwrap(),
            wire_name: name(place).parse().unwrap(),
            doc: None,
            conditional: false,
            hidden: false,
            parents: above.iter().map(|place| name(*place)).collect(),
        };
        let mut drafts: Vec<ScopeDraft> = parents.iter().enumerate().map(draft).collect();
        if reversed {
            drafts.reverse();
        }
        Scopes::new(drafts)
    }

    fn name(place: usize) -> String {
        format!("s{place}")
    }

    /// Whether some way leads up from `from` to `to`.
    fn is_below(parents: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(place) = open.pop() {
            if seen.insert(place) {
                open.extend(&parents[place]);
            }
        }
        seen.contains(&to)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_scope_grants_exactly_what_is_below_it(parents in hierarchies(), reversed in any::<bool>()) {
            let scopes = table(&parents, reversed);
            for to in 0..parents.len() {
                let expected: BTreeSet<String> =
                    (0..parents.len()).filter(|from| is_below(&parents, *from, to)).map(name).collect();
                let granted = scopes.expand([name(to).as_str()]);
                let found: BTreeSet<String> = scopes.names(&granted).map(ToString::to_string).collect();
                prop_assert_eq!(&found, &expected, "{}", to);
                let again = scopes.expand(found.iter().map(String::as_str));
                prop_assert_eq!(again, granted, "expanding twice is expanding once");
            }
        }
    }

    #[test]
    fn unknown_scopes_grant_nothing() {
        let scopes = table(&[BTreeSet::new(), BTreeSet::from([0])], false);
        for unknown in ["", "s", "S0", "s0 s1", "s2", "s0:more", "*"] {
            assert!(scopes.expand([unknown]).is_empty(), "{unknown:?}");
        }
        assert_eq!(scopes.expand(["s0", "unknown"]), scopes.expand(["s0"]));
        assert_eq!(scopes.expand(["s1", "s0", "s1"]), scopes.expand(["s0"]));
    }

    #[test]
    fn a_hidden_scope_is_offered_as_its_nearest_visible_ancestors() {
        let mut scopes = table(&[BTreeSet::new(), BTreeSet::from([0]), BTreeSet::from([1])], false);
        scopes.scopes[1].hidden = true;
        scopes.scopes[2].hidden = true;
        assert_eq!(scopes.nearest_visible(ScopeId(2)), BTreeSet::from([ScopeId(0)]));
        assert_eq!(scopes.nearest_visible(ScopeId(0)), BTreeSet::from([ScopeId(0)]));
        scopes.scopes[0].hidden = true;
        assert_eq!(scopes.nearest_visible(ScopeId(2)), BTreeSet::new(), "nothing may be offered");
    }
}
