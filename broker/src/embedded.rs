//! The embedded engine: events in the journal, progress as records beside them.
//!
//! Owns a data directory: `journal/` (the truth) and `view/` (rebuilt from it when it is missing). One pump thread
//! takes what the journal commits, has it matched once and offers it to the subscriptions; one checkpoint thread
//! keeps the view near the journal.
//!
//! What must hold, beside the seam's contract:
//! - What a restart finds is what committed records add up to; nothing is concluded from the view alone.
//! - A subscription that lags slows nobody: it leaves the tail and reads from disk.
//! - When a settlement cannot be recorded for good, deliveries stop instead of repeating for ever.

mod apply;
mod attach;
mod backup;
mod checkpoint;
mod create;
mod damage;
mod dead_letters;
mod dedupe;
mod degrade;
mod door;
mod examine;
mod expiry;
mod format;
mod key;
mod keys;
mod memory;
mod open;
mod places;
mod position;
#[doc(hidden)]
pub mod probe;
mod pump;
mod ranges;
mod rebuild;
mod records;
mod retention;
mod settle;
mod shared;
mod shown;
mod side;
mod snapshot;
mod space;
mod streams;
mod subscription;
mod tail;
mod types;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use journal::Purpose;
use parking_lot::Mutex;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use tokio::sync::watch;

pub use backup::{Backup, BackupError};
pub use dead_letters::{
    DeadLetterCopy, DeadLetterEntry, DeadLetterFilter, DeadLetterGroup, DeadLetterPage, DeadLetterPlace,
    DeadLetterQuery, LettersError, NoPlace, Purged, ReadError, Redrove,
};
pub use examine::{Examined, ExaminedView, examine};
pub use expiry::ExpiryRules;
pub use journal::{Durability, EndState, LockState, SpaceReport, sim};
pub use keys::{HeldKey, HeldState, KeyError, Released};
pub(crate) use memory::TailBytes;
pub use open::{OpenError, Opened, Options};
pub use position::{PositionError, Sought};
pub use retention::{Retain, RetentionStatus};
pub use shown::{BrokerStatus, SubscriptionInfo};
pub use side::{Redriven, Replay, Selected};
pub use tail::{Tail, TailItem};
pub use types::EventTypeInfo;

use self::attach::Attached;
use self::checkpoint::Ticker;
use self::door::Arrival;
use self::pump::CommitQueue;
use self::records::{FilteredRecord, StateRecord, StreamsRecord};
use self::shared::Shared;
use self::subscription::Sub;
use crate::clock::{Clock, Timestamp};
use crate::{
    Accepted, AppendError, Batch, Engine, Matcher, Rejection, Side, SideId, SubscribeError, Subscription,
    SubscriptionSpec, Tally,
};

/// The engine. Cheap to clone; the last clone does not close it: call [`Embedded::close`].
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
    queue: Arc<CommitQueue>,
    ticker: Arc<Ticker>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    snapshots: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Whether the engine takes events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ready,
    /// The disk is full: ingest is refused, deliveries go on out of the reserve.
    NoSpace,
    /// The reserve is nearly used up as well: nothing is delivered any more, since what becomes of it could not be
    /// recorded. Ends by itself when there is room.
    ReserveLow,
    /// Storage failed: nothing is acknowledged and nothing delivered until a restart.
    Failed {
        /// What happened.
        reason: Arc<str>,
    },
    /// It is shut down.
    Closed,
}

// === impl Embedded ===

impl Embedded {
    /// Opens or creates a data directory and recovers it.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way; nothing was changed then.
    pub async fn open(options: Options) -> Result<(Self, Opened), OpenError> {
        tokio::task::spawn_blocking(|| open::open(options))
            .await
            .unwrap_or_else(|error| {
                Err(OpenError::Interrupted {
                    reason: error.to_string(),
                })
            })
    }

    /// The data directory, absolute.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// The time by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The clock by which it keeps time.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    /// Makes a broker's streams if it has none. Idempotent.
    ///
    /// # Errors
    /// [`AppendError`] when that could not be stored.
    pub async fn declare(&self, broker: &ResourceName) -> Result<(), AppendError> {
        let _creation = self.shared.creation.lock().await;
        if self.shared.streams.by_name(broker).is_some() {
            return Ok(());
        }
        let (events, dead_letters) = self.shared.streams.next_numbers(self.shared.last_stream());
        let record = StateRecord::Streams(StreamsRecord {
            broker: broker.clone(),
            events,
            dead_letters,
        });
        self.shared
            .submit(Purpose::Upkeep, [record.entry()], ())
            .durable()
            .await?;
        self.shared
            .wait_for(|| self.shared.streams.by_name(broker))
            .await
            .map(drop)
            .ok_or(AppendError::Closed)
    }

    /// Makes a broker store each pair of source and id once within `window`, or as often as it comes. In force for what
    /// comes from now on: a pair is remembered for the window that was in force when it was stored.
    pub fn set_dedupe(&self, broker: &ResourceName, window: Option<Duration>) {
        if let Some(broker) = self.shared.streams.by_name(broker) {
            *broker.dedupe.write() = window;
        }
    }

    /// What came to each broker's door since the process started, by name.
    #[must_use]
    pub fn tallies(&self) -> Vec<(ResourceName, Tally)> {
        let tally = |broker: Arc<streams::BrokerStream>| (broker.name.clone(), broker.counts.read());
        self.shared.streams.all().into_iter().map(tally).collect()
    }

    /// Counts messages for a broker that were refused before they came to its door.
    pub fn count_rejected(&self, broker: &ResourceName, reason: Rejection, messages: u64) {
        if let Some(broker) = self.shared.streams.by_name(broker) {
            broker.counts.received(messages);
            broker.counts.rejected(reason, messages);
        }
    }

    /// Whether the broker has streams here.
    #[must_use]
    pub fn is_declared(&self, broker: &ResourceName) -> bool {
        self.shared.streams.by_name(broker).is_some()
    }

    /// Whether it takes events.
    #[must_use]
    pub fn health(&self) -> Health {
        if let Some(reason) = self.shared.halted() {
            return Health::Failed { reason };
        }
        match self.shared.journal.health() {
            journal::Health::Writing => Health::Ready,
            journal::Health::NoSpace => Health::NoSpace,
            journal::Health::ReserveLow => Health::ReserveLow,
            journal::Health::Poisoned { reason } => Health::Failed { reason },
            journal::Health::Closed => Health::Closed,
        }
    }

    /// What a person should know although events are taken, in words: what was lost to damage, a view that is degraded.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.shared.lost();
        warnings.extend(self.shared.view_warning());
        warnings
    }

    /// Takes a snapshot of the progress view and waits until it is synced and reflects everything that is applied now.
    /// `false` when the engine closes or halts first.
    pub async fn snapshot(&self) -> bool {
        let applied = self.shared.applied();
        self.shared.request_snapshot();
        let covered = || self.shared.snapshot_covers(applied).then_some(());
        self.shared.wait_for(covered).await.is_some()
    }

    /// The journal's counters.
    #[must_use]
    pub fn stats(&self) -> journal::Stats {
        self.shared.journal.stats()
    }

    /// What retention does, as of its last look.
    #[must_use]
    pub fn retention(&self) -> RetentionStatus {
        self.shared.retention.status(self.shared.clock.now())
    }

    /// Shuts down: hands out nothing more, records what was settled, writes a clean mark. Idempotent.
    pub async fn close(&self) {
        self.shared.closed.cancel();
        self.shared.tick();
        self.shared.drain_settlements().await;
        let this = self.clone();
        let ended = tokio::task::spawn_blocking(move || this.end()).await;
        if let Err(error) = ended {
            tracing::error!(%error, "the broker's shutdown was interrupted");
        }
    }

    fn end(&self) {
        self.ticker.stop();
        self.shared.snapshots.stop();
        if let Some(thread) = self.snapshots.lock().take() {
            if thread.join().is_err() {
                tracing::error!("the thread that takes snapshots panicked");
            }
            snapshot::take_if_small(&self.shared);
        }
        checkpoint::store_progress(&self.shared);
        self.shared.journal.close();
        self.queue.close();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the broker panicked; the view is not marked clean");
                return;
            }
        }
        checkpoint::checkpoint(&self.shared, true);
    }

    async fn attach(&self, spec: SubscriptionSpec) -> Result<Arc<dyn Subscription>, SubscribeError> {
        let sub = self.find_or_create(&spec).await?;
        if sub.broker.name != spec.broker {
            let has = sub.broker.name.clone();
            return Err(SubscribeError::OtherBroker {
                subscription: spec.name,
                has,
                wanted: spec.broker,
            });
        }
        let attached = Attached::new(Arc::clone(&self.shared), Arc::clone(&sub));
        let attached = attached.ok_or_else(|| SubscribeError::Attached {
            subscription: spec.name.clone(),
        })?;
        sub.set_order(spec.order);
        self.set_filter(&sub, spec.filter)
            .await
            .map_err(|source| SubscribeError::Storage {
                subscription: spec.name,
                source,
            })?;
        Ok(Arc::new(attached))
    }

    /// Records a filter that is not the present one: it is in force for what is stored from now on, or from its
    /// start on for a subscription that had none.
    async fn set_filter(&self, sub: &Arc<Sub>, filter: Filter) -> Result<(), AppendError> {
        let filters = sub.filters();
        let after = match filters.last() {
            Some((_, present)) if *present == filter => return Ok(()),
            Some(_) => self.shared.last(sub.broker.events),
            None => sub.status(0).cursor,
        };
        let record = FilteredRecord {
            id: sub.id,
            filter: filter.clone(),
            after,
        };
        let entry = StateRecord::Filtered(record).entry();
        self.shared.submit(Purpose::Upkeep, [entry], ()).durable().await?;
        let is_present = || {
            sub.filters()
                .last()
                .is_some_and(|(_, present)| *present == filter)
        };
        let present = self.shared.wait_for(|| is_present().then_some(())).await;
        present.ok_or(AppendError::Closed)
    }
}

impl Engine for Embedded {
    fn append<'a>(
        &'a self,
        broker: &'a ResourceName,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Accepted, AppendError>> {
        Box::pin(async move {
            let Some(broker) = self.shared.streams.by_name(broker) else {
                return Err(AppendError::UnknownBroker {
                    broker: broker.clone(),
                });
            };
            let state = batch.source_state.map(StateRecord::SourceState);
            let arrival = Arrival {
                broker,
                events: batch.events,
                quarantined: batch.quarantined,
                hops: batch.hops,
                purpose: Purpose::Ingest,
                with: state.iter().map(StateRecord::entry).collect(),
                permit: batch.permit,
            };
            self.shared.take_in(arrival).await
        })
    }

    fn subscribe(
        &self,
        subscription: SubscriptionSpec,
    ) -> BoxFuture<'_, Result<Arc<dyn Subscription>, SubscribeError>> {
        Box::pin(self.attach(subscription))
    }

    fn create<'a>(&'a self, new: &'a [SubscriptionSpec]) -> BoxFuture<'a, Result<(), AppendError>> {
        Box::pin(self.create_together(new))
    }

    fn set_matcher(&self, matcher: Arc<dyn Matcher>) {
        self.shared.set_matcher(matcher);
    }

    fn sides(&self) -> watch::Receiver<Arc<[Side]>> {
        self.shared.running_sides()
    }

    fn attach_side(&self, id: SideId) -> Option<Arc<dyn Subscription>> {
        let sub = self.side(id)?;
        let attached = Attached::new(Arc::clone(&self.shared), Arc::clone(&sub))?;
        sub.set_order(sub.trigger().order());
        Some(Arc::new(attached))
    }

    fn source_state(&self, key: &str) -> Option<Vec<u8>> {
        let found = self.shared.look(|view| view.source_state(key));
        found.unwrap_or_else(|error| {
            self.shared.halt(&error.to_string());
            None
        })
    }
}

#[cfg(test)]
mod tests;
