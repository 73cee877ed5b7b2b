use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time;
use crate::bundle::Bundle;
use crate::layers::{Approval, Request};
use crate::time::UnixTime;
use crate::typed::{Facts, Parents, ResourceData};

/// What was asked: the action, the resource, the facts, the time.
///
/// Of the resource it keeps what the schema declares, which is all that policies can read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedQuestion {
    action: String,
    /// `None` if it was asked before the resource was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<RecordedResource>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    facts: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<RecordedApproval>,
    #[serde(with = "time")]
    now: UnixTime,
    /// Whether something could not be kept, so that the question cannot be asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedResource {
    #[serde(rename = "type")]
    entity_type: String,
    id: String,
    /// `None` for an id alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<Value>,
    /// `None` if the resource does not say what it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parents: Option<Vec<(String, String)>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedApproval {
    by: String,
    #[serde(with = "time")]
    at: UnixTime,
}

impl RecordedQuestion {
    /// What `request` asks under `bundle`.
    #[must_use]
    pub fn of(bundle: &Bundle, request: &Request<'_>) -> Self {
        let resource = request.resource;
        let attributes = resource.recorded_attributes(&bundle.types);
        let facts = request.facts.recorded(&bundle.types, request.action);
        let incomplete = attributes.is_err() || facts.is_err();
        let approval =
            request.approval.as_ref().map(|Approval { by, at }| RecordedApproval { by: by.clone(), at: *at });
        Self {
            action: request.action.to_owned(),
            resource: Some(RecordedResource {
                entity_type: resource.entity_type().to_owned(),
                id: resource.id().to_owned(),
                attributes: attributes.unwrap_or_default(),
                parents: resource.recorded_parents(),
            }),
            facts: facts.unwrap_or_default(),
            approval,
            now: request.now,
            incomplete,
        }
    }

    /// What [`Session::deny_early`](crate::Session::deny_early) asks.
    #[must_use]
    pub fn early(action: impl Into<String>, now: UnixTime) -> Self {
        let action = action.into();
        Self { action, resource: None, facts: Value::Null, approval: None, now, incomplete: false }
    }

    /// Whether the question can be asked again. It cannot if a value does not fit the schema in a way that would put into the
    /// record what the schema does not know.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        !self.incomplete
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The type and the id of the resource; `None` if the question was asked before it was known.
    #[must_use]
    pub fn resource_id(&self) -> Option<(&str, &str)> {
        self.resource.as_ref().map(|resource| (resource.entity_type.as_str(), resource.id.as_str()))
    }

    pub(super) fn now(&self) -> UnixTime {
        self.now
    }

    /// The resource; `None` if the question was asked before it was known.
    pub(super) fn resource(&self) -> Option<Result<ResourceData, super::ReplayError>> {
        let RecordedResource { entity_type, id, attributes, parents } = self.resource.as_ref()?;
        let Some(attributes) = attributes else {
            return Some(Ok(ResourceData::bare(entity_type.clone(), id)));
        };
        let parents = match parents {
            Some(parents) => parents.iter().cloned().collect(),
            None => Parents::unstated(),
        };
        Some(ResourceData::from_json(entity_type.clone(), id, attributes, parents).map_err(Into::into))
    }

    pub(super) fn facts(&self) -> Result<Facts, super::ReplayError> {
        Ok(Facts::from_json(&self.facts)?)
    }

    pub(super) fn approval(&self) -> Option<Approval> {
        self.approval.as_ref().map(|approval| Approval::assume_verified(&approval.by, approval.at))
    }
}
