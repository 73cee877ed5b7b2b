//! The law.

use std::borrow::Cow;
use std::sync::Arc;

use crate::bundle::{Action, Bundle, Layer};
use crate::caller::{Caller, ClaimsError};
use crate::claims::VerifiedClaims;
use crate::decision::{Conclusion, Decision, Diagnosis, Evaluation, Explanation};
use crate::layers::{self, LayerReport, Question, Refusal, Request, Standing, Verdict};
use crate::parties::{Parties, Party};
use crate::session::{PrincipalFacts, Session, SessionError};

/// Whether a request is allowed: consent ∧ ceilings ∧ roles ∧ guardrails.
///
/// No option, and no missing layer, turns the intersection into a union.
pub(crate) fn law(
    consent: &LayerReport<'_>,
    ceilings: &LayerReport<'_>,
    roles: &LayerReport<'_>,
    guardrails: &LayerReport<'_>,
) -> bool {
    consent.allows() && ceilings.allows() && roles.allows() && guardrails.allows()
}

/// Asks all four layers: a denial names every layer that denies.
pub(crate) fn evaluate<'a>(question: &Question<'a>) -> Evaluation<'a> {
    let ceilings = layers::ceilings(question);
    let roles = ask(question, Layer::Roles, layers::roles);
    let guardrails = ask(question, Layer::Guardrails, layers::guardrails);
    judge(question, ceilings, roles, guardrails)
}

/// Asks again with other scopes than `before`: only consent sees them.
pub(crate) fn evaluate_consent<'a>(question: &Question<'a>, before: &Evaluation<'a>) -> Evaluation<'a> {
    let [_, ceilings, roles, guardrails] = before.layers.clone();
    judge(question, ceilings, roles, guardrails)
}

fn judge<'a>(
    question: &Question<'a>,
    ceilings: LayerReport<'a>,
    roles: LayerReport<'a>,
    guardrails: LayerReport<'a>,
) -> Evaluation<'a> {
    let consent = ask(question, Layer::Consent, layers::consent);
    let allowed = law(&consent, &ceilings, &roles, &guardrails);
    Evaluation { allowed, layers: [consent, ceilings, roles, guardrails] }
}

/// Asks a layer about the subject, if the action is for its kind.
fn ask<'a>(
    question: &Question<'a>,
    layer: Layer,
    answer: fn(&Question<'a>, &Party) -> LayerReport<'a>,
) -> LayerReport<'a> {
    let subject = &question.parties.subject;
    if subject.kind().is_some_and(|kind| question.action.principals.contains(&kind)) {
        answer(question, subject)
    } else {
        LayerReport::new(layer, Verdict::NotApplicable)
    }
}

/// Public actions have no subject, so only guardrails judge them.
fn evaluate_public<'a>(question: &Question<'a>) -> Evaluation<'a> {
    let open = |layer| LayerReport::new(layer, Verdict::Allows);
    let guardrails = layers::guardrails(question, &question.parties.subject);
    let allowed = guardrails.allows();
    Evaluation { allowed, layers: [open(Layer::Consent), open(Layer::Ceilings), open(Layer::Roles), guardrails] }
}

/// A request that does not fit the schema: no layer that would judge it can allow it. Ceilings judge only where there is
/// `software`.
pub(crate) fn refuse(software: bool, refusal: &Refusal) -> Evaluation<'static> {
    let layers = Layer::ALL.map(|layer| match layer {
        Layer::Ceilings if !software => LayerReport::new(layer, Verdict::Allows),
        _ => LayerReport::broken(layer, refusal.message.clone()),
    });
    Evaluation { allowed: false, layers }
}

/// Decides requests under one bundle.
///
/// Cheap to clone. Synchronous, without a clock and without I/O: what it does not know, it is told.
///
/// ```
/// use portcullis_core::{
///     Bundle, BundleFiles, BundleSettings, Decision, Engine, Layer, Profile, Request, ResourceData, Source, SourceSettings,
///     UnixTime, VerifiedClaims,
/// };
/// use serde_json::json;
///
/// let files = BundleFiles::new()
///     .with_file(
///         "schema.cedarschema",
///         r#"
///         entity User;
///         entity Note;
///         @scope @doc("See your notes")
///         action "read:notes";
///         action "GetNote" in ["read:notes"]
///           appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
///         "#,
///     )
///     .with_file("roles/people.cedar", r#"@id("people-read") permit (principal is User, action == Action::"GetNote", resource);"#);
/// let source = Source::new("main", SourceSettings::default(), Profile::rfc9068())?;
/// let settings = BundleSettings::new(vec![source])
///     .with_empty_layer(Layer::Consent)
///     .with_empty_layer(Layer::Ceilings)
///     .with_empty_layer(Layer::Guardrails)
///     .without_entities();
/// let engine = Engine::new(Bundle::load(&files, settings)?);
///
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let note = ResourceData::bare("Note", "1");
/// let ann = |scope: &str| {
///     let claims = json!({
///         "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "exp": 1_767_229_200, "scope": scope,
///     });
///     VerifiedClaims::assume_verified("main", claims.as_object().cloned().unwrap_or_default())
/// };
/// let with_scope = engine.session(&ann("read:notes"))?;
/// assert!(with_scope.decide(&Request::new("GetNote", &note, now)).is_allow());
///
/// let without = engine.session(&ann("openid"))?;
/// let Decision::Deny(denial) = without.decide(&Request::new("GetNote", &note, now)) else { panic!("allowed") };
/// assert_eq!(denial.remedy().unwrap().scopes(), ["read:notes".parse().unwrap()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    bundle: Arc<Bundle>,
}

impl Engine {
    /// An engine for `bundle`.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self { bundle }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Reads the claims of a token as its source's profile says.
    ///
    /// # Errors
    ///
    /// If the claims do not make a caller: an unknown kind of subject, an unreadable actor, a claim of the wrong type.
    pub fn caller(&self, claims: VerifiedClaims) -> Result<Caller, ClaimsError> {
        self.bundle.sources().read(claims)
    }

    /// Prepares the caller behind `claims`, known by nothing but its token and the static entities.
    ///
    /// # Errors
    ///
    /// As [`Engine::caller`] and [`Engine::session_with`].
    pub fn session(&self, claims: &VerifiedClaims) -> Result<Session, SessionError> {
        self.session_with(self.caller(claims.clone())?, &PrincipalFacts::default())
    }

    /// Prepares `caller`, with what the application knows of its subject.
    ///
    /// # Errors
    ///
    /// If an attribute does not fit the schema, or a role list that policies may test is unknown and nobody supplies it.
    pub fn session_with(
        &self,
        caller: impl Into<Arc<Caller>>,
        known: &PrincipalFacts,
    ) -> Result<Session, SessionError> {
        Session::new(Arc::clone(&self.bundle), caller.into(), known)
    }

    /// Decides `request` of `session`, or of nobody. A public action is decided without looking at who asks.
    pub fn decide(&self, session: Option<&Session>, request: &Request<'_>) -> Decision {
        match self.who_counts(session, request) {
            Some(session) => session.decide(request),
            // Denies whatever is not public.
            None => self.decide_public(request),
        }
    }

    /// Decides as [`Engine::decide`], and keeps what every layer said.
    #[must_use]
    pub fn explain(&self, session: Option<&Session>, request: &Request<'_>) -> Explanation {
        match self.who_counts(session, request) {
            Some(session) => session.explain(request),
            None => self.explain_public(request),
        }
    }

    /// Explains as [`Engine::explain`], and looks into the policies: under which conditions those apply that forbid, and, of a
    /// layer that denies because no permit counts, which permits nearly do, and what they lack.
    ///
    /// For people who want to know why, such as authors of policies. It takes policies apart by their text, which is slow, and
    /// shows values of attributes.
    #[must_use]
    pub fn diagnose(&self, session: Option<&Session>, request: &Request<'_>) -> Explanation {
        match self.who_counts(session, request) {
            Some(session) => session.diagnose(request),
            None => self.conclude_public::<Diagnosis>(request).0,
        }
    }

    fn who_counts<'a>(&self, session: Option<&'a Session>, request: &Request<'_>) -> Option<&'a Session> {
        session.filter(|_| !self.bundle.action(request.action).is_some_and(Action::is_public))
    }

    /// Decides a public action, which needs no caller. Any other action is denied.
    pub fn decide_public(&self, request: &Request<'_>) -> Decision {
        self.conclude_public(request)
    }

    /// Decides a public action as [`Engine::decide_public`], and keeps what every layer said.
    #[must_use]
    pub fn explain_public(&self, request: &Request<'_>) -> Explanation {
        self.conclude_public(request)
    }

    fn conclude_public<T: for<'c> From<&'c Conclusion<'c>>>(&self, request: &Request<'_>) -> T {
        let refused = |refusal: &Refusal| (&Conclusion::of_refusal(None, request, refuse(true, refusal))).into();
        let Some(action) = self.bundle.action(request.action).filter(|action| action.is_public()) else {
            return refused(&Refusal::new("the action is not public"));
        };
        // An action without `appliesTo` is one that no policy can name.
        if action.resources.is_empty() {
            let open = Layer::ALL.map(|layer| LayerReport::new(layer, Verdict::Allows));
            return (&Conclusion::of_refusal(None, request, Evaluation { allowed: true, layers: open })).into();
        }
        let Some(nobody) = Parties::anonymous(&self.bundle) else {
            return refused(&Refusal::new("the action is not public"));
        };
        match Question::new(&self.bundle, None, &nobody, request, Cow::Owned(Standing::default()), None) {
            Ok(question) => (&Conclusion::of_question(&question, evaluate_public(&question))).into(),
            Err(refusal) => refused(&refusal),
        }
    }
}
