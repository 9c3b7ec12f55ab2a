//! What can be asked of a running trigger.

use broker::{SubscriptionStatus, Timestamp};
use schemas::names::ResourceName;
use serde::Serialize;

/// A trigger at this moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerStatus {
    /// The trigger.
    pub name: ResourceName,
    /// The broker it reads.
    pub broker: ResourceName,
    /// Where its events go: the endpoint's name, or its URL without user information.
    pub endpoint: String,
    /// The same of its dead letter sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_endpoint: Option<String>,
    /// Why it delivers no more until a restart; `None` while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The last attempt that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The engine's counts.
    #[serde(flatten)]
    pub subscription: SubscriptionStatus,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// Where: the URL without user information.
    pub destination: String,
    /// HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// In words.
    pub message: String,
    /// Attribute `id` of the event.
    pub event_id: String,
}
