//! `entities.json`: what is known without asking anybody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityUid, Schema};

use super::files::{BundleFiles, ENTITIES};
use super::problem::Problem;

/// The static entities of a bundle, each with all of its ancestors.
#[derive(Debug, Default)]
pub(crate) struct StaticEntities {
    entities: HashMap<EntityUid, StaticEntity>,
    kept: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct StaticEntity {
    entity: Entity,
    ancestors: HashSet<EntityUid>,
}

impl StaticEntities {
    /// Reads the file, where there is one.
    pub(super) fn read(files: &BundleFiles, schema: &Schema, problems: &mut Vec<Problem>) -> Self {
        let Some(text) = files.get(ENTITIES) else {
            return Self::default();
        };
        let read = match Entities::from_json_str(text, Some(schema)) {
            Ok(read) => read,
            Err(error) => {
                let problem = Problem::from_cedar(ENTITIES, text, 0, &error);
                problems.push(Problem { place: json_place(text), ..problem });
                return Self::default();
            }
        };
        let mut entities = Self::default();
        for entity in read.iter() {
            let uid = entity.uid();
            // Cedar adds the actions of the schema to every store that it validates.
            if uid.type_name().basename() == "Action" {
                continue;
            }
            let (_, _, ancestors) = entity.clone().into_inner();
            let kept = entities.kept.entry(uid.type_name().to_string()).or_default();
            kept.insert(uid.id().unescaped().to_owned());
            entities.entities.insert(uid, StaticEntity { entity: entity.clone(), ancestors });
        }
        entities
    }

    /// Ids by type: of a type that is kept here, no other entity exists for a policy to name.
    pub(crate) fn kept(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.kept
    }

    /// The entity with all of its ancestors.
    pub(crate) fn get(&self, uid: &EntityUid) -> Option<(&Entity, &HashSet<EntityUid>)> {
        self.entities.get(uid).map(|found| (&found.entity, &found.ancestors))
    }

    /// Adds what is above `uid`.
    pub(crate) fn close(&self, uid: &EntityUid, ancestors: &mut HashSet<EntityUid>) {
        let above = self.entities.get(uid).map(|found| &found.ancestors);
        ancestors.extend(above.into_iter().flatten().cloned());
    }
}

/// Where the text stops being JSON; `None` if it is JSON that does not fit the schema.
fn json_place(text: &str) -> Option<(usize, usize)> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    Some((error.line(), error.column()))
}
