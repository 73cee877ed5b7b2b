//! The record of one request.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_core::{Layer, RecordedAnswer, RecordedCaller, RecordedQuestion};
use serde::{Deserialize, Serialize};

use super::class::AuditClass;

/// All that is known of one request: a line of the type `request`, without its chain.
///
/// `docs/audit.md` explains it member by member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The decision id.
    pub(super) id: String,
    pub(super) time: String,
    /// The hash of the bundle.
    pub(super) bundle: String,
    pub(super) class: AuditClass,
    pub(super) method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<String>,
    pub(super) outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grpc_status: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) caller: Option<RecordedCaller>,
    /// The hash of the token, where nothing names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) decisions: Vec<Decided>,
    /// Decisions that are not listed, since there were too many: how many of each answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) further: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<LimitState>,
    pub(super) latency_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Decided {
    One {
        question: Box<RecordedQuestion>,
        answer: RecordedAnswer,
    },
    /// The items of a list, each of which must pass `action`.
    Many {
        list: ListCounts,
    },
}

/// What became of the items of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListCounts {
    pub(crate) action: String,
    pub(crate) shown: u64,
    pub(crate) hidden: u64,
    /// Hidden, because no decision could be made.
    pub(crate) broken: u64,
    /// How many items each layer denied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) denied_by: BTreeMap<String, u64>,
}

impl ListCounts {
    /// The items of a list must pass `action`.
    pub(crate) fn new(action: &str) -> Self {
        Self { action: action.to_owned(), ..Self::default() }
    }

    /// Counts an item that `layers` deny.
    pub(crate) fn hide(&mut self, layers: &[Layer]) {
        self.hidden += 1;
        for layer in layers {
            *self.denied_by.entry(layer.folder().to_owned()).or_default() += 1;
        }
    }
}

/// A limit after the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LimitState {
    pub(super) name: String,
    pub(super) left: u32,
}

/// What a log writes of a request.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) record: Arc<Record>,
}
