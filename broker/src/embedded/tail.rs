//! Watching a broker: a bounded reader that is no subscription, pins nothing, and is told what it missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use journal::{ReadLimit, StreamId};
use schemas::names::ResourceName;

use super::Embedded;
use super::position::PositionError;
use super::pump::decode;
use super::shared::Shared;
use crate::limits::{LAG_READ_BYTES_MAX, LAG_READ_EVENTS_MAX};
use crate::{Start, Stored};

/// Reads one broker's events in order, waiting at the end for more.
pub struct Tail {
    shared: Arc<Shared>,
    stream: u64,
    next: u64,
    read: VecDeque<Arc<Stored>>,
}

/// What a watcher sees.
#[derive(Clone)]
pub enum TailItem {
    /// The next event.
    Event(Arc<Stored>),
    /// Sequences that could not be shown, both inclusive.
    Missed {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
        /// Why.
        reason: String,
    },
}

impl Embedded {
    /// Watches a broker's events. `None` when there is no such broker.
    ///
    /// # Errors
    /// [`PositionError`] for a place that is not there.
    pub async fn tail(&self, broker: &ResourceName, from: Start) -> Result<Option<Tail>, PositionError> {
        let Some(broker) = self.shared.streams.by_name(broker) else {
            return Ok(None);
        };
        let stream = broker.events;
        let next = self.shared.before(stream, from).await? + 1;
        Ok(Some(Tail {
            shared: Arc::clone(&self.shared),
            stream,
            next,
            read: VecDeque::new(),
        }))
    }
}

impl Tail {
    /// The next item; waits for one. `None` once the engine has shut down. Cancel safe.
    pub async fn next(&mut self) -> Option<TailItem> {
        let mut activity = self.shared.activity();
        loop {
            if let Some(stored) = self.read.pop_front() {
                let sequence = stored.position.sequence;
                if sequence > self.next {
                    let missed = self.missed(sequence - 1, "they are not kept any more");
                    self.read.push_front(stored);
                    return Some(missed);
                }
                self.next = sequence + 1;
                return Some(TailItem::Event(stored));
            }
            if self.shared.closed.is_cancelled() {
                return None;
            }
            if let Some(missed) = self.fill().await {
                return Some(missed);
            }
            if self.read.is_empty() {
                tokio::select! {
                    changed = activity.changed() => changed.ok()?,
                    () = self.shared.closed.cancelled() => return None,
                }
            }
        }
    }

    /// Reads on; answers what cannot be read.
    async fn fill(&mut self) -> Option<TailItem> {
        let (journal, stream, next) = (self.shared.journal.clone(), StreamId(self.stream), self.next);
        let limit = ReadLimit {
            records_max: LAG_READ_EVENTS_MAX,
            bytes_max: LAG_READ_BYTES_MAX,
        };
        match tokio::task::spawn_blocking(move || journal.read(stream, next, limit)).await {
            Ok(Ok(records)) => {
                let last = records.last().map_or(0, |record| record.sequence);
                let stored = records
                    .into_iter()
                    .filter_map(|record| decode(&self.shared, record));
                self.read = stored.map(Arc::new).collect();
                let first = self
                    .shared
                    .journal
                    .bounds(stream)
                    .map_or(0, |bounds| bounds.first);
                if last == 0 && next < first {
                    return Some(self.missed(first - 1, "they are not kept any more"));
                }
                (self.read.is_empty() && last > 0).then(|| self.missed(last, "their records do not decode"))
            }
            Ok(Err(journal::ReadError::Damaged { to, reason, .. })) => Some(self.missed(to, &reason)),
            Ok(Err(error)) => {
                tracing::error!(%error, "events could not be read for a watcher");
                tokio::time::sleep(Duration::from_secs(1)).await;
                None
            }
            Err(_) => None,
        }
    }

    fn missed(&mut self, to: u64, reason: &str) -> TailItem {
        let from = std::mem::replace(&mut self.next, to + 1);
        TailItem::Missed {
            from,
            to,
            reason: reason.to_string(),
        }
    }
}
