use portcullis_core::{Binding, UnixTime};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::strategy::BoxedStrategy;
use serde_json::{Map, Value};

use crate::scenario::{AskedResource, Scenario, Token};

/// What scenarios about one bundle are made of: the values that its policies tell apart, and a few that they do not.
///
/// The first value of a list is the simplest one and the one that most often leads to an allow: it is chosen in about half of
/// the scenarios, and counter-examples shrink towards it. Elsewhere a request would rarely get past the first layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct World {
    /// The alias of the source of all tokens.
    pub source: String,
    /// The time of all requests.
    pub now: UnixTime,
    /// Names that tokens carry as scopes, known and unknown.
    pub scopes: Vec<String>,
    /// Claims that say who the subject is. The id of the subject must be its `sub`.
    pub subjects: Vec<Map<String, Value>>,
    /// Claims that say who acts, to be added to those of a subject. One of them says that nobody else does.
    pub actors: Vec<Map<String, Value>>,
    /// Further claims, each with the values to choose from; `null` leaves it out.
    pub claims: Vec<(String, Vec<Value>)>,
    /// What is asked for.
    pub requests: Vec<Asking>,
}

/// One action, with the resources and the facts to choose from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Asking {
    /// The action.
    pub action: String,
    /// The resources.
    pub resources: Vec<AskedResource>,
    /// The facts; `null` for none.
    pub facts: Vec<Value>,
}

impl Asking {
    /// Asks for `action` on one of `resources`, without facts.
    #[must_use]
    pub fn new(action: impl Into<String>, resources: Vec<AskedResource>) -> Self {
        Self { action: action.into(), resources, facts: vec![Value::Null] }
    }

    /// Passes one of `facts`.
    #[must_use]
    pub fn with_facts(mut self, facts: Vec<Value>) -> Self {
        self.facts = facts;
        self
    }
}

impl World {
    /// A world in which nothing can be asked yet.
    #[must_use]
    pub fn new(source: impl Into<String>, now: UnixTime) -> Self {
        Self {
            source: source.into(),
            now,
            scopes: Vec::new(),
            subjects: Vec::new(),
            actors: Vec::new(),
            claims: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Scenarios of this world.
    pub fn scenarios(&self) -> BoxedStrategy<Scenario> {
        let now = self.now;
        (self.tokens(), self.asked(), approvals(now))
            .prop_map(move |((token, alone), (action, resource, facts), approval)| {
                let subject = token.claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
                let mut scenario = Scenario::new(token, action, resource, now).with_facts(facts);
                scenario.alone = alone;
                match approval {
                    None => scenario,
                    Some((Approver::Subject, at)) => scenario.with_approval(subject, at),
                    Some((Approver::Somebody, at)) => scenario.with_approval("somebody-else", at),
                }
            })
            .boxed()
    }

    fn asked(&self) -> impl Strategy<Value = (String, AskedResource, Value)> + use<> {
        select(self.requests.clone())
            .prop_flat_map(|asking| (Just(asking.action), any_of(asking.resources), any_of(asking.facts)))
    }

    /// Tokens of every kind of caller, and where somebody acts for the subject the same token without that.
    fn tokens(&self) -> impl Strategy<Value = (Token, Option<Token>)> + use<> {
        let source = self.source.clone();
        let claims: Vec<_> = self.claims.iter().map(|(_, values)| any_of(values.clone())).collect();
        let names: Vec<String> = self.claims.iter().map(|(name, _)| name.clone()).collect();
        let bindings = subsequence(Binding::ALL.to_vec(), 0..=Binding::ALL.len());
        let parties = (any_of(self.subjects.clone()), any_of(self.actors.clone()));
        (parties, claims, scopes(&self.scopes), bindings).prop_map(
            move |((subject, actor), values, scopes, bindings)| {
                let others = names.iter().cloned().zip(values).filter(|(_, value)| !value.is_null());
                let others: Map<String, Value> =
                    others.chain(scopes.map(|scopes| ("scope".to_owned(), scopes.join(" ").into()))).collect();
                let token = |parts: [&Map<String, Value>; 3]| {
                    let claims = parts.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
                    let mut token = Token::new(&source, claims.collect());
                    token.bindings = bindings.iter().copied().collect();
                    token
                };
                let actor = if is_own_client(&subject, &actor) { Map::new() } else { actor };
                let alone = (!actor.is_empty()).then(|| token([&subject, &Map::new(), &others]));
                (token([&subject, &actor, &others]), alone)
            },
        )
    }
}

/// Whether `actor` takes the place of a client that is the subject itself. Then the claims no longer speak of software that
/// acts for this subject: a `sub` beside another `client_id` is somebody else (RFC 9068 §2.2).
fn is_own_client(subject: &Map<String, Value>, actor: &Map<String, Value>) -> bool {
    actor.contains_key("client_id") && subject.get("client_id") == subject.get("sub")
}

/// Lists of scopes, in any order: often all, seldom none at all.
pub fn scopes(names: &[String]) -> impl Strategy<Value = Option<Vec<String>>> + use<> {
    let all = names.to_vec();
    let some = prop_oneof![Just(all.clone()), subsequence(all, 0..=names.len())].prop_shuffle();
    proptest::option::weighted(0.95, some)
}

/// The first of `values` half of the time, else any.
fn any_of<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> BoxedStrategy<T> {
    match values.first() {
        Some(first) => prop_oneof![Just(first.clone()), select(values)].boxed(),
        // Nothing to choose: proptest reports that by itself.
        None => select(values).boxed(),
    }
}

#[derive(Debug, Clone, Copy)]
enum Approver {
    Subject,
    Somebody,
}

/// Mostly none, seldom somebody else's.
fn approvals(now: UnixTime) -> impl Strategy<Value = Option<(Approver, UnixTime)>> {
    (any::<u8>(), select(vec![Approver::Subject, Approver::Subject, Approver::Subject, Approver::Somebody]))
        .prop_map(move |(chance, approver)| (chance >= 180).then_some((approver, now)))
}
