//! A trigger's task: takes claims, waits for the slot of the endpoint they go to, delivers them side by side.

use std::sync::Arc;

use broker::{AppendError, Claim, Step};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::delivery::deliver;
use crate::slots::Slot;
use crate::trigger::{Parked, Trigger};

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
    while let Some((claim, turn)) = claim_until(&claiming, &trigger).await {
        deliveries.spawn(one(Arc::clone(&trigger), claim, turn, claiming.clone()));
        while let Some(ended) = deliveries.try_join_next() {
            check(&trigger, ended, &claiming);
        }
    }
    while let Some(Some(ended)) = stop.delivering.run_until_cancelled(deliveries.join_next()).await {
        check(&trigger, ended, &claiming);
    }
    deliveries.shutdown().await;
}

/// What a claim has before it is delivered.
enum Turn {
    /// There is no such hop any more: it is settled without a request.
    NoEndpoint,
    /// A slot of its endpoint.
    Slot(Slot),
    /// A place to wait for one. The subscriber's events do not wait behind a dead letter sink that is slow.
    Parked(Parked),
}

impl Turn {
    async fn slot(self, trigger: &Trigger, claim: &Claim) -> Option<Slot> {
        match (self, trigger.endpoint(claim.progress().step)) {
            (Self::Slot(slot), _) => Some(slot),
            (Self::Parked(_place), Some(endpoint)) => Some(endpoint.slots.acquire().await),
            _ => None,
        }
    }
}

/// The next claim with its turn; `None` when it is time to stop or the engine has shut down. Stopping comes first: a
/// claim that is ready by then stays where it is.
async fn claim_until(stop: &CancellationToken, trigger: &Trigger) -> Option<(Claim, Turn)> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        claimed = claim(trigger) => claimed,
    }
}

/// The next claim with its turn; `None` when the engine has shut down. Dropping this future while the claim waits gives
/// the claim back.
async fn claim(trigger: &Trigger) -> Option<(Claim, Turn)> {
    loop {
        if let Some(pace) = &trigger.pace {
            pace.wait(&*trigger.shared.clock).await;
        }
        let claim = trigger.subscription.next().await?;
        let turn = turn(trigger, &claim).await;
        // Paused while it waited: it goes back, and comes again when the trigger goes on.
        if trigger.subscription.paused().is_none() {
            if let Some(pace) = &trigger.pace {
                pace.took(trigger.shared.clock.now());
            }
            return Some((claim, turn));
        }
    }
}

async fn turn(trigger: &Trigger, claim: &Claim) -> Turn {
    let step = claim.progress().step;
    match (trigger.endpoint(step), step) {
        (None, _) => Turn::NoEndpoint,
        (Some(endpoint), Step::Subscriber) => Turn::Slot(endpoint.slots.acquire().await),
        (Some(_), Step::DeadLetterSink) => Turn::Parked(trigger.park().await),
    }
}

/// One delivery. When it cannot be settled, claiming stops before the claim is given back, or it would come again at
/// once and be sent again for nothing.
async fn one(trigger: Arc<Trigger>, claim: Claim, turn: Turn, claiming: CancellationToken) {
    let mut slot = turn.slot(&trigger, &claim).await;
    let _counted = trigger.enter();
    if let Err(unsettled) = deliver(&trigger, claim, slot.as_mut()).await {
        claiming.cancel();
        if unsettled.error != AppendError::Closed {
            trigger.note_stopped(unsettled.error.to_string());
        }
    }
}

/// Stops the trigger after a panic: the claim comes again and would most likely end the same way, at once and for ever.
fn check(trigger: &Trigger, ended: Result<(), JoinError>, claiming: &CancellationToken) {
    if let Err(error) = ended
        && error.is_panic()
    {
        trigger.note_stopped(format!("a delivery panicked, which is a bug in heddle: {error}"));
        claiming.cancel();
    }
}
