//! The right to have a delivery in flight: bounded per endpoint and over all, with one slot of its own for each
//! endpoint.
//!
//! Invariant: a delivery at a healthy endpoint never waits for a delivery at another one. The bound over all exists
//! for memory; without the reserved slots a few endpoints that hang could use it up.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::ENDPOINT_SLOTS_RESERVED;

/// All slots. Lives while triggers are being built.
pub(crate) struct Slots {
    shared: Arc<Semaphore>,
    endpoints: HashMap<String, EndpointSlots>,
}

/// The slots of one endpoint. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSlots {
    /// What this endpoint may have in flight.
    own: Arc<Semaphore>,
    /// What counts towards the bound over all only here.
    reserved: Arc<Semaphore>,
    /// The bound over all.
    shared: Arc<Semaphore>,
}

/// One delivery's place. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Slot {
    _endpoint: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Slots {
    pub(crate) fn new(in_flight_max: usize) -> Self {
        Self {
            shared: Arc::new(Semaphore::new(in_flight_max.min(Semaphore::MAX_PERMITS))),
            endpoints: HashMap::new(),
        }
    }

    /// The slots of the endpoint of that key; the first to name it says how many.
    pub(crate) fn endpoint(&mut self, key: &str, concurrency: usize) -> EndpointSlots {
        if let Some(known) = self.endpoints.get(key) {
            return known.clone();
        }
        let slots = EndpointSlots {
            own: Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            reserved: Arc::new(Semaphore::new(ENDPOINT_SLOTS_RESERVED)),
            shared: Arc::clone(&self.shared),
        };
        self.endpoints.insert(key.to_owned(), slots.clone());
        slots
    }
}

impl EndpointSlots {
    /// Waits for a slot, in turn. Cancel safe: dropping the future gives up the place in the queue.
    pub(crate) async fn acquire(&self) -> Slot {
        let endpoint = acquire(&self.own).await;
        let memory = match Arc::clone(&self.reserved).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::select! {
                permit = acquire(&self.shared) => permit,
                permit = acquire(&self.reserved) => permit,
            },
        };
        Slot {
            _endpoint: endpoint,
            _memory: memory,
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore)
        .acquire_owned()
        .await
        .expect("slot semaphores are never closed")
}

#[cfg(test)]
mod tests;
