//! What strangers and operators write, against assertions: the fuzz targets, and what they share.

mod read_challenge;
mod server;
mod targets;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{
    Algorithm, Bundle, BundleFiles, BundleSettings, Clock, Issuer, KeySet, KeySource, Layer, Profile, Source,
    SourceSettings, UnixTime, Verifier,
};
use portcullis_core::{UnlistedClients, VerifiedClaims};
use tokio::runtime::Runtime;

pub use targets::{TARGETS, Target};

/// A token with the scope `read:notes`, signed with the key of [`TRUSTED_KEY`], valid at [`now`].
pub(crate) const SIGNED: &str = include_str!("../seeds/token/signed.jwt");

/// The public key of RFC 8037 appendix A, whose private key is printed there.
pub(crate) const TRUSTED_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// The longest text that `octets` begin with.
pub(crate) fn text(octets: &[u8]) -> &str {
    octets.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// Stands between the parts of an input.
pub(crate) const PART: &str = "\n---\n";

/// A file of this process alone.
pub(crate) fn own_file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("portcullis-fuzz-{}-{name}", std::process::id()))
}

/// Runs what has to wait.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());

/// A clock that says [`now`].
#[derive(Debug)]
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixTime {
        now()
    }
}

/// The time of all targets.
pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(1_767_226_000).unwrap()
}

/// Notes that everybody may read whose token has the scope.
pub(crate) fn bundle() -> Arc<Bundle> {
    let schema = r#"
        entity User, Service;
        entity Role;
        entity Note;
        @scope @doc("See your notes")
        action "read:notes";
        @http("GET /notes/{note}")
        action "GetNote" in ["read:notes"]
          appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
    "#;
    let role = r#"@id("notes") permit (principal, action == Action::"GetNote", resource);"#;
    let ceiling = r#"@id("services") permit (principal is Service, action == Action::"GetNote", resource);"#;
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/notes.cedar", role)
        .with_file("ceilings/services.cedar", ceiling);
    Bundle::load(&files, settings().with_empty_layer(Layer::Guardrails)).unwrap()
}

/// Settings without consent policies and without entities.
pub(crate) fn settings() -> BundleSettings {
    bare_settings().with_empty_layer(Layer::Consent).without_entities()
}

/// Settings for a bundle that has everything.
pub(crate) fn bare_settings() -> BundleSettings {
    let mut of_source = SourceSettings::default();
    of_source.unlisted_clients = Some(UnlistedClients::Agent);
    let source = Source::new("main", of_source, Profile::rfc9068()).unwrap();
    BundleSettings::new(vec![source])
}

/// A verifier that trusts the Ed25519 key `x`, under the key ID of [`SIGNED`].
pub(crate) fn trusting(x: &str) -> Verifier {
    Verifier::new([issuer(keys(x))]).unwrap()
}

/// The issuer of [`SIGNED`], with `keys`.
pub(crate) fn issuer(keys: impl Into<KeySource>) -> Issuer {
    issuer_of("https://as.example.com", keys)
}

/// The issuer `identifier`, with `keys`.
pub(crate) fn issuer_of(identifier: &str, keys: impl Into<KeySource>) -> Issuer {
    Issuer::new("main", identifier, ["https://api.example.com"], [Algorithm::Ed25519], keys).unwrap()
}

/// The set of the Ed25519 key `x`.
pub(crate) fn keys(x: &str) -> KeySet {
    KeySet::from_json(jwks(x).as_bytes()).unwrap()
}

/// The text of [`keys`].
pub(crate) fn jwks(x: &str) -> String {
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"as-1","x":"{x}"}}]}}"#)
}

/// The claims of `text`, if it verifies at [`now`].
pub(crate) fn verify(verifier: &Verifier, text: &str) -> Option<VerifiedClaims> {
    // Fixed keys are at hand, so the future is ready at once.
    match pin!(verifier.verify(text, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.ok(),
        Poll::Pending => panic!("waited, although the keys are fixed"),
    }
}

/// A token of two texts that need not be JSON, with a valid signature for [`TRUSTED_KEY`].
pub(crate) fn signed(header: &[u8], payload: &[u8]) -> String {
    static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
    });
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(text.as_bytes()));
    format!("{text}.{signature}")
}
