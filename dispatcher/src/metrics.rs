//! All metric names of the dispatcher, and the handles to count with.
//!
//! Names are written here without the prefix `heddle_`: the registry that is passed in brings it.

use std::sync::Arc;
use std::time::Duration;

use broker::DeadLetterReason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use schemas::names::ResourceName;

use crate::outcome::Outcome;

/// Upper bounds in seconds: Knative's, with finer ones below for endpoints that are near.
const DURATION_BUCKETS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// The families. Cheap to clone; counts whether it is registered or not.
#[derive(Clone, Debug)]
pub struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    duration: Family<TriggerLabels, Histogram>,
    in_flight: Family<TriggerLabels, Gauge>,
    delivered: Family<TriggerLabels, Counter>,
    dead_letter_sink: Family<TriggerLabels, Counter>,
    retries: Family<TriggerLabels, Counter>,
    parked: Family<TriggerLabels, Counter>,
    dead_letters: Family<ReasonLabels, Counter>,
    expired: Family<TriggerLabels, Counter>,
    replies: Family<TriggerLabels, Counter>,
    settle_errors: Family<TriggerLabels, Counter>,
    stopped: Family<TriggerLabels, Gauge>,
    endpoint_open: Family<EndpointLabels, Gauge>,
    endpoint_openings: Family<EndpointLabels, Counter>,
    endpoint_pauses: Family<EndpointLabels, Counter>,
}

/// One trigger's handles, looked up once.
#[derive(Debug)]
pub(crate) struct TriggerMetrics {
    families: Metrics,
    trigger: Arc<str>,
    duration: Histogram,
    pub(crate) in_flight: Gauge,
    pub(crate) delivered: Counter,
    pub(crate) dead_letter_sink: Counter,
    pub(crate) retries: Counter,
    pub(crate) parked: Counter,
    pub(crate) expired: Counter,
    pub(crate) replies: Counter,
    pub(crate) settle_errors: Counter,
    pub(crate) stopped: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TriggerLabels {
    trigger: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    trigger: Arc<str>,
    result: &'static str,
    blame: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    trigger: Arc<str>,
    reason: &'static str,
}

// === impl Metrics ===

impl Metrics {
    /// Families that are part of this registry, whose prefix they take.
    pub fn register(registry: &mut Registry) -> Self {
        let new = Self::default();
        registry.register(
            "delivery_attempts",
            "Attempts, by how they ended and whose fault it was",
            new.attempts.clone(),
        );
        registry.register_with_unit(
            "delivery_duration",
            "From the start of an attempt to the end of its answer",
            Unit::Seconds,
            new.duration.clone(),
        );
        registry.register(
            "deliveries_in_flight",
            "Claims that are not settled yet",
            new.in_flight.clone(),
        );
        registry.register(
            "delivered",
            "Events that the subscriber took",
            new.delivered.clone(),
        );
        registry.register(
            "dead_letter_sink_delivered",
            "Events that the dead letter sink took",
            new.dead_letter_sink.clone(),
        );
        registry.register(
            "delivery_retries",
            "Further attempts that were scheduled",
            new.retries.clone(),
        );
        registry.register(
            "events_parked",
            "Events whose key was parked after their last attempt",
            new.parked.clone(),
        );
        registry.register(
            "dead_letters",
            "Events put into the dead-letter store, by reason",
            new.dead_letters.clone(),
        );
        registry.register(
            "expired",
            "Events that were not delivered, since their expirytime had passed",
            new.expired.clone(),
        );
        registry.register(
            "replies_stored",
            "Replies and forwarded events that were stored",
            new.replies.clone(),
        );
        registry.register(
            "settle_errors",
            "Settlements that could not be stored at once",
            new.settle_errors.clone(),
        );
        registry.register(
            "triggers_stopped",
            "1 while a trigger delivers no more",
            new.stopped.clone(),
        );
        registry.register(
            "endpoint_open",
            "1 while the circuit breaker of an endpoint is open",
            new.endpoint_open.clone(),
        );
        registry.register(
            "endpoint_openings",
            "How often the circuit breaker of an endpoint opened",
            new.endpoint_openings.clone(),
        );
        registry.register(
            "endpoint_pauses",
            "Answers of an endpoint that asked for a pause with Retry-After",
            new.endpoint_pauses.clone(),
        );
        new
    }

    pub(crate) fn trigger(&self, name: &ResourceName) -> TriggerMetrics {
        let trigger: Arc<str> = name.as_str().into();
        let labels = TriggerLabels {
            trigger: Arc::clone(&trigger),
        };
        TriggerMetrics {
            families: self.clone(),
            duration: self.duration.get_or_create_owned(&labels),
            in_flight: self.in_flight.get_or_create_owned(&labels),
            delivered: self.delivered.get_or_create_owned(&labels),
            dead_letter_sink: self.dead_letter_sink.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
            parked: self.parked.get_or_create_owned(&labels),
            expired: self.expired.get_or_create_owned(&labels),
            replies: self.replies.get_or_create_owned(&labels),
            settle_errors: self.settle_errors.get_or_create_owned(&labels),
            stopped: self.stopped.get_or_create_owned(&labels),
            trigger,
        }
    }
}

impl Metrics {
    /// Shows an endpoint with nothing counted yet.
    pub(crate) fn endpoint(&self, label: &Arc<str>) {
        let labels = EndpointLabels::new(label);
        drop(self.endpoint_open.get_or_create(&labels));
        drop(self.endpoint_openings.get_or_create(&labels));
        drop(self.endpoint_pauses.get_or_create(&labels));
    }

    pub(crate) fn endpoint_opened(&self, label: &Arc<str>) {
        let labels = EndpointLabels::new(label);
        self.endpoint_open.get_or_create(&labels).set(1);
        self.endpoint_openings.get_or_create(&labels).inc();
    }

    pub(crate) fn endpoint_closed(&self, label: &Arc<str>) {
        let labels = EndpointLabels::new(label);
        self.endpoint_open.get_or_create(&labels).set(0);
    }

    pub(crate) fn endpoint_asked(&self, label: &Arc<str>) {
        let labels = EndpointLabels::new(label);
        self.endpoint_pauses.get_or_create(&labels).inc();
    }
}

impl EndpointLabels {
    fn new(endpoint: &Arc<str>) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
        }
    }
}

impl Default for Metrics {
    /// Families that are part of no registry.
    fn default() -> Self {
        Self {
            attempts: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            in_flight: Family::default(),
            delivered: Family::default(),
            dead_letter_sink: Family::default(),
            retries: Family::default(),
            parked: Family::default(),
            dead_letters: Family::default(),
            expired: Family::default(),
            replies: Family::default(),
            settle_errors: Family::default(),
            stopped: Family::default(),
            endpoint_open: Family::default(),
            endpoint_openings: Family::default(),
            endpoint_pauses: Family::default(),
        }
    }
}

// === impl TriggerMetrics ===

impl TriggerMetrics {
    pub(crate) fn attempt(&self, outcome: &Outcome, took: Duration) {
        self.duration.observe(took.as_secs_f64());
        let (result, blame) = match outcome {
            Outcome::Delivered { .. } => ("delivered", "none"),
            Outcome::Transient { blame, .. } => ("transient", blame.as_str()),
            Outcome::Gone { .. } => ("gone", "endpoint"),
            Outcome::Permanent { blame, .. } => ("permanent", blame.as_str()),
        };
        let labels = AttemptLabels {
            trigger: Arc::clone(&self.trigger),
            result,
            blame,
        };
        self.families.attempts.get_or_create(&labels).inc();
    }

    pub(crate) fn dead_letter(&self, reason: DeadLetterReason) {
        let reason = match reason {
            DeadLetterReason::RetriesExhausted => "retries-exhausted",
            DeadLetterReason::Refused => "refused",
            DeadLetterReason::Loop => "loop",
            DeadLetterReason::Skipped => "skipped",
            DeadLetterReason::Schema => "schema",
        };
        let labels = ReasonLabels {
            trigger: Arc::clone(&self.trigger),
            reason,
        };
        self.families.dead_letters.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests;
