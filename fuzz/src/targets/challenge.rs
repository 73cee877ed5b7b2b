//! Whatever operators and strangers write, a challenge is one that any client reads, and says what the policies say.
// GEN-10, BRR-11, BRR-12

use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use portcullis::{
    Answer, Bundle, BundleFiles, Gate, Layer, MemoryReplayStore, Origin, ProofVerifier, RequestHead, ResourceIdentifier,
    RouteMatch,
};

use crate::read_challenge::{Challenge, read};
use crate::{Fixed, RUNTIME, SIGNED, TRUSTED_KEY, now, settings, text, trusting};

pub(super) fn run(octets: &[u8]) {
    let mut lines = octets.split(|octet| *octet == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let field = HeaderValue::from_bytes(next());
    let [scope, acr_values, message, realm, resource] = std::array::from_fn(|_| text(next()));
    let Ok(bundle) = bundle(scope, acr_values, message) else { return };
    let proofs = ProofVerifier::new(
        [Origin::new("https://api.example.com").unwrap()],
        Arc::new(MemoryReplayStore::new(now())),
    );
    let mut gate = Gate::builder(bundle, trusting(TRUSTED_KEY)).clock(Fixed).dpop(proofs.unwrap());
    if !realm.is_empty() {
        gate = gate.realm(realm);
    }
    let resource = resource.parse::<ResourceIdentifier>().ok();
    let metadata = resource.as_ref().and_then(|resource| resource.metadata_url()).map(str::to_owned);
    if let Some(resource) = resource {
        gate = gate.resource(portcullis::ProtectedResource::new([resource]).unwrap());
    }
    let Ok(gate) = gate.build() else { return };
    let realm = if realm.is_empty() { "api" } else { realm };

    let token = HeaderValue::try_from(format!("Bearer {SIGNED}")).unwrap();
    let (scope_needed, login_needed) = (ask(&gate, "/one", Some(&token)), ask(&gate, "/other", Some(&token)));
    let answers = [ask(&gate, "/one", None), ask(&gate, "/one", field.ok().as_ref()), scope_needed, login_needed];
    for answer in answers.iter().flatten() {
        let challenges = challenges(answer);
        assert!(answer.status() != 401 || !challenges.is_empty(), "no way in is named (RFC 9110 §15.5.2)");
        for challenge in challenges {
            assert!(["Bearer", "DPoP"].contains(&challenge.scheme.as_str()), "{challenge:?}");
            assert_eq!(challenge.get("realm"), Some(realm));
            assert_eq!(challenge.get("resource_metadata"), metadata.as_deref());
        }
    }
    let [_, _, scope_needed, login_needed] = answers;
    let first = |answer: Option<Answer>| challenges(&answer.expect("allowed")).into_iter().next().expect("no challenge");
    let (scope_needed, login_needed) = (first(scope_needed), first(login_needed));
    assert_eq!(scope_needed.get("error"), Some("insufficient_scope"));
    assert_eq!(scope_needed.get("scope"), Some(if scope.is_empty() { "other" } else { scope }), "another scope");
    assert_eq!(login_needed.get("error"), Some("insufficient_user_authentication"));
    assert_eq!(login_needed.get("acr_values"), Some(acr_values), "another login");
}

/// The answer to who may not do what is at `path`.
fn ask(gate: &Gate, path: &str, field: Option<&HeaderValue>) -> Option<Answer> {
    let headers: HeaderMap = field.map(|field| (AUTHORIZATION, field.clone())).into_iter().collect();
    let (route, target) = (RouteMatch::new(path, [""; 0]), path.parse::<Uri>().unwrap());
    RUNTIME.block_on(gate.open(&RequestHead::new(&Method::GET, &target, &headers, Some(&route)))).err()
}

fn challenges(answer: &Answer) -> Vec<Challenge> {
    let values = answer.headers().get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| read(value.as_bytes()).unwrap_or_else(|| panic!("no challenge: {value:?}"))).collect()
}

/// An action for which the token lacks the scope `scope`, and one for which the login lacks `acr_values`.
fn bundle(scope: &str, acr_values: &str, message: &str) -> Result<Arc<Bundle>, portcullis::LoadError> {
    let [scope, acr_values, message] = [scope, acr_values, message].map(|text| text.escape_default().to_string());
    let schema = format!(
        r#"
        entity User;
        entity Note;
        @scope @doc("See your notes") action "read:notes";
        @scope("{scope}") @doc("Something else") action "other";
        @http("GET /one") @resource("Note::\"1\"")
        action "One" in ["other"] appliesTo {{ principal: [User], resource: [Note], context: Portcullis::Context }};
        @http("GET /other") @resource("Note::\"1\"")
        action "Other" in ["read:notes"] appliesTo {{ principal: [User], resource: [Note], context: Portcullis::Context }};
        "#
    );
    let values: Vec<String> = acr_values.split(' ').map(|value| format!("\"{value}\"")).collect();
    let guardrail = format!(
        r#"@id("login") @step_up("{acr_values}") @message("{message}")
        forbid (principal, action == Action::"Other", resource)
        unless {{ context.auth has acr && [{}].contains(context.auth.acr) }};"#,
        values.join(", ")
    );
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/all.cedar", r#"@id("all") permit (principal, action, resource);"#)
        .with_file(LOGIN, guardrail);
    Bundle::load(&files, settings().with_empty_layer(Layer::Ceilings).with_required_file(LOGIN))
}

const LOGIN: &str = "guardrails/login.cedar";
