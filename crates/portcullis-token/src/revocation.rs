//! What is no longer accepted although it has not expired.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use portcullis_core::{Caller, Kind, Session, UnixTime};

use crate::issuer::MAX_LEEWAY;

/// Knows which credentials were revoked before they expired.
///
/// Asked about every credential, on every request, after all other checks of it; and again before anything is allowed, then
/// with the classes of agents. What is looked up are facts that were
/// verified, never the text of a token: another spelling of the same token is the same token.
pub trait Revocations: fmt::Debug + Send + Sync {
    /// Whether `presented` was revoked.
    ///
    /// # Errors
    ///
    /// If nobody can tell. That denies: the answer is 503.
    fn is_revoked(&self, presented: &Presented<'_>, now: UnixTime) -> Result<bool, RevocationsUnavailable>;
}

impl<R: Revocations + ?Sized> Revocations for Arc<R> {
    fn is_revoked(&self, presented: &Presented<'_>, now: UnixTime) -> Result<bool, RevocationsUnavailable> {
        R::is_revoked(self, presented, now)
    }
}

/// What a revocation can name of a credential.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Presented<'a> {
    /// The alias of its source.
    pub source: &'a str,
    /// Its id (`jti`), if it has one.
    pub token_id: Option<&'a str>,
    /// The key that signed it (`kid`), if it names one.
    pub key_id: Option<&'a str>,
    /// The kind and the id of the subject, as in policies and in the log.
    pub subject: (Kind, &'a str),
    /// The kind and the id of the outermost actor, if somebody acts for the subject.
    pub actor: Option<(Kind, &'a str)>,
    /// The client id, as in the token.
    pub client: Option<&'a str>,
    /// When it was issued, if it says so.
    pub issued_at: Option<UnixTime>,
    /// The classes of agents in which the subject or the actor is. Empty until the bundle was asked, which is done before
    /// anything is allowed.
    pub agent_classes: &'a [String],
}

impl<'a> Presented<'a> {
    /// The facts of the credential that `caller` is behind, without the classes of agents.
    #[must_use]
    pub fn new(caller: &'a Caller) -> Self {
        let subject = caller.subject();
        Self {
            source: caller.source(),
            token_id: caller.jti(),
            key_id: caller.key_id(),
            subject: (subject.kind, &subject.id),
            actor: caller.actor().map(|actor| (actor.kind, actor.id.as_str())),
            client: caller.client(),
            issued_at: caller.issued_at(),
            agent_classes: &[],
        }
    }

    /// All facts of the credential of `session`.
    #[must_use]
    pub fn of_session(session: &'a Session) -> Self {
        Self { agent_classes: session.agent_classes(), ..Self::new(session.caller()) }
    }

    /// Everything that names this credential.
    fn targets(&self) -> impl Iterator<Item = Target<'a>> {
        let source = Cow::Borrowed(self.source);
        let of_source = |name: Option<&'a str>, target: fn(Cow<'a, str>, Cow<'a, str>) -> Target<'a>| {
            name.map(|name| target(source.clone(), Cow::Borrowed(name)))
        };
        let (kind, id) = self.subject;
        let classes = self.agent_classes.iter().map(|name| Target::AgentClass { name: Cow::Borrowed(name) });
        [
            Some(Target::Everything),
            Some(Target::Source { alias: source.clone() }),
            Some(Target::Subject { kind, id: Cow::Borrowed(id) }),
            self.actor.map(|(kind, id)| Target::Actor { kind, id: Cow::Borrowed(id) }),
            of_source(self.token_id, |source, id| Target::Token { source, id }),
            of_source(self.client, |source, id| Target::Client { source, id }),
            of_source(self.key_id, |source, id| Target::Key { source, id }),
        ]
        .into_iter()
        .flatten()
        .chain(classes)
    }
}

/// Nobody can tell whether a credential was revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("revocations are not available: {reason}")]
#[expect(clippy::exhaustive_structs, reason = "every store has to say both")]
pub struct RevocationsUnavailable {
    /// Why not, for the log.
    pub reason: String,
    /// How long to wait before another attempt is made.
    pub retry_after: Duration,
}

/// What is revoked.
///
/// Ids of subjects and actors are those of policies and of the log: where there are several sources, they name theirs.
/// What else is named is unique only at its source, so the source is named with it, by its alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target<'a> {
    /// Every credential of every source.
    Everything,
    /// Every credential of one source.
    Source {
        /// The alias.
        alias: Cow<'a, str>,
    },
    /// One credential.
    Token {
        /// The alias of its source.
        source: Cow<'a, str>,
        /// Its id (`jti`).
        id: Cow<'a, str>,
    },
    /// Whatever was issued for one subject, whoever acts with it.
    Subject {
        /// What the subject is.
        kind: Kind,
        /// Its id.
        id: Cow<'a, str>,
    },
    /// Whatever one actor uses for others: the outermost of a chain.
    Actor {
        /// What the actor is.
        kind: Kind,
        /// Its id.
        id: Cow<'a, str>,
    },
    /// Whatever agents of one class use, for themselves or for others. `entities.json` or the token says which class an agent
    /// is in, `unlisted` and `unclassified` included.
    AgentClass {
        /// The name of the class.
        name: Cow<'a, str>,
    },
    /// Whatever was issued to one client.
    Client {
        /// The alias of its source.
        source: Cow<'a, str>,
        /// The client id.
        id: Cow<'a, str>,
    },
    /// Whatever one key has signed.
    Key {
        /// The alias of the source.
        source: Cow<'a, str>,
        /// The key id (`kid`).
        id: Cow<'a, str>,
    },
}

/// Revocations in the memory of this process, of bounded number.
///
/// Each holds until a given time, which should be the time when the last credential concerned expires: afterwards it
/// could change nothing. The leeway of clocks is added to it, so plain `exp` will do.
///
/// ```
/// use std::num::NonZeroUsize;
/// use portcullis_core::{Kind, UnixTime};
/// use portcullis_token::{RevocationList, Target};
///
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let tomorrow = now.plus(std::time::Duration::from_secs(86_400));
/// let revoked = RevocationList::new(NonZeroUsize::new(100_000).unwrap());
/// revoked.revoke(Target::Token { source: "main".into(), id: "t-1".into() }, tomorrow, now)?;
/// // Logs `ann` out everywhere; what is issued to her from now on is accepted.
/// revoked.revoke_issued_until(now, Target::Subject { kind: Kind::User, id: "ann".into() }, tomorrow, now)?;
/// # Ok::<(), portcullis_token::RevocationListFull>(())
/// ```
pub struct RevocationList {
    entries: RwLock<HashMap<Target<'static>, Revocation>>,
    capacity: NonZeroUsize,
}

/// What is revoked of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "every store has to keep all of it")]
pub struct Revocation {
    /// Everything, until then.
    pub all: Option<UnixTime>,
    /// What was issued at or before the first time, or does not say when, until the second.
    pub issued_until: Option<(UnixTime, UnixTime)>,
}

impl RevocationList {
    /// An empty list that has room for revocations of `capacity` targets.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self { entries: RwLock::default(), capacity }
    }

    /// Revokes `target` until `until`, whenever it was issued.
    ///
    /// # Errors
    ///
    /// [`RevocationListFull`]: nothing was revoked.
    pub fn revoke(&self, target: Target<'_>, until: UnixTime, now: UnixTime) -> Result<(), RevocationListFull> {
        self.add(target, Revocation { all: Some(until), issued_until: None }, now)
    }

    /// Revokes, until `until`, what of `target` was issued at `last` or before, or does not say when it was issued.
    ///
    /// # Errors
    ///
    /// [`RevocationListFull`]: nothing was revoked.
    pub fn revoke_issued_until(
        &self,
        last: UnixTime,
        target: Target<'_>,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<(), RevocationListFull> {
        self.add(target, Revocation { all: None, issued_until: Some((last, until)) }, now)
    }

    /// Revokes `revocation` of `target`, besides what is revoked of it already.
    ///
    /// # Errors
    ///
    /// [`RevocationListFull`]: nothing was revoked.
    pub fn add(&self, target: Target<'_>, revocation: Revocation, now: UnixTime) -> Result<(), RevocationListFull> {
        let target = target.into_owned();
        let mut entries = self.write();
        if !entries.contains_key(&target) && entries.len() >= self.capacity.get() {
            entries.retain(|_, entry| entry.is_alive(now));
            if entries.len() >= self.capacity.get() {
                return Err(RevocationListFull { capacity: self.capacity });
            }
        }
        entries.entry(target).or_default().join(revocation);
        Ok(())
    }

    /// As [`RevocationList::add`], whatever the capacity: for what was revoked elsewhere, where there was room for it.
    pub fn adopt(&self, target: Target<'_>, revocation: Revocation) {
        self.write().entry(target.into_owned()).or_default().join(revocation);
    }

    /// Forgets what is over at `now`. When the list is full, that happens by itself.
    pub fn forget(&self, now: UnixTime) {
        self.write().retain(|_, entry| entry.is_alive(now));
    }

    /// Everything that is revoked, in no order, over ones included that are not cleared away yet.
    #[must_use]
    pub fn entries(&self) -> Vec<(Target<'static>, Revocation)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(target, entry)| (target.clone(), *entry)).collect()
    }

    /// How many targets have revocations, over ones included that are not cleared away yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each change is whole, so a poisoned lock holds nothing half done.
    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Target<'static>, Revocation>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revocations for RevocationList {
    fn is_revoked(&self, presented: &Presented<'_>, now: UnixTime) -> Result<bool, RevocationsUnavailable> {
        let guard = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        // The targets of a request live shorter than those of the list; a shared reference may forget the difference.
        let entries: &HashMap<Target<'_>, Revocation> = &guard;
        let hits =
            |target: &Target<'_>| entries.get(target).is_some_and(|entry| entry.revokes(presented.issued_at, now));
        Ok(!entries.is_empty() && presented.targets().any(|target| hits(&target)))
    }
}

impl Revocation {
    /// When it is over: credentials may be accepted for some time after they expired, by the leeway of their issuer.
    #[must_use]
    pub fn ends(&self) -> UnixTime {
        let ends = [self.all, self.issued_until.map(|(_, until)| until)];
        ends.into_iter().flatten().max().map_or(UnixTime::EPOCH, |until| until.plus(MAX_LEEWAY))
    }

    /// Revokes what `other` revokes, too. A revocation never shortens another one.
    pub fn join(&mut self, other: Self) {
        self.all = self.all.max(other.all);
        self.issued_until = match (self.issued_until, other.issued_until) {
            (Some((last, until)), Some((other, end))) => Some((last.max(other), until.max(end))),
            (known, other) => known.or(other),
        };
    }

    fn revokes(&self, issued_at: Option<UnixTime>, now: UnixTime) -> bool {
        let all = self.all.is_some_and(|until| holds(until, now));
        let issued = self.issued_until.is_some_and(|(last, until)| {
            // What does not say when it was issued may have been issued before.
            holds(until, now) && issued_at.is_none_or(|issued_at| issued_at <= last)
        });
        all || issued
    }

    fn is_alive(&self, now: UnixTime) -> bool {
        now < self.ends()
    }
}

fn holds(until: UnixTime, now: UnixTime) -> bool {
    now < until.plus(MAX_LEEWAY)
}

impl Target<'_> {
    /// The same, with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Target<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Everything => Target::Everything,
            Self::Source { alias } => Target::Source { alias: own(alias) },
            Self::Token { source, id } => Target::Token { source: own(source), id: own(id) },
            Self::Subject { kind, id } => Target::Subject { kind, id: own(id) },
            Self::Actor { kind, id } => Target::Actor { kind, id: own(id) },
            Self::AgentClass { name } => Target::AgentClass { name: own(name) },
            Self::Client { source, id } => Target::Client { source: own(source), id: own(id) },
            Self::Key { source, id } => Target::Key { source: own(source), id: own(id) },
        }
    }
}

/// Whom a service has locked out is nobody's business: only the number shows.
impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList").field("len", &self.len()).field("capacity", &self.capacity).finish()
    }
}

/// There is no room for another revocation, and none of those that hold may be forgotten.
///
/// Revoke something larger instead, such as the subject, the client or the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the revocation list is full: {capacity} targets; revoke something larger, such as the client or the source")]
#[non_exhaustive]
pub struct RevocationListFull {
    /// The number of targets that there is room for.
    pub capacity: NonZeroUsize,
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_767_226_000).unwrap();
    const HOUR: Duration = Duration::from_secs(3_600);

    static CLASSES: OnceLock<Vec<String>> = OnceLock::new();

    fn presented() -> Presented<'static> {
        Presented {
            source: "main",
            token_id: Some("t-1"),
            key_id: Some("as-1"),
            subject: (Kind::User, "ann"),
            actor: Some((Kind::Agent, "scribe")),
            client: Some("web"),
            issued_at: Some(NOW.minus(Duration::from_secs(400))),
            agent_classes: CLASSES.get_or_init(|| vec!["all".to_owned(), "trusted".to_owned()]),
        }
    }

    fn list(capacity: usize) -> RevocationList {
        RevocationList::new(NonZeroUsize::new(capacity).unwrap())
    }

    fn token(id: &str) -> Target<'_> {
        Target::Token { source: "main".into(), id: id.into() }
    }

    #[test]
    fn a_revocation_stops_what_it_names_and_nothing_else() {
        // SEC-03
        let user = |id| Target::Subject { kind: Kind::User, id };
        let source = || Cow::Borrowed("main");
        for (target, hits) in [
            (Target::Everything, true),
            (Target::Source { alias: source() }, true),
            (Target::Source { alias: "other".into() }, false),
            (token("t-1"), true),
            (token("t-2"), false),
            (Target::Token { source: "other".into(), id: "t-1".into() }, false), // an id is unique at its issuer only
            (user("ann".into()), true),
            (user("bob".into()), false),
            (user("scribe".into()), false),
            (Target::Subject { kind: Kind::Service, id: "ann".into() }, false), // M2M-01: another kind, another principal
            (Target::Actor { kind: Kind::Agent, id: "scribe".into() }, true),
            (Target::Actor { kind: Kind::User, id: "ann".into() }, false), // the subject is not who acts
            (Target::AgentClass { name: "trusted".into() }, true),
            (Target::AgentClass { name: "all".into() }, true), // whatever else it is
            (Target::AgentClass { name: "scribe".into() }, false), // the name of an agent is not that of a class
            (Target::Client { source: source(), id: "web".into() }, true),
            (Target::Client { source: "other".into(), id: "web".into() }, false),
            (Target::Key { source: source(), id: "as-1".into() }, true),
            (Target::Key { source: "other".into(), id: "as-1".into() }, false),
        ] {
            let list = list(10);
            assert_eq!(list.is_revoked(&presented(), NOW), Ok(false));
            list.revoke(target.clone(), NOW.plus(HOUR), NOW).unwrap();
            assert_eq!(list.is_revoked(&presented(), NOW), Ok(hits), "{target:?}");
        }
    }

    #[test]
    fn a_fact_that_a_credential_lacks_is_never_matched() {
        let bare = Presented { token_id: None, key_id: None, actor: None, client: None, ..presented() };
        let list = list(10);
        for target in [token(""), Target::Client { source: "main".into(), id: "".into() }] {
            list.revoke(target, NOW.plus(HOUR), NOW).unwrap();
        }
        assert_eq!(list.is_revoked(&bare, NOW), Ok(false));
    }

    #[test]
    fn what_was_issued_later_is_accepted() {
        // SEC-03: the whole second counts, since a token may have been issued in it and before the revocation.
        let issued = |at: Option<UnixTime>| Presented { issued_at: at, ..presented() };
        let targets = [
            Target::Everything,
            Target::Source { alias: "main".into() },
            Target::Subject { kind: Kind::User, id: "ann".into() },
        ];
        for target in targets {
            let list = list(10);
            list.revoke_issued_until(NOW, target, NOW.plus(HOUR), NOW).unwrap();
            let second = Duration::from_secs(1);
            for (at, revoked) in
                [(Some(NOW.minus(second)), true), (Some(NOW), true), (None, true), (Some(NOW.plus(second)), false)]
            {
                assert_eq!(list.is_revoked(&issued(at), NOW), Ok(revoked), "{at:?}");
            }
        }
    }

    #[test]
    fn a_second_revocation_never_shortens_the_first() {
        let list = list(10);
        list.revoke(token("t-1"), NOW.plus(HOUR), NOW).unwrap();
        list.revoke(token("t-1"), NOW, NOW).unwrap();
        list.revoke_issued_until(UnixTime::EPOCH, token("t-1"), NOW, NOW).unwrap();
        assert_eq!(list.is_revoked(&presented(), NOW.plus(HOUR)), Ok(true));
        let everything = Target::Everything;
        list.revoke_issued_until(NOW, everything.clone(), NOW.plus(HOUR * 3), NOW).unwrap();
        list.revoke_issued_until(UnixTime::EPOCH, everything, NOW, NOW).unwrap();
        assert_eq!(list.is_revoked(&presented(), NOW.plus(HOUR * 2)), Ok(true));
    }

    #[test]
    fn revocations_expire_with_the_tokens_and_their_leeway() {
        // SEC-03
        let list = list(10);
        list.revoke(token("t-1"), NOW.plus(HOUR), NOW).unwrap();
        let end = NOW.plus(HOUR).plus(MAX_LEEWAY);
        assert_eq!(list.is_revoked(&presented(), end.minus(Duration::from_secs(1))), Ok(true));
        assert_eq!(list.is_revoked(&presented(), end), Ok(false));
    }

    #[test]
    fn a_full_list_forgets_only_what_is_over() {
        let list = list(2);
        list.revoke(token("t-1"), NOW.plus(HOUR), NOW).unwrap();
        list.revoke(token("t-2"), NOW.plus(HOUR * 2), NOW).unwrap();
        assert!(list.revoke(token("t-3"), NOW.plus(HOUR * 2), NOW).is_err());
        assert_eq!(list.is_revoked(&presented(), NOW), Ok(true), "the refused one displaced nothing");
        // A target that is there already needs no room.
        list.revoke(token("t-2"), NOW.plus(HOUR * 3), NOW).unwrap();
        let later = NOW.plus(HOUR * 2);
        list.revoke(token("t-3"), later.plus(HOUR), later).unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list.is_revoked(&Presented { token_id: Some("t-2"), ..presented() }, later), Ok(true));
    }

    #[test]
    fn what_was_revoked_elsewhere_needs_no_room() {
        let list = list(1);
        let revoked = |until| Revocation { all: Some(until), issued_until: None };
        list.adopt(token("t-1"), revoked(NOW.plus(HOUR)));
        list.adopt(token("t-2"), revoked(NOW.plus(HOUR * 2)));
        assert_eq!(list.is_revoked(&presented(), NOW), Ok(true));
        assert!(list.revoke(token("t-3"), NOW.plus(HOUR), NOW).is_err());
        let later = NOW.plus(HOUR).plus(MAX_LEEWAY);
        list.forget(later);
        assert_eq!(list.entries(), [(token("t-2"), revoked(NOW.plus(HOUR * 2)))]);
    }

    #[test]
    fn nobody_is_named_in_the_debug_form() {
        let list = list(2);
        list.revoke(Target::Subject { kind: Kind::User, id: "ann".into() }, NOW.plus(HOUR), NOW).unwrap();
        assert!(!format!("{list:?}").contains("ann"));
    }
}
