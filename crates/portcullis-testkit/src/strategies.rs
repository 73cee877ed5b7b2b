use std::net::IpAddr;

use portcullis_core::{Binding, Credential, UnixTime};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::strategy::BoxedStrategy;
use serde_json::{Map, Value};

use crate::scenario::{AskedResource, Scenario, Token, put};

/// What scenarios about one bundle are made of: the values that its policies tell apart, and a few that they do not.
///
/// The first value of a list is the simplest one and the one that most often leads to an allow: it is chosen in about half of
/// the scenarios, and counter-examples shrink towards it. Elsewhere a request would rarely get past the first layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct World {
    /// The alias of the source of all tokens but those of `others`.
    pub source: String,
    /// The time of all requests.
    pub now: UnixTime,
    /// Names that tokens carry as scopes, known and unknown.
    pub scopes: Vec<String>,
    /// Claims that say who the subject is. The id of the subject must be its `sub`.
    pub subjects: Vec<Map<String, Value>>,
    /// Claims that say who acts, to be added to those of a subject. One of them says that nobody else does.
    pub actors: Vec<Map<String, Value>>,
    /// Further claims, each with the values to choose from; `null` leaves it out. A name that begins with `/` is a JSON Pointer.
    pub claims: Vec<(String, Vec<Value>)>,
    /// The claim that says to which tenant a subject belongs, if one does.
    pub tenant_claim: Option<String>,
    /// Credentials of other sources, such as API keys, in one of eight scenarios. They get scopes, and access tokens `claims`,
    /// too.
    pub others: Vec<Token>,
    /// The addresses of peers; `None` for one that is not known.
    pub ips: Vec<Option<IpAddr>>,
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
            tenant_claim: None,
            others: Vec::new(),
            ips: vec![None],
            requests: Vec::new(),
        }
    }

    /// Scenarios of this world.
    pub fn scenarios(&self) -> BoxedStrategy<Scenario> {
        let (now, tenant_claim) = (self.now, self.tenant_claim.clone());
        (self.tokens(), self.asked(), approvals(now))
            .prop_map(move |((token, alone), (action, resource, facts), approval)| {
                let subject = token.claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
                let mut scenario = Scenario::new(token, action, resource, now).with_facts(facts);
                scenario.alone = alone;
                scenario.tenant_claim.clone_from(&tenant_claim);
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

    /// Credentials of every kind of caller, and where somebody acts for the subject the same token without that.
    fn tokens(&self) -> BoxedStrategy<(Token, Option<Token>)> {
        let main = self.main_tokens();
        let all = if self.others.is_empty() { main } else { prop_oneof![7 => main, 1 => self.other_tokens()].boxed() };
        let ips = any_of(self.ips.clone());
        (all, ips)
            .prop_map(|((mut token, mut alone), ip)| {
                token.ip = ip;
                alone.iter_mut().for_each(|alone| alone.ip = ip);
                (token, alone)
            })
            .boxed()
    }

    fn main_tokens(&self) -> BoxedStrategy<(Token, Option<Token>)> {
        let source = self.source.clone();
        let parties = (any_of(self.subjects.clone()), any_of(self.actors.clone()));
        (parties, self.stated(), bindings())
            .prop_map(move |((subject, actor), others, bindings)| {
                let token = |parts: [&Map<String, Value>; 3]| {
                    let claims = parts.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
                    let mut token = Token::new(&source, claims.collect());
                    token.bindings = bindings.iter().copied().collect();
                    token
                };
                let actor = if is_own_client(&subject, &actor) { Map::new() } else { actor };
                let alone = (!actor.is_empty()).then(|| token([&subject, &Map::new(), &others]));
                (token([&subject, &actor, &others]), alone)
            })
            .boxed()
    }

    /// A key has scopes, and nothing else that anybody chose.
    fn other_tokens(&self) -> BoxedStrategy<(Token, Option<Token>)> {
        (any_of(self.others.clone()), self.stated(), bindings())
            .prop_map(|(mut token, stated, bindings)| {
                let is_key = token.credential == Credential::ApiKey;
                token.claims.extend(stated.into_iter().filter(|(name, _)| !is_key || name == "scope"));
                if !is_key {
                    token.bindings = bindings.into_iter().collect();
                }
                (token, None)
            })
            .boxed()
    }

    /// The claims that do not say who it is: scopes, and one value of each of `claims`.
    fn stated(&self) -> impl Strategy<Value = Map<String, Value>> + use<> {
        let claims: Vec<_> = self.claims.iter().map(|(_, values)| any_of(values.clone())).collect();
        let names: Vec<String> = self.claims.iter().map(|(name, _)| name.clone()).collect();
        (claims, scopes(&self.scopes)).prop_map(move |(values, scopes)| {
            let mut stated = Map::new();
            let others = names.iter().zip(values).filter(|(_, value)| !value.is_null());
            others.for_each(|(name, value)| put(&mut stated, name, value));
            stated.extend(scopes.map(|scopes| ("scope".to_owned(), scopes.join(" ").into())));
            stated
        })
    }
}

fn bindings() -> impl Strategy<Value = Vec<Binding>> {
    subsequence(Binding::ALL.to_vec(), 0..=Binding::ALL.len())
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
