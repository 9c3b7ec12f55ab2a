//! The engine's counts as metrics, read at each scrape: the journal's, each broker's and each subscription's.

use std::fmt;

use broker::SubscriptionStatus;
use broker::embedded::{Embedded, Health};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the engine.
pub(super) struct EngineCollector {
    engine: Embedded,
}

/// One value a subscription: name, help, and how it is read.
struct PerTrigger {
    name: &'static str,
    help: &'static str,
    read: fn(&SubscriptionStatus) -> u64,
}

const PER_TRIGGER: &[PerTrigger] = &[
    PerTrigger {
        name: "trigger_backlog",
        help: "Events not matched yet",
        read: |status| status.backlog,
    },
    PerTrigger {
        name: "trigger_ready",
        help: "Events matched and not yet claimed",
        read: |status| status.ready,
    },
    PerTrigger {
        name: "trigger_waiting_retry",
        help: "Events that wait for the time of their next attempt",
        read: |status| status.waiting_retry,
    },
    PerTrigger {
        name: "trigger_waiting_behind_key",
        help: "Events that wait on disk behind an event of their key",
        read: |status| status.behind,
    },
    PerTrigger {
        name: "trigger_parked_keys",
        help: "Keys that wait for a person to release them",
        read: |status| status.parked_keys,
    },
    PerTrigger {
        name: "trigger_blocked_keys",
        help: "Keys whose first event had its last attempt and is tried on",
        read: |status| status.blocked_keys,
    },
    PerTrigger {
        name: "trigger_paused",
        help: "1 while the trigger is paused and delivers nothing",
        read: |status| u64::from(status.paused.is_some()),
    },
];

/// Counted since the subscription was made.
const PER_TRIGGER_TOTAL: &[PerTrigger] = &[
    PerTrigger {
        name: "trigger_skipped",
        help: "Events that a seek left behind",
        read: |status| status.skipped,
    },
    PerTrigger {
        name: "trigger_replayed",
        help: "Events delivered by replays, in no other count",
        read: |status| status.replayed,
    },
    PerTrigger {
        name: "trigger_redriven",
        help: "Dead letters delivered by redrives, in no other count",
        read: |status| status.redriven,
    },
];

impl EngineCollector {
    pub(super) fn new(engine: Embedded) -> Self {
        Self { engine }
    }

    fn encode_journal(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.engine.stats();
        counter(encoder, "journal_records", "Records written", stats.records)?;
        counter(encoder, "journal_groups", "Commit groups written", stats.groups)?;
        counter(encoder, "journal_syncs", "Syncs to the disk", stats.syncs)?;
        counter(
            encoder,
            "journal_written_bytes",
            "Bytes written",
            stats.bytes_written,
        )?;
        gauge(encoder, "journal_segments", "Segment files", stats.segments)?;
        gauge(
            encoder,
            "journal_disk_bytes",
            "Bytes on disk",
            stats.bytes_on_disk,
        )?;
        counter(
            encoder,
            "journal_retired_segments",
            "Segment files that left by retention",
            stats.retired,
        )?;
        self.encode_retention(encoder)?;
        let space = self.engine.space();
        gauge(
            encoder,
            "journal_reserve_bytes",
            "Bytes prepared for finishing what was accepted when the disk is full",
            space.reserve_bytes,
        )?;
        if let Some(free) = space.free_bytes {
            gauge(
                encoder,
                "storage_free_bytes",
                "Bytes free on the file system of the data directory",
                free,
            )?;
        }
        let is_ready = u64::from(self.engine.health() == Health::Ready);
        gauge(
            encoder,
            "storage_ready",
            "1 while events are taken, 0 when the disk is full or failed",
            is_ready,
        )
    }

    fn encode_retention(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let retention = self.engine.retention();
        let copied = retention.copied_records;
        counter(
            encoder,
            "retention_copied_records",
            "Records copied forward because somebody has yet to get them",
            copied,
        )?;
        let is_stuck = u64::from(retention.stuck.is_some());
        for (name, help, value) in [
            (
                "retention_kept_bytes",
                "Bytes of records that were copied forward and are still there",
                retention.kept_bytes,
            ),
            (
                "retention_limit_bytes",
                "Bytes on disk past which the oldest segment leaves",
                retention.bytes_limit,
            ),
            (
                "retention_stuck",
                "1 while the oldest segment should leave and cannot",
                is_stuck,
            ),
        ] {
            gauge(encoder, name, help, value)?;
        }
        match retention.oldest_event_age {
            Some(age) => gauge(
                encoder,
                "retention_oldest_event_age_seconds",
                "Age of the oldest event that is retained",
                age.as_secs(),
            ),
            None => Ok(()),
        }
    }

    fn encode_brokers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut descriptor = encoder.encode_descriptor(
            "broker_events",
            "Events stored since the broker was made",
            None,
            ConstCounter::new(0_u64).metric_type(),
        )?;
        for broker in self.engine.brokers() {
            let labels = [("broker", broker.name.to_string())];
            ConstCounter::new(broker.last_sequence).encode(descriptor.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_triggers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let subscriptions = self.engine.subscriptions();
        for PerTrigger { name, help, read } in PER_TRIGGER {
            let kind = ConstGauge::new(0_u64).metric_type();
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for subscription in &subscriptions {
                let labels = [("trigger", subscription.name.to_string())];
                ConstGauge::new(read(&subscription.status)).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        for PerTrigger { name, help, read } in PER_TRIGGER_TOTAL {
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for subscription in &subscriptions {
                let labels = [("trigger", subscription.name.to_string())];
                ConstCounter::new(read(&subscription.status)).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        let running = self
            .engine
            .replays()
            .iter()
            .filter(|replay| replay.ended.is_none())
            .count();
        gauge(
            encoder,
            "replays_running",
            "Replays and redrives that run",
            running as u64,
        )
    }
}

impl Collector for EngineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_journal(&mut encoder)?;
        self.encode_brokers(&mut encoder)?;
        self.encode_triggers(&mut encoder)
    }
}

impl fmt::Debug for EngineCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineCollector").finish_non_exhaustive()
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstGauge::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
