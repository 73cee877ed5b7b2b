//! The gate: a request in, an admission or an answer out.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue};
use portcullis_core::{Bundle, Grant, Session, UnixTime, VerifiedClaims};
use portcullis_token::{
    ApiKeys, Issuer, KeyPlace, KnownToken, Presented, PresentedToken, Recheck, Revocations, TokenHash, Verifier,
};

use crate::admission::Admission;
use crate::answer::Answer;
use crate::arrival::Arrival;
use crate::audit::{Audit, Trail};
use crate::builder::GateBuilder;
use crate::challenge::Sender;
use crate::clock::Clock;
use crate::confirm::{Confirmations, PresentedApproval};
use crate::connection::Proxies;
use crate::credentials::{Accepted, Credentials, Malformed, Proofs};
use crate::decision_id::DecisionId;
use crate::denials::Denials;
use crate::directory::Directory;
use crate::duties::Duties;
use crate::head::RequestHead;
use crate::known::{Key, KnownCaller};
use crate::lease::{Ended, Standing};
use crate::limits::Limits;
use crate::metadata::{Metadata, ProtectedResource};
use crate::pinned::Pinned;
use crate::query_token::QueryToken;
use crate::refusal::Refusal;
use crate::reload::Reloads;
use crate::rules::Rules;
use crate::settings::FixedSettings;
use crate::transport::Transport;

/// What a service holds: it lets a request through or says what to answer instead.
///
/// Cheap to clone. It needs a tokio runtime with its timer enabled, to wait for a [`Directory`] for a bounded time.
///
/// # Defaults
///
/// - The clock is the system's.
/// - Nothing is known beyond tokens and bundle: [`StaticDirectory`](crate::StaticDirectory). Another directory has 2 seconds to answer.
/// - The realm of challenges is `api`.
/// - No metadata are published, and challenges lead to none.
/// - A challenge to who has no token names no scopes.
/// - An access token in the query is ignored.
/// - The scheme by which a request came is not judged.
/// - Nothing is revoked before it expires.
/// - No proxy is believed about the certificates of its clients.
/// - No audit log, and nobody is told why something was denied.
/// - No limits, and what limits count is counted in the memory of this process.
/// - Nobody can confirm anything, so a bundle with `@confirm` has no gate.
/// - No obligation has a handler, so a permit with an obligation permits nothing.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Live>);

/// Handles of one gate are equal, and gates that were made apart are not.
impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

/// What can change, and the rest.
#[derive(Debug)]
struct Live {
    /// What follows from the bundle, replaced as a whole. No request waits for another to read it.
    rules: ArcSwap<Rules>,
    parts: Arc<Parts>,
}

/// What stays, whatever the bundle is.
pub(crate) struct Parts {
    pub(crate) reloads: Reloads,
    /// `None` for a gate that was made without a settings file.
    pub(crate) fixed_settings: Option<FixedSettings>,
    pub(crate) verifier: Verifier,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) directory: Box<dyn Directory>,
    pub(crate) directory_timeout: Duration,
    pub(crate) duties: Duties,
    pub(crate) realm: String,
    pub(crate) resource: ProtectedResource,
    /// As the bundle names them.
    pub(crate) initial_scopes: Vec<String>,
    pub(crate) query_token: QueryToken,
    pub(crate) transport: Transport,
    pub(crate) revocations: Option<Box<dyn Revocations>>,
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
    /// `None` if nothing that the gate decides is ever to be confirmed.
    pub(crate) confirmations: Option<Confirmations>,
    pub(crate) audit: Option<Arc<Audit>>,
    pub(crate) denials: Denials,
    /// The algorithms of DPoP proofs; `None` if the scheme is not accepted.
    pub(crate) dpop_algs: Option<String>,
}

impl Gate {
    /// Starts a gate for `bundle` that believes the tokens that `verifier` accepts.
    pub fn builder(bundle: Arc<Bundle>, verifier: Verifier) -> GateBuilder {
        GateBuilder::new(bundle, verifier)
    }

    /// The bundle by which the next request will be decided.
    #[must_use]
    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(self.rules().engine.bundle())
    }

    pub(crate) fn new(rules: Rules) -> Self {
        Self(Arc::new(Live { parts: Arc::clone(&rules.parts), rules: ArcSwap::from_pointee(rules) }))
    }

    /// What stays, whatever the rules are.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.0.parts
    }

    /// The rules that hold now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.0.rules.load_full()
    }

    /// Lets `rules` hold from the next request on.
    pub(crate) fn set_rules(&self, rules: Rules) {
        self.0.rules.store(Arc::new(rules));
    }

    /// The answer to a request for metadata of the protected resource (RFC 9728 §3), which anybody may have; `None` if the
    /// request is for something else. To be asked before [`Gate::open`].
    ///
    /// Where metadata of a resource could stand, but are not ours and nothing was routed, the answer is 404.
    #[must_use]
    pub fn metadata(&self, head: &RequestHead<'_>) -> Option<Answer> {
        if !Metadata::is_well_known(head.uri()) {
            return None;
        }
        match self.rules().metadata.find(head.uri(), head.headers()) {
            Some(document) => Some(Answer::metadata(document, head.method())),
            None => head.route().is_none().then(|| Answer::no_metadata(head.method())),
        }
    }

    /// The paths at which [`Gate::metadata`] has documents, for routers that must name them.
    pub fn metadata_paths(&self) -> impl Iterator<Item = &str> {
        self.parts().resource.paths()
    }

    /// The proxies that are believed.
    #[must_use]
    pub fn proxies(&self) -> &Proxies {
        &self.parts().proxies
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
        self.authenticate(head).await?.admit(head.route()).await
    }

    /// The first half of [`Gate::open`]: who sent the request, if anybody says so. For frameworks that route later.
    ///
    /// # Errors
    ///
    /// The answer to send instead of going on. The refusal is logged.
    pub async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Arrival, Answer> {
        let now = self.parts().clock.now();
        let mut sender = Sender::default();
        let (id, rules) = (DecisionId::new(now), self.rules());
        let trail = Trail::begin(self.parts().audit.as_ref(), head, id, now, rules.engine.bundle().hash());
        let pinned = Pinned { rules, trail };
        let peer = self.parts().proxies.client_address(head.connection());
        // Where it is, as to hand it over would move all of it.
        let identified = {
            let identified = pin!(self.identify(&pinned, head, now, &mut sender));
            self.parts().limits.guard(peer, identified).await
        };
        let approval = PresentedApproval::read(head.headers());
        let arrival = Arrival { pinned, id, now, method: head.method().clone(), sender, peer, caller: None, approval };
        match identified {
            Ok(caller) => Ok(Arrival { caller, ..arrival }),
            Err(refusal) => Err(arrival.refuse(&refusal, head.route(), None)),
        }
    }

    /// The steps of [`Gate::authenticate`], in the order of their answers. `None` if there are no credentials.
    async fn identify(
        &self,
        pinned: &Pinned,
        head: &RequestHead<'_>,
        now: UnixTime,
        sender: &mut Sender,
    ) -> Result<Option<Arc<KnownCaller>>, Refusal> {
        if self.parts().query_token.refuses(head.uri().query()) {
            return Err(Malformed::InQuery.into());
        }
        let accepted = Accepted { keys: self.parts().key_place(), proofs: self.parts().proofs() };
        let credentials = Credentials::read(head.headers(), accepted)?;
        sender.scheme = credentials.scheme();
        if credentials == Credentials::None {
            return Ok(None);
        }
        pinned.trail.presents(credentials.text());
        if self.parts().transport.is_insecure(head.headers()) {
            return Err(Refusal::PlainText);
        }
        let caller = self.caller(&pinned.rules, &credentials, head, now, sender).await?;
        self.parts().refuse_revoked(|| Presented::new(caller.caller()), now)?;
        Ok(Some(caller))
    }

    async fn caller(
        &self,
        rules: &Rules,
        credentials: &Credentials<'_>,
        head: &RequestHead<'_>,
        now: UnixTime,
        sender: &mut Sender,
    ) -> Result<Arc<KnownCaller>, Refusal> {
        let proofs: Vec<&[u8]> = match credentials {
            Credentials::Dpop(_) => head.headers().get_all(DPOP).iter().map(HeaderValue::as_bytes).collect(),
            _ => Vec::new(),
        };
        let presented = match (credentials, self.parts().verifier.api_keys()) {
            (Credentials::Bearer(token), _) => PresentedToken::bearer(token.0),
            (Credentials::Dpop(token), _) => {
                PresentedToken::dpop(token.0, &proofs, head.method().as_str(), head.uri().path())
            }
            (Credentials::ApiKey(key), Some(keys)) => {
                let claims = Box::pin(keys.verify(key.0, now)).await?;
                return Ok(Arc::new(self.read(rules, claims, head, None)?));
            }
            (Credentials::ApiKey(_), None) | (Credentials::None, _) => return Err(Refusal::NoCredentials),
        };
        let certificate = self.parts().proxies.client_certificate(head.connection(), head.headers())?;
        let presented = presented.with_certificate(certificate);
        let token = TokenHash::of(presented.token());
        let key = Key { token, address: self.parts().proxies.client_address(head.connection()) };
        let known = rules.known.get(&key);
        if let Some((known, token)) = known.as_ref().and_then(|known| Some((known, known.token()?)))
            && let Recheck::Accepted { next_nonce } =
                self.parts().verifier.verify_known(token, &presented, key.token, now).await?
        {
            sender.next_nonce = next_nonce;
            return Ok(Arc::clone(known));
        }
        // In a box, as it is large and not for every request: what a request waits for is moved around as a whole.
        let verified = Box::pin(self.parts().verifier.verify_presented(&presented, now)).await?;
        sender.next_nonce = verified.next_nonce().map(str::to_owned);
        let (claims, token) = verified.into_parts();
        let is_known = token.is_some();
        let caller = Arc::new(self.read(rules, claims, head, token)?);
        if is_known {
            rules.known.insert(key, presented.token().len(), &caller);
        }
        Ok(caller)
    }

    /// The caller that `claims` are about.
    fn read(
        &self,
        rules: &Rules,
        claims: VerifiedClaims,
        head: &RequestHead<'_>,
        token: Option<KnownToken>,
    ) -> Result<KnownCaller, Refusal> {
        let claims = match self.parts().proxies.client_address(head.connection()) {
            Some(address) => claims.with_ip(address),
            None => claims,
        };
        let source = claims.source().to_owned();
        let unusable = |error| Refusal::UnusableClaims { reason: format!("issuer `{source}`: {error}") };
        let caller = rules.engine.caller(claims).map_err(unusable)?;
        Ok(KnownCaller::new(caller, token))
    }
}

impl Parts {
    /// Where requests carry API keys, if they are accepted.
    pub(crate) fn key_place(&self) -> Option<&KeyPlace> {
        self.verifier.api_keys().map(ApiKeys::place)
    }

    /// Whether all obligations of `grant` have a handler.
    pub(crate) fn can_discharge(&self, grant: &Grant) -> bool {
        grant.obligations().iter().all(|obligation| self.duties.knows(obligation))
    }

    /// Whether proofs of DPoP are verified.
    pub(crate) fn proofs(&self) -> Proofs {
        if self.dpop_algs.is_some() { Proofs::Verified } else { Proofs::NotSupported }
    }

    /// How the credential of `session` stands now.
    pub(crate) fn standing(&self, session: &Session) -> Standing {
        let (now, caller) = (self.clock.now(), session.caller());
        let mut issuers = self.verifier.issuers();
        let leeway = issuers.find(|issuer| issuer.alias() == caller.source()).map(Issuer::leeway).unwrap_or_default();
        // As long as its token would be accepted with a new request.
        let left = caller.expires_at().map_or(Duration::MAX, |expires| expires.plus(leeway).since(now));
        if left.is_zero() {
            return Standing::Over(Ended::Expired);
        }
        match self.refuse_revoked(|| Presented::of_session(session), now) {
            Err(Refusal::Unavailable { .. }) => Standing::Over(Ended::Unknown),
            Err(_) => Standing::Over(Ended::Revoked),
            Ok(()) => Standing::Good { left },
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("realm", &self.realm).field("duties", &self.duties).finish_non_exhaustive()
    }
}

/// RFC 9449 §4.1.
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// What callers are told to wait when the application's own data are out of reach.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
