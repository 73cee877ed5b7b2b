//! Callers that were here before: what does not change about a token is worked out once, not for each request.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use foldhash::quality::RandomState;
use portcullis_core::{Caller, PrincipalFacts, Session, UnixTime};
use portcullis_token::{KnownToken, TokenHash};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

/// The callers behind tokens that were accepted under one bundle.
///
/// Nothing of it decides: on each hit, the times of the token, its status, what was revoked and the proofs of possession are
/// checked again, and the keys of its issuer must still be the same.
pub(crate) struct KnownCallers(Cache<Key, Kept, ByLength, RandomState>);

/// A caller whose token has the length `octets`.
#[derive(Clone)]
struct Kept {
    caller: Arc<KnownCaller>,
    octets: usize,
}

/// What is made of a token takes a multiple of its text, and issuers write tokens as long as we read them.
#[derive(Clone)]
struct ByLength;

/// Policies and limits may see the address, so it is part of who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) token: TokenHash,
    pub(crate) address: Option<IpAddr>,
}

/// A caller, and what was made for it.
pub(crate) struct KnownCaller {
    caller: Arc<Caller>,
    token: Option<KnownToken>,
    prepared: ArcSwapOption<Prepared>,
}

/// A session, and what the directory had said when it was made.
pub(crate) struct Prepared {
    pub(crate) session: Arc<Session>,
    pub(crate) facts: PrincipalFacts,
    pub(crate) at: UnixTime,
}

impl KnownCallers {
    pub(crate) fn new() -> Self {
        let weight = MAX_CALLERS as u64 * USUAL_OCTETS;
        Self(Cache::with(MAX_CALLERS, weight, ByLength, RandomState::default(), DefaultLifecycle::default()))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<KnownCaller>> {
        self.0.get(key).map(|kept| kept.caller)
    }

    /// Keeps `caller`, whose token has the length `octets`.
    pub(crate) fn insert(&self, key: Key, octets: usize, caller: &Arc<KnownCaller>) {
        self.0.insert(key, Kept { caller: Arc::clone(caller), octets });
    }
}

impl Weighter<Key, Kept> for ByLength {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        (kept.octets as u64).max(USUAL_OCTETS)
    }
}

impl KnownCaller {
    /// A caller whose credentials are checked as a whole with each request, unless `token` says what need not be.
    pub(crate) fn new(caller: Caller, token: Option<KnownToken>) -> Self {
        Self { caller: Arc::new(caller), token, prepared: ArcSwapOption::empty() }
    }

    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    pub(crate) fn token(&self) -> Option<&KnownToken> {
        self.token.as_ref()
    }

    /// What `take` takes of what was prepared less than `lifetime` ago. If it was long after `now`, the clock was set back, and
    /// nobody knows how old it is.
    pub(crate) fn prepared<T>(
        &self,
        now: UnixTime,
        lifetime: Duration,
        take: impl FnOnce(&Prepared) -> T,
    ) -> Option<T> {
        let prepared = self.prepared.load();
        prepared.as_ref().filter(|prepared| prepared.age(now) < lifetime).map(|prepared| take(prepared))
    }

    /// Keeps `prepared` for requests that come with the same token.
    pub(crate) fn keep(&self, prepared: Prepared) {
        self.prepared.store(Some(Arc::new(prepared)));
    }
}

impl Prepared {
    fn age(&self, now: UnixTime) -> Duration {
        now.since(self.at).max(self.at.since(now))
    }
}

impl fmt::Debug for KnownCallers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownCallers").field(&self.0.len()).finish()
    }
}

/// A few dozen megabytes. Who was not here lately is verified anew, which costs no more than without this.
const MAX_CALLERS: usize = 10_000;

/// The length of a token up to which so many are kept. Of longer ones there are fewer: one caller with a long token could
/// else fill all with copies of it, by coming from many addresses.
const USUAL_OCTETS: u64 = 2048;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::sync::Arc;

    use portcullis_core::{
        Bundle, BundleFiles, BundleSettings, Engine, Layer, Profile, Source, SourceSettings, VerifiedClaims,
    };
    use serde_json::json;

    use super::*;

    fn caller() -> Arc<KnownCaller> {
        let schema = r#"
            entity User;
            entity Note;
            @scope @doc("See your notes")
            action "read:notes";
            action "GetNote" in ["read:notes"]
              appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
        "#;
        let roles = r#"@id("all") permit (principal is User, action == Action::"GetNote", resource);"#;
        let files = BundleFiles::new().with_file("schema.cedarschema", schema).with_file("roles/people.cedar", roles);
        let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
        let settings = BundleSettings::new(vec![source])
            .with_empty_layer(Layer::Consent)
            .with_empty_layer(Layer::Ceilings)
            .with_empty_layer(Layer::Guardrails)
            .without_entities();
        let engine = Engine::new(Bundle::load(&files, settings).unwrap());
        let claims = json!({ "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "exp": 1_767_229_200 });
        let claims = VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone());
        Arc::new(KnownCaller::new(engine.caller(claims).unwrap(), None))
    }

    #[test]
    fn one_caller_with_a_long_token_and_many_addresses_fills_no_memory() {
        let (known, caller) = (KnownCallers::new(), caller());
        let keep = |octets: usize| {
            for address in 0..20_000_u128 {
                let address = Some(IpAddr::V6(Ipv6Addr::from(address)));
                known.insert(Key { token: TokenHash::of("token"), address }, octets, &caller);
            }
            known.0.len()
        };
        let short = keep(800);
        assert!((5_000..=MAX_CALLERS + 100).contains(&short), "{short}");
        let long = keep(16 * 1024);
        assert!(long <= MAX_CALLERS / 8 + 100, "{long}");
    }
}
