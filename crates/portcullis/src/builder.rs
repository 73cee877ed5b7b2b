//! What a gate is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use portcullis_core::{Bundle, Discharge};
use portcullis_token::{
    ApprovalSettingsError, Approvals, BindingRule, Issuer, MemoryReplayStore, ProofVerifier, ReplayScope, ReplayStore,
    Revocations, Verifier,
};

use crate::audit::{Audit, AuditLog};
use crate::challenge::is_quotable;
use crate::clock::{Clock, SystemClock};
use crate::confirm::Confirmations;
use crate::connection::Proxies;
use crate::denials::Denials;
use crate::directory::{Directory, StaticDirectory};
use crate::duties::Duties;
use crate::gate::{Gate, Parts};
use crate::limits::{Limit, LimitStore, Limits};
use crate::metadata::ProtectedResource;
use crate::query_token::QueryToken;
use crate::refusal::chain;
use crate::reload::Reloads;
use crate::rules::{Fitting, Rules};
use crate::settings::FixedSettings;
use crate::transport::Transport;

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
    resource: ProtectedResource,
    initial_scopes: Vec<String>,
    query_token: QueryToken,
    revocations: Option<Box<dyn Revocations>>,
    transport: Transport,
    proxies: Proxies,
    /// Verifies proofs, and is to remember them by the clock of the gate.
    remembering: Option<(ProofVerifier, ReplayScope)>,
    replay: Option<Arc<dyn ReplayStore>>,
    fixed_settings: Option<FixedSettings>,
    limits: Vec<Limit>,
    limit_store: Option<Arc<dyn LimitStore>>,
    approvals: Option<(Result<Approvals, ApprovalSettingsError>, ReplayScope)>,
    audit: Vec<AuditLog>,
    pub(crate) denials: Denials,
}

impl GateBuilder {
    pub(crate) fn new(bundle: Arc<Bundle>, verifier: Verifier) -> Self {
        Self {
            bundle,
            verifier,
            clock: Box::new(SystemClock),
            directory: Box::new(StaticDirectory),
            directory_timeout: DIRECTORY_TIMEOUT,
            duties: Duties::default(),
            realm: REALM.to_owned(),
            resource: ProtectedResource::default(),
            initial_scopes: Vec::new(),
            query_token: QueryToken::default(),
            revocations: None,
            transport: Transport::default(),
            proxies: Proxies::default(),
            remembering: None,
            replay: None,
            fixed_settings: None,
            limits: Vec::new(),
            limit_store: None,
            approvals: None,
            audit: Vec::new(),
            denials: Denials::default(),
        }
    }

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

    /// Publishes metadata of `resource` (RFC 9728), and lets challenges lead to them.
    pub fn resource(mut self, resource: ProtectedResource) -> Self {
        self.resource = resource;
        self
    }

    /// Names `scopes` to clients that need a token: which of them to ask for first, before it is known what they will do.
    /// The answer 401 has them as `scope`, under the names of the issuers (RFC 6750 §3). MCP clients ask for just these.
    pub fn initial_scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.initial_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Says what becomes of a request with an access token in its query.
    pub fn query_token(mut self, query_token: QueryToken) -> Self {
        self.query_token = query_token;
        self
    }

    /// Refuses credentials that were sent in plain text, as the field `field` tells: a proxy that ends TLS must set it in
    /// every request, in place of what the client wrote. `X-Forwarded-Proto` is usual.
    pub fn forwarded_scheme(mut self, field: HeaderName) -> Self {
        self.transport = Transport::Field(field);
        self
    }

    /// Accepts tokens under the scheme `DPoP` (RFC 9449), with proofs that `proofs` verifies.
    ///
    /// Used proofs are remembered in the store of `proofs`, if no other one is named by [`GateBuilder::replay_store`].
    pub fn dpop(mut self, proofs: ProofVerifier) -> Self {
        self.verifier = self.verifier.with_proofs(proofs);
        self
    }

    /// As [`GateBuilder::dpop`], with a memory of `scope`. One of this gate alone begins when it is built, by its clock.
    pub(crate) fn dpop_remembered(mut self, proofs: ProofVerifier, scope: ReplayScope) -> Self {
        self.remembering = Some((proofs, scope));
        self
    }

    /// Remembers what of the settings file no reload may change.
    pub(crate) fn fixed_settings(mut self, settings: Option<FixedSettings>) -> Self {
        self.fixed_settings = settings;
        self
    }

    /// Lets people confirm what others want to do for them, as `approvals` says (`@confirm`).
    ///
    /// Used approvals are remembered in the store that [`GateBuilder::replay_store`] names, or else in the memory of this gate:
    /// with several replicas, an approval could be used once at each.
    pub fn approvals(self, approvals: Approvals) -> Self {
        self.approvals_of(Ok(approvals), ReplayScope::OneReplica)
    }

    /// As [`GateBuilder::approvals`], with what came of the settings and a memory of `scope`.
    pub(crate) fn approvals_of(
        mut self,
        approvals: Result<Approvals, ApprovalSettingsError>,
        scope: ReplayScope,
    ) -> Self {
        self.approvals = Some((approvals, scope));
        self
    }

    /// Remembers used proofs and approvals in `store`, such as one that several replicas share. With a memory for each replica,
    /// a stolen proof could be used once at each.
    pub fn replay_store(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Counts what each of `limits` is for.
    pub(crate) fn limits(mut self, limits: Vec<Limit>) -> Self {
        self.limits = limits;
        self
    }

    /// Counts what limits count in `store`, such as one that several replicas share. Otherwise each replica counts for itself,
    /// and a caller has the quota at each.
    pub fn limit_store(mut self, store: Arc<dyn LimitStore>) -> Self {
        self.limit_store = Some(store);
        self
    }

    /// Writes a record of each request to `log`, and to those that were added before.
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.audit.push(log);
        self
    }

    /// Believes what `proxies` say of the connections that they pass on.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
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
    pub fn build(mut self) -> Result<Gate, GateError> {
        if let Some((proofs, scope)) = self.remembering.take() {
            if scope == ReplayScope::Shared && self.replay.is_none() {
                return Err(GateError::NoSharedReplay);
            }
            let memory = Arc::new(MemoryReplayStore::new(self.clock.now()));
            self.verifier = self.verifier.with_proofs(proofs.with_replay(memory));
        }
        let confirmations = self.confirmations()?;
        if let Some(store) = self.replay.take() {
            self.verifier = self.verifier.with_replay(store);
        }
        if self.realm.is_empty() || !self.realm.chars().all(is_quotable) {
            return Err(GateError::Realm { realm: self.realm });
        }
        let needs_proofs = |issuer: &&Issuer| issuer.binding() == BindingRule::Dpop && self.verifier.proofs().is_none();
        if let Some(issuer) = self.verifier.issuers().find(needs_proofs) {
            return Err(GateError::NoProofs { alias: issuer.alias().to_owned() });
        }
        let mut parts = Parts {
            audit: None,
            denials: self.denials,
            limits: Limits::new(self.limits, self.limit_store),
            confirmations,
            reloads: Reloads::default(),
            fixed_settings: self.fixed_settings,
            resource: self.resource,
            initial_scopes: self.initial_scopes,
            query_token: self.query_token,
            revocations: self.revocations,
            transport: self.transport,
            proxies: self.proxies,
            dpop_algs: self.verifier.proofs().map(ProofVerifier::algs),
            verifier: self.verifier,
            clock: self.clock,
            directory: self.directory,
            directory_timeout: self.directory_timeout,
            duties: self.duties,
            realm: self.realm,
        };
        let fitting = Fitting::new(self.bundle, &parts)?;
        parts.limits.warn_of_gaps(fitting.bundle());
        // Last, as it opens files.
        let audit = Audit::start(self.audit).map_err(|error| GateError::Audit { reason: error.to_string() })?;
        parts.audit = audit.map(Arc::new);
        Ok(Gate::new(Rules::new(fitting, Arc::new(parts))))
    }

    fn confirmations(&mut self) -> Result<Option<Confirmations>, GateError> {
        let Some((approvals, scope)) = self.approvals.take() else {
            return Ok(None);
        };
        let approvals = approvals.map_err(|error| GateError::Approval { reason: chain(&error) })?;
        let store = match (&self.replay, scope) {
            (Some(store), _) => Arc::clone(store),
            (None, ReplayScope::Shared) => return Err(GateError::NoSharedApprovals),
            (None, _) => Arc::new(MemoryReplayStore::new(self.clock.now())),
        };
        Ok(Some(Confirmations { approvals, store }))
    }
}

/// Why a gate does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The settings of approvals cannot be had, such as their key.
    #[error("`[approval]`: {reason}")]
    Approval {
        /// Why not.
        reason: String,
    },
    /// What people's tokens need to approve is no scope that a token can carry for itself.
    #[error("`[approval]` has the scope `{scope}`, which the schema does not have as a scope without a condition")]
    ApprovalScope {
        /// The scope.
        scope: String,
    },
    /// A person would have to confirm what is decided before anybody knows its arguments.
    #[error(
        "a policy with `@confirm` is for the action `{action}`, which is decided before the handler: mark it `@deferred`, and \
         decide it by `check_with`"
    )]
    ConfirmedBeforeHandler {
        /// The action.
        action: String,
    },
    /// A policy waits for a person, and nobody can approve.
    #[error(
        "a policy with `@confirm` is for the action `{action}`, and nobody can approve: add `[approval]` to the settings"
    )]
    NoApprovals {
        /// The action.
        action: String,
    },
    /// The settings say that replicas share what they know of used approvals, and there is no store for it.
    #[error(
        "`[approval]` says `replay = \"shared\"`, and the gate was given no store that replicas share; give it one by \
         `GateBuilder::replay_store`"
    )]
    NoSharedApprovals,
    /// Audit records cannot be written.
    #[error("the audit log cannot be opened: {reason}")]
    Audit {
        /// Why.
        reason: String,
    },
    /// The schema gives an action the place at which the gate publishes metadata.
    #[error(
        "the schema has the route `{route}`, where the gate serves the metadata of `resource`; take it out of the schema"
    )]
    MetadataRoute {
        /// The route.
        route: String,
    },
    /// Every token of an issuer must be bound by DPoP, and no proof would ever be verified.
    #[error(
        "the issuer `{alias}` has `binding = \"dpop\"`, and the gate verifies no DPoP proofs, so it would refuse every \
         token; add `[dpop]` to the settings"
    )]
    NoProofs {
        /// The alias of the issuer.
        alias: String,
    },
    /// The settings say that replicas share what they know of used proofs, and there is no store for it.
    #[error(
        "`[dpop]` says `replay = \"shared\"`, and the gate was given no store that replicas share; give it one by \
         `GateBuilder::replay_store`"
    )]
    NoSharedReplay,
    /// The bundle counts on a directory for resources that this one does not supply.
    #[error("the bundle is told that a directory supplies `{entity_type}`, and this gate's directory does not")]
    NotSupplied {
        /// The entity type.
        entity_type: String,
    },
    /// No issuer confers the scope, or nobody is to be told of it.
    #[error(
        "`initial_scopes` names `{scope}`, which is not a scope of the schema that clients are told of and that an issuer \
         confers"
    )]
    InitialScope {
        /// The scope.
        scope: String,
    },
    /// The realm cannot be written as a quoted string without escapes.
    #[error("realm `{realm}` is empty or has characters other than printable ASCII without `\"` and `\\`")]
    Realm {
        /// The realm.
        realm: String,
    },
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

const REALM: &str = "api";
