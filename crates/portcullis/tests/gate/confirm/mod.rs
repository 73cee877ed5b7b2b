//! Actions that a person has to confirm: `policies/assistant`, where an agent sends mail for a person.

mod approving;
mod attacks;
mod obligations;
mod once;
mod starting;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, ApprovalKey, Approvals, Bundle, BundleFiles, BundleSettings, Clock, Gate,
    GateBuilder, GateError, Issuer, KeySet, LimitStore, Permit, Profile, RequestHead, Resource, RouteMatch,
    SignedApproval, Source, SourceSettings, UnixTime, Verifier,
};
use portcullis_testkit::TestIssuer;
use portcullis_token::ReplayStore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use crate::service::NOW;

/// A service that sends mail, and its issuer.
pub(crate) struct Post {
    issuer: Arc<TestIssuer>,
    clock: Arc<AtomicI64>,
    gate: Gate,
}

impl Post {
    pub(crate) fn new() -> Self {
        Self::with(|files| files, |gate| gate)
    }

    pub(crate) fn with(
        change: impl FnOnce(BundleFiles) -> BundleFiles,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let issuer = Arc::new(TestIssuer::new("https://issuer.example.com"));
        let clock = Arc::new(AtomicI64::new(NOW));
        let gate = build(&issuer, &clock, change, |gate| options(gate.approvals(approvals(b'k')))).unwrap();
        Self { issuer, clock, gate }
    }

    /// Another replica, or the same service later: with the same issuer, clock and key.
    pub(crate) fn sibling(
        &self,
        change: impl FnOnce(BundleFiles) -> BundleFiles,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let gate = build(&self.issuer, &self.clock, change, |gate| options(gate.approvals(approvals(b'k')))).unwrap();
        Self { issuer: Arc::clone(&self.issuer), clock: Arc::clone(&self.clock), gate }
    }

    /// The same service by its own settings, with a limit.
    pub(crate) fn limited(&self, limits: impl LimitStore + 'static, used: Arc<dyn ReplayStore>) -> Self {
        let settings = files().get("portcullis.toml").unwrap().to_owned()
            + "[[limit]]\nname = \"agents\"\nclass = \"agent\"\nper = [\"actor\"]\nrate = \"60/m\"\nburst = 20\n";
        let mut loaded = portcullis::load(&files().with_file("portcullis.toml", settings)).unwrap();
        loaded.verifier = verifier(&self.issuer);
        let gate = loaded.gate().clock(TestClock(Arc::clone(&self.clock))).limit_store(Arc::new(limits));
        // In place of the key that the settings name, which is not read.
        let gate = gate.approvals(approvals(b'k')).replay_store(used).build().unwrap();
        Self { issuer: Arc::clone(&self.issuer), clock: Arc::clone(&self.clock), gate }
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Opens `POST /drafts/hello/send`.
    pub(crate) async fn open(&self, who: &Value, approvals: &[&str]) -> Result<Admission, Answer> {
        self.request("POST", "/drafts/{draft}/send", &["hello"], who, approvals).await
    }

    /// A request for `template` by a token with the claims `who`, with `approvals`.
    pub(crate) async fn request(
        &self,
        method: &str,
        template: &str,
        values: &[&str],
        who: &Value,
        approvals: &[&str],
    ) -> Result<Admission, Answer> {
        let now = self.now();
        let mut claims = json!({
            "iss": self.issuer.identifier(), "aud": "https://api.example.com", "iat": now - 60, "exp": now + 600, "jti": "t",
        });
        claims.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        let bearer = format!("Bearer {}", self.issuer.sign(&claims));
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer.parse().unwrap())]);
        for approval in approvals {
            headers.append("portcullis-approval", approval.parse().unwrap());
        }
        let route = RouteMatch::new(template, values.iter().copied());
        let target = Uri::from_static("/any");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.gate.open(&RequestHead::new(&method, &target, &headers, Some(&route))).await
    }

    /// Asks to send `draft`.
    pub(crate) async fn send(
        &self,
        who: &Value,
        draft: &Draft,
        message: &Value,
        approvals: &[&str],
    ) -> Result<Permit, Answer> {
        self.open(who, approvals).await?.check_with(draft, message).await
    }

    /// The ticket with which sending is denied.
    pub(crate) async fn ticket(&self, who: &Value, draft: &Draft, message: &Value) -> String {
        let answer = self.send(who, draft, message, &[]).await.unwrap_err();
        assert_eq!(answer.status(), 403, "{}", answer.body());
        answer.ticket().expect("a ticket").to_owned()
    }

    /// Approves `ticket` as `who`.
    pub(crate) async fn approve(&self, who: &Value, ticket: &str) -> Result<SignedApproval, Answer> {
        let admission = self.request("POST", "/me/approvals", &[], who, &[]).await?;
        admission.approve(&admission.ticket(ticket)?)
    }

    /// An approval of what the agent wants to send.
    pub(crate) async fn approved(&self, draft: &Draft, message: &Value) -> String {
        let ticket = self.ticket(&claire_for_ann(), draft, message).await;
        let ann = but(ann(), &json!({ "auth_time": self.now() - 60 }));
        self.approve(&ann, &ticket).await.unwrap().text().to_owned()
    }
}

pub(crate) fn build(
    issuer: &TestIssuer,
    clock: &Arc<AtomicI64>,
    change: impl FnOnce(BundleFiles) -> BundleFiles,
    options: impl FnOnce(GateBuilder) -> GateBuilder,
) -> Result<Gate, GateError> {
    let bundle: Arc<Bundle> = Bundle::load(&change(files()), settings()).unwrap();
    let gate = Gate::builder(bundle, verifier(issuer)).clock(TestClock(Arc::clone(clock)));
    options(gate.obligation("redact", |_: &portcullis::Obligation, _: &portcullis::Grant| Ok(()))).build()
}

fn verifier(issuer: &TestIssuer) -> Verifier {
    let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys);
    Verifier::new([trusted.unwrap()]).unwrap()
}

pub(crate) fn files() -> BundleFiles {
    BundleFiles::from_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/assistant")).unwrap()
}

fn settings() -> BundleSettings {
    let source = json!({
        "person_clients": ["web", "mobile"], "agent_clients": ["claire", "peek"], "unlisted_clients": "agent",
    });
    let source = SourceSettings::deserialize(source).unwrap();
    BundleSettings::new(vec![Source::new("main", source, Profile::rfc9068()).unwrap()])
        .with_required_file("ceilings/agents.cedar")
        .with_required_file("guardrails/mail.cedar")
}

/// What a service with a key of `octet` says of approvals.
pub(crate) fn approvals(octet: u8) -> Approvals {
    Approvals::new(ApprovalKey::new(&[octet; 32]).unwrap(), ["web", "claire"]).unwrap()
}

/// The person, at a client of people, a minute after logging in.
pub(crate) fn ann() -> Value {
    json!({ "sub": "ann", "client_id": "web", "scope": "approve:actions send:email:requires-confirmation",
            "auth_time": NOW - 60, "acr": "urn:acme:mfa" })
}

/// The agent that works for the person.
pub(crate) fn claire_for_ann() -> Value {
    json!({ "sub": "ann", "client_id": "claire", "scope": "send:email:requires-confirmation",
            "act": { "sub": "claire", "sub_profile": "ai_agent" } })
}

/// `claims` with the members of `more` in place of its own; without those that are `null`.
pub(crate) fn but(mut claims: Value, more: &Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

pub(crate) fn to_bob() -> Value {
    json!({ "message": { "to": ["bob@example.com"], "attachments": 0 } })
}

/// A mail that is not sent yet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Draft {
    #[serde(skip)]
    pub(crate) id: &'static str,
    #[serde(skip)]
    pub(crate) version: Option<u64>,
    pub(crate) owner: &'static str,
    pub(crate) contacts: [&'static str; 1],
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self { id: "hello", version: Some(7), owner: "ann", contacts: ["bob@example.com"] }
    }
}

impl Resource for Draft {
    const TYPE: &'static str = "Draft";

    fn id(&self) -> Cow<'_, str> {
        self.id.into()
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        self.version.map(|version| version.to_string().into())
    }
}

#[derive(Debug)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// The member `confirmation` of the body of `answer`.
pub(crate) fn confirmation(answer: &Answer) -> Value {
    let problem: Value = serde_json::from_str(answer.body()).unwrap();
    problem["confirmation"].clone()
}
