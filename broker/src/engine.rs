//! The engine seam: what keeps a broker's events and hands each subscription its own.
//!
//! The contract, for every engine:
//! - `append` answers `Ok` only when all events of the batch are durable as the configured mode says. A batch is
//!   stored whole or not at all, together with the source state that came with it.
//! - A broker that dedupes stores each pair of source and id once within its window. The same event again is answered
//!   `Ok` and not stored; the same pair with other attributes or data is refused, with its whole batch.
//! - `subscribe` attaches to the subscription of that name, which outlives the process: position, retries and
//!   attempts are where they were left. A new subscription starts where [`Start`] says.
//! - A subscription yields each event that its broker stored after its start and that the injected [`Matcher`]
//!   matches, at least once until it is settled; two claims for one event are never open at once in one process.
//! - An event is judged by the filter that its subscription had when it was stored, also after a restart with another.
//! - A [`Claim`] is settled once (moved into the settlement). A claim that is dropped comes again.
//! - `Delivered` and `RetryAt` may be made durable a moment after `settle` returns (a crash in between repeats the
//!   delivery). A reply and a dead letter are durable, together with the settlement, when `settle` returns `Ok`.
//! - A subscription that is paused hands out no claims, also after a restart, and loses nothing: what is in flight can
//!   be settled, retries wait, and events that come in are there when it goes on.
//! - Of an ordered subscription ([`Order::ByKey`]) at most one event of a key is claimed at once, in the order in which
//!   they are stored, whatever happens in between; a key whose event waits holds back no other key.
//! - Retries survive restart with their progress and their time, and never fire early by the engine's clock.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemas::event::Event;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::admission::Permit;
use crate::claim::Claim;
use crate::clock::Timestamp;
use crate::pause::Pause;
use crate::schema_gate::SchemaMismatch;
use crate::side::{Side, SideId};

/// What keeps events. See the module's header for the contract.
pub trait Engine: Send + Sync + 'static {
    /// Stores a batch in a broker's stream.
    fn append<'a>(
        &'a self,
        broker: &'a ResourceName,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Accepted, AppendError>>;

    /// Creates those of the subscriptions that are new, together; attaching creates them one by one otherwise. What
    /// cannot be created is left out: attaching to it says why.
    fn create<'a>(&'a self, _new: &'a [SubscriptionSpec]) -> BoxFuture<'a, Result<(), AppendError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Attaches to a subscription, creating it when it is new.
    fn subscribe(
        &self,
        subscription: SubscriptionSpec,
    ) -> BoxFuture<'_, Result<Arc<dyn Subscription>, SubscribeError>>;

    /// Replaces the matcher. Takes effect for events that are matched from now on.
    fn set_matcher(&self, matcher: Arc<dyn Matcher>);

    /// The side subscriptions that are to be run, each by one consumer; changes as they start and end. An engine
    /// without replays has none.
    fn sides(&self) -> watch::Receiver<Arc<[Side]>> {
        watch::Sender::new(Arc::from([])).subscribe()
    }

    /// Attaches to a side subscription. `None` when it has ended or somebody is attached. Its `next` answers `None`
    /// once all of it is settled, which ends it, and when it is cancelled.
    fn attach_side(&self, _id: SideId) -> Option<Arc<dyn Subscription>> {
        None
    }

    /// What a source saved last under this key, if anything.
    fn source_state(&self, key: &str) -> Option<Vec<u8>>;
}

/// One trigger's view of a broker.
pub trait Subscription: Send + Sync {
    /// Stable for the life of the data directory; what the matcher speaks of.
    fn id(&self) -> SubscriptionId;

    /// The next event to deliver; waits for one. `None` when the engine has shut down.
    /// Cancel safe: a dropped future loses no event.
    fn next(&self) -> BoxFuture<'_, Option<Claim>>;

    /// Hands out nothing more from here on, until it is resumed by command: durable when this returns `Ok`. It takes
    /// the place of the pause before, if there is one. Claims that are open can be settled as ever.
    ///
    /// # Errors
    /// [`AppendError`] when the pause could not be stored; then nothing has changed.
    fn pause(&self, pause: Pause) -> BoxFuture<'_, Result<(), AppendError>>;

    /// Why and since when it hands out nothing, if so.
    fn paused(&self) -> Option<Pause>;

    /// Counts and position, at this moment.
    fn status(&self) -> SubscriptionStatus;

    /// Resolves when [`SubscriptionStatus::is_idle`] holds.
    fn idle(&self) -> BoxFuture<'_, ()>;
}

/// Which subscriptions an event is for. Implemented by the dispatcher.
pub trait Matcher: Send + Sync + 'static {
    /// Calls `on_match(index into events, subscription)` for every match of these events of one broker.
    fn match_all(
        &self,
        broker: &ResourceName,
        events: &[Arc<Stored>],
        on_match: &mut dyn FnMut(usize, SubscriptionId),
    );

    /// Whether one event is for one subscription. An unknown subscription matches nothing.
    fn matches(&self, subscription: SubscriptionId, event: &Event) -> bool;
}

/// Events that are stored whole or not at all.
#[derive(Debug)]
pub struct Batch {
    /// In order. None at all, for a source that only has a position to save.
    pub events: Vec<Event>,
    /// Kept as dead letters of the broker, in the same commit, and delivered to nobody.
    pub quarantined: Vec<Quarantined>,
    /// Passes left for the loop guard: 255 less the passes made, or what came in, whichever is lower.
    pub hops: u8,
    /// Where the source stands once this batch is durable.
    pub source_state: Option<SourceState>,
    /// The bytes' share of the admission budget; given back after the commit.
    pub permit: Option<Permit>,
}

/// An event that may come in, but not to be delivered.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// As it came.
    pub event: Event,
    /// Why.
    pub mismatch: SchemaMismatch,
}

/// A source's own position (last cron tick, poll cursor), saved in the commit of the events it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// `kind/namespace/name`.
    pub key: String,
    /// Opaque to the broker; at most 64 KiB.
    pub state: Vec<u8>,
}

/// Where one event lies: logical, never a file offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The broker's event stream.
    pub stream: u64,
    /// One more than that of the event before it in this stream; the first is 1.
    pub sequence: u64,
}

/// Proof that a batch is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Of each event, in the batch's order. `None` for a duplicate of one that was stored so long ago that its place
    /// is not at hand.
    pub positions: Vec<Option<Position>>,
    /// How many of them were stored before, or stood in the batch twice, and were not stored now.
    pub duplicates: usize,
}

/// Why a batch was not stored. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No broker of that name is declared.
    #[error("there is no broker {broker}")]
    UnknownBroker {
        /// The name asked for.
        broker: ResourceName,
    },
    /// The broker stores a pair of source and id once, and has seen this one with other attributes or data.
    #[error(
        "an event with source `{event_source}` and id `{event_id}` was stored before with other attributes or data"
    )]
    Conflict {
        /// Which event of the batch, from 0.
        index: usize,
        /// Its source.
        event_source: Arc<str>,
        /// Its id.
        event_id: Arc<str>,
    },
    /// A batch is one frame, and a frame never crosses a segment.
    #[error("a batch of {bytes} bytes is over the {bytes_max} bytes that can be stored at once")]
    TooLarge {
        /// Encoded size of the batch.
        bytes: u64,
        /// The most that fits.
        bytes_max: u64,
    },
    /// The queue in front of the disk is full.
    #[error("the queue in front of the disk is full")]
    Busy,
    /// The disk has no room.
    #[error("the disk that holds the data directory is full")]
    NoSpace,
    /// The disk failed; nothing is acknowledged until a restart.
    #[error("storage has failed and acknowledges nothing until a restart: {reason}")]
    Failed {
        /// What the operating system said.
        reason: Arc<str>,
    },
    /// The process is shutting down.
    #[error("the broker is shutting down")]
    Closed,
}

/// An event as the engine keeps it.
pub struct Stored {
    /// The event itself, as it was received.
    pub event: Event,
    /// Where it lies.
    pub position: Position,
    /// Passes left for the loop guard; record metadata, never an attribute of the event.
    pub hops: u8,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The bytes' share of the memory for events at the tail; given back when the last holder lets go.
    pub(crate) _held: Option<crate::embedded::TailBytes>,
}

/// Names one subscription for as long as the data directory lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriptionId(pub u64);

/// What to attach to.
#[derive(Clone, Debug)]
pub struct SubscriptionSpec {
    /// The trigger's name: the identity of the subscription.
    pub name: ResourceName,
    /// The broker it reads. A subscription of that name on another broker is an error.
    pub broker: ResourceName,
    /// Where a new subscription starts; without effect on one that exists.
    pub start: Start,
    /// Which events it wants from here on. What is stored already is judged by the filter of its time.
    pub filter: Filter,
    /// Which of its events wait for each other.
    pub order: Order,
}

/// Which events of a subscription wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// None do.
    #[default]
    Unordered,
    /// Those of one key, which is their extension `partitionkey`; those without one are of one key. They are handed
    /// out one at a time in the order in which they are stored, the next when the one before it is settled durably.
    ByKey,
}

/// Where a new subscription starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// After the last event that is stored now.
    #[default]
    Latest,
    /// At the oldest event that is kept.
    Earliest,
    /// At the first event that was accepted at this time or later.
    #[serde(skip)]
    At(Timestamp),
    /// At the event of this sequence.
    #[serde(skip)]
    Position(u64),
}

/// Why a subscription could not be attached to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The broker must be declared first.
    #[error("there is no broker {broker} for {subscription} to subscribe to")]
    UnknownBroker {
        /// The broker asked for.
        broker: ResourceName,
        /// The subscription asked for.
        subscription: ResourceName,
    },
    /// The field `spec.broker` of a trigger cannot be changed (Knative's rule).
    #[error(
        "{subscription} belongs to broker {has}; a trigger cannot move to {wanted}: delete it or name it anew"
    )]
    OtherBroker {
        /// The subscription asked for.
        subscription: ResourceName,
        /// The broker it was created on.
        has: ResourceName,
        /// The broker asked for.
        wanted: ResourceName,
    },
    /// It is attached already; two holders would deliver twice.
    #[error("{subscription} is attached already")]
    Attached {
        /// The subscription asked for.
        subscription: ResourceName,
    },
    /// There is no such place to start at.
    #[error("{subscription} cannot start where it should: {reason}")]
    Start {
        /// The subscription asked for.
        subscription: ResourceName,
        /// Why.
        reason: String,
    },
    /// Its creation could not be stored.
    #[error("the subscription {subscription} could not be stored")]
    Storage {
        /// The subscription asked for.
        subscription: ResourceName,
        /// Why.
        #[source]
        source: AppendError,
    },
}

/// Counts of one subscription. The settled ones survive a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionStatus {
    /// Events that matched and are settled, wait for a retry, or are in memory. Those lost to damage are counted, since
    /// whether they matched cannot be known.
    pub matched: u64,
    /// Settled as delivered to the subscriber.
    pub delivered: u64,
    /// Settled as taken by the dead letter sink.
    pub dead_letter_sink: u64,
    /// Settled into the dead-letter store.
    pub dead_lettered: u64,
    /// Not delivered, since their own time had passed or they were older than a rule allows.
    pub expired: u64,
    /// Dead letters that were removed by command.
    pub purged: u64,
    /// Dead letters that were taken out of the store to be delivered once more.
    pub letters_redriven: u64,
    /// Dead letters that were older than their broker keeps them.
    pub letters_expired: u64,
    /// Could not be read back: the journal is damaged where they were. Logged with their positions.
    pub unreadable: u64,
    /// Matched and never settled, because a seek by command left them behind.
    pub skipped: u64,
    /// Delivered by replays that ran beside it; in no other count here.
    pub replayed: u64,
    /// Delivered by redrives that ran beside it; in no other count here.
    pub redriven: u64,
    /// Retries that were scheduled so far.
    pub retries: u64,
    /// Waiting for the time of their next attempt.
    pub waiting_retry: u64,
    /// Waiting on disk behind an event of their key that waits.
    pub behind: u64,
    /// Keys that wait for a person: each for its first event.
    pub parked_keys: u64,
    /// Of those that wait for the time of their next attempt: keys whose first event had its last attempt and is tried
    /// on.
    pub blocked_keys: u64,
    /// Matched, in memory, not yet claimed.
    pub ready: u64,
    /// First attempts that are claimed and not yet settled durably.
    pub in_flight: u64,
    /// Of those that wait for a retry or behind others: being tried now.
    pub retrying: u64,
    /// Events of the broker's stream that have not been matched yet.
    pub backlog: u64,
    /// Every event up to this sequence is accounted for: settled, not matched, or waiting for a retry.
    pub cursor: u64,
    /// Whether it reads from disk because it is behind.
    pub lagging: bool,
    /// Why and since when it hands out nothing; `None` while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
}

// === impl Stored ===

impl Stored {
    /// For engines that keep their events elsewhere: counts towards no memory here.
    #[must_use]
    pub fn new(event: Event, position: Position, hops: u8, accepted_at: Timestamp) -> Self {
        Self {
            event,
            position,
            hops,
            accepted_at,
            _held: None,
        }
    }
}

// === impl Stored ===

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("position", &self.position)
            .field("hops", &self.hops)
            .finish_non_exhaustive()
    }
}

// === impl SubscriptionStatus ===

impl SubscriptionStatus {
    /// Nothing to do: all that is stored has been matched and settled, no retry waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let waiting = self.waiting_retry + self.behind + self.parked_keys;
        self.ready == 0 && self.in_flight == 0 && waiting == 0 && self.backlog == 0
    }
}

// === impl AppendError ===

impl AppendError {
    /// Whether the same batch may succeed later without a person doing something.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy | Self::NoSpace | Self::Closed => true,
            Self::UnknownBroker { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::Failed { .. } => false,
        }
    }
}
