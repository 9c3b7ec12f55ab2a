//! One subscription's place: what is matched, claimed, accounted for and waiting.
//!
//! What must hold, under the one lock:
//! - Every sequence up to `scanned` is accounted for durably, ready, claimed, or lies in the `covers` of one that is.
//! - `ready` and `claims` share no sequence, and neither holds one that is accounted for, except claims of retries.
//! - `accounted` and the counters change only by applying a committed record, so that they are what a restart finds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use tokio::sync::Notify;

use super::ranges::Ranges;
use super::records::{Fate, Item};
use super::streams::BrokerStream;
use super::view::{Counters, Retry, SubscriptionState, View, ViewError};
use crate::clock::Timestamp;
use crate::limits::READY_EVENTS_MAX;
use crate::{Outcome, Stored, SubscriptionId, SubscriptionStatus};

/// Due retries that are taken from the view at once.
const DUE_BATCH: usize = 256;

/// One subscription, attached or not.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) id: SubscriptionId,
    pub(crate) name: ResourceName,
    pub(crate) broker: Arc<BrokerStream>,
    /// Somebody consumes it; cleared when the handle is dropped.
    pub(crate) attached: AtomicBool,
    /// Something to claim, to read, or a new time to wake at.
    pub(crate) woken: Notify,
    inner: Mutex<Inner>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    accounted: Ranges,
    /// Filters by the sequence after which each is in force, in order; the last is the present one.
    filters: Arc<Vec<(u64, Filter)>>,
    counters: Counters,
    waiting_retry: u64,
    place: Place,
    scanned: u64,
    /// The last sequence that was matched, or the floor; what lies between it and the next match did not match.
    covered: u64,
    ready: VecDeque<Ready>,
    claims: HashMap<u64, Claimed>,
    due: VecDeque<u64>,
    next_due: Option<Timestamp>,
    retry_had_last_turn: bool,
    dirty: bool,
}

/// Where its events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// From the pump, as they are committed.
    Tail,
    /// From disk, at its own pace.
    Lagging,
}

#[derive(Debug)]
struct Ready {
    stored: Arc<Stored>,
    covers: u64,
}

#[derive(Clone, Copy, Debug)]
struct Claimed {
    covers: u64,
    is_retry: bool,
}

/// Whether an event was taken into the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Taken,
    /// It is known already.
    Known,
    /// There is no room: the subscription must leave the tail before this event.
    Full,
}

/// What to claim next.
pub(crate) enum Next {
    /// A first attempt.
    Fresh(Arc<Stored>),
    /// A retry that is due; the event is to be loaded.
    Retry(u64),
    /// Nothing is ready.
    Wait {
        /// When a retry becomes due.
        until: Option<Timestamp>,
        /// From which sequence to read on, if it lags and has room.
        read_from: Option<u64>,
    },
}

impl Sub {
    pub(crate) fn new(
        id: SubscriptionId,
        state: &SubscriptionState,
        broker: Arc<BrokerStream>,
        view: &View,
    ) -> Self {
        let accounted = Ranges::from_pairs(state.accounted.iter().copied());
        let floor = accounted.floor();
        let inner = Inner {
            accounted,
            filters: Arc::new(state.filters.clone()),
            counters: state.counters,
            waiting_retry: view.count_retries(id),
            place: Place::Lagging,
            scanned: floor,
            covered: floor,
            ready: VecDeque::new(),
            claims: HashMap::new(),
            due: VecDeque::new(),
            next_due: Some(Timestamp(0)),
            retry_had_last_turn: false,
            dirty: false,
        };
        Self {
            id,
            name: state.name.clone(),
            broker,
            attached: AtomicBool::new(false),
            woken: Notify::new(),
            inner: Mutex::new(inner),
        }
    }

    /// Whether somebody consumes it.
    pub(crate) fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Acquire)
    }

    /// Applies a committed settlement or retry.
    pub(crate) fn apply(&self, item: &Item, view: &View) -> Result<(), ViewError> {
        let mut inner = self.inner.lock();
        inner.accounted.insert(item.sequence - item.covers, item.sequence);
        inner.claims.remove(&item.sequence);
        inner.dirty = true;
        if let Fate::Retry { at, progress } = &item.fate {
            let retry = Retry {
                at: *at,
                progress: (**progress).clone(),
            };
            if view.put_retry(self.id, item.sequence, &retry)? {
                inner.waiting_retry += 1;
            }
            inner.counters.retries += 1;
            inner.next_due = Some(inner.next_due.map_or(*at, |next| next.min(*at)));
        } else {
            let was_waiting = inner.waiting_retry > 0 && view.remove_retry(self.id, item.sequence)?;
            if was_waiting {
                inner.waiting_retry -= 1;
            }
            inner.count(item);
        }
        drop(inner);
        self.woken.notify_one();
        Ok(())
    }

    /// Applies a committed floor: everything up to it is accounted for.
    pub(crate) fn apply_floor(&self, floor: u64) {
        let mut inner = self.inner.lock();
        inner.accounted.insert(1, floor);
        inner.dirty = true;
    }

    /// Offers matched events at the tail, in order. The caller holds the broker's tail lock and `pumped` is from
    /// before these events. Leaves the tail when they do not fit.
    pub(crate) fn offer<'a>(
        &self,
        events: impl Iterator<Item = &'a Arc<Stored>>,
        pumped: u64,
        is_short: bool,
    ) {
        let mut inner = self.inner.lock();
        if inner.place != Place::Tail {
            return;
        }
        inner.scanned = inner.scanned.max(pumped);
        for stored in events {
            if inner.offer(stored, is_short) == Offered::Full {
                inner.leave_tail(stored.position.sequence - 1);
                break;
            }
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// The events up to here cannot be offered from memory any more: read them from disk.
    pub(crate) fn leave_tail(&self, pumped: u64) {
        let mut inner = self.inner.lock();
        if inner.place == Place::Tail {
            let scanned = inner.scanned.max(pumped);
            inner.leave_tail(scanned);
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// Takes a chunk that was read from disk: `matched` of what lies in `from..=last`. Nothing is taken when
    /// somebody else has moved the place meanwhile.
    pub(crate) fn take_chunk(&self, from: u64, last: u64, matched: &[Arc<Stored>]) {
        let mut inner = self.inner.lock();
        if inner.place != Place::Lagging || inner.scanned + 1 != from {
            return;
        }
        for stored in matched {
            if inner.offer(stored, false) == Offered::Full {
                // Claims were given up meanwhile: the rest is read again when there is room.
                inner.scanned = stored.position.sequence - 1;
                return;
            }
        }
        inner.scanned = last;
    }

    /// Joins the tail if everything that was offered there is scanned. Takes the tail lock.
    pub(crate) fn try_join_tail(&self) -> bool {
        let tail = self.broker.lock_tail();
        let mut inner = self.inner.lock();
        // At the tail the present filter judges, so what an earlier one has to judge is read first.
        let present_after = inner.filters.last().map_or(0, |(after, _)| *after);
        if inner.scanned >= tail.pumped().max(present_after) {
            inner.place = Place::Tail;
        }
        inner.place == Place::Tail
    }

    /// Decides what comes next and marks it as claimed.
    pub(crate) fn next(&self, now: Timestamp, view: &View) -> Result<Next, ViewError> {
        let mut inner = self.inner.lock();
        inner.load_due(self.id, now, view)?;
        let has_room = inner.place == Place::Lagging && inner.ready.is_empty();
        let read_from = has_room.then_some(inner.scanned + 1);
        if has_room && inner.retry_had_last_turn {
            // Retries must not keep first attempts on disk.
            inner.retry_had_last_turn = false;
            return Ok(Next::Wait {
                until: Some(now),
                read_from,
            });
        }
        let retry_first = inner.ready.is_empty() || !inner.retry_had_last_turn;
        if retry_first && let Some(sequence) = inner.due.pop_front() {
            inner.retry_had_last_turn = true;
            inner.claims.insert(
                sequence,
                Claimed {
                    covers: 0,
                    is_retry: true,
                },
            );
            return Ok(Next::Retry(sequence));
        }
        if let Some(ready) = inner.ready.pop_front() {
            inner.retry_had_last_turn = false;
            let sequence = ready.stored.position.sequence;
            inner.claims.insert(
                sequence,
                Claimed {
                    covers: ready.covers,
                    is_retry: false,
                },
            );
            return Ok(Next::Fresh(ready.stored));
        }
        Ok(Next::Wait {
            until: inner.next_due,
            read_from,
        })
    }

    /// How many sequences a claimed one covers.
    pub(crate) fn covers(&self, sequence: u64) -> u64 {
        self.inner
            .lock()
            .claims
            .get(&sequence)
            .map_or(0, |claimed| claimed.covers)
    }

    /// A claim was given up: the event comes again.
    pub(crate) fn release(&self, sequence: u64, stored: Option<&Arc<Stored>>) {
        let mut inner = self.inner.lock();
        if let Some(claimed) = inner.claims.remove(&sequence) {
            match stored {
                Some(stored) if !claimed.is_retry => {
                    inner.ready.push_front(Ready {
                        stored: Arc::clone(stored),
                        covers: claimed.covers,
                    });
                }
                _ => inner.next_due = Some(Timestamp(0)),
            }
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// Forgets what is ready or claimed, so that a new holder gets it again. What was found not to match stays so.
    pub(crate) fn detach(&self) {
        let mut inner = self.inner.lock();
        let floor = inner.live_floor(self.broker.pumped());
        inner.place = Place::Lagging;
        inner.ready.clear();
        inner.due.clear();
        inner.claims.clear();
        inner.next_due = Some(Timestamp(0));
        inner.scanned = floor;
        inner.covered = floor;
        self.attached.store(false, Ordering::Release);
    }

    /// How far everything is accounted for if nothing open is: worth a record when it is past what is stored.
    pub(crate) fn floor_to_store(&self) -> Option<u64> {
        let inner = self.inner.lock();
        let floor = inner.live_floor(self.broker.pumped());
        (floor > inner.accounted.floor()).then_some(floor)
    }

    /// The filters that were or are in force, by the sequence after which each is.
    pub(crate) fn filters(&self) -> Arc<Vec<(u64, Filter)>> {
        Arc::clone(&self.inner.lock().filters)
    }

    /// Applies a filter that is in force after a sequence. Those that nothing is left for are forgotten.
    pub(crate) fn apply_filter(&self, after: u64, filter: &Filter) {
        let mut inner = self.inner.lock();
        let floor = inner.accounted.floor();
        let mut filters: Vec<_> = inner
            .filters
            .iter()
            .filter(|(other, _)| *other < after)
            .cloned()
            .collect();
        filters.push((after, filter.clone()));
        let first = filters
            .iter()
            .rposition(|(after, _)| *after <= floor)
            .unwrap_or(0);
        inner.filters = Arc::new(filters.split_off(first));
        inner.dirty = true;
    }

    /// Makes the next checkpoint store it.
    pub(crate) fn mark_dirty(&self) {
        self.inner.lock().dirty = true;
    }

    /// What a checkpoint stores, if anything changed since the last one.
    pub(crate) fn take_dirty(&self) -> Option<SubscriptionState> {
        let mut inner = self.inner.lock();
        std::mem::take(&mut inner.dirty).then(|| SubscriptionState {
            name: self.name.clone(),
            broker: self.broker.name.clone(),
            accounted: inner.accounted.pairs().collect(),
            filters: inner.filters.to_vec(),
            counters: inner.counters,
        })
    }

    /// Counts and position. `last` is the last committed sequence of the broker's stream.
    pub(crate) fn status(&self, last: u64) -> SubscriptionStatus {
        let inner = self.inner.lock();
        let pumped = self.broker.pumped();
        let backlog = last.saturating_sub(inner.scanned_at(pumped));
        SubscriptionStatus {
            delivered: inner.counters.delivered,
            dead_letter_sink: inner.counters.dead_letter_sink,
            dead_lettered: inner.counters.dead_lettered,
            unreadable: inner.counters.unreadable,
            retries: inner.counters.retries,
            waiting_retry: inner.waiting_retry,
            ready: inner.ready.len() as u64,
            in_flight: inner.claims.values().filter(|claimed| !claimed.is_retry).count() as u64,
            retrying: inner.claims.values().filter(|claimed| claimed.is_retry).count() as u64,
            backlog,
            cursor: inner.live_floor(pumped),
            lagging: inner.place == Place::Lagging && backlog > 0,
        }
    }
}

impl Inner {
    fn offer(&mut self, stored: &Arc<Stored>, is_short: bool) -> Offered {
        let sequence = stored.position.sequence;
        if sequence <= self.scanned {
            return Offered::Known;
        }
        if self.accounted.contains(sequence) || self.claims.contains_key(&sequence) {
            self.scanned = sequence;
            self.covered = sequence;
            return Offered::Known;
        }
        if is_short || self.ready.len() >= READY_EVENTS_MAX {
            return Offered::Full;
        }
        let covers = sequence - self.covered - 1;
        self.ready.push_back(Ready {
            stored: Arc::clone(stored),
            covers,
        });
        self.scanned = sequence;
        self.covered = sequence;
        Offered::Taken
    }

    fn leave_tail(&mut self, scanned: u64) {
        self.place = Place::Lagging;
        self.scanned = self.scanned.max(scanned);
    }

    fn scanned_at(&self, pumped: u64) -> u64 {
        match self.place {
            Place::Tail => self.scanned.max(pumped),
            Place::Lagging => self.scanned,
        }
    }

    /// Everything up to here is accounted for or waits for a retry.
    fn live_floor(&self, pumped: u64) -> u64 {
        let ready = self
            .ready
            .iter()
            .map(|ready| ready.stored.position.sequence - ready.covers);
        let fresh = self.claims.iter().filter(|(_, claimed)| !claimed.is_retry);
        let open = ready
            .chain(fresh.map(|(sequence, claimed)| sequence - claimed.covers))
            .min();
        open.map_or_else(|| self.scanned_at(pumped), |first_open| first_open - 1)
            .max(self.accounted.floor())
    }

    fn load_due(&mut self, id: SubscriptionId, now: Timestamp, view: &View) -> Result<(), ViewError> {
        if !self.due.is_empty() || self.next_due.is_none_or(|next| next > now) {
            return Ok(());
        }
        self.next_due = None;
        if self.waiting_retry == 0 {
            return Ok(());
        }
        for found in view.due(id) {
            let (at, sequence) = found?;
            if at > now || self.due.len() >= DUE_BATCH {
                self.next_due = Some(at);
                break;
            }
            if !self.claims.contains_key(&sequence) {
                self.due.push_back(sequence);
            }
        }
        Ok(())
    }

    fn count(&mut self, item: &Item) {
        match &item.fate {
            Fate::Settled(Outcome::Delivered) => self.counters.delivered += 1,
            Fate::Settled(Outcome::DeadLetterSink) => self.counters.dead_letter_sink += 1,
            Fate::Settled(Outcome::DeadLetterStore) => self.counters.dead_lettered += 1,
            Fate::Unreadable => self.counters.unreadable += item.covers + 1,
            Fate::Retry { .. } => {}
        }
    }
}
