use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::HeaderName;
use portcullis::{
    Algorithm, ApprovalKey, Approvals, BoxFuture, Bundle, BundleFiles, BundleSettings, Caller, CertificateField, Clock,
    Directory, DirectoryError, Gate, GateBuilder, Issuer, KeySet, Kind, Layer, MemoryReplayStore, NonceKey,
    NoncePolicy, Nonces, Origin, Parents, PrincipalFacts, Profile, ProofVerifier, ProtectedResource, Proxies,
    QueryToken, ResourceData, RevocationList, Source, SourceSettings, Target, UnixTime, Verifier,
};
use portcullis_token::{ApiKeys, KeyPlace, NewApiKey, Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
use serde_json::json;

use super::audited::{self, Records};
use super::handlers::Handlers;
use super::limited;
use crate::{SigningAlgorithm, TestClient, TestIssuer};

/// The service that an adapter serves: a gate that is ready, and what its handlers do.
///
/// Each file of the contract has another one, with other settings; the bundle is always the same.
#[derive(Debug, Clone)]
pub struct App {
    gate: Gate,
    handlers: Handlers,
}

impl App {
    pub(super) fn new(gate: Gate) -> Self {
        Self { gate, handlers: Handlers::default() }
    }

    /// The gate to put in front of the handlers.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What the handlers do. To be handed to each of them, as the framework hands over state.
    #[must_use]
    pub fn handlers(&self) -> &Handlers {
        &self.handlers
    }
}

/// How the service of a file is configured, by the name that stands in its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// Bearer tokens, and metadata of the resource.
    Plain,
    /// Another realm, no metadata, tokens in the query are refused, plain text is refused, no obligation is discharged.
    Strict,
    /// DPoP without nonces. The replay store is full for one key, and out of reach for another.
    Dpop,
    /// DPoP with nonces.
    Nonces,
    /// API keys in the field `api-key`.
    KeyField,
    /// API keys under the scheme `ApiKey`, beside DPoP.
    KeyScheme,
    /// Behind proxies in 10.0.0.0/8 that pass certificates on in `Client-Cert`.
    Proxied,
    /// As `Plain`, with limits of traffic.
    Limited,
}

impl Settings {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self::Plain,
            "strict" => Self::Strict,
            "dpop" => Self::Dpop,
            "nonces" => Self::Nonces,
            "key-field" => Self::KeyField,
            "key-scheme" => Self::KeyScheme,
            "proxied" => Self::Proxied,
            "limited" => Self::Limited,
            _ => return None,
        })
    }
}

/// A service and those who send requests to it.
pub(super) struct World {
    pub(super) app: App,
    pub(super) issuer: TestIssuer,
    /// Holds a key, and keeps to the rules.
    pub(super) holder: TestClient,
    /// Holds another key.
    pub(super) thief: TestClient,
    /// An API key, one that is disabled, and one that has expired.
    pub(super) keys: [NewApiKey; 3],
    /// What the gate records.
    pub(super) records: Records,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        let issuer = TestIssuer::new(ISSUER);
        let [holder, thief] = [(); 2].map(|()| TestClient::new(SigningAlgorithm::Es256));
        let keys = api_keys();
        let verifier = verifier(&issuer);
        let verifier = match settings {
            Settings::KeyField => with_keys(verifier, &keys, KeyPlace::Field("api-key".to_owned())),
            Settings::KeyScheme => with_keys(verifier, &keys, KeyPlace::Scheme),
            _ => verifier,
        };
        let gate = match settings {
            Settings::Limited => limited::gate(files(), verifier),
            _ => Gate::builder(bundle(settings), verifier),
        };
        let gate = gate.clock(Stopped).directory(Known).revocations(revoked());
        // All other answers of the directory are there at once.
        let gate = gate.directory_timeout(Duration::from_millis(1));
        let (log, records) = audited::log();
        let gate = configured(gate, settings).approvals(approvals()).audit(log).build();
        Self { app: App::new(ready(gate)), issuer, holder, thief, keys, records }
    }
}

fn configured(gate: GateBuilder, settings: Settings) -> GateBuilder {
    let described = |gate: GateBuilder| {
        let resource = ready(ProtectedResource::new([ready(RESOURCE.parse())]));
        gate.resource(resource).obligation("record", |_: &_, _: &_| Ok(()))
    };
    match settings {
        Settings::Plain | Settings::KeyField | Settings::Limited => described(gate),
        Settings::Strict => gate
            .realm("strict api")
            .query_token(QueryToken::Refuse)
            .forwarded_scheme(HeaderName::from_static("x-forwarded-proto")),
        Settings::Dpop | Settings::KeyScheme => described(gate).dpop(proofs(NoncePolicy::Off)),
        Settings::Nonces => described(gate).dpop(proofs(NoncePolicy::Required(nonces()))),
        Settings::Proxied => {
            let proxies = ready(Proxies::new([ready("10.0.0.0/8".parse())]));
            described(gate).proxies(proxies.with_client_certificate(CertificateField::ClientCert))
        }
    }
}

/// With two sources the ids of principals say which one they are from, so there are two only where that is needed. Loaded
/// once: nothing is slower, and a bundle never changes.
fn bundle(settings: Settings) -> Arc<Bundle> {
    static ONE: LazyLock<Arc<Bundle>> = LazyLock::new(|| load(false));
    static TWO: LazyLock<Arc<Bundle>> = LazyLock::new(|| load(true));
    Arc::clone(if matches!(settings, Settings::KeyField | Settings::KeyScheme) { &TWO } else { &ONE })
}

fn load(with_keys: bool) -> Arc<Bundle> {
    let settings: SourceSettings = ready(serde_json::from_value(json!({
        "unlisted_clients": "person", "scopes": "all", "roles": "all", "kinds": "all",
        "scope_names": { "profile": "read:profile" },
    })));
    let main = Source::new("main", settings.clone(), Profile::rfc9068());
    let keys = with_keys.then(|| Source::new("keys", settings, Profile::api_key()));
    let sources = std::iter::once(main).chain(keys).map(ready).collect();
    let settings = BundleSettings::new(sources)
        .with_empty_layer(Layer::Consent)
        .with_required_file("guardrails/care.cedar")
        .with_supplied("Report");
    ready(Bundle::load(&files(), settings))
}

fn files() -> BundleFiles {
    BundleFiles::new()
        .with_file("schema.cedarschema", include_str!("bundle/schema.cedarschema"))
        .with_file("roles/people.cedar", include_str!("bundle/roles.cedar"))
        .with_file("ceilings/software.cedar", include_str!("bundle/ceilings.cedar"))
        .with_file("guardrails/care.cedar", include_str!("bundle/guardrails.cedar"))
        .with_file("entities.json", include_str!("bundle/entities.json"))
}

fn verifier(issuer: &TestIssuer) -> Verifier {
    let keys = ready(KeySet::from_json(issuer.jwks().to_string().as_bytes()));
    ready(Verifier::new([ready(Issuer::new("main", ISSUER, [RESOURCE], [Algorithm::Es256], keys))]))
}

fn api_keys() -> [NewApiKey; 3] {
    use portcullis_token::ApiKeyStatus::Disabled;
    let days = Duration::from_secs(86_400);
    let new = || NewApiKey::generate("billing", ["read:projects"], [RESOURCE], now(), days * 30);
    let [active, mut disabled, mut expired] = [(); 3].map(|()| ready(new().ok_or("no randomness")));
    disabled.entry.status = Disabled;
    (expired.entry.created, expired.entry.expires) = (ago(7200), ago(3600));
    [active, disabled, expired]
}

/// A key file is read from disk, so there is one for a moment.
fn with_keys(verifier: Verifier, keys: &[NewApiKey; 3], place: KeyPlace) -> Verifier {
    let entries: Vec<_> = keys.iter().map(|key| &key.entry).collect();
    let [NewApiKey { entry, .. }, ..] = keys;
    let name = format!("portcullis-contract-{}-{}.json", std::process::id(), entry.id);
    let path: PathBuf = std::env::temp_dir().join(name);
    ready(std::fs::write(&path, json!({ "keys": entries }).to_string()));
    let keys = ApiKeys::file("keys", &path, [RESOURCE], Duration::from_secs(86_400 * 90), place);
    ready(std::fs::remove_file(&path));
    ready(verifier.with_api_keys(ready(keys)))
}

/// The token `gone` and everything of the user `rita` were revoked.
fn revoked() -> RevocationList {
    let list = RevocationList::new(std::num::NonZeroUsize::MIN.saturating_add(7));
    let until = now().plus(Duration::from_secs(3600));
    ready(list.revoke(Target::Token { source: "main".into(), id: "gone".into() }, until, now()));
    ready(list.revoke(Target::Subject { kind: Kind::User, id: "rita".into() }, until, now()));
    list
}

fn proofs(nonces: NoncePolicy) -> ProofVerifier {
    let store = Arc::new(Moody { memory: MemoryReplayStore::new(now()) });
    let proofs = ready(ProofVerifier::new([ready(Origin::new(RESOURCE))], store));
    ready(proofs.with_algorithms([Algorithm::Es256, Algorithm::Ed25519])).with_nonces(nonces)
}

/// Tickets and approvals of all services of the contract. People approve with the client `web`.
pub(super) fn approvals() -> Approvals {
    let approvals = ready(Approvals::new(ready(ApprovalKey::new(&[8; 32])), ["web"]));
    approvals.with_scope("read:profile")
}

/// Nonces with a key that all services of the contract share, so that expectations can name them.
pub(super) fn nonces() -> Nonces {
    Nonces::new(ready(NonceKey::new(&[7; 32])), [])
}

/// Remembers proofs. By their age a row chooses another answer: a flood then needs no thousand requests, and an outage no
/// server.
#[derive(Debug)]
struct Moody {
    memory: MemoryReplayStore,
}

impl ReplayStore for Moody {
    fn remember<'a>(&'a self, proof: &'a UsedProof, now: UnixTime) -> ReplayFuture<'a> {
        match now.since(proof.issued()).as_secs() {
            55.. => Box::pin(async { Ok(Recall::ShareExhausted) }),
            50.. => Box::pin(async { Err(ReplayStoreError::new("out of reach")) }),
            _ => self.memory.remember(proof, now),
        }
    }
}

/// It is always the same second.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        now()
    }
}

pub(super) fn now() -> UnixTime {
    ready(UnixTime::from_secs(NOW).ok_or("a time"))
}

pub(super) fn ago(seconds: i64) -> UnixTime {
    ready(UnixTime::from_secs(NOW - seconds).ok_or("a time"))
}

/// Knows the reports by their ids, and nothing of people; the user `odd` cannot be looked up, and `slow` not in time.
#[derive(Debug)]
struct Known;

impl Directory for Known {
    fn principal<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        let answer = match caller.subject().id.as_str() {
            "slow" => return Box::pin(std::future::pending()),
            "odd" => Err(DirectoryError::new("out of reach")),
            _ => Ok(PrincipalFacts::new()),
        };
        Box::pin(async { answer })
    }

    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        let report = |id: &str, sealed: bool, size: i64| {
            let attributes = json!({ "sealed": sealed, "size": size });
            Ok(Some(ready(ResourceData::from_json(entity_type, id, &attributes, Parents::none()))))
        };
        let answer = match id {
            "none" => Ok(None),
            "down" => Err(DirectoryError::new("out of reach")),
            "other" => report("another", false, 0),
            "sealed" => report(id, true, 0),
            "huge" => report(id, false, 1),
            _ => report(id, false, 0),
        };
        Box::pin(async { answer })
    }

    fn supplies(&self) -> Vec<String> {
        vec!["Report".to_owned()]
    }
}

/// What the contract is made of is fixed: a mistake in it is one of the test kit.
#[track_caller]
#[expect(clippy::panic, reason = "a test kit has nobody to report to but the test")]
pub(super) fn ready<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the contract cannot be set up: {error}"))
}

pub(super) const ISSUER: &str = "https://as.example.com";
pub(super) const RESOURCE: &str = "https://api.example.com";

/// 2026-01-01T00:06:40Z.
pub(super) const NOW: i64 = 1_767_226_000;
