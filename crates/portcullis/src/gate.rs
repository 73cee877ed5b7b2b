//! The gate: a request in, an admission or an answer out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    Action, Bundle, Caller, Decision, Discharge, Engine, Facts, Permit, Request, ResourceData, Session, UnixTime,
};
use portcullis_token::{ApiKeys, KeyPlace, Revocations, Verifier};

use crate::admission::{Admission, Visit};
use crate::answer::Answer;
use crate::challenge::{Challenge, is_quotable};
use crate::clock::{Clock, SystemClock};
use crate::credentials::Credentials;
use crate::decision_id::DecisionId;
use crate::directory::{BoxFuture, Directory, DirectoryError, StaticDirectory};
use crate::duties::Duties;
use crate::head::{RequestHead, RouteMatch};
use crate::observe;
use crate::refusal::{Defect, Refusal, chain};
use crate::revocation;
use crate::routes::{RouteTable, Target, Unroutable};

/// What a service holds: it lets a request through or says what to answer instead.
///
/// Cheap to clone. It needs a tokio runtime with its timer enabled, to wait for a [`Directory`] for a bounded time.
///
/// # Defaults
///
/// - The clock is the system's.
/// - Nothing is known beyond tokens and bundle: [`StaticDirectory`]. Another directory has 2 seconds to answer.
/// - The realm of challenges is `api`.
/// - Nothing is revoked before it expires.
/// - No obligation has a handler, so a permit with an obligation permits nothing.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Parts>);

struct Parts {
    engine: Engine,
    routes: RouteTable,
    verifier: Verifier,
    clock: Box<dyn Clock>,
    directory: Box<dyn Directory>,
    directory_timeout: Duration,
    duties: Duties,
    realm: String,
    revocations: Option<Box<dyn Revocations>>,
}

impl Gate {
    /// Starts a gate for `bundle` that believes the tokens that `verifier` accepts.
    pub fn builder(bundle: Arc<Bundle>, verifier: Verifier) -> GateBuilder {
        GateBuilder {
            bundle,
            verifier,
            clock: Box::new(SystemClock),
            directory: Box::new(StaticDirectory),
            directory_timeout: DIRECTORY_TIMEOUT,
            duties: Duties::default(),
            realm: REALM.to_owned(),
            revocations: None,
        }
    }

    /// The bundle that it decides by.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        self.0.engine.bundle()
    }

    /// Lets a request through, or says what to answer.
    ///
    /// The token is verified, the caller prepared, the action found by the framework's own route. Then the engine
    /// decides; for an action that is decided in the handler, it denies what needs no resource to be denied.
    ///
    /// # Errors
    ///
    /// The answer to send instead of calling the handler. The refusal is logged.
    pub async fn open(&self, head: &RequestHead<'_>) -> Result<Admission, Answer> {
        let now = self.0.clock.now();
        let id = DecisionId::new(now);
        let mut found = Found::default();
        let refusal = match self.admit(head, now, &mut found).await {
            Ok(Entry { target, permit }) => {
                let session = found.session;
                return Ok(Visit::new(self.clone(), id, now, head, session, target, permit).into());
            }
            Err(refusal) => refusal,
        };
        let answer = self.answer(&refusal, id, head.method());
        observe::Event {
            id,
            method: head.method(),
            route: head.route().map(RouteMatch::pattern),
            action: found.action.as_deref(),
            session: found.session.as_deref(),
            outcome: observe::Outcome::Refused(&refusal),
            status: Some(answer.status()),
        }
        .emit();
        Err(answer)
    }

    pub(crate) fn answer(&self, refusal: &Refusal, id: DecisionId, method: &http::Method) -> Answer {
        let answer = Answer::of(refusal, &self.0.realm, id, method);
        match self.key_place() {
            Some(KeyPlace::Scheme) => answer.or_with(&Challenge::api_key(&self.0.realm)),
            _ => answer,
        }
    }

    /// Where requests carry API keys, if they are accepted.
    fn key_place(&self) -> Option<&KeyPlace> {
        self.0.verifier.api_keys().map(ApiKeys::place)
    }

    /// Decides and discharges.
    pub(crate) fn decide(
        &self,
        session: Option<&Session>,
        action: &str,
        resource: &ResourceData,
        facts: Facts,
        now: UnixTime,
    ) -> Result<Permit, Refusal> {
        let bundle = self.bundle();
        let request = Request::new(action, resource, now).with_facts(facts);
        let public = bundle.action(action).is_some_and(Action::is_public);
        let decision = match session.filter(|_| !public) {
            Some(session) => session.decide(&request),
            // Denies whatever is not public.
            None => self.0.engine.decide_public(&request),
        };
        match decision {
            Decision::Allow(grant) => {
                grant.discharge(&self.0.duties).map_err(|undone| Defect::Undischarged(undone).into())
            }
            Decision::Deny(denial) => Err(Refusal::denied(bundle, session, denial, Some(resource.entity_type()))),
        }
    }

    /// The steps of [`Gate::open`], in the order of their answers: a caller whose credentials are wrong learns nothing
    /// of routes, and one whose token is not valid learns nothing of policies.
    async fn admit(&self, head: &RequestHead<'_>, now: UnixTime, found: &mut Found) -> Result<Entry, Refusal> {
        let credentials = Credentials::read(head.headers(), self.key_place())?;
        let target = self.find(head);
        let action = target.as_ref().ok().and_then(|(target, _)| self.action(target));
        found.action = action.map(|action| action.name().to_owned());
        let session = match &credentials {
            Credentials::Bearer(_) | Credentials::ApiKey(_) => {
                let caller = self.caller(&credentials, now).await?;
                // Before the directory is asked: it is not to be bothered for a route that does not exist.
                if target.is_ok() {
                    let known = self.ask(self.0.directory.principal(&caller)).await?;
                    Some(Arc::new(self.0.engine.session_with(caller, &known)?))
                } else {
                    None
                }
            }
            Credentials::None if action.is_some_and(Action::is_public) => None,
            Credentials::None => return Err(Refusal::NoCredentials),
        };
        found.session = session.clone();
        let (target, route) = target?;
        let permit = match action {
            Some(action) => self.decide_before_handler(action, target, route, session.as_deref(), now).await?,
            None => None,
        };
        Ok(Entry { target: target.clone(), permit: permit.map(Arc::new) })
    }

    fn find<'a>(&'a self, head: &RequestHead<'a>) -> Result<(&'a Target, &'a RouteMatch), Refusal> {
        let route = head.route().ok_or(Refusal::NoRoute)?;
        let target = self.0.routes.find(head.method(), route).map_err(|error| match error {
            Unroutable::NoAction => Refusal::NoAction,
            Unroutable::MethodNotAllowed { allowed } => Refusal::MethodNotAllowed { allowed },
        })?;
        Ok((target, route))
    }

    fn action(&self, target: &Target) -> Option<&Action> {
        match target {
            Target::Action { name, .. } => self.bundle().action(name),
            Target::Via(_) => None,
        }
    }

    async fn caller(&self, credentials: &Credentials<'_>, now: UnixTime) -> Result<Caller, Refusal> {
        let claims = match (credentials, self.0.verifier.api_keys()) {
            (Credentials::Bearer(token), _) => self.0.verifier.verify(token.0, now).await?,
            (Credentials::ApiKey(key), Some(keys)) => keys.verify(key.0, now).await?,
            (Credentials::ApiKey(_), None) | (Credentials::None, _) => return Err(Refusal::NoCredentials),
        };
        let caller = self.0.engine.caller(&claims)?;
        if let Some(revocations) = &self.0.revocations {
            revocation::refuse_revoked(revocations.as_ref(), &claims, &caller, now)?;
        }
        Ok(caller)
    }

    /// `None` if the handler decides, and nothing speaks against it yet.
    async fn decide_before_handler(
        &self,
        action: &Action,
        target: &Target,
        route: &RouteMatch,
        session: Option<&Session>,
        now: UnixTime,
    ) -> Result<Option<Permit>, Refusal> {
        let values = route.values().ok_or(Refusal::UnreadablePath)?;
        let named = target.resource_named(action, values, session)?;
        let supplied = named.as_ref().is_some_and(|(entity_type, _)| self.is_supplied(entity_type));
        // What is hopeless whatever the resource is costs no lookup, and learns nothing from how a lookup ends.
        if (action.is_deferred() || supplied)
            && let Some(denial) = session.and_then(|session| session.deny_early(action.name(), now))
        {
            let entity_type = named.as_ref().map(|(entity_type, _)| entity_type.as_str());
            return Err(Refusal::denied(self.bundle(), session, denial, entity_type));
        }
        if action.is_deferred() {
            return Ok(None);
        }
        let resource = match named {
            Some((entity_type, id)) if supplied => self.look_up(&entity_type, &id).await?,
            // Nothing reads more of it than its id: else the bundle would not have loaded.
            Some((entity_type, id)) => ResourceData::bare(entity_type, id),
            // A public action may be about nothing; for any other, the engine refuses a resource without type.
            None => ResourceData::bare("", ""),
        };
        self.decide(session, action.name(), &resource, Facts::none(), now).map(Some)
    }

    fn is_supplied(&self, entity_type: &str) -> bool {
        self.bundle().supplied().any(|supplied| supplied == entity_type)
    }

    async fn look_up(&self, entity_type: &str, id: &str) -> Result<ResourceData, Refusal> {
        let resource = self.ask(self.0.directory.resource(entity_type, id)).await?.ok_or(Refusal::Absent)?;
        if (resource.entity_type(), resource.id()) == (entity_type, id) {
            Ok(resource)
        } else {
            Err(Defect::OtherResource.into())
        }
    }

    async fn ask<T>(&self, answer: BoxFuture<'_, Result<T, DirectoryError>>) -> Result<T, Refusal> {
        let reason = match tokio::time::timeout(self.0.directory_timeout, answer).await {
            Ok(Ok(known)) => return Ok(known),
            Ok(Err(error)) => chain(&error),
            Err(_) => "the directory did not answer in time".to_owned(),
        };
        Err(Refusal::Unavailable { retry_after: RETRY_AFTER, reason })
    }
}

/// What the log wants to know of a request that is refused on the way.
#[derive(Default)]
struct Found {
    action: Option<String>,
    session: Option<Arc<Session>>,
}

/// What a request is let in for.
struct Entry {
    target: Target,
    permit: Option<Arc<Permit>>,
}

/// A gate with its options open. Made by [`Gate::builder`]; the defaults stand at [`Gate`].
#[must_use = "a builder guards nothing"]
pub struct GateBuilder {
    bundle: Arc<Bundle>,
    verifier: Verifier,
    clock: Box<dyn Clock>,
    directory: Box<dyn Directory>,
    directory_timeout: Duration,
    duties: Duties,
    realm: String,
    revocations: Option<Box<dyn Revocations>>,
}

impl GateBuilder {
    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Asks `directory` for what neither tokens nor the bundle say.
    pub fn directory(mut self, directory: impl Directory + 'static) -> Self {
        self.directory = Box::new(directory);
        self
    }

    /// Waits for the directory for at most `timeout`, each time it is asked.
    pub fn directory_timeout(mut self, timeout: Duration) -> Self {
        self.directory_timeout = timeout;
        self
    }

    /// Names the protection space in challenges (RFC 9110 §11.5).
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Lets `handler` discharge the obligations called `name`. It runs before the handler of the request goes on, and
    /// an error means that nothing is permitted.
    pub fn obligation(mut self, name: impl Into<String>, handler: impl Discharge + Send + Sync + 'static) -> Self {
        self.duties.insert(name.into(), Box::new(handler));
        self
    }

    /// Refuses what `revocations` says was revoked. A service that revokes while it runs keeps a handle: give it an `Arc`.
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.revocations = Some(Box::new(revocations));
        self
    }

    /// The gate.
    ///
    /// # Errors
    ///
    /// If requests would be refused, or decided on too little, that the bundle's author meant to be decided.
    pub fn build(self) -> Result<Gate, GateError> {
        if self.realm.is_empty() || !self.realm.chars().all(is_quotable) {
            return Err(GateError::Realm { realm: self.realm });
        }
        let supplies = self.directory.supplies();
        let missing = self.bundle.supplied().find(|wanted| !supplies.iter().any(|supplied| supplied == wanted));
        if let Some(entity_type) = missing {
            return Err(GateError::NotSupplied { entity_type: entity_type.to_owned() });
        }
        Ok(Gate(Arc::new(Parts {
            routes: RouteTable::new(&self.bundle),
            engine: Engine::new(self.bundle),
            verifier: self.verifier,
            clock: self.clock,
            directory: self.directory,
            directory_timeout: self.directory_timeout,
            duties: self.duties,
            realm: self.realm,
            revocations: self.revocations,
        })))
    }
}

/// Why a gate does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The bundle counts on a directory for resources that this one does not supply.
    #[error("the bundle is told that a directory supplies `{entity_type}`, and this gate's directory does not")]
    NotSupplied {
        /// The entity type.
        entity_type: String,
    },
    /// The realm cannot be written as a quoted string without escapes.
    #[error("realm `{realm}` is empty or has characters other than printable ASCII without `\"` and `\\`")]
    Realm {
        /// The realm.
        realm: String,
    },
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("bundle", &self.engine.bundle().hash())
            .field("realm", &self.realm)
            .field("duties", &self.duties)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateBuilder")
            .field("bundle", &self.bundle.hash())
            .field("realm", &self.realm)
            .field("duties", &self.duties)
            .finish_non_exhaustive()
    }
}

/// How long a directory may take: an order of magnitude above a slow query, well below the patience of clients.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(2);

/// What callers are told to wait when the application's own data are out of reach.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

const REALM: &str = "api";
