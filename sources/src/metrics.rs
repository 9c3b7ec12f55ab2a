//! The metrics of the sources: names, help and labels in one place.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use schemas::names::ResourceName;

use crate::spec::KindName;

/// The families; a series for each source. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    running: Family<Labels, Gauge>,
    events: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    duplicates: Family<Labels, Counter>,
    conflicts: Family<Labels, Counter>,
    misfits: Family<Labels, Counter>,
    store_retries: Family<Labels, Counter>,
    restarts: Family<Labels, Counter>,
    invalid: Family<Labels, Counter>,
    omitted: Family<Labels, Counter>,
    missed_ticks: Family<Labels, Counter>,
    dropped: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
    commit_failures: Family<Labels, Counter>,
}

/// One source's own series, looked up once.
#[derive(Clone, Debug, Default)]
pub struct SourceMetrics {
    /// 1 while events can come.
    pub running: Gauge,
    /// Events stored.
    pub events: Counter,
    /// Their bytes.
    pub bytes: Counter,
    /// Events that the broker had stored before.
    pub duplicates: Counter,
    /// Events that were refused: their source and id were seen with another content.
    pub conflicts: Counter,
    /// Events that were left out: a schema refuses their data.
    pub misfits: Counter,
    /// Batches that the engine could not take at once.
    pub store_retries: Counter,
    /// Runs after the first.
    pub restarts: Counter,
    /// Records that claimed to be a CloudEvent and were not one.
    pub invalid: Counter,
    /// Records that did not fit the limits.
    pub omitted: Counter,
    /// Ticks that passed while the one before could not be stored.
    pub missed_ticks: Counter,
    /// Times that core NATS dropped messages because we were slow.
    pub dropped: Counter,
    /// Messages of core NATS that had come and were not stored when the source ended.
    pub lost: Counter,
    /// Offset commits that failed (they are repeated).
    pub commit_failures: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    source: String,
}

impl Metrics {
    /// Makes the families and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let mut add = |name: &str, help: &str, family: &Family<Labels, Counter>| {
            registry.register(format!("source_{name}"), help, family.clone());
        };
        add("events", "Events stored", &all.events);
        add("event_bytes", "Bytes of events stored", &all.bytes);
        add(
            "duplicate_events",
            "Events that the broker had stored before and did not store again",
            &all.duplicates,
        );
        add(
            "conflicting_events",
            "Events left out: their source and id were stored before with other attributes or data",
            &all.conflicts,
        );
        add(
            "misfitting_events",
            "Events left out: their data does not fit a schema that refuses",
            &all.misfits,
        );
        add(
            "store_retries",
            "Batches that had to be offered to the engine again",
            &all.store_retries,
        );
        add("restarts", "Restarts after a failure", &all.restarts);
        add(
            "invalid_records",
            "Records that claimed to be a CloudEvent, were not, and were wrapped",
            &all.invalid,
        );
        add(
            "omitted_records",
            "Records of which a part was left out because it is over a limit",
            &all.omitted,
        );
        add(
            "missed_ticks",
            "Ticks that passed while the one before could not be stored",
            &all.missed_ticks,
        );
        add(
            "dropped_notices",
            "Notices that core NATS dropped messages for a slow consumer",
            &all.dropped,
        );
        add(
            "lost_messages",
            "Messages of core NATS that had come and were not stored when the source stopped or failed",
            &all.lost,
        );
        add(
            "commit_failures",
            "Commits of offsets that failed and are repeated",
            &all.commit_failures,
        );
        registry.register("source_running", "1 while events can come", all.running.clone());
        all
    }

    pub(crate) fn of(&self, kind: KindName, name: &ResourceName) -> SourceMetrics {
        let labels = Labels::new(kind, name);
        SourceMetrics {
            running: self.running.get_or_create_owned(&labels),
            events: self.events.get_or_create_owned(&labels),
            bytes: self.bytes.get_or_create_owned(&labels),
            duplicates: self.duplicates.get_or_create_owned(&labels),
            conflicts: self.conflicts.get_or_create_owned(&labels),
            misfits: self.misfits.get_or_create_owned(&labels),
            store_retries: self.store_retries.get_or_create_owned(&labels),
            restarts: self.restarts.get_or_create_owned(&labels),
            invalid: self.invalid.get_or_create_owned(&labels),
            omitted: self.omitted.get_or_create_owned(&labels),
            missed_ticks: self.missed_ticks.get_or_create_owned(&labels),
            dropped: self.dropped.get_or_create_owned(&labels),
            lost: self.lost.get_or_create_owned(&labels),
            commit_failures: self.commit_failures.get_or_create_owned(&labels),
        }
    }

    /// Forgets a source that is gone.
    pub(crate) fn remove(&self, kind: KindName, name: &ResourceName) {
        let labels = Labels::new(kind, name);
        self.running.remove(&labels);
        for family in [
            &self.events,
            &self.bytes,
            &self.duplicates,
            &self.conflicts,
            &self.misfits,
            &self.store_retries,
            &self.restarts,
            &self.invalid,
            &self.omitted,
            &self.missed_ticks,
            &self.dropped,
            &self.lost,
            &self.commit_failures,
        ] {
            family.remove(&labels);
        }
    }
}

impl Labels {
    fn new(kind: KindName, name: &ResourceName) -> Self {
        Self {
            kind: kind.as_str(),
            source: name.to_string(),
        }
    }
}
