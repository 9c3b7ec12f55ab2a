//! A trigger's task: takes claims, waits for the slot of the endpoint they go to, delivers them side by side.

use std::sync::Arc;

use broker::Claim;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Halt, deliver};
use crate::slots::Slot;
use crate::trigger::Trigger;

/// When to stop. Both are final.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// Claim no more; what is in flight goes on.
    pub(crate) claiming: CancellationToken,
    /// Give up what is in flight: its claims come again after a restart.
    pub(crate) delivering: CancellationToken,
}

/// Runs until told to stop, the engine shuts down, or nothing can be settled any more. Returns when no delivery is in
/// flight.
pub(crate) async fn run(trigger: Arc<Trigger>, stop: Stop) {
    // Ends with the dispatcher or, alone, when a delivery of this trigger finds that it cannot go on.
    let claiming = stop.claiming.child_token();
    let mut deliveries = JoinSet::new();
    while let Some(Some((claim, slot))) = claiming.run_until_cancelled(claim(&trigger)).await {
        deliveries.spawn(one(Arc::clone(&trigger), claim, slot, claiming.clone()));
        while let Some(ended) = deliveries.try_join_next() {
            note(&trigger, ended, &claiming);
        }
    }
    claiming.cancel();
    finish(&trigger, deliveries, &stop, &claiming).await;
}

/// The next claim with its slot; `None` when the engine has shut down. Dropping this future while the claim waits for
/// a slot gives the claim back.
async fn claim(trigger: &Trigger) -> Option<(Claim, Option<Slot>)> {
    let claim = trigger.subscription.next().await?;
    let slot = match trigger.endpoint(claim.progress().step) {
        Some(endpoint) => Some(endpoint.slots.acquire().await),
        None => None,
    };
    Some((claim, slot))
}

async fn one(
    trigger: Arc<Trigger>,
    claim: Claim,
    _slot: Option<Slot>,
    claiming: CancellationToken,
) -> Result<(), Halt> {
    let _counted = trigger.enter();
    let settled = deliver(&trigger, claim).await;
    if settled.is_err() {
        claiming.cancel();
    }
    settled
}

/// Waits for what is in flight until told to give it up.
async fn finish(
    trigger: &Trigger,
    mut deliveries: JoinSet<Result<(), Halt>>,
    stop: &Stop,
    claiming: &CancellationToken,
) {
    while let Some(Some(ended)) = stop.delivering.run_until_cancelled(deliveries.join_next()).await {
        note(trigger, ended, claiming);
    }
    deliveries.shutdown().await;
}

/// Stops the trigger when it cannot go on after this delivery.
fn note(trigger: &Trigger, ended: Result<Result<(), Halt>, JoinError>, claiming: &CancellationToken) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(Halt(error))) => trigger.note_stopped(error.to_string()),
        Err(error) if error.is_cancelled() => {}
        // Its claim comes again and would most likely end the same way, at once and for ever.
        Err(error) => {
            trigger.note_stopped(format!("a delivery panicked, which is a bug in heddle: {error}"));
            claiming.cancel();
        }
    }
}
