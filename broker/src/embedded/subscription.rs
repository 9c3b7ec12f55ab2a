//! One subscription's place: what is matched, claimed, accounted for and waiting.
//!
//! What must hold, under the one lock:
//! - Every sequence up to `scanned` is accounted for durably, ready, claimed, or lies in the `covers` of one that is.
//! - `ready` and `claims` share no sequence, and neither holds one that is accounted for, except claims of retries.
//! - `accounted` and the counters change only by applying a committed record, so that they are what a restart finds.

mod apply;
mod beside;
mod due;
mod expire;
mod inner;
mod lanes;
mod offer;
mod ordered;
mod seek;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use tokio::sync::Notify;

pub(crate) use self::expire::{Glance, Old};
use self::inner::{Claimed, Hand, Inner, Place};
use self::lanes::Lanes;
use super::key::Key;
use super::ranges::Ranges;
use super::records::{Item, SideSpec};
use super::streams::BrokerStream;
use super::view::{SubscriptionState, View, ViewError};
use crate::clock::Timestamp;
use crate::{Order, Pause, Stored, SubscriptionId, SubscriptionStatus};

/// One subscription, attached or not.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) id: SubscriptionId,
    pub(crate) name: ResourceName,
    pub(crate) broker: Arc<BrokerStream>,
    /// The stream that it reads: the broker's events, unless it runs beside a trigger.
    pub(crate) stream: u64,
    /// What it is if it runs beside a trigger.
    pub(crate) side: Option<Beside>,
    /// Somebody consumes it; cleared when the handle is dropped.
    pub(crate) attached: AtomicBool,
    /// Something to claim, to read, or a new time to wake at.
    pub(crate) woken: Notify,
    inner: Mutex<Inner>,
}

/// What a side subscription has that a trigger's own has not.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) spec: SideSpec,
    /// The trigger's own subscription.
    pub(crate) trigger: Arc<Sub>,
    /// Its end is on the way: nothing is to be added to it.
    pub(crate) is_ending: AtomicBool,
    /// It has ended.
    pub(crate) has_ended: AtomicBool,
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
    /// All of a side subscription is settled.
    Done,
}

impl Sub {
    pub(crate) fn new(
        id: SubscriptionId,
        state: &SubscriptionState,
        broker: Arc<BrokerStream>,
        trigger: Option<Arc<Sub>>,
        view: &View,
    ) -> Self {
        let side = state.side.clone().zip(trigger).map(|(spec, trigger)| Beside {
            spec,
            trigger,
            is_ending: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        });
        let accounted = Ranges::from_pairs(state.accounted.iter().copied());
        let floor = accounted.floor();
        let inner = Inner {
            accounted,
            filters: Arc::new(state.filters.clone()),
            counters: state.counters,
            paused: state.paused.clone(),
            waiting: view.waiting(id),
            lanes: None,
            place: Place::Lagging,
            scanned: floor,
            covered: floor,
            until: state.side.as_ref().map_or(u64::MAX, |spec| spec.until),
            redrive_stream: state.redrive_stream,
            held: 0,
            moves: 0,
            ended: state.ended.clone(),
            ready: VecDeque::new(),
            claims: HashMap::new(),
            due: VecDeque::new(),
            next_due: Some(Timestamp(0)),
            due_at_sequence: None,
            leaving: Vec::new(),
            freed: Vec::new(),
            retry_had_last_turn: false,
            dirty: false,
        };
        Self {
            id,
            name: state.name.clone(),
            stream: side.as_ref().map_or(broker.events, |side| side.spec.stream),
            side,
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

    /// Whether the next event of a key waits for the settlement of the one before.
    pub(crate) fn is_ordered(&self) -> bool {
        self.inner.lock().lanes.is_some()
    }

    /// Takes up the order in which a new holder wants its events.
    pub(crate) fn set_order(&self, order: Order) {
        self.inner.lock().set_order(order);
    }

    /// The order in which its present holder, or the last one, wants its events.
    pub(crate) fn order(&self) -> Order {
        match self.inner.lock().lanes {
            Some(_) => Order::ByKey,
            None => Order::Unordered,
        }
    }

    /// What is to be recorded after a look at what comes next: it goes to disk, behind what waits there of its key.
    pub(crate) fn take_leaving(&self) -> Vec<Item> {
        std::mem::take(&mut self.inner.lock().leaving)
    }

    /// Decides what comes next and marks it as claimed.
    pub(crate) fn next(&self, now: Timestamp, view: &View) -> Result<Next, ViewError> {
        let trigger_is_paused = self
            .side
            .as_ref()
            .is_some_and(|side| side.trigger.paused().is_some());
        let mut inner = self.inner.lock();
        if trigger_is_paused || inner.paused.is_some() || inner.held > 0 {
            return Ok(Next::Wait {
                until: None,
                read_from: None,
            });
        }
        if inner.is_done() {
            return Ok(Next::Done);
        }
        let pumped = self.broker.pumped();
        inner.schedule_freed(self.id, view)?;
        inner.load_due(self.id, now, pumped, view)?;
        if inner.has_room() && inner.retry_had_last_turn {
            // Retries must not keep first attempts on disk.
            inner.retry_had_last_turn = false;
            return Ok(Next::Wait {
                until: Some(now),
                read_from: Some(inner.scanned + 1),
            });
        }
        for is_turn_of_retry in [!inner.retry_had_last_turn, inner.retry_had_last_turn] {
            if is_turn_of_retry {
                if let Some(sequence) = inner.claim_due(self.id, pumped, view)? {
                    inner.retry_had_last_turn = true;
                    return Ok(Next::Retry(sequence));
                }
            } else if let Some(stored) = inner.claim_fresh(self.id, now, view)? {
                inner.retry_had_last_turn = false;
                return Ok(Next::Fresh(stored));
            }
        }
        let until = [inner.next_due, inner.patience_ends()];
        Ok(Next::Wait {
            until: until.into_iter().flatten().min(),
            read_from: inner.has_room().then_some(inner.scanned + 1),
        })
    }

    /// Notes since when the key of a claimed event is blocked.
    pub(crate) fn note_since(&self, sequence: u64, since: Timestamp) {
        if let Some(claimed) = self.inner.lock().claims.get_mut(&sequence) {
            claimed.since = Some(since);
        }
    }

    /// What a settlement must know of a claimed event: how many sequences it covers, the key that its next attempts must
    /// hold, if they must hold one, and since when that is blocked.
    pub(crate) fn settling(&self, stored: &Stored) -> (u64, Option<Key>, Option<Timestamp>) {
        let inner = self.inner.lock();
        let claimed = inner.claims.get(&stored.position.sequence).copied();
        let is_ordered = inner.lanes.is_some();
        drop(inner);
        let key = claimed.and_then(|claimed| claimed.key);
        let key = key.or_else(|| is_ordered.then(|| Key::of(&stored.event)));
        (
            claimed.map_or(0, |claimed| claimed.covers),
            key,
            claimed.and_then(|claimed| claimed.since),
        )
    }

    /// Claims an event that waits, for a command; says whether it could be had. None can while the place is moved.
    pub(crate) fn claim_waiting(&self, sequence: u64, key: Key) -> bool {
        let mut inner = self.inner.lock();
        let claimed = Claimed {
            covers: 0,
            hand: Hand::Waiting,
            key: Some(key),
            since: None,
            expires: false,
        };
        let is_free = inner.held == 0 && !inner.claims.contains_key(&sequence);
        if is_free {
            inner.claims.insert(sequence, claimed);
        }
        is_free
    }

    /// A claim was given up: the event comes again.
    pub(crate) fn release(&self, sequence: u64, stored: Option<&Arc<Stored>>) {
        let mut inner = self.inner.lock();
        if let Some(claimed) = inner.claims.remove(&sequence) {
            match stored {
                Some(stored) if claimed.hand == Hand::Fresh => inner.take_back(stored, claimed),
                _ => inner.wake_due(Timestamp(0)),
            }
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// Forgets what is ready or claimed, so that a new holder gets it again, but for what is being recorded as expired.
    /// What was found not to match stays so.
    pub(crate) fn detach(&self) {
        let mut inner = self.inner.lock();
        let floor = inner.live_floor(self.broker.pumped());
        inner.place = Place::Lagging;
        inner.ready.clear();
        inner.due.clear();
        match &mut inner.lanes {
            // Claims that are still out hold their keys until they are settled or given up.
            Some(lanes) => lanes.shed(),
            None => inner.claims.retain(|_, claimed| claimed.expires),
        }
        inner.next_due = Some(Timestamp(0));
        inner.scanned = floor;
        inner.covered = floor;
        self.attached.store(false, Ordering::Release);
    }

    /// How far everything is accounted for if nothing open is: worth a record when it is past what is stored.
    pub(crate) fn floor_to_store(&self) -> Option<u64> {
        let inner = self.inner.lock();
        let floor = inner.live_floor(self.broker.pumped());
        (floor > inner.accounted.floor() && inner.held == 0).then_some(floor)
    }

    /// The filters that were or are in force, by the sequence after which each is.
    pub(crate) fn filters(&self) -> Arc<Vec<(u64, Filter)>> {
        Arc::clone(&self.inner.lock().filters)
    }

    /// Why and since when it hands out nothing, if so.
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.inner.lock().paused.clone()
    }

    /// Whether it gets its events from the pump.
    pub(crate) fn is_at_tail(&self) -> bool {
        !self.inner.lock().place.is_lagging()
    }

    /// Whether this event is settled, does not match or waits for a retry.
    pub(crate) fn is_accounted(&self, sequence: u64) -> bool {
        self.inner.lock().accounted.contains(sequence)
    }

    /// Counts and position. `last` is the last committed sequence of the broker's stream.
    pub(crate) fn status(&self, last: u64) -> SubscriptionStatus {
        let inner = self.inner.lock();
        let pumped = self.broker.pumped();
        let backlog = last.min(inner.until).saturating_sub(inner.scanned_at(pumped));
        let in_hand = |hand| {
            inner
                .claims
                .values()
                .filter(|claimed| claimed.hand == hand)
                .count() as u64
        };
        let ready = (inner.ready.len() + inner.lanes.as_ref().map_or(0, Lanes::events)) as u64;
        let (in_flight, leaving) = (in_hand(Hand::Fresh), in_hand(Hand::Leaving));
        SubscriptionStatus {
            matched: inner.counters.matched + ready + in_flight + leaving,
            expired: inner.counters.expired,
            purged: inner.counters.purged,
            letters_redriven: inner.counters.letters_redriven,
            letters_expired: inner.counters.letters_expired,
            delivered: inner.counters.delivered,
            dead_letter_sink: inner.counters.dead_letter_sink,
            dead_lettered: inner.counters.dead_lettered,
            unreadable: inner.counters.unreadable,
            skipped: inner.counters.skipped,
            replayed: inner.counters.replayed,
            redriven: inner.counters.redriven,
            retries: inner.counters.retries,
            waiting_retry: inner.waiting.retry + inner.waiting.blocked,
            behind: inner.waiting.behind + leaving,
            parked_keys: inner.waiting.parked,
            blocked_keys: inner.waiting.blocked,
            ready,
            in_flight,
            retrying: in_hand(Hand::Waiting),
            backlog,
            cursor: inner.live_floor(pumped),
            lagging: inner.place.is_lagging() && backlog > 0,
            paused: inner.paused.clone(),
        }
    }
}
