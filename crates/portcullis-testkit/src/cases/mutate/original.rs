//! A bundle in parts, of which one at a time is replaced.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{Policy, PolicySet, SchemaFragment};
use portcullis_core::{BundleFiles, Layer};
use serde_json::{Value, json};

use super::unexpected;
use crate::cases::CasesError;

/// The parts of a bundle.
#[derive(Debug)]
pub(super) struct Original {
    files: BundleFiles,
    pub(super) policies: Vec<PolicyFile>,
    /// The only form of a schema that keeps annotations and can be changed.
    pub(super) schema: Value,
}

/// A file with its policies.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) path: String,
    pub(super) policies: Vec<Policy>,
}

/// What is replaced.
#[derive(Debug)]
pub(super) enum Edit {
    /// One policy of one file by another text, or by nothing.
    Policy { file: usize, policy: usize, text: Option<String> },
    /// What an action, scope or group is in.
    Parents { member: String, parents: BTreeSet<String> },
}

impl Original {
    pub(super) fn of(files: BundleFiles) -> Result<Self, CasesError> {
        let is_policy = |path: &str| Layer::ALL.iter().any(|layer| path.split('/').next() == Some(layer.folder()));
        let mut policies = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| is_policy(path)) {
            let set = PolicySet::from_str(text).map_err(|error| unexpected(path, error))?;
            let mut found: Vec<Policy> = set.policies().cloned().collect();
            found.sort_by_key(|policy| policy.annotation("id").map(str::to_owned));
            policies.push(PolicyFile { path: path.to_owned(), policies: found });
        }
        let text = files.get(SCHEMA).unwrap_or_default();
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| unexpected(SCHEMA, error))?;
        let schema = fragment.to_json_value().map_err(|error| unexpected(SCHEMA, error))?;
        let files = with_schema(files, schema.clone())?;
        let files = policies.iter().fold(files, |files, file| files.with_file(&file.path, file.text(None)));
        Ok(Self { files, policies, schema })
    }

    /// The files, with every policy and the schema written anew: what is not replaced is the same text in all of them.
    pub(super) fn files(&self) -> &BundleFiles {
        &self.files
    }

    /// The files after `edit`.
    pub(super) fn edited(&self, edit: &Edit) -> Result<BundleFiles, CasesError> {
        match edit {
            Edit::Policy { file, policy, text } => {
                let found = self.policies.get(*file).ok_or_else(|| unexpected("policies", "are not there"))?;
                Ok(self.files.clone().with_file(&found.path, found.text(Some((*policy, text.as_deref())))))
            }
            Edit::Parents { member, parents } => {
                let mut schema = self.schema.clone();
                let action = schema.get_mut("").and_then(|namespace| namespace.get_mut("actions")?.get_mut(member));
                let parents: Vec<Value> = parents.iter().map(|parent| json!({ "id": parent })).collect();
                let home = action.and_then(|action| action.get_mut("memberOf"));
                *home.ok_or_else(|| unexpected(SCHEMA, format!("`{member}` is not there")))? = parents.into();
                with_schema(self.files.clone(), schema)
            }
        }
    }

    /// The texts of all policies.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.policies.iter().map(|file| file.text(None))
    }
}

impl PolicyFile {
    /// The text, with one policy replaced.
    fn text(&self, replaced: Option<(usize, Option<&str>)>) -> String {
        let policies = self.policies.iter().enumerate().filter_map(|(index, policy)| match replaced {
            Some((at, text)) if at == index => text.map(str::to_owned),
            _ => Some(policy.to_string()),
        });
        policies.collect::<Vec<_>>().join("\n")
    }
}

fn with_schema(files: BundleFiles, schema: Value) -> Result<BundleFiles, CasesError> {
    let fragment = SchemaFragment::from_json_value(schema).map_err(|error| unexpected(SCHEMA, error))?;
    let text = fragment.to_cedarschema().map_err(|error| unexpected(SCHEMA, error))?;
    Ok(files.with_file(SCHEMA, text))
}

pub(super) const SCHEMA: &str = "schema.cedarschema";
