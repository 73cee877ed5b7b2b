//! Bundles with other policies: for laws about what a policy does, and what it is called.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{Policy, PolicySet};
use portcullis_core::{BundleFiles, Layer};
use serde_json::{Value, json};

/// `files` with every policy renamed, in the same order. `None` if Cedar cannot write one.
pub(crate) fn renamed(files: &BundleFiles) -> Option<BundleFiles> {
    rewritten(files, |_, mut policy| {
        let id = policy.pointer_mut("/annotations/id")?;
        *id = format!("renamed-{}", id.as_str()?).into();
        Some(policy)
    })
}

/// `files` without the policies called `ids`. What states the condition of a scope must be there, so there the condition is never
/// met instead.
pub(crate) fn without(files: &BundleFiles, ids: &BTreeSet<String>) -> Option<BundleFiles> {
    rewritten(files, |layer, mut policy| {
        let id = policy.pointer("/annotations/id").and_then(Value::as_str);
        if !id.is_some_and(|id| ids.contains(id)) {
            return Some(policy);
        }
        if layer != Layer::Consent {
            return None;
        }
        let now = json!({ ".": { "left": { "Var": "context" }, "attr": "now" } });
        let past = json!({ "datetime": [{ "Value": "1970-01-01" }] });
        let never = json!({ "kind": "when", "body": { "<": { "left": now, "right": past } } });
        policy.get_mut("conditions")?.as_array_mut()?.push(never);
        Some(policy)
    })
}

/// `files` with each policy as `change` makes it, in Cedar's JSON form: what comes back as nothing is left out. Files of which no
/// policy changes stay as they are.
fn rewritten(files: &BundleFiles, change: impl Fn(Layer, Value) -> Option<Value>) -> Option<BundleFiles> {
    let mut written = files.clone();
    for (path, text) in files.iter() {
        let folder = path.split('/').next();
        let Some(layer) = Layer::ALL.into_iter().find(|layer| folder == Some(layer.folder())) else { continue };
        let set = PolicySet::from_str(text).ok()?;
        let mut texts = Vec::new();
        let mut changed = false;
        for policy in set.policies() {
            let before = policy.to_json().ok()?;
            let after = change(layer, before.clone());
            changed |= after.as_ref() != Some(&before);
            texts.extend(after.map(|after| Policy::from_json(None, after).ok()?.to_cedar()));
        }
        if changed {
            written = written.with_file(path, texts.into_iter().collect::<Option<Vec<_>>>()?.join("\n"));
        }
    }
    Some(written)
}
