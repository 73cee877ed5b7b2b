//! Denials that are explained while a service is developed.

use portcullis_core::{Decision, Explanation, Request, Session, UnixTime};

use crate::builder::GateBuilder;
use crate::pinned::Pinned;

/// Who is told why something was denied; nobody unless somebody asks.
#[derive(Default)]
pub(crate) struct Denials(Option<Box<Listener>>);

type Listener = dyn Fn(&Explanation) + Send + Sync;

impl GateBuilder {
    /// Tells `listener` of each denial why: what every layer said, which policies decided, which nearly did, and the values that they
    /// read. For the terminal of a developer:
    ///
    /// ```
    /// # fn builder(builder: portcullis::GateBuilder) -> portcullis::GateBuilder {
    /// builder.explain_denials(|denial| eprintln!("{denial}"))
    /// # }
    /// ```
    ///
    /// It changes no answer, and nothing of it goes to the caller. It is not for production: a denial becomes slow, and what is
    /// told holds values of attributes, but for those that the schema marks `@secret`. Items of lists are not explained.
    pub fn explain_denials(mut self, listener: impl Fn(&Explanation) + Send + Sync + 'static) -> Self {
        self.denials = Denials(Some(Box::new(listener)));
        self
    }
}

impl Pinned {
    /// Explains `decision` about `request`, if it is a denial and somebody wants to know.
    pub(crate) fn explain(&self, session: Option<&Session>, request: &Request<'_>, decision: &Decision) {
        if let (Denials(Some(listener)), Decision::Deny(_)) = (&self.parts().denials, decision) {
            listener(&self.rules.engine.diagnose(session, request));
        }
    }

    /// Explains that `action` was denied before its resource was known, if somebody wants to know.
    pub(crate) fn explain_early(&self, session: &Session, action: &str, now: UnixTime) {
        if let Denials(Some(listener)) = &self.parts().denials
            && let Some(explanation) = session.diagnose_early(action, now)
        {
            listener(&explanation);
        }
    }
}
