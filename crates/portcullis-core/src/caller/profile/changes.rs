//! What one installation of a product does otherwise than the product's preset.

use std::sync::Arc;

use super::spec::ProfileSpec;
use super::{Profile, ProfileError, Rules, compile};

/// Changes to a [`Profile`]: where one installation keeps claims that its product leaves to the operator.
///
/// Written with the keys of a profile, except `gate`, `classify` and `trust`: which tokens a profile is for and what their
/// subjects are is changed by writing a whole profile only. A key that is given replaces the profile's; sources of `actor`
/// are tried before those of the profile. An `act` claim that none of them reads still refuses the token.
///
/// ```
/// use portcullis_core::{Profile, ProfileChanges};
///
/// let changes: ProfileChanges = serde_json::from_str(r#"{ "roles": { "claim": "https://example.com/roles", "as": "array" } }"#)?;
/// let profile = Profile::rfc9068().with(&changes);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "ProfileSpec")]
pub struct ProfileChanges(Arc<Rules>);

impl TryFrom<ProfileSpec> for ProfileChanges {
    type Error = ProfileError;

    fn try_from(spec: ProfileSpec) -> Result<Self, ProfileError> {
        compile::changes(spec).map(|rules| Self(Arc::new(rules)))
    }
}

impl Profile {
    /// This profile with `changes`.
    #[must_use]
    pub fn with(&self, changes: &ProfileChanges) -> Self {
        let Rules { gate: _, classify: _, trust: _, client, scopes, lists, tenant, agent_type, actor } =
            Rules::clone(&changes.0);
        let mut rules = Rules::clone(&self.0);
        rules.client = client.or(rules.client);
        rules.scopes = scopes.or(rules.scopes);
        rules.tenant = tenant.or(rules.tenant);
        rules.agent_type = agent_type.or(rules.agent_type);
        rules.actor.splice(..0, actor);
        for (list, change) in lists {
            if let Some(rule) = rules.lists.get_mut(&list) {
                rule.from = change.from.or(rule.from.take());
                rule.absent = change.absent.or(rule.absent);
                rule.unknown_when = change.unknown_when.or(rule.unknown_when.take());
            }
        }
        Self(Arc::new(rules))
    }
}
