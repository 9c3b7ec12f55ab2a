//! What librdkafka calls back within a consumer's polls: rebalances, commits, troubles.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::InitialOffset;
use super::consumer::Failure;
use super::ledger::Key;
use super::pump::Desk;
use crate::limits::{KAFKA_DRAIN_MS_MAX, KAFKA_REQUEST_MS_MAX};
use crate::metrics::SourceMetrics;
use crate::status::Reporter;

pub(super) const DRAIN: Duration = Duration::from_millis(KAFKA_DRAIN_MS_MAX);
const REQUEST: Duration = Duration::from_millis(KAFKA_REQUEST_MS_MAX);

/// What librdkafka calls back, within our polls.
pub(super) struct Callbacks {
    pub(super) desk: Arc<Desk>,
    pub(super) status: Arc<Reporter>,
    pub(super) metrics: SourceMetrics,
    pub(super) initial: InitialOffset,
    /// A failure in a callback, to be answered after the poll.
    pub(super) failure: Mutex<Option<Failure>>,
    /// Something is wrong with the connection; asked about until it is not.
    pub(super) troubled: Mutex<bool>,
}

// === impl Callbacks ===

impl Callbacks {
    pub(super) fn trouble(&self, error: &str) {
        *self.troubled.lock() = true;
        self.status.failing(error);
    }

    pub(super) fn well(&self) {
        *self.troubled.lock() = false;
        self.status.running();
    }

    fn commit_failed(&self, keys: &[Key], error: &KafkaError) {
        self.metrics.commit_failures.inc();
        tracing::debug!(%error, "offsets could not be committed; they are committed again");
        self.desk.ledger().commit_failed(keys);
    }

    /// Partitions that the group has no offset for get the place where they start committed before they are read.
    fn commit_start(&self, consumer: &BaseConsumer<Self>, assigned: &TopicPartitionList) -> KafkaResult<()> {
        let committed = consumer.committed_offsets(assigned.clone(), REQUEST)?;
        let mut starts = Vec::new();
        for element in committed.elements() {
            element.error()?;
            if element.offset() == Offset::Invalid {
                let (_, end) = consumer.fetch_watermarks(element.topic(), element.partition(), REQUEST)?;
                starts.push(((element.topic().to_owned(), element.partition()), end));
            }
        }
        if starts.is_empty() {
            Ok(())
        } else {
            consumer.commit(&offsets(starts)?, CommitMode::Sync)
        }
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, assigned: &TopicPartitionList) {
        let found = match self.initial {
            InitialOffset::Latest => self.commit_start(consumer, assigned),
            InitialOffset::Earliest => Ok(()),
        };
        if let Err(error) = found {
            self.failure
                .lock()
                .get_or_insert(Failure::new("finding the offsets to start from", error));
            return;
        }
        self.desk.ledger().assign(keys(assigned));
        self.well();
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, revoked: &TopicPartitionList) {
        let keys = keys(revoked);
        self.desk.ledger().leave(&keys);
        // Partitions that are lost already belong to another member; its offsets are not ours to move.
        if !consumer.assignment_lost() {
            self.desk.wait(DRAIN, |ledger| ledger.is_quiet(&keys));
            commit(consumer, CommitMode::Sync);
        }
        self.desk.ledger().remove(&keys);
    }
}

impl ClientContext for Callbacks {
    /// Its troubles are told as the source's state; its own lines are for debugging.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble(&format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(consumer, list),
            Rebalance::Revoke(list) => self.revoked(consumer, list),
            Rebalance::Error(error) => self.trouble(&error.to_string()),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if let Err(error) = result {
            self.commit_failed(&keys(offsets), &error);
        }
    }
}

/// Commits what has become durable since the last time.
pub(super) fn commit(consumer: &BaseConsumer<Callbacks>, mode: CommitMode) {
    let commits = consumer.context().desk.ledger().commits();
    if commits.is_empty() {
        return;
    }
    let keys: Vec<Key> = commits.iter().map(|(key, _)| key.clone()).collect();
    if let Err(error) = offsets(commits).and_then(|offsets| consumer.commit(&offsets, mode)) {
        consumer.context().commit_failed(&keys, &error);
    }
}

fn offsets(commits: impl IntoIterator<Item = (Key, i64)>) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in commits {
        list.add_partition_offset(&topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

fn keys(list: &TopicPartitionList) -> Vec<Key> {
    list.elements()
        .iter()
        .map(|element| (element.topic().to_owned(), element.partition()))
        .collect()
}
