//! One claim from attempt to settlement.

use std::sync::Arc;

use broker::{AppendError, Claim, Failure, Pause, PausedBy, SchemaMismatch, Step, Unsettled};
use schemas::event::Event;
use tokio::time::Instant;

use crate::door::{self, Reply};
use crate::endpoint::Target;
use crate::exchange::Exchange;
use crate::extensions;
use crate::health;
use crate::limits::{SETTLE_WAIT_MAX, SETTLE_WAIT_MIN};
use crate::next::{ACCEPTED, Next};
use crate::observer::Paused;
use crate::outcome::{Blame, Outcome};
use crate::slots::Slot;
use crate::telling::{Attempt, Telling};
use crate::trigger::Trigger;

/// What was done with a claim.
enum Tried {
    /// An attempt, to be judged by the rules.
    Attempt(Outcome),
    /// One that brought a reply that a schema quarantines.
    Kept(Outcome, SchemaMismatch),
    /// Handed to a broker of this process.
    Forwarded(Next),
    /// Nothing: there is no such hop any more.
    Nothing(Next),
}

/// Makes one attempt and settles the claim with what came of it.
///
/// # Errors
/// The claim, when the engine stores nothing until a restart. Drop it when no one takes claims any more: it comes
/// again.
pub(crate) async fn deliver(
    trigger: &Trigger,
    mut claim: Claim,
    slot: Option<&mut Slot>,
) -> Result<(), Unsettled> {
    let telling = Telling::new(trigger, Arc::clone(claim.stored()), claim.progress());
    let started = Instant::now();
    let tried = attempt(trigger, &claim).await;
    let took = started.elapsed();
    if let (Some(slot), Some(endpoint), Tried::Attempt(outcome) | Tried::Kept(outcome, _)) =
        (slot, trigger.endpoint(claim.progress().step), &tried)
    {
        health::tell(trigger, endpoint, outcome, slot, claim.event().id());
    }
    let (mut next, mut attempt) = match tried {
        Tried::Attempt(outcome) => (decide(trigger, &claim, &outcome), Some(Attempt { outcome, took })),
        Tried::Kept(outcome, mismatch) => {
            let next = door::kept(decide(trigger, &claim, &outcome), claim.progress(), &mismatch);
            (next, Some(Attempt { outcome, took }))
        }
        Tried::Forwarded(next) => {
            let outcome = Outcome::Delivered {
                status: ACCEPTED,
                reply: None,
            };
            (next, Some(Attempt { outcome, took }))
        }
        Tried::Nothing(next) => (next, None),
    };
    if let Next::Pause(failure) = &next {
        telling.attempted(attempt.as_ref());
        return pause(trigger, claim, failure).await;
    }
    loop {
        let unsettled = match settle(trigger, claim, &next).await {
            Ok(()) => {
                telling.settled(&next, attempt.as_ref());
                return Ok(());
            }
            Err(unsettled) => unsettled,
        };
        let Some(outcome) = unstorable(&next, &unsettled.error) else {
            return Err(unsettled);
        };
        claim = unsettled.claim;
        next = decide(trigger, &claim, &outcome);
        attempt = Some(Attempt { outcome, took });
    }
}

async fn attempt(trigger: &Trigger, claim: &Claim) -> Tried {
    let (stored, progress) = (claim.stored(), claim.progress());
    if progress.step == Step::Subscriber && has_expired(trigger, claim.event()) {
        return Tried::Nothing(Next::Expired);
    }
    let Some(endpoint) = trigger.endpoint(progress.step) else {
        return Tried::Nothing(trigger.rules().no_dead_letter_sink(claim.event(), progress));
    };
    let event = match (progress.step, &progress.failure) {
        (Step::DeadLetterSink, Some(failure)) => with_error(trigger, claim.event(), failure),
        _ => claim.event().clone(),
    };
    let event = with_replay(trigger, event);
    match &endpoint.target {
        Target::Http(target) => {
            let exchange = Exchange {
                transport: &*trigger.shared.transport,
                clock: &*trigger.shared.clock,
                limits: &trigger.shared.limits,
                target,
                policy: &trigger.policy,
            };
            let outcome = exchange.run(&event).await;
            match door::reply(trigger, &target.destination, &outcome) {
                Reply::Open => Tried::Attempt(outcome),
                Reply::Refused(failed) => Tried::Attempt(failed),
                Reply::Kept(mismatch) => Tried::Kept(outcome, mismatch),
            }
        }
        Target::Broker(to) => match door::forward(trigger, to, &event) {
            Ok(()) => Tried::Forwarded(trigger.rules().forward(to, &event, stored, progress)),
            Err(refused) => Tried::Attempt(refused),
        },
        Target::Echo => Tried::Attempt(Outcome::Delivered {
            status: 200,
            reply: None,
        }),
    }
}

fn with_replay(trigger: &Trigger, event: Event) -> Event {
    let Some(mark) = &trigger.mark else {
        return event;
    };
    extensions::with_replay(&event, mark).unwrap_or_else(|error| {
        tracing::warn!(trigger = %trigger.name, %error, "the mark of the replay left out");
        event
    })
}

/// Whether the event's own time has passed. A dead letter sink gets what failed before it did: that is what it is for.
fn has_expired(trigger: &Trigger, event: &Event) -> bool {
    event
        .expires_at()
        .is_some_and(|at| at <= trigger.shared.clock.now().0)
}

fn with_error(trigger: &Trigger, event: &Event, failure: &Failure) -> Event {
    extensions::with_error(event, failure).unwrap_or_else(|error| {
        tracing::warn!(trigger = %trigger.name, %error, "error extensions left out");
        event.clone()
    })
}

fn decide(trigger: &Trigger, claim: &Claim, outcome: &Outcome) -> Next {
    if let Some(failure) = outcome.failure() {
        trigger.note_failure(failure, claim.event());
    }
    let now = trigger.shared.clock.now();
    let mut random = trigger.shared.random.lock();
    trigger
        .rules()
        .after(outcome, claim.stored(), claim.progress(), now, &mut random)
}

/// Pauses the trigger, then gives the claim back: the event is as it was, its attempt not counted.
async fn pause(trigger: &Trigger, claim: Claim, failure: &Failure) -> Result<(), Unsettled> {
    let reason = format!(
        "{} {}: it takes no events any more",
        failure.destination, failure.message
    );
    let mut wait = SETTLE_WAIT_MIN;
    while trigger.subscription.paused().is_none() {
        let pause = Pause {
            by: PausedBy::Gone,
            reason: reason.clone(),
            at: trigger.shared.clock.now(),
        };
        match trigger.subscription.pause(pause).await {
            Ok(()) => {
                trigger.shared.observer.paused(&Paused {
                    trigger: &trigger.name,
                    reason: &reason,
                });
                break;
            }
            Err(error) if error.is_retryable() && error != AppendError::Closed => {}
            Err(error) => return Err(Unsettled { claim, error }),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(SETTLE_WAIT_MAX);
    }
    drop(claim);
    Ok(())
}

/// Settles, and keeps at it while the broker is short of something that comes back.
async fn settle(trigger: &Trigger, mut claim: Claim, next: &Next) -> Result<(), Unsettled> {
    let mut wait = SETTLE_WAIT_MIN;
    loop {
        // An event that stays as it is comes again when its claim is dropped.
        let Some(settlement) = next.settlement() else {
            return Ok(());
        };
        let unsettled = match claim.settle(settlement).await {
            Ok(()) => return Ok(()),
            Err(unsettled) => unsettled,
        };
        trigger.metrics.settle_errors.inc();
        if !unsettled.error.is_retryable() || unsettled.error == AppendError::Closed {
            return Err(unsettled);
        }
        tracing::debug!(trigger = %trigger.name, error = %unsettled.error, "settlement waits");
        claim = unsettled.claim;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(SETTLE_WAIT_MAX);
    }
}

/// A reply that can never be stored is a failed delivery (data plane specification). Nothing else can be made good.
fn unstorable(next: &Next, error: &AppendError) -> Option<Outcome> {
    let Next::Done {
        status,
        reply: Some(reply),
        ..
    } = next
    else {
        return None;
    };
    if matches!(error, AppendError::Failed { .. } | AppendError::Closed) {
        return None;
    }
    let failure = Failure {
        destination: format!("broker:{}", reply.broker),
        code: Some(*status),
        data: Vec::new(),
        message: format!(
            "the event for broker {} could not be stored: {error}",
            reply.broker
        ),
    };
    Some(Outcome::Transient {
        failure,
        retry_after: None,
        blame: Blame::Storage,
    })
}
