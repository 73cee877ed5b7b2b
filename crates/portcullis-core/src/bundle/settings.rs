//! What the settings file says to the engine, held against what is there.

use std::collections::BTreeSet;

use cedar_policy::Effect;

use super::Layer;
use super::files::{BundleFiles, ENTITIES, SETTINGS};
use super::policies::ReadPolicy;
use super::problem::{Problem, did_you_mean};
use crate::caller::Source;
use crate::typed::Types;

/// What the settings file says to the engine.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct BundleSettings {
    /// Where credentials come from. At least one.
    pub sources: Vec<Source>,
    /// Layers without files, stated so that a lost folder is told from one that was never there.
    pub empty_layers: BTreeSet<Layer>,
    /// Files that must be there, such as `guardrails/tenancy.cedar`. Every file that holds a `forbid` must be named: if it
    /// were lost, nothing else would say so, and more would be allowed.
    pub required_files: BTreeSet<String>,
    /// Whether the bundle has no `entities.json`, stated for the same reason.
    pub without_entities: bool,
    /// Entity types whose resources a directory supplies with their attributes, so that the action can be decided before
    /// the handler.
    pub supplied: BTreeSet<String>,
}

impl BundleSettings {
    /// Settings for credentials from `sources`.
    #[must_use]
    pub fn new(sources: Vec<Source>) -> Self {
        Self { sources, ..Self::default() }
    }

    /// States that `layer` has no files.
    #[must_use]
    pub fn with_empty_layer(mut self, layer: Layer) -> Self {
        self.empty_layers.insert(layer);
        self
    }

    /// States that the file at `path` must be there, which every file that holds a `forbid` needs.
    #[must_use]
    pub fn with_required_file(mut self, path: impl Into<String>) -> Self {
        self.required_files.insert(path.into());
        self
    }

    /// States that the bundle has no `entities.json`.
    #[must_use]
    pub fn without_entities(mut self) -> Self {
        self.without_entities = true;
        self
    }

    /// States that a directory supplies resources of the entity type `entity_type`.
    #[must_use]
    pub fn with_supplied(mut self, entity_type: impl Into<String>) -> Self {
        self.supplied.insert(entity_type.into());
        self
    }
}

/// A layer has files, or the settings say that it has none.
pub(super) fn check_folders(files: &BundleFiles, settings: &BundleSettings, problems: &mut Vec<Problem>) {
    for layer in Layer::ALL {
        let folder = layer.folder();
        let empty = files.below(folder).next().is_none();
        if empty && !settings.empty_layers.contains(&layer) {
            problems.push(Problem::new(format!("{folder}/"), "is missing").with_help(format!(
                "add the policies of this layer, or state in `{}` that it has none: `[layers]` `{folder} = \"none\"`",
                SETTINGS
            )));
        } else if !empty && settings.empty_layers.contains(&layer) {
            problems.push(
                Problem::new(SETTINGS, format!("`[layers]` says that `{folder}` has no policies, but it has"))
                    .with_help(format!("remove `{folder} = \"none\"`, or the files")),
            );
        }
    }
}

/// No file, if lost, widens anything: a file that can deny is named in the settings.
pub(super) fn check_files(
    files: &BundleFiles,
    settings: &BundleSettings,
    policies: &[ReadPolicy<'_>],
    problems: &mut Vec<Problem>,
) {
    for path in settings.required_files.iter().filter(|path| files.get(path).is_none()) {
        problems.push(Problem::new(path, "is missing").with_help(format!(
            "`[layers]` in `{}` lists it: bring the file back, or take it off the list if its policies are meant to go",
            SETTINGS
        )));
    }
    let denying = policies.iter().filter(|policy| policy.policy.effect == Effect::Forbid);
    for policy in denying.filter(|policy| !settings.required_files.contains(policy.file)) {
        let (folder, name) = policy.file.split_once('/').unwrap_or(("", policy.file));
        problems.push(Problem::new(policy.file, "holds a `forbid` and is not listed in the settings").with_help(format!(
            "state `[layers]` `{folder} = [\"{name}\"]` in `{}`: if the file were lost, more would be allowed and nobody told",
            SETTINGS
        )));
    }
    match (files.get(ENTITIES), settings.without_entities) {
        (None, false) => problems.push(Problem::new(ENTITIES, "is missing").with_help(format!(
            "add it, or state in `{}` that there is none: `[layers]` `entities = \"none\"`",
            SETTINGS
        ))),
        (Some(_), true) => problems.push(
            Problem::new(SETTINGS, "`[layers]` says that there is no `entities.json`, but there is one")
                .with_help("remove `entities = \"none\"`, or the file"),
        ),
        _ => {}
    }
}

pub(super) fn check_supplied(supplied: &BTreeSet<String>, types: &Types, problems: &mut Vec<Problem>) {
    for name in supplied.iter().filter(|name| types.entity(name).is_none()) {
        let known = types.entities().map(|(known, _)| known);
        let problem =
            Problem::new(SETTINGS, format!("`[directory]` supplies `{name}`, which the schema does not declare"));
        problems
            .push(problem.with_help(
                did_you_mean(name, known).unwrap_or_else(|| "name an entity type of the schema".to_owned()),
            ));
    }
}
