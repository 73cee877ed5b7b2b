//! The schema for Cedar's own tools.

use super::files::BundleFiles;
use super::prelude::{self, Audience};
use super::problem::LoadError;
use super::read_schema;

impl BundleFiles {
    /// The schema of these files with the `Portcullis` namespace that every bundle gets, as one text: what Cedar's formatter,
    /// validator and language server need to know of the policies.
    ///
    /// It is the schema as ceilings see it. The other layers see it without `context.auth.actor`, so what Cedar's tools accept may
    /// still be refused when the bundle is loaded.
    ///
    /// # Errors
    ///
    /// If there is no schema, or Cedar cannot read it.
    pub fn cedar_schema(&self) -> Result<String, LoadError> {
        let schema = read_schema(self).map_err(LoadError::new)?;
        Ok(format!("{}\n\n{}", prelude::text(&schema.kinds, Audience::Ceilings), schema.text))
    }
}
