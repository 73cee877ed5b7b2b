//! What the targets share: one bundle, one signed token, and verifiers for it.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{
    Algorithm, Bundle, BundleFiles, BundleSettings, Issuer, KeySet, Layer, Profile, Source, SourceSettings, UnixTime,
    Verifier,
};
use portcullis_core::VerifiedClaims;

/// A token with the scope `read:notes`, signed with the key of [`TRUSTED_KEY`], valid at [`now`].
pub const SIGNED: &str = include_str!("../seeds/token/signed.jwt");

/// The public key of RFC 8037 appendix A, whose private key is printed there.
pub const TRUSTED_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// The time of all targets.
pub fn now() -> UnixTime {
    UnixTime::from_secs(1_767_226_000).unwrap()
}

/// Notes that everybody may read whose token has the scope.
pub fn bundle() -> Arc<Bundle> {
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
pub fn settings() -> BundleSettings {
    let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
    BundleSettings::new(vec![source]).with_empty_layer(Layer::Consent).without_entities()
}

/// A verifier that trusts the Ed25519 key `x`, under the key ID of [`SIGNED`].
pub fn trusting(x: &str) -> Verifier {
    let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"as-1","x":"{x}"}}]}}"#);
    let keys = KeySet::from_json(keys.as_bytes()).unwrap();
    let issuer = "https://as.example.com";
    let issuer = Issuer::new("main", issuer, ["https://api.example.com"], [Algorithm::Ed25519], keys).unwrap();
    Verifier::new([issuer]).unwrap()
}

/// The claims of `text`, if it verifies at [`now`].
pub fn verify(verifier: &Verifier, text: &str) -> Option<VerifiedClaims> {
    // Fixed keys are at hand, so the future is ready at once.
    match pin!(verifier.verify(text, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.ok(),
        Poll::Pending => panic!("waited, although the keys are fixed"),
    }
}

/// A token of two texts that need not be JSON, with a valid signature for [`TRUSTED_KEY`].
pub fn signed(header: &[u8], payload: &[u8]) -> String {
    static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
    });
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(text.as_bytes()));
    format!("{text}.{signature}")
}
