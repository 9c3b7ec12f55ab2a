//! One subscription's place: what is matched, claimed, accounted for and waiting.
//!
//! What must hold, under the one lock:
//! - Every sequence up to `scanned` is accounted for durably, ready, claimed, or lies in the `covers` of one that is.
//! - `ready` and `claims` share no sequence, and neither holds one that is accounted for, except claims of retries.
//! - `accounted` and the counters change only by applying a committed record, so that they are what a restart finds.

mod apply;
mod beside;
mod inner;
mod offer;
mod seek;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use tokio::sync::Notify;

use self::inner::{Claimed, Inner, Place, Ready};
use super::ranges::Ranges;
use super::records::SideSpec;
use super::streams::BrokerStream;
use super::view::{SubscriptionState, View, ViewError};
use crate::clock::Timestamp;
use crate::{Pause, Stored, SubscriptionId, SubscriptionStatus};

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
            waiting_retry: view.count_retries(id),
            place: Place::Lagging,
            scanned: floor,
            covered: floor,
            until: state.side.as_ref().map_or(u64::MAX, |spec| spec.until),
            redrive_stream: state.redrive_stream,
            held: 0,
            ended: state.ended.clone(),
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
        inner.load_due(self.id, now, view)?;
        let has_room = inner.place == Place::Lagging && inner.ready.is_empty() && inner.scanned < inner.until;
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

    /// Counts and position. `last` is the last committed sequence of the broker's stream.
    pub(crate) fn status(&self, last: u64) -> SubscriptionStatus {
        let inner = self.inner.lock();
        let pumped = self.broker.pumped();
        let backlog = last.min(inner.until).saturating_sub(inner.scanned_at(pumped));
        SubscriptionStatus {
            delivered: inner.counters.delivered,
            dead_letter_sink: inner.counters.dead_letter_sink,
            dead_lettered: inner.counters.dead_lettered,
            unreadable: inner.counters.unreadable,
            skipped: inner.counters.skipped,
            replayed: inner.counters.replayed,
            redriven: inner.counters.redriven,
            retries: inner.counters.retries,
            waiting_retry: inner.waiting_retry,
            ready: inner.ready.len() as u64,
            in_flight: inner.claims.values().filter(|claimed| !claimed.is_retry).count() as u64,
            retrying: inner.claims.values().filter(|claimed| claimed.is_retry).count() as u64,
            backlog,
            cursor: inner.live_floor(pumped),
            lagging: inner.place == Place::Lagging && backlog > 0,
            paused: inner.paused.clone(),
        }
    }
}
