//! How long tokens may live.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::{ClaimFault, ClaimProblem, ClaimsError, NeededFor, Purpose};
use crate::claims::{Credential, Kind};
use crate::duration::parse_duration;
use crate::time::UnixTime;

/// How long the tokens of a source may live, from `iat` to `exp`, by what their subject is.
///
/// A token that does not say both is refused where there is a limit. Limits do not concern API keys, which have their
/// own greatest age.
///
/// # Default
///
/// One hour for services and autonomous agents, which can fetch a new token at any time; none for users.
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::{Kind, MaxLifetime};
///
/// let limits: MaxLifetime = serde_json::from_str(r#"{ "user": "24h", "service": "none" }"#)?;
/// assert_eq!(limits.of(Kind::User), Some(Duration::from_secs(86_400)));
/// assert_eq!(limits.of(Kind::Service), None);
/// assert_eq!(limits.of(Kind::Agent), MaxLifetime::default().of(Kind::Agent));
/// let limits: MaxLifetime = serde_json::from_str(r#""12h""#)?;
/// assert_eq!(limits.of(Kind::Agent), Some(Duration::from_secs(43_200)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxLifetime {
    user: Option<Duration>,
    service: Option<Duration>,
    agent: Option<Duration>,
}

impl MaxLifetime {
    /// The limit for tokens whose subject is of this kind; `None` if there is none.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::User => self.user,
            Kind::Service => self.service,
            Kind::Agent => self.agent,
        }
    }

    /// Refuses a credential that lives for longer, or that may.
    pub(super) fn check(
        &self,
        kind: Kind,
        credential: Credential,
        issued_at: Option<UnixTime>,
        expires_at: Option<UnixTime>,
    ) -> Result<(), ClaimsError> {
        let Some(limit) = self.of(kind).filter(|_| credential == Credential::AccessToken) else {
            return Ok(());
        };
        let stated = |time: Option<UnixTime>, claim| {
            time.ok_or_else(|| ClaimFault::new(claim, ClaimProblem::Missing)).needed_for(Purpose::Lifetime)
        };
        let lifetime = stated(expires_at, "exp")?.since(stated(issued_at, "iat")?);
        if lifetime > limit { Err(ClaimsError::LifetimeTooLong { kind, lifetime, limit }) } else { Ok(()) }
    }
}

impl Default for MaxLifetime {
    fn default() -> Self {
        Self { user: None, service: Some(ONE_HOUR), agent: Some(ONE_HOUR) }
    }
}

/// A duration for all kinds, or a table with a duration or `"none"` for some of them.
impl<'de> Deserialize<'de> for MaxLifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaxLifetimeVisitor)
    }
}

struct MaxLifetimeVisitor;

impl<'de> Visitor<'de> for MaxLifetimeVisitor {
    type Value = MaxLifetime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `\"24h\"`, or a table with one for each kind")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MaxLifetime, E> {
        let limit = duration(text)?;
        Ok(MaxLifetime { user: Some(limit), service: Some(limit), agent: Some(limit) })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MaxLifetime, A::Error> {
        let limits = ByKind::deserialize(MapAccessDeserializer::new(map))?;
        let default = MaxLifetime::default();
        let or = |stated: Option<Limit>, default| stated.map_or(default, |limit| limit.0);
        Ok(MaxLifetime {
            user: or(limits.user, default.user),
            service: or(limits.service, default.service),
            agent: or(limits.agent, default.agent),
        })
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ByKind {
    user: Option<Limit>,
    service: Option<Limit>,
    agent: Option<Limit>,
}

/// A duration, or `"none"`.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
struct Limit(Option<Duration>);

impl TryFrom<String> for Limit {
    type Error = serde::de::value::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "none" { Ok(Self(None)) } else { duration(&text).map(|limit| Self(Some(limit))) }
    }
}

fn duration<E: Error>(text: &str) -> Result<Duration, E> {
    parse_duration(text).ok_or_else(|| {
        E::custom(format_args!("`{text}` is not a duration; write a whole number and one of s, m, h, d, such as `24h`"))
    })
}

const ONE_HOUR: Duration = Duration::from_secs(3_600);
