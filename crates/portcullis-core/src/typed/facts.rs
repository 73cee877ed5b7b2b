//! What the application adds to one request.

use std::fmt;

use cedar_policy::RestrictedExpression;
use serde::Serialize;
use serde_json::Value;

use super::canonical;
use super::convert::Origin;
use super::error::{ValueError, ValueProblem};
use super::node::Node;
use super::types::Types;

/// The application's part of an action's context: what the schema declares there besides `auth` and `now`, such as the
/// amount of a payment.
///
/// Every declared fact must be serialised, with `None` (or serde's `skip_field`) for an absent one, and no other.
///
/// ```
/// use portcullis_core::Facts;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Payment {
///     amount: u32,
///     reference: Option<String>,
/// }
///
/// let facts = Facts::of(&Payment { amount: 120, reference: None })?;
/// assert!(Facts::of(&1.5).is_err());
/// # let _ = facts;
/// # Ok::<(), portcullis_core::FactsError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Facts(Node);

impl Facts {
    /// No facts, for actions that declare none.
    #[must_use]
    pub fn none() -> Self {
        Self(Node::Null)
    }

    /// Takes the facts from `value`, a struct or a map with string keys.
    ///
    /// # Errors
    ///
    /// If a value has no counterpart in Cedar (floating-point numbers, byte strings), is nested too deeply, or cannot be
    /// serialised.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, FactsError> {
        Node::of(value).map(Self).map_err(FactsError::unusable)
    }

    /// Takes the facts from a JSON object.
    ///
    /// # Errors
    ///
    /// As [`Facts::of`].
    pub fn from_json(value: &Value) -> Result<Self, FactsError> {
        Node::of_json(value).map(Self).map_err(FactsError::unusable)
    }

    /// The facts as one text, whatever their order was: canonical JSON (RFC 8785), without the facts that are absent. What is
    /// signed or compared is this text.
    ///
    /// ```
    /// use portcullis_core::Facts;
    /// use serde_json::json;
    ///
    /// let facts = Facts::from_json(&json!({ "to": ["ann"], "amount": 3, "note": null }))?;
    /// assert_eq!(facts.canonical()?, r#"{"amount":3,"to":["ann"]}"#);
    /// # Ok::<(), portcullis_core::FactsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a fact has two values, or is an integer that not every reader of JSON takes for the same number (RFC 7493 §2.2):
    /// above 2⁵³ − 1, or below its negative.
    pub fn canonical(&self) -> Result<String, FactsError> {
        let mut text = String::new();
        match &self.0 {
            // No facts and facts of which all are absent are the same.
            Node::Null => text.push_str("{}"),
            facts => canonical::write(facts, &mut text).map_err(FactsError::unusable)?,
        }
        Ok(text)
    }

    pub(crate) fn are_none(&self) -> bool {
        self.0 == Node::Null
    }

    pub(super) fn node(&self) -> &Node {
        &self.0
    }

    /// The facts as `action` declares them.
    pub(crate) fn expressions(
        &self,
        types: &Types,
        action: &str,
    ) -> Result<Vec<(String, RestrictedExpression)>, FactsError> {
        let declared =
            types.fact_type(action).ok_or_else(|| FactsError::UnknownAction { action: action.to_owned() })?;
        declared.expressions(&self.0, Origin::Facts).map_err(|error| FactsError::Fact {
            action: action.to_owned(),
            path: error.path(),
            problem: error.problem().clone(),
        })
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self::none()
    }
}

/// Facts may be personal data: only the type is shown.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Facts").field(&self.0).finish()
    }
}

/// Why facts cannot be used. Always the application's fault, or its schema's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// A fact is not as the action declares it.
    #[error("fact `{path}` of `{action}` {problem}")]
    Fact {
        /// The action.
        action: String,
        /// Where, such as `window.from`; empty for the facts as a whole.
        path: String,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// Not an action of the schema.
    #[error("the schema has no action `{action}`")]
    UnknownAction {
        /// The action.
        action: String,
    },
    /// A value that no action could take.
    #[error("fact `{path}` {problem}")]
    Unusable {
        /// Where, such as `window.from`; empty for the facts as a whole.
        path: String,
        /// What is wrong.
        problem: ValueProblem,
    },
}

impl FactsError {
    fn unusable(error: ValueError) -> Self {
        Self::Unusable { path: error.path(), problem: error.problem().clone() }
    }
}
