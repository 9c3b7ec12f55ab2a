//! One member of the consumer group: a thread that polls librdkafka, fills the ledger, and commits offsets.
//!
//! A plain poll on a thread of its own, because the asynchronous consumers of the client library can lose a wake-up
//! and park a partition for ever. When the ledger is full the thread waits; when that takes long it pauses its
//! partitions and polls on, so that the group does not take it for dead.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use schemas::limits::Limits;
use schemas::names::ResourceName;
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;

use super::callbacks::{Callbacks, DRAIN, commit};
use super::pump::Desk;
use super::record::{Header, Record};
use super::{KafkaSource, KafkaSpec, settings};
use crate::limits::{KAFKA_COMMIT_INTERVAL_MS, KAFKA_PAUSE_AFTER_MS, KAFKA_POLL_MS, KAFKA_PROBE_INTERVAL_MS};
use crate::metrics::SourceMetrics;
use crate::source::Session;
use crate::status::Reporter;

const POLL: Duration = Duration::from_millis(KAFKA_POLL_MS);
const PAUSE_AFTER: Duration = Duration::from_millis(KAFKA_PAUSE_AFTER_MS);
const COMMIT_INTERVAL: Duration = Duration::from_millis(KAFKA_COMMIT_INTERVAL_MS);
const PROBE_INTERVAL: Duration = Duration::from_millis(KAFKA_PROBE_INTERVAL_MS);

/// What the thread works with.
pub(super) struct Consume {
    name: ResourceName,
    spec: KafkaSpec,
    config: ClientConfig,
    limits: Limits,
    intake: Intake,
    desk: Arc<Desk>,
    stop: CancellationToken,
    status: Arc<Reporter>,
    metrics: SourceMetrics,
}

/// Why a consumer ended.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) doing: String,
    pub(super) cause: Box<dyn Error + Send + Sync>,
}

/// When the thread did last what it does now and then.
struct Chores {
    committed: Instant,
    probed: Instant,
    paused: bool,
}

impl Failure {
    pub(super) fn new(doing: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            doing: doing.into(),
            cause: cause.into(),
        }
    }
}

// === impl Consume ===

impl Consume {
    pub(super) fn new(
        source: &KafkaSource,
        session: &Session,
        desk: Arc<Desk>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            name: source.name.clone(),
            spec: source.spec.clone(),
            config: settings::client_config(&source.spec, &source.name),
            limits: session.limits.clone(),
            intake: session.intake.clone(),
            desk,
            stop,
            status: Arc::clone(&session.status),
            metrics: session.metrics.clone(),
        }
    }

    /// Polls until told to stop; then waits for open appends, commits, and leaves the group.
    pub(super) fn run(self) -> Result<(), Failure> {
        let callbacks = Callbacks {
            desk: Arc::clone(&self.desk),
            status: Arc::clone(&self.status),
            metrics: self.metrics.clone(),
            initial: self.spec.initial_offset,
            failure: Mutex::new(None),
            troubled: Mutex::new(false),
        };
        let consumer: BaseConsumer<Callbacks> = self
            .config
            .create_with_context(callbacks)
            .map_err(|e| Failure::new("creating the Kafka client", e))?;
        let topics: Vec<&str> = self.spec.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| Failure::new(format!("subscribing to {}", topics.join(", ")), error))?;
        let outcome = self.poll_for_ever(&consumer);
        self.desk.close();
        let keys = self.desk.ledger().keys();
        self.desk.wait(DRAIN, |ledger| ledger.is_quiet(&keys));
        commit(&consumer, CommitMode::Sync);
        outcome
    }

    fn poll_for_ever(&self, consumer: &BaseConsumer<Callbacks>) -> Result<(), Failure> {
        let now = Instant::now();
        let mut chores = Chores {
            committed: now,
            probed: now,
            paused: false,
        };
        while !self.stop.is_cancelled() && !self.desk.ledger().is_closed() {
            self.keep_room(consumer, &mut chores)?;
            match consumer.poll(POLL) {
                Some(Ok(message)) => self.take(&message)?,
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Failure::new("consuming", code));
                }
                Some(Err(error)) => consumer.context().trouble(&error.to_string()),
                None => {}
            }
            if let Some(failure) = consumer.context().failure.lock().take() {
                return Err(failure);
            }
            chores.do_due(consumer, self.spec.topics.first());
        }
        Ok(())
    }

    /// Waits for room in the ledger; partitions are paused while there is none for long.
    fn keep_room(&self, consumer: &BaseConsumer<Callbacks>, chores: &mut Chores) -> Result<(), Failure> {
        let failed = |error| Failure::new("pausing partitions", error);
        let patience = if chores.paused {
            Duration::ZERO
        } else {
            PAUSE_AFTER
        };
        let has_room = self
            .desk
            .wait(patience, |ledger| ledger.has_room() || ledger.is_closed());
        if has_room && chores.paused {
            chores.paused = false;
            let assigned = consumer.assignment().map_err(failed)?;
            consumer.resume(&assigned).map_err(failed)?;
        } else if !has_room {
            // Again and again while it lasts: partitions that come in meanwhile must be paused, too.
            chores.paused = true;
            let assigned = consumer.assignment().map_err(failed)?;
            consumer.pause(&assigned).map_err(failed)?;
        }
        Ok(())
    }

    fn take(&self, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
        let key = (message.topic().to_owned(), message.partition());
        let record = Record {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            headers: headers(message),
            value: message.payload().map(Bytes::copy_from_slice),
        };
        let made = record
            .event(&self.name, self.spec.key_type, &self.limits)
            .map_err(|error| Failure::new("wrapping a record", error))?;
        let place = || {
            format!(
                "{}, partition {}, offset {}",
                record.topic, record.partition, record.offset
            )
        };
        if let Some(mistake) = &made.invalid {
            self.metrics.invalid.inc();
            self.status.notice(&format!(
                "a record is no valid CloudEvent and was wrapped ({}): {mistake}",
                place()
            ));
        }
        if made.omitted {
            self.metrics.omitted.inc();
            self.status.notice(&format!(
                "a record is over the limits and was stored without a part ({})",
                place()
            ));
        }
        self.status.running();
        let event = self
            .intake
            .overridden(made.event)
            .map_err(|error| Failure::new("setting ceOverrides", error))?;
        self.desk.ledger().push(&key, record.offset, event);
        self.desk.wake();
        Ok(())
    }
}

/// The headers of a message. The client library panics on a name that is not UTF-8, which must not stop the partition.
fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Option<Vec<Header<'a>>> {
    let Some(headers) = message.headers() else {
        return Some(Vec::new());
    };
    let all = || headers.iter().map(|header| (header.key, header.value)).collect();
    std::panic::catch_unwind(AssertUnwindSafe(all)).ok()
}

// === impl Chores ===

impl Chores {
    fn do_due(&mut self, consumer: &BaseConsumer<Callbacks>, topic: Option<&String>) {
        if self.committed.elapsed() >= COMMIT_INTERVAL {
            self.committed = Instant::now();
            commit(consumer, CommitMode::Async);
        }
        // An idle topic says nothing when its cluster is back, so it is asked.
        if *consumer.context().troubled.lock() && self.probed.elapsed() >= PROBE_INTERVAL {
            self.probed = Instant::now();
            let is_member = consumer.assignment().is_ok_and(|assigned| assigned.count() > 0);
            if is_member
                && consumer
                    .fetch_metadata(topic.map(String::as_str), POLL * 10)
                    .is_ok()
            {
                consumer.context().well();
            }
        }
    }
}
