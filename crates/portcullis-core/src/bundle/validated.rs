//! Policies that Cedar's validator has found valid, so that a reload validates only what changed.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::Layer;

/// The policies of a bundle that loaded, as hashes of their texts, and the schema under which they are valid.
///
/// Cedar validates each policy by itself, against nothing but the schema. All other rules of a bundle are cheap, join its
/// files, and are checked each time.
#[derive(Debug)]
pub(super) struct Validated {
    schema: [u8; 32],
    policies: HashSet<[u8; 32]>,
}

impl Validated {
    /// None yet, under the schema with the text `schema`.
    pub(super) fn under(schema: &str) -> Self {
        Self { schema: Sha256::digest(schema.as_bytes()).into(), policies: HashSet::new() }
    }

    /// Whether `other` is about the same schema.
    pub(super) fn has_schema_of(&self, other: &Self) -> bool {
        self.schema == other.schema
    }

    /// Notes that the policy with the text `text` is valid in `layer`.
    pub(super) fn insert(&mut self, layer: Layer, text: &str) {
        self.policies.insert(key(layer, text));
    }

    /// Whether the policy with the text `text` is known to be valid in `layer`.
    pub(super) fn contains(&self, layer: Layer, text: &str) -> bool {
        self.policies.contains(&key(layer, text))
    }
}

/// Ceilings see another schema than the other layers.
fn key(layer: Layer, text: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update([u8::from(layer == Layer::Ceilings)]);
    hasher.update(text.as_bytes());
    hasher.finalize().into()
}
