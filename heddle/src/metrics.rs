//! The registry behind `/metrics`, and every metric of the binary's own by name. `dispatcher` and `sources` register
//! theirs here; the engine's counts are read when the registry is.
//!
//! Names follow OpenMetrics: base units, `_total` added to counters by the encoder.

mod engine;
mod schemas;

use std::sync::Arc;
use std::time::Duration;

use ::schemas::names::ResourceName;
use broker::SchemaGate;
use broker::embedded::Embedded;
use http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::engine::EngineCollector;
use self::schemas::SchemaCollector;

/// Upper bounds in seconds: from one sync of a fast disk to a body that hardly came in time.
const DURATION_BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// A text format that scrapers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    /// Prometheus text 0.0.4: what everything reads.
    Prometheus,
    /// OpenMetrics 1.0, for those who ask for it.
    OpenMetrics,
}

/// The registry that `/metrics` shows, shared by all who register.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

/// What the ingress counts.
#[derive(Clone, Debug)]
pub(crate) struct IngressMetrics {
    events: Family<BrokerLabel, Counter>,
    requests: Family<StatusLabel, Counter>,
    bare_percents: Counter,
    seconds: Histogram,
}

/// A broker, as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BrokerLabel {
    broker: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: u16,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("heddle"))),
        }
    }

    /// Registers whatever else counts.
    pub(crate) fn register<T>(&self, register: impl FnOnce(&mut Registry) -> T) -> T {
        register(&mut self.registry.lock())
    }

    /// Shows what the engine counts.
    pub(crate) fn register_engine(&self, engine: Embedded) {
        self.registry
            .lock()
            .register_collector(Box::new(EngineCollector::new(engine)));
    }

    /// Shows what the schemas saw.
    pub(crate) fn register_schemas(&self, gate: SchemaGate) {
        self.registry
            .lock()
            .register_collector(Box::new(SchemaCollector::new(gate)));
    }

    /// All metrics as text.
    pub(crate) fn text(&self, format: TextFormat) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry.lock())?;
        Ok(match format {
            TextFormat::OpenMetrics => text,
            TextFormat::Prometheus => prometheus(&text),
        })
    }
}

impl TextFormat {
    /// What a scraper's `Accept` asks for.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// As `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// OpenMetrics as Prometheus text 0.0.4: a counter is described under the name of its samples, `# UNIT` and `# EOF` are
/// not known there.
fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|typed| typed.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, words)) = help.take() {
                text.push_str(&format!("# HELP {name}{suffix} {words}\n"));
            }
            text.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

impl IngressMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let new = Self {
            events: Family::default(),
            requests: Family::default(),
            bare_percents: Counter::default(),
            seconds: Histogram::new(DURATION_BUCKETS),
        };
        metrics.register(|registry| {
            registry.register(
                "ingress_events",
                "Events stored before 202 was answered",
                new.events.clone(),
            );
            registry.register(
                "ingress_requests",
                "Requests by the status answered",
                new.requests.clone(),
            );
            registry.register(
                "ingress_bare_percents",
                "Percent signs in headers of attributes that encode nothing: their sender does not percent-encode",
                new.bare_percents.clone(),
            );
            registry.register_with_unit(
                "ingress_request_duration",
                "From the headers of a request to its answer",
                Unit::Seconds,
                new.seconds.clone(),
            );
        });
        new
    }

    /// Events of one request are durable.
    pub(crate) fn accepted(&self, broker: &ResourceName, events: usize) {
        self.events
            .get_or_create(&BrokerLabel {
                broker: broker.to_string(),
            })
            .inc_by(events as u64);
    }

    /// An accepted message had so many `%` in its headers that encode nothing, taken as they are.
    pub(crate) fn bare_percents(&self, count: usize) {
        self.bare_percents.inc_by(count as u64);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, status: StatusCode, took: Duration) {
        self.requests
            .get_or_create(&StatusLabel {
                status: status.as_u16(),
            })
            .inc();
        self.seconds.observe(took.as_secs_f64());
    }
}
