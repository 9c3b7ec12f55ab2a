//! The right to send to an endpoint: its gate, and a share of what may be in memory over all.
//!
//! Invariants:
//! - A delivery at a healthy endpoint never waits for a delivery at another one. The bound over all exists for
//!   memory; without the reserved slots a few endpoints that hang could use it up.
//! - Who waits for a gate (its rate, its breaker, a pause that the endpoint asked for) holds nothing that others need.
//! - Those who wait at one endpoint go in turn: no trigger overtakes another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::{Clock, Timestamp};
use fastrand::Rng;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::breaker::Change;
use crate::gate::{Ended, Gate, GatePolicy, Glance, Look};
use crate::limits::ENDPOINT_SLOTS_RESERVED;
use crate::status::LastError;

/// All slots. Lives while triggers are being built.
pub(crate) struct Slots {
    shared: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    endpoints: BTreeMap<String, EndpointSlots>,
}

/// The slots of one endpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSlots(Arc<Lane>);

#[derive(Debug)]
struct Lane {
    key: String,
    clock: Arc<dyn Clock>,
    gate: Mutex<Gate>,
    /// Something ended: who is first in turn looks at the gate again.
    ended: Notify,
    /// Who is first in turn holds it.
    turn: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    last_error: Mutex<Option<LastError>>,
    memory: Share,
}

/// A bound that many share, with a part of it for each that the others cannot take.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    reserved: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// One delivery's place. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Slot {
    lane: Arc<Lane>,
    /// Whether the request is a probe; `None` once it has ended.
    request: Option<bool>,
    _memory: OwnedSemaphorePermit,
}

/// Counts one that waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

// === impl Slots ===

impl Slots {
    pub(crate) fn new(in_flight_max: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Semaphore::new(in_flight_max.min(Semaphore::MAX_PERMITS))),
            clock,
            endpoints: BTreeMap::new(),
        }
    }

    /// The slots of the endpoint of that key; the first to name it says what holds for it.
    pub(crate) fn endpoint(&mut self, key: &str, policy: GatePolicy) -> EndpointSlots {
        if let Some(known) = self.endpoints.get(key) {
            return known.clone();
        }
        let slots = EndpointSlots(Arc::new(Lane {
            key: key.to_owned(),
            gate: Mutex::new(Gate::new(policy, self.clock.now())),
            clock: Arc::clone(&self.clock),
            ended: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            waiting: AtomicUsize::new(0),
            last_error: Mutex::new(None),
            memory: Share::new(Arc::clone(&self.shared), ENDPOINT_SLOTS_RESERVED),
        }));
        self.endpoints.insert(key.to_owned(), slots.clone());
        slots
    }
}

// === impl EndpointSlots ===

impl EndpointSlots {
    /// Waits for a slot, in turn. Cancel safe: dropping the future gives up the place in the queue.
    pub(crate) async fn acquire(&self) -> Slot {
        let lane = &self.0;
        let _waiting = Waiting::new(&lane.waiting);
        let _turn = lane.turn.lock().await;
        loop {
            lane.open().await;
            let memory = lane.memory.acquire().await;
            // The gate may have closed while memory was waited for.
            if let Some(probe) = lane.send() {
                return Slot {
                    lane: Arc::clone(lane),
                    request: Some(probe),
                    _memory: memory,
                };
            }
        }
    }

    /// How it stands, how many wait, and the last failure that says that it is down.
    pub(crate) fn glance(&self) -> (Glance, usize, Option<LastError>) {
        let glance = self.0.gate.lock().glance();
        let waiting = self.0.waiting.load(Ordering::Relaxed);
        (glance, waiting, self.0.last_error.lock().clone())
    }

    /// Keeps a failure for people.
    pub(crate) fn note(&self, error: LastError) {
        *self.0.last_error.lock() = Some(error);
    }

    /// What tells this endpoint from others.
    pub(crate) fn key(&self) -> &str {
        &self.0.key
    }
}

// === impl Lane ===

impl Lane {
    /// Waits until the gate is open. Only for the first in turn.
    async fn open(&self) {
        loop {
            let ended = self.ended.notified();
            let now = self.clock.now();
            let look = self.gate.lock().look(now);
            match look {
                Look::Go => return,
                Look::WhenOneEnds => ended.await,
                Look::At(at) => tokio::select! {
                    () = tokio::time::sleep(at.until(now)) => {}
                    () = ended => {}
                },
            }
        }
    }

    /// Takes the gate's leave if it still gives it; says whether the request is a probe.
    fn send(&self) -> Option<bool> {
        let now = self.clock.now();
        let mut gate = self.gate.lock();
        (gate.look(now) == Look::Go).then(|| gate.sent(now))
    }

    fn ended(&self, ended: Ended, probe: bool, now: Timestamp, random: &mut Rng) -> Option<Change> {
        let change = self.gate.lock().ended(ended, probe, now, random);
        self.ended.notify_one();
        change
    }
}

// === impl Slot ===

impl Slot {
    /// The request has ended: the endpoint may get the next one, though this delivery is not settled yet. Says what
    /// that changed.
    pub(crate) fn ended(&mut self, ended: Ended, random: &mut Rng) -> Option<Change> {
        let probe = self.request.take()?;
        let now = self.lane.clock.now();
        self.lane.ended(ended, probe, now, random)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What is abandoned throws no die.
        self.ended(Ended::Abandoned, &mut Rng::with_seed(0));
    }
}

// === impl Share ===

impl Share {
    pub(crate) fn new(shared: Arc<Semaphore>, reserved: usize) -> Self {
        Self {
            reserved: Arc::new(Semaphore::new(reserved)),
            shared,
        }
    }

    /// A place of its own while there is one, else one that is shared. Cancel safe.
    pub(crate) async fn acquire(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.reserved).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::select! {
                permit = acquire(&self.shared) => permit,
                permit = acquire(&self.reserved) => permit,
            },
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore)
        .acquire_owned()
        .await
        .expect("slot semaphores are never closed")
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
