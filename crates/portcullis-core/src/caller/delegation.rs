//! Who acts for the subject.
//!
//! A token says so in a chain of nested objects (RFC 8693 §4.1), in flat claims of a vendor, or not at all: many agents
//! are ordinary clients that act with the user's token, and only the list of clients can tell.

use serde_json::{Map, Value};

use super::caller::{Actor, Hop};
use super::error::{ClaimFault, ClaimProblem, ClaimsError, NeededFor, Purpose};
use super::profile::{ActorSource, Fact, View};
use super::read::{LocalSubject, Token};
use super::source::{AgentType, UnlistedClients};
use crate::claims::Kind;

/// Who acts, and all hops of the chain, outermost first.
#[derive(Default)]
pub(super) struct Delegation {
    pub(super) actor: Option<Actor>,
    pub(super) chain: Vec<Hop>,
}

/// Reads the actor of `token`, whose subject and client are already known.
pub(super) fn read(
    token: &Token<'_>,
    subject: &LocalSubject,
    client: Option<&str>,
    agent_type: AgentType,
) -> Result<Delegation, ClaimsError> {
    let chain = if token.distrusts(Fact::Actor) { Vec::new() } else { stated_chain(token)? };
    let required = token.source.settings().actor_profile_required;
    if required {
        require_act(token)?;
    }
    let depth = chain.len();
    let outermost = match chain.first() {
        Some(hop) if hop.id == token.ids.local(&subject.id) => {
            same_as_subject(hop, subject)?;
            None
        }
        Some(hop) => Some(hop),
        None => None,
    };
    let chain_hops = |chain: &[ReadHop]| chain.iter().map(ReadHop::to_hop).collect();
    if let Some(hop) = outermost {
        return Ok(Delegation { actor: Some(hop.to_actor(depth)), chain: chain_hops(&chain) });
    }
    if required {
        return Err(ClaimsError::NotDelegated);
    }
    // Claims name nobody else. Whether the client is somebody else is a question for people's tokens only: a service or
    // an autonomous agent is itself the software that acts.
    let actor = match (subject.kind, token.agent_class()?, agent_type) {
        (Kind::User, Some(class), _) => Some(client_as_agent(token, client, Some(class))),
        (Kind::User, None, AgentType::Declared) => client_as_actor(token, client)?,
        _ => None,
    };
    Ok(Delegation { actor, chain: chain_hops(&chain) })
}

/// A hop as it was read. Deeper hops have no class: nobody decides by them.
struct ReadHop {
    kind: Option<Kind>,
    id: String,
    class: Option<String>,
    client: Option<String>,
}

impl ReadHop {
    fn to_hop(&self) -> Hop {
        Hop { kind: self.kind, id: self.id.clone(), client: self.client.clone() }
    }

    /// An actor of unknown kind is taken for the kind of which least is assumed.
    fn to_actor(&self, depth: usize) -> Actor {
        let (kind, class) = match self.kind {
            Some(Kind::Agent) => (Kind::Agent, self.class.clone()),
            Some(kind) => (kind, None),
            None => (Kind::Agent, Some(Actor::UNCLASSIFIED.to_owned())),
        };
        Actor { kind, id: self.id.clone(), class, depth, client: self.client.clone() }
    }
}

/// The chain of the first source that applies; empty if none does.
fn stated_chain(token: &Token<'_>) -> Result<Vec<ReadHop>, ClaimsError> {
    let mut chain = Vec::new();
    let mut act_is_read = false;
    for source in &token.rules.actor {
        let applies = match &source.when {
            Some(when) => when.holds(token.view).needed_for(Purpose::Actor)?,
            None => true,
        };
        if !applies {
            continue;
        }
        chain = match &source.nested {
            Some(path) => nested_chain(token, source, path)?,
            None => vec![read_hop(token, source, token.view)?],
        };
        if !chain.is_empty() {
            act_is_read = source.nested.as_ref().is_some_and(|path| *path == [ACT]);
            break;
        }
    }
    if token.view.claims.contains_key(ACT) && !act_is_read {
        return Err(ClaimsError::ActorNotRead);
    }
    Ok(chain)
}

/// What the actor profile asks of every token: `act`, and the `iss` of the outermost actor.
fn require_act(token: &Token<'_>) -> Result<(), ClaimsError> {
    let problem = match member(token.view.claims, ACT, ACT).needed_for(Purpose::Actor)? {
        Some(act) => match act.get("iss") {
            Some(Value::String(issuer)) if !issuer.is_empty() => return Ok(()),
            Some(Value::String(_)) | None => ClaimFault::new("act.iss", ClaimProblem::Missing),
            Some(_) => ClaimFault::new("act.iss", ClaimProblem::WrongType),
        },
        None => ClaimFault::new(ACT, ClaimProblem::Missing),
    };
    Err(problem).needed_for(Purpose::Actor)
}

/// Walks in a loop: the depth is the attacker's choice.
fn nested_chain(token: &Token<'_>, source: &ActorSource, path: &[String]) -> Result<Vec<ReadHop>, ClaimsError> {
    let Some((inner, outer)) = path.split_last() else {
        return Ok(Vec::new());
    };
    let name = path.join(".");
    let mut object = Some(token.view.claims);
    for key in outer {
        object = match object {
            Some(parent) => member(parent, key, &name).needed_for(Purpose::Actor)?,
            None => None,
        };
    }
    let mut chain = Vec::new();
    while let Some(parent) = object {
        object = member(parent, inner, &name).needed_for(Purpose::Actor)?;
        if let Some(hop) = object {
            if chain.len() == MAX_HOPS {
                return Err(ClaimsError::ChainTooLong { limit: MAX_HOPS });
            }
            chain.push(read_hop(token, source, token.view.at_hop(hop))?);
        }
    }
    Ok(chain)
}

fn member<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, ClaimFault> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::Object(member)) => Ok(Some(member)),
        Some(_) => Err(ClaimFault::new(name, ClaimProblem::WrongType)),
    }
}

fn read_hop(token: &Token<'_>, source: &ActorSource, view: View<'_>) -> Result<ReadHop, ClaimsError> {
    let single = |extractor: &Option<super::profile::Extractor>| match extractor {
        Some(extractor) => extractor.single(view).needed_for(Purpose::Actor),
        None => Ok(None),
    };
    let id = source.id.required(view).needed_for(Purpose::Actor)?;
    let issuer = single(&source.issuer)?;
    let id = match issuer {
        Some(issuer) if Some(&issuer) != token.issuer.as_ref() => token.ids.foreign(&issuer, &id),
        _ => token.ids.local(&id),
    };
    let mut kind = None;
    for (when, of_kind) in &source.kinds {
        let holds = match when {
            Some(when) => when.holds(view).needed_for(Purpose::Actor)?,
            None => true,
        };
        if holds {
            kind = Some(*of_kind);
            break;
        }
    }
    Ok(ReadHop { kind, id, class: single(&source.class)?, client: single(&source.client)? })
}

/// Acting for oneself is no delegation, unless the token contradicts itself about who that is.
fn same_as_subject(hop: &ReadHop, subject: &LocalSubject) -> Result<(), ClaimsError> {
    match hop.kind {
        Some(actor) if actor != subject.kind => {
            Err(ClaimsError::ActorContradictsSubject { actor, subject: subject.kind })
        }
        _ => Ok(()),
    }
}

/// The client as an agent, if the lists or the rule for unlisted ones say so.
fn client_as_actor(token: &Token<'_>, client: Option<&str>) -> Result<Option<Actor>, ClaimsError> {
    let settings = token.source.settings();
    let class = match client {
        Some(client) if settings.agent_clients.contains(client) => None,
        Some(client) if settings.person_clients.contains(client) => return Ok(None),
        _ => match settings.unlisted_clients {
            Some(UnlistedClients::Person) => return Ok(None),
            Some(UnlistedClients::Agent) => Some(Actor::UNLISTED.to_owned()),
            Some(UnlistedClients::Deny) | None => return Err(ClaimsError::UnlistedClient),
        },
    };
    Ok(Some(client_as_agent(token, client, class)))
}

fn client_as_agent(token: &Token<'_>, client: Option<&str>, class: Option<String>) -> Actor {
    let id = client.map_or_else(|| token.ids.nameless(), |client| token.ids.local(client));
    Actor { kind: Kind::Agent, id, class, depth: 1, client: client.map(str::to_owned) }
}

/// The claim of RFC 8693 §4.1. If it is there, it must be read.
pub(super) const ACT: &str = "act";

/// Hops of a chain. Exchanges in use have three or four; each costs a chain of extractors.
const MAX_HOPS: usize = 8;
