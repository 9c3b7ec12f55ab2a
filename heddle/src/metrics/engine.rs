//! The engine's counts as metrics, read at each scrape: the journal's, each broker's and each subscription's.

use std::fmt;

use broker::embedded::{Embedded, Health};
use broker::{Rejection, SubscriptionStatus, Tally};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads the engine.
pub(super) struct EngineCollector {
    engine: Embedded,
}

/// One value a subscription: name, help, whether it only grows, and how it is read.
struct PerTrigger {
    name: &'static str,
    help: &'static str,
    grows: bool,
    read: fn(&SubscriptionStatus) -> u64,
}

const fn count(name: &'static str, help: &'static str, read: fn(&SubscriptionStatus) -> u64) -> PerTrigger {
    PerTrigger {
        name,
        help,
        grows: true,
        read,
    }
}

const fn level(name: &'static str, help: &'static str, read: fn(&SubscriptionStatus) -> u64) -> PerTrigger {
    PerTrigger {
        name,
        help,
        grows: false,
        read,
    }
}

/// The first is the sum of those up to `trigger_parked_keys` and of `trigger_skipped`.
const PER_TRIGGER: &[PerTrigger] = &[
    level(
        "trigger_matched",
        "Events that matched and are settled, wait, or are in memory",
        |status| status.matched,
    ),
    count("trigger_delivered", "Events that the subscriber took", |status| {
        status.delivered
    }),
    count(
        "trigger_dead_letter_sink",
        "Events that the dead letter sink took",
        |status| status.dead_letter_sink,
    ),
    count(
        "trigger_dead_lettered",
        "Events that went into the dead-letter store",
        |status| status.dead_lettered,
    ),
    count(
        "trigger_expired",
        "Events whose expirytime had passed, or that were older than a rule allows, before they were delivered",
        |status| status.expired,
    ),
    count(
        "trigger_unreadable",
        "Events that could not be read back from the journal",
        |status| status.unreadable,
    ),
    level("trigger_ready", "Events matched and not yet claimed", |status| {
        status.ready
    }),
    level(
        "trigger_in_flight",
        "Events in their first attempt, or not settled durably yet",
        |status| status.in_flight,
    ),
    level(
        "trigger_waiting_retry",
        "Events that wait for the time of their next attempt, or are being tried again",
        |status| status.waiting_retry,
    ),
    level(
        "trigger_waiting_behind_key",
        "Events that wait on disk behind an event of their key",
        |status| status.behind,
    ),
    level(
        "trigger_parked_keys",
        "Keys that wait for a person to release them; one event of each is parked",
        |status| status.parked_keys,
    ),
    level(
        "trigger_blocked_keys",
        "Keys whose first event had its last attempt and is tried on; these wait for a retry",
        |status| status.blocked_keys,
    ),
    level(
        "trigger_backlog",
        "Events of the broker that are not matched yet",
        |status| status.backlog,
    ),
    count(
        "trigger_retries",
        "Further attempts that were scheduled",
        |status| status.retries,
    ),
    count("trigger_skipped", "Events that a seek left behind", |status| {
        status.skipped
    }),
    count(
        "trigger_replayed",
        "Events delivered by replays, in no other count",
        |status| status.replayed,
    ),
    count(
        "trigger_redriven",
        "Dead letters delivered by redrives, in no other count",
        |status| status.redriven,
    ),
    count(
        "trigger_dead_letters_purged",
        "Dead letters removed by command",
        |status| status.purged,
    ),
    count(
        "trigger_dead_letters_redriven",
        "Dead letters taken out of the store to be delivered once more",
        |status| status.letters_redriven,
    ),
    count(
        "trigger_dead_letters_expired",
        "Dead letters that were older than their broker keeps them",
        |status| status.letters_expired,
    ),
    level(
        "trigger_paused",
        "1 while the trigger is paused and delivers nothing",
        |status| u64::from(status.paused.is_some()),
    ),
];

/// One value of a broker's door: name, help, and how it is read.
type PerDoor = (&'static str, &'static str, fn(&Tally) -> u64);

/// The first is the sum of the others and of what was rejected.
const PER_DOOR: [PerDoor; 4] = [
    (
        "broker_received",
        "Events and messages that came since the process started: from producers, sources and as replies",
        |tally| tally.received,
    ),
    (
        "broker_stored",
        "Events stored since the process started",
        |tally| tally.stored,
    ),
    (
        "broker_deduplicated",
        "Events not stored since the process started, because they were before",
        |tally| tally.deduplicated,
    ),
    (
        "broker_quarantined",
        "Events kept as dead letters since the process started, because their data does not fit a schema that quarantines",
        |tally| tally.quarantined,
    ),
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

    fn encode_types(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        gauge(
            encoder,
            "event_types",
            "Types of events that were ever seen, by broker and type",
            self.engine.event_types_known(),
        )?;
        counter(
            encoder,
            "event_types_left_out_events",
            "Events stored whose type is not in the catalogue, for want of room or for its length",
            self.engine.event_types_left_out(),
        )
    }

    fn encode_doors(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let tallies = self.engine.tallies();
        for (name, help, read) in PER_DOOR {
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for (broker, tally) in &tallies {
                let labels = [("broker", broker.to_string())];
                ConstCounter::new(read(tally)).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        let mut descriptor = encoder.encode_descriptor(
            "broker_rejected",
            "Events and messages refused since the process started, by reason",
            None,
            ConstCounter::new(0_u64).metric_type(),
        )?;
        for (broker, tally) in &tallies {
            for (reason, count) in Rejection::ALL.iter().zip(tally.rejected) {
                let labels = [
                    ("broker", broker.to_string()),
                    ("reason", reason.as_str().to_owned()),
                ];
                ConstCounter::new(count).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn encode_triggers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let subscriptions = self.engine.subscriptions();
        for PerTrigger {
            name,
            help,
            grows,
            read,
        } in PER_TRIGGER
        {
            let kind = match grows {
                true => ConstCounter::new(0_u64).metric_type(),
                false => ConstGauge::new(0_u64).metric_type(),
            };
            let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
            for subscription in &subscriptions {
                let labels = [("trigger", subscription.name.to_string())];
                let value = read(&subscription.status);
                let encoder = descriptor.encode_family(&labels)?;
                match grows {
                    true => ConstCounter::new(value).encode(encoder)?,
                    false => ConstGauge::new(value).encode(encoder)?,
                }
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
        self.encode_doors(&mut encoder)?;
        self.encode_types(&mut encoder)?;
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
