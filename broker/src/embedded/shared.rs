//! What the parts of the embedded engine share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use journal::Journal;
use parking_lot::{Mutex, RwLock};
use schemas::names::ResourceName;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::dedupe::Reservations;
use super::degrade::Degraded;
use super::expiry::ExpiryRules;
use super::memory::TailMemory;
use super::records::STATE;
use super::retention::Watch;
use super::settle::Settlements;
use super::snapshot::Snapshots;
use super::streams::Streams;
use super::subscription::Sub;
use super::types::Types;
use super::view::{Checkpoint, SubscriptionState, View, ViewError};
use crate::clock::Clock;
use crate::limits::STATE_UNAPPLIED_RECORDS_MAX;
use crate::{AppendError, Matcher, Side, SubscriptionId};

/// The engine's one state, behind every handle.
pub(crate) struct Shared {
    pub(crate) directory: PathBuf,
    pub(crate) journal: Journal,
    view: ArcSwap<View>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: TailMemory,
    pub(crate) streams: Streams,
    pub(crate) settlements: Settlements,
    pub(crate) snapshots: Snapshots,
    pub(crate) retention: Watch,
    pub(crate) expiry: ArcSwap<ExpiryRules>,
    pub(crate) reservations: Reservations,
    pub(crate) types: Types,
    pub(crate) closed: CancellationToken,
    /// Serialises what looks a name up and then creates it.
    pub(crate) creation: tokio::sync::Mutex<()>,
    /// Held from where floors are looked at until their record is on its way.
    pub(crate) progress: Mutex<()>,
    subscriptions: RwLock<Subscriptions>,
    matcher: RwLock<Option<Arc<dyn Matcher>>>,
    activity: watch::Sender<u64>,
    halted: OnceLock<Arc<str>>,
    /// Why the view is in memory, if it is.
    pub(super) degraded: Mutex<Option<Degraded>>,
    /// What of the state could not be read back, in words.
    lost: Mutex<Vec<String>>,
    /// The side subscriptions that are to be run.
    running: watch::Sender<Arc<[Side]>>,
    /// Subscriptions that are no more and may still be in the view.
    gone: Mutex<Vec<SubscriptionId>>,
    /// Held while a state record is applied and while a checkpoint looks: what it sees belongs together.
    pub(super) gate: Mutex<()>,
    pub(super) applied: AtomicU64,
}

#[derive(Default)]
struct Subscriptions {
    by_id: HashMap<SubscriptionId, Arc<Sub>>,
    by_name: HashMap<ResourceName, Arc<Sub>>,
}

impl Shared {
    pub(crate) fn new(
        directory: PathBuf,
        journal: Journal,
        view: View,
        applied: u64,
        segment_bytes: u64,
        clock: Arc<dyn Clock>,
        memory: TailMemory,
    ) -> Self {
        Self {
            directory,
            journal,
            view: ArcSwap::from_pointee(view),
            clock,
            memory,
            streams: Streams::default(),
            settlements: Settlements::default(),
            snapshots: Snapshots::new(segment_bytes),
            retention: Watch::default(),
            expiry: ArcSwap::default(),
            reservations: Reservations::default(),
            types: Types::default(),
            closed: CancellationToken::new(),
            creation: tokio::sync::Mutex::new(()),
            progress: Mutex::new(()),
            subscriptions: RwLock::default(),
            matcher: RwLock::new(None),
            activity: watch::Sender::new(0),
            halted: OnceLock::new(),
            degraded: Mutex::default(),
            lost: Mutex::default(),
            running: watch::Sender::new(Arc::from([])),
            gone: Mutex::default(),
            gate: Mutex::new(()),
            applied: AtomicU64::new(applied),
        }
    }

    // --- looking up ---

    /// The progress view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Puts a view in place.
    pub(crate) fn set_view(&self, view: Arc<View>) {
        self.view.store(view);
    }

    pub(crate) fn subscription(&self, id: SubscriptionId) -> Option<Arc<Sub>> {
        self.subscriptions.read().by_id.get(&id).cloned()
    }

    pub(crate) fn subscription_named(&self, name: &ResourceName) -> Option<Arc<Sub>> {
        self.subscriptions.read().by_name.get(name).cloned()
    }

    /// The triggers' own, by name.
    pub(crate) fn subscriptions(&self) -> Vec<Arc<Sub>> {
        let mut own: Vec<_> = self.subscriptions.read().by_name.values().cloned().collect();
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own
    }

    /// The triggers' own and those beside them, in the order of their ids.
    pub(crate) fn all_subscriptions(&self) -> Vec<Arc<Sub>> {
        let mut all: Vec<_> = self.subscriptions.read().by_id.values().cloned().collect();
        all.sort_by_key(|sub| sub.id);
        all
    }

    /// Those that run beside a trigger, in the order of their start.
    pub(crate) fn sides(&self) -> Vec<Arc<Sub>> {
        let mut sides = self.all_subscriptions();
        sides.retain(|sub| sub.side.is_some());
        sides
    }

    /// Those that read a stream.
    pub(crate) fn readers_of(&self, stream: u64) -> Vec<Arc<Sub>> {
        let subscriptions = self.subscriptions.read();
        let readers = subscriptions.by_id.values().filter(|sub| sub.stream == stream);
        readers.cloned().collect()
    }

    /// Whether it is the stream of a trigger's redriven letters.
    pub(crate) fn is_redrive_stream(&self, stream: u64) -> bool {
        let subscriptions = self.subscriptions.read();
        let mut triggers = subscriptions.by_name.values();
        triggers.any(|sub| sub.redrive_stream() == Some(stream))
    }

    /// An id that no subscription ever had. The caller holds `creation`.
    pub(crate) fn next_subscription_id(&self) -> Result<SubscriptionId, ViewError> {
        let known = self.subscriptions.read().by_id.keys().max().map_or(0, |id| id.0);
        Ok(SubscriptionId(known.max(self.look(View::last_id)?) + 1))
    }

    pub(crate) fn matcher(&self) -> Option<Arc<dyn Matcher>> {
        self.matcher.read().clone()
    }

    pub(crate) fn set_matcher(&self, matcher: Arc<dyn Matcher>) {
        *self.matcher.write() = Some(matcher);
    }

    /// The last committed sequence of a stream; 0 when it is empty.
    pub(crate) fn last(&self, stream: u64) -> u64 {
        self.journal
            .bounds(journal::StreamId(stream))
            .map_or(0, |bounds| bounds.last)
    }

    /// The highest stream number that the journal has a record of, or that a trigger's redriven letters have.
    pub(crate) fn last_stream(&self) -> u64 {
        let written = self.journal.streams().into_iter().map(|(stream, _)| stream.0);
        let redrives = self
            .subscriptions()
            .into_iter()
            .filter_map(|sub| sub.redrive_stream());
        written.chain(redrives).max().unwrap_or(0)
    }

    // --- subscriptions beside a trigger ---

    /// Takes a subscription out; the next checkpoint takes it out of the view.
    pub(crate) fn remove_subscription(&self, sub: &Sub) {
        let mut subscriptions = self.subscriptions.write();
        subscriptions.by_id.remove(&sub.id);
        if sub.side.is_none() {
            subscriptions.by_name.remove(&sub.name);
        }
        self.gone.lock().push(sub.id);
    }

    /// A checkpoint that was to take these out of the view failed.
    pub(crate) fn gone_again(&self, gone: Vec<SubscriptionId>) {
        self.gone.lock().extend(gone);
    }

    /// Tells who delivers which side subscriptions there are.
    pub(crate) fn announce_sides(&self) {
        let sides = self.sides();
        let running = sides.iter().filter_map(|sub| {
            let spec = &sub.side.as_ref()?.spec;
            Some(Side {
                id: spec.name(),
                of: sub.name.clone(),
                rate: spec.rate,
            })
        });
        let running = running.collect();
        self.running.send_if_modified(|now| {
            let is_new = *now != running;
            *now = running;
            is_new
        });
    }

    pub(crate) fn running_sides(&self) -> watch::Receiver<Arc<[Side]>> {
        self.running.subscribe()
    }

    // --- telling and stopping ---

    /// Tells everybody who waits for a change that there may be one.
    pub(crate) fn tick(&self) {
        self.activity.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn activity(&self) -> watch::Receiver<u64> {
        self.activity.subscribe()
    }

    /// Waits until `found` finds something; `None` when the engine closes or halts first.
    pub(crate) async fn wait_for<T>(&self, mut found: impl FnMut() -> Option<T>) -> Option<T> {
        let mut activity = self.activity();
        loop {
            if let Some(found) = found() {
                return Some(found);
            }
            if self.halted().is_some() {
                return None;
            }
            tokio::select! {
                changed = activity.changed() => changed.ok()?,
                () = self.closed.cancelled() => return None,
            }
        }
    }

    /// Whether events may be handed out: the view knows everything that waits, and what was committed is applied but
    /// for a few records. Those are in memory, so that deliveries must not outrun what the view can take.
    pub(crate) fn may_hand_out(&self) -> bool {
        let unapplied = self.last(STATE.0).saturating_sub(self.applied());
        unapplied <= STATE_UNAPPLIED_RECORDS_MAX && !self.view().is_incomplete()
    }

    /// Stops handing out work for good: what is done could not be recorded any more. The first reason stays.
    pub(crate) fn halt(&self, reason: &str) {
        if self.halted.set(Arc::from(reason)).is_ok() {
            tracing::error!(
                reason,
                "the broker has stopped: deliveries end, nothing is acknowledged"
            );
        }
        self.tick();
    }

    pub(crate) fn halted(&self) -> Option<Arc<str>> {
        self.halted.get().cloned()
    }

    /// Tells that state could not be read back.
    pub(crate) fn note_lost(&self, what: &str) {
        tracing::error!(what, "something was lost");
        self.lost.lock().push(what.to_owned());
    }

    /// What was lost, in words.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.lost.lock().clone()
    }

    // --- state ---

    /// Adds a subscription that the view or a record tells of.
    pub(crate) fn add_subscription(&self, id: SubscriptionId, state: &SubscriptionState) {
        let Some(broker) = self.streams.by_name(&state.broker) else {
            tracing::error!(subscription = %state.name, broker = %state.broker, "its broker is not known");
            return;
        };
        let mut subscriptions = self.subscriptions.write();
        if subscriptions.by_id.contains_key(&id) {
            return;
        }
        let trigger = match &state.side {
            None => None,
            Some(spec) => match subscriptions.by_id.get(&spec.of) {
                // What ran beside a trigger that was forgotten is forgotten with it.
                None => return,
                found => found.cloned(),
            },
        };
        let is_own = trigger.is_none();
        let sub = Arc::new(Sub::new(id, state, broker, trigger, &self.view()));
        if is_own {
            subscriptions.by_name.insert(sub.name.clone(), Arc::clone(&sub));
        }
        subscriptions.by_id.insert(id, sub);
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// What a checkpoint writes: the subscriptions that changed and how far they reflect the state stream.
    pub(crate) fn collect_checkpoint(&self, clean: bool) -> Checkpoint {
        let _gate = self.gate.lock();
        let changed = self
            .all_subscriptions()
            .into_iter()
            .filter_map(|sub| Some((sub.id, sub.take_dirty()?)));
        Checkpoint {
            subscriptions: changed.collect(),
            gone: std::mem::take(&mut *self.gone.lock()),
            applied: self.applied(),
            snapshots: self.snapshots.marks(),
            clean,
            seen: self.clock.now(),
        }
    }

    /// The states of all subscriptions at one instant, and the last state record that they reflect.
    pub(crate) fn collect_states(&self) -> (u64, Vec<(SubscriptionId, SubscriptionState)>) {
        let _gate = self.gate.lock();
        (self.applied(), self.states())
    }

    /// The states of all subscriptions; at one instant if the caller holds the gate.
    pub(crate) fn states(&self) -> Vec<(SubscriptionId, SubscriptionState)> {
        let all = self.all_subscriptions().into_iter();
        all.map(|sub| (sub.id, sub.state())).collect()
    }

    /// Asks for a snapshot, to be taken as soon as may be; see [`Shared::snapshot_covers`].
    pub(crate) fn request_snapshot(&self) {
        self.snapshots.request();
    }

    /// Whether everything up to this state record is in a snapshot that is complete and synced: the record itself is
    /// needed no more. A tick tells when that has changed.
    pub(crate) fn snapshot_covers(&self, state_sequence: u64) -> bool {
        self.snapshots.covers(state_sequence, self.journal.synced())
    }
}

/// The journal's refusal in the engine's words.
pub(crate) fn append_error(error: journal::AppendError) -> AppendError {
    match error {
        journal::AppendError::TooLarge { bytes, bytes_max } => AppendError::TooLarge { bytes, bytes_max },
        journal::AppendError::Misplaced { .. } => AppendError::Failed {
            reason: Arc::from(error.to_string()),
        },
        journal::AppendError::NoSpace => AppendError::NoSpace,
        journal::AppendError::QueueFull => AppendError::Busy,
        journal::AppendError::Poisoned { reason } => AppendError::Failed { reason },
        journal::AppendError::Closed => AppendError::Closed,
    }
}
