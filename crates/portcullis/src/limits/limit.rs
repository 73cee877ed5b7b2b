//! One limit: which requests it counts, and in which buckets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use portcullis_core::{Caller, Kind};
use serde::Deserialize;

use super::store::Quota;

/// A limit, as the settings state it.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) name: Arc<str>,
    /// The traffic that it is for; `None` for all, also for requests without a token.
    pub(crate) class: Option<Class>,
    /// What each bucket is for.
    pub(crate) per: BTreeSet<Part>,
    pub(crate) quota: Quota,
    /// The tokens that a request costs, by action. Others cost one.
    pub(crate) costs: BTreeMap<String, NonZeroU32>,
    pub(crate) counts: Counts,
    pub(crate) on_store_failure: OnStoreFailure,
}

impl Limit {
    /// Whether it is for `counted`, if that is what it counts.
    ///
    /// Failed authentication from an address that is not known is not counted: it would be everybody's.
    pub(super) fn is_for(&self, counted: &Counted<'_>) -> bool {
        let known = self.counts != Counts::FailedAuthentication || counted.peer.is_some();
        let class = counted.caller.map(Class::of);
        known && self.class.is_none_or(|limited| class == Some(limited))
    }

    pub(super) fn cost(&self, action: Option<&str>) -> u32 {
        action.and_then(|action| self.costs.get(action)).map_or(1, |cost| cost.get())
    }
}

/// Traffic by who acts: the actor, or else the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    Human,
    Service,
    Agent,
}

impl Class {
    pub(super) fn of(caller: &Caller) -> Self {
        caller.actor().map_or(caller.subject().kind, |actor| actor.kind).into()
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Agent => "agent",
        }
    }
}

impl From<Kind> for Class {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::Human,
            Kind::Service => Self::Service,
            Kind::Agent => Self::Agent,
        }
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Counts {
    /// Requests that are let in.
    #[default]
    Requests,
    /// Requests that are denied before the handler.
    Denials,
    /// Credentials that are not accepted.
    FailedAuthentication,
}

/// What becomes of a request that the store could not count. It is never let in uncounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnStoreFailure {
    /// It is answered with 503.
    Deny,
    /// This replica counts it alone, against the same quota.
    Local,
}

impl OnStoreFailure {
    /// Agents repeat themselves without end, and of traffic without a class nobody knows what it is. People and services were
    /// let in one by one: what they can do with a quota at each replica is bounded, and an outage for all of them is not
    /// worth more. Nor is it where failed authentication is counted, which concerns everybody.
    pub(crate) fn default_for(class: Option<Class>, counts: Counts) -> Self {
        match (class, counts) {
            (_, Counts::FailedAuthentication) | (Some(Class::Human | Class::Service), _) => Self::Local,
            (Some(Class::Agent) | None, _) => Self::Deny,
        }
    }
}

/// A part of the key of a bucket. An absent part is a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    Actor,
    Subject,
    Client,
    Tenant,
    Action,
    Issuer,
    Peer,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Subject => "subject",
            Self::Client => "client",
            Self::Tenant => "tenant",
            Self::Action => "action",
            Self::Issuer => "issuer",
            Self::Peer => "peer",
        }
    }
}

/// What is counted. All of it was verified, or comes from the connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted<'a> {
    pub(crate) caller: Option<&'a Caller>,
    /// `None` if the handler will name it.
    pub(crate) action: Option<&'a str>,
    pub(crate) peer: Option<IpAddr>,
}

impl Counted<'_> {
    /// The value of `part`, in pieces; none if it is absent. Ids that are unique for one issuer only are joined with their
    /// source.
    pub(super) fn value(&self, part: Part) -> Vec<Vec<u8>> {
        let pieces = |pieces: [&str; 2]| pieces.map(|piece| piece.as_bytes().to_vec()).to_vec();
        let of = |caller: &Caller| match part {
            Part::Actor => caller.actor().map(|actor| pieces([actor.kind.as_str(), &actor.id])),
            Part::Subject => Some(pieces([caller.subject().kind.as_str(), &caller.subject().id])),
            Part::Client => caller.client().map(|client| pieces([caller.source(), client])),
            Part::Tenant => caller.tenant().map(|tenant| pieces([caller.source(), tenant])),
            Part::Issuer => Some(pieces([caller.source(), caller.issuer()])),
            Part::Action | Part::Peer => None,
        };
        let value = match part {
            Part::Action => self.action.map(|action| vec![action.as_bytes().to_vec()]),
            Part::Peer => self.peer.map(|peer| vec![network(peer)]),
            _ => self.caller.and_then(of),
        };
        value.unwrap_or_default()
    }
}

/// The address of an IPv4 peer, and the network of an IPv6 peer: who has one address of 64 bits of network has them all.
fn network(peer: IpAddr) -> Vec<u8> {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}
