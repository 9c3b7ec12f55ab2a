//! The record of a type of events that was seen for the first time.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A broker stored its first event of a type. Whatever is too long to be kept is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeSeenRecord {
    /// The broker's event stream.
    pub(crate) stream: u64,
    #[serde(rename = "type")]
    pub(crate) ty: String,
    pub(crate) at: Timestamp,
    /// The first event's, as are the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    /// The beginning of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sample: Option<String>,
}
