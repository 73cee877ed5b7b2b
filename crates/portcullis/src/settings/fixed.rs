//! What of the settings stays until a restart.

use portcullis_core::Problem;

use super::SETTINGS;

/// The settings, without what a reload may change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FixedSettings(toml::Table);

impl FixedSettings {
    /// `None` if `text` is not TOML.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut table: toml::Table = toml::from_str(text).ok()?;
        table.retain(|key, _| !CHANGEABLE.contains(&key));
        Some(Self(table))
    }

    /// A problem for each key whose value is another one in `new`. The gate would go on with the old one, and whoever changed
    /// it would believe otherwise.
    pub(super) fn differences(&self, new: &Self) -> Vec<Problem> {
        let keys = self.0.keys().chain(new.0.keys().filter(|key| !self.0.contains_key(*key)));
        let different = keys.filter(|key| self.0.get(*key) != new.0.get(*key));
        let problem = |key: &String| {
            let message = format!("`{key}` is not what the service started with");
            Problem::new(SETTINGS, message).with_help("restart the service to change it, or put it back")
        };
        different.map(problem).collect()
    }
}

/// What the settings say about the bundle itself.
const CHANGEABLE: [&str; 2] = ["layers", "directory"];
