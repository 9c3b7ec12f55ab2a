//! What can be asked of a running trigger and of an endpoint.

use broker::{Failure, SubscriptionStatus, Timestamp};
use schemas::names::ResourceName;
use serde::Serialize;

use crate::endpoint::Endpoint;

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

/// An endpoint at this moment: all triggers that send there together.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// Its resource; `None` for a URL that was given in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ResourceName>,
    /// Its name, or its URL without user information.
    pub label: String,
    /// Whether it is sent to.
    pub state: EndpointState,
    /// Since when it is not closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
    /// When the next request may go at the earliest, while it is open or has asked for a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// Failures in a row, those that opened it included.
    pub failures: u32,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests at once for now; grows up to `concurrency` with each answer.
    pub allowed: usize,
    /// Requests at once at most.
    pub concurrency: usize,
    /// Deliveries that wait for their turn, in memory. The others wait in their subscriptions.
    pub waiting: usize,
    /// Requests in [`EndpointStatus::rate_per_ms`] at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_requests: Option<u32>,
    /// Milliseconds of the rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_ms: Option<u64>,
    /// The last attempt that says that it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
}

/// Whether an endpoint is sent to. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointState {
    /// Yes: the breaker is closed.
    Closed,
    /// It asked for a pause with `Retry-After`.
    Throttled,
    /// No: it failed too often in a row.
    Open,
    /// One request at a time, to see whether it is there again.
    HalfOpen,
}

// === impl LastError ===

impl LastError {
    pub(crate) fn new(failure: &Failure, event_id: &str, at: Timestamp) -> Self {
        Self {
            at,
            destination: failure.destination.clone(),
            code: failure.code,
            message: failure.message.clone(),
            event_id: event_id.to_owned(),
        }
    }
}

// === impl EndpointStatus ===

impl EndpointStatus {
    pub(crate) fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        let (glance, waiting, last_error) = endpoint.slots.glance();
        let open_until = glance.opening.map(|opening| opening.until);
        let next_at = open_until
            .into_iter()
            .chain([glance.quiet_until])
            .max()
            .filter(|at| *at > now);
        let state = match (glance.opening, next_at) {
            (Some(_), Some(_)) => EndpointState::Open,
            (Some(_), None) => EndpointState::HalfOpen,
            (None, Some(_)) => EndpointState::Throttled,
            (None, None) => EndpointState::Closed,
        };
        Self {
            name: endpoint.name.clone(),
            label: endpoint.label.to_string(),
            state,
            open_since: glance.opening.map(|opening| opening.since),
            next_at,
            failures: glance.failures,
            in_flight: glance.in_flight,
            allowed: glance.allowed,
            concurrency: glance.concurrency,
            waiting,
            rate_requests: glance.rate.map(|rate| rate.requests),
            rate_per_ms: glance
                .rate
                .map(|rate| u64::try_from(rate.per.as_millis()).unwrap_or(u64::MAX)),
            last_error,
        }
    }
}
