//! `status_list` of an `[[issuer]]` table.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::{StatusCheck, StatusLists, StatusListsError};
use crate::duration::HumanDuration;
use crate::http::Network;

/// `"ignore"`, or the table `[issuer.status_list]`.
#[derive(Debug, Clone)]
pub(crate) enum StatusSettings {
    Ignore,
    Lists(ListSettings),
}

/// The keys of `[issuer.status_list]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListSettings {
    uri: Vec<String>,
    min_age: Option<HumanDuration>,
    max_age: Option<HumanDuration>,
}

impl StatusSettings {
    pub(crate) fn into_check(self, network: Network) -> Result<StatusCheck, StatusListsError> {
        let settings = match self {
            Self::Ignore => return Ok(StatusCheck::Ignore),
            Self::Lists(settings) => settings,
        };
        let lists = StatusLists::new(settings.uri)?;
        let (min, max) = lists.ages();
        let ages = (settings.min_age.map_or(min, Into::into), settings.max_age.map_or(max, Into::into));
        Ok(StatusCheck::Lists(lists.with_network(network).with_ages(ages.0, ages.1)?))
    }
}

impl<'de> Deserialize<'de> for StatusSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusVisitor)
    }
}

struct StatusVisitor;

impl<'de> Visitor<'de> for StatusVisitor {
    type Value = StatusSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`\"ignore\"`, or a table with `uri`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StatusSettings, E> {
        if text == "ignore" {
            Ok(StatusSettings::Ignore)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StatusSettings, A::Error> {
        ListSettings::deserialize(MapAccessDeserializer::new(map)).map(StatusSettings::Lists)
    }
}
