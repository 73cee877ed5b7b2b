//! The law.

use std::sync::Arc;

use crate::bundle::{Bundle, Layer};
use crate::caller::{Caller, ClaimsError};
use crate::claims::VerifiedClaims;
use crate::decision::{Decision, Evaluation, Explanation};
use crate::layers::{self, LayerReport, Question, Refusal, Request, Standing, Verdict};
use crate::parties::Parties;
use crate::session::{PrincipalFacts, Session, SessionError};

/// Whether a request is allowed: consent ∧ ceilings ∧ roles ∧ guardrails.
///
/// No option, and no missing layer, turns the intersection into a union.
pub(crate) fn law(
    consent: &LayerReport,
    ceilings: &LayerReport,
    roles: &LayerReport,
    guardrails: &LayerReport,
) -> bool {
    consent.allows() && ceilings.allows() && roles.allows() && guardrails.allows()
}

/// Asks all four layers: a denial names every layer that denies.
pub(crate) fn evaluate(question: &Question<'_>) -> Evaluation {
    let subject = &question.parties.subject;
    let applies = subject.kind().is_some_and(|kind| question.action.principals.contains(&kind));
    let ask = |layer, answer: &dyn Fn() -> LayerReport| {
        if applies { answer() } else { LayerReport::new(layer, Verdict::NotApplicable) }
    };
    let consent = ask(Layer::Consent, &|| layers::consent(question, subject));
    let ceilings = layers::ceilings(question);
    let roles = ask(Layer::Roles, &|| layers::roles(question, subject));
    let guardrails = ask(Layer::Guardrails, &|| layers::guardrails(question, subject));
    let allowed = law(&consent, &ceilings, &roles, &guardrails);
    Evaluation { allowed, layers: [consent, ceilings, roles, guardrails] }
}

/// Public actions have no subject, so only guardrails judge them.
fn evaluate_public(question: &Question<'_>) -> Evaluation {
    let open = |layer| LayerReport::new(layer, Verdict::Allows);
    let guardrails = layers::guardrails(question, &question.parties.subject);
    let allowed = guardrails.allows();
    Evaluation { allowed, layers: [open(Layer::Consent), open(Layer::Ceilings), open(Layer::Roles), guardrails] }
}

/// A request that does not fit the schema: no layer that would judge it can allow it. Ceilings judge only where there is
/// `software`.
pub(crate) fn refuse(software: bool, refusal: &Refusal) -> Evaluation {
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
    pub fn caller(&self, claims: &VerifiedClaims) -> Result<Caller, ClaimsError> {
        self.bundle.sources().read(claims.clone())
    }

    /// Prepares the caller behind `claims`, known by nothing but its token and the static entities.
    ///
    /// # Errors
    ///
    /// As [`Engine::caller`] and [`Engine::session_with`].
    pub fn session(&self, claims: &VerifiedClaims) -> Result<Session, SessionError> {
        self.session_with(self.caller(claims)?, &PrincipalFacts::default())
    }

    /// Prepares `caller`, with what the application knows of its subject.
    ///
    /// # Errors
    ///
    /// If an attribute does not fit the schema, or a role list that policies may test is unknown and nobody supplies it.
    pub fn session_with(&self, caller: Caller, known: &PrincipalFacts) -> Result<Session, SessionError> {
        Session::new(Arc::clone(&self.bundle), caller, known)
    }

    /// Decides `request` of `session`, or of nobody, and keeps what every layer said. A public action is decided without looking
    /// at who asks.
    #[must_use]
    pub fn explain(&self, session: Option<&Session>, request: &Request<'_>) -> Explanation {
        let public = self.bundle.action(request.action).is_some_and(crate::bundle::Action::is_public);
        match session.filter(|_| !public) {
            Some(session) => session.explain(request),
            // Denies whatever is not public.
            None => self.explain_public(request),
        }
    }

    /// Decides a public action, which needs no caller. Any other action is denied.
    pub fn decide_public(&self, request: &Request<'_>) -> Decision {
        self.explain_public(request).into_decision()
    }

    /// As [`Engine::decide_public`], with what every layer said.
    #[must_use]
    pub fn explain_public(&self, request: &Request<'_>) -> Explanation {
        let public = self.bundle.action(request.action).filter(|action| action.is_public());
        let evaluation = match (public, Parties::anonymous(&self.bundle)) {
            // An action without `appliesTo` is one that no policy can name.
            (Some(action), _) if action.resources.is_empty() => {
                Evaluation { allowed: true, layers: Layer::ALL.map(|layer| LayerReport::new(layer, Verdict::Allows)) }
            }
            (Some(_), Some(nobody)) => match Question::new(&self.bundle, None, &nobody, request, Standing::default()) {
                Ok(question) => evaluate_public(&question),
                Err(refusal) => refuse(true, &refusal),
            },
            (Some(_), None) | (None, _) => refuse(true, &Refusal::new("the action is not public")),
        };
        Explanation::of_refusal(&self.bundle, None, request, evaluation)
    }
}
