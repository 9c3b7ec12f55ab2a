//! Runs what is to be run beside the triggers: attaches to each replay and redrive as it appears, and delivers it with
//! its trigger's endpoints, slots and policy.
//!
//! One whose trigger is not configured waits until it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::{Engine, Side, SideId};
use parking_lot::Mutex;
use schemas::names::ResourceName;
use tokio::task::JoinSet;

use crate::trigger::Trigger;
use crate::worker::{self, Stop};

/// Those that run at this moment.
pub(crate) type Beside = Mutex<BTreeMap<SideId, Arc<Trigger>>>;

/// Runs until told to stop. Returns when no delivery is in flight.
pub(crate) async fn run(
    engine: Arc<dyn Engine>,
    triggers: Arc<BTreeMap<ResourceName, Arc<Trigger>>>,
    beside: Arc<Beside>,
    stop: Stop,
) {
    let mut wanted = engine.sides();
    let mut workers = JoinSet::new();
    loop {
        let sides = Arc::clone(&wanted.borrow_and_update());
        for side in sides.iter() {
            if let Some(trigger) = begin(&*engine, &triggers, &beside, side) {
                let (id, beside, stop) = (side.id, Arc::clone(&beside), stop.clone());
                workers.spawn(async move {
                    worker::run(trigger, stop).await;
                    beside.lock().remove(&id);
                });
            }
        }
        tokio::select! {
            () = stop.claiming.cancelled() => break,
            changed = wanted.changed() => if changed.is_err() { break },
        }
        while workers.try_join_next().is_some() {}
    }
    while workers.join_next().await.is_some() {}
}

/// Attaches to one that is not running yet.
fn begin(
    engine: &dyn Engine,
    triggers: &BTreeMap<ResourceName, Arc<Trigger>>,
    beside: &Beside,
    side: &Side,
) -> Option<Arc<Trigger>> {
    let trigger = triggers.get(&side.of)?;
    let mut beside = beside.lock();
    if beside.contains_key(&side.id) {
        return None;
    }
    let subscription = engine.attach_side(side.id)?;
    let running = Arc::new(trigger.beside(side, subscription));
    beside.insert(side.id, Arc::clone(&running));
    Some(running)
}
