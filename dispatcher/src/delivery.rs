//! One claim from attempt to settlement.

use std::sync::Arc;
use std::time::Duration;

use broker::{AppendError, Claim, Failure, Step, Unsettled};
use tokio::time::Instant;

use crate::endpoint::Target;
use crate::exchange::Exchange;
use crate::extensions;
use crate::limits::{SETTLE_WAIT_MAX, SETTLE_WAIT_MIN};
use crate::next::Next;
use crate::observer::{DeadLettered, Delivered, ReplyStored, RetryScheduled};
use crate::outcome::{Blame, Outcome};
use crate::trigger::Trigger;

/// A trigger cannot go on: its settlements cannot be stored.
#[derive(Debug)]
pub(crate) struct Halt(pub(crate) AppendError);

/// An attempt, or what stands in for one.
enum Attempted {
    Judged(Outcome),
    /// Decided without an attempt over the network.
    Decided(Next),
}

/// Makes one attempt and settles the claim with what came of it. A claim that cannot be settled is dropped and comes
/// again.
///
/// # Errors
/// [`Halt`] when nothing will be stored until a restart.
pub(crate) async fn deliver(trigger: &Trigger, claim: Claim) -> Result<(), Halt> {
    let started = Instant::now();
    let attempted = attempt(trigger, &claim).await;
    let took = started.elapsed();
    let next = match attempted {
        Attempted::Judged(outcome) => decide(trigger, &claim, &outcome, took),
        Attempted::Decided(next) => next,
    };
    let telling = Telling {
        trigger,
        took,
        event: Arc::clone(claim.stored()),
        attempts: claim.progress().attempts + 1,
    };
    let unsettled = match settle(trigger, claim, &next).await {
        Ok(()) => {
            telling.tell(&next);
            return Ok(());
        }
        Err(unsettled) => unsettled,
    };
    match unsettled.error {
        AppendError::Closed => Ok(()),
        AppendError::Failed { .. } => Err(Halt(unsettled.error)),
        error => {
            let Some(outcome) = unstorable(&next, &error) else {
                return Err(Halt(error));
            };
            let next = decide(trigger, &unsettled.claim, &outcome, took);
            settle(trigger, unsettled.claim, &next)
                .await
                .map_err(|unsettled| Halt(unsettled.error))?;
            telling.tell(&next);
            Ok(())
        }
    }
}

async fn attempt(trigger: &Trigger, claim: &Claim) -> Attempted {
    let (stored, progress) = (claim.stored(), claim.progress());
    let Some(endpoint) = trigger.endpoint(progress.step) else {
        return Attempted::Judged(no_dead_letter_sink(progress.failure.clone()));
    };
    let event = match (progress.step, &progress.failure) {
        (Step::DeadLetterSink, Some(failure)) => extensions::with_error(&stored.event, failure)
            .unwrap_or_else(|error| {
                tracing::warn!(trigger = %trigger.name, %error, "error extensions left out");
                stored.event.clone()
            }),
        _ => stored.event.clone(),
    };
    match &endpoint.target {
        Target::Http(target) => {
            let exchange = Exchange {
                transport: &*trigger.shared.transport,
                clock: &*trigger.shared.clock,
                limits: &trigger.shared.limits,
                target,
                policy: &trigger.policy,
            };
            Attempted::Judged(exchange.run(&event).await)
        }
        Target::Broker(to) => Attempted::Decided(trigger.rules().forward(to, &event, stored, progress)),
        Target::Echo(name) => {
            trigger.shared.echo.print(name, &trigger.name, &event);
            Attempted::Judged(Outcome::Delivered {
                status: 200,
                reply: None,
            })
        }
    }
}

fn decide(trigger: &Trigger, claim: &Claim, outcome: &Outcome, took: Duration) -> Next {
    trigger.metrics.attempt(outcome);
    trigger.metrics.duration.observe(took.as_secs_f64());
    if let Outcome::Transient { failure, .. } | Outcome::Permanent { failure, .. } = outcome {
        trigger.note_failure(failure, claim.event());
    }
    let now = trigger.shared.clock.now();
    let mut random = trigger.shared.random.lock();
    trigger
        .rules()
        .after(outcome, claim.stored(), claim.progress(), now, &mut random)
}

/// Settles, and keeps at it while the broker is short of something that comes back.
async fn settle(trigger: &Trigger, mut claim: Claim, next: &Next) -> Result<(), Unsettled> {
    let mut wait = SETTLE_WAIT_MIN;
    loop {
        let unsettled = match claim.settle(next.settlement()).await {
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

/// A reply that can never be stored is a failed delivery (data plane specification); nothing else can be made good.
fn unstorable(next: &Next, error: &AppendError) -> Option<Outcome> {
    let Next::Done {
        status,
        reply: Some(reply),
        ..
    } = next
    else {
        return None;
    };
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

/// The configuration has lost the sink since the claim was scheduled: the event goes to the store, as if it had failed.
fn no_dead_letter_sink(failure: Option<Failure>) -> Outcome {
    let failure = failure.unwrap_or_else(|| Failure {
        destination: String::new(),
        code: None,
        data: Vec::new(),
        message: "the trigger has no dead letter sink any more".to_owned(),
    });
    Outcome::Permanent {
        failure,
        blame: Blame::Endpoint,
    }
}

/// Says what was settled: metrics and observer in one place.
struct Telling<'a> {
    trigger: &'a Trigger,
    took: Duration,
    event: Arc<broker::Stored>,
    attempts: u32,
}

impl Telling<'_> {
    fn tell(&self, next: &Next) {
        match next {
            Next::Done { step, status, reply } => {
                self.delivered(*step, *status);
                if let Some(reply) = reply {
                    self.reply(reply);
                }
            }
            Next::ReplyLooped {
                step,
                status,
                dead_letter,
            } => {
                self.delivered(*step, *status);
                self.dead_lettered(dead_letter);
            }
            Next::Again {
                at,
                wait,
                progress,
                failure,
            } => {
                self.trigger.metrics.retries.inc();
                self.trigger.shared.observer.retry_scheduled(&RetryScheduled {
                    trigger: &self.trigger.name,
                    event: &self.event.event,
                    endpoint: &failure.destination,
                    failure,
                    next: progress.step,
                    attempts: self.attempts,
                    at: *at,
                    wait: *wait,
                });
            }
            Next::Store(dead_letter) => self.dead_lettered(dead_letter),
        }
    }

    fn delivered(&self, step: Step, status: u16) {
        match step {
            Step::Subscriber => self.trigger.metrics.delivered.inc(),
            Step::DeadLetterSink => self.trigger.metrics.dead_letter_sink.inc(),
        };
        self.trigger.shared.observer.delivered(&Delivered {
            trigger: &self.trigger.name,
            event: &self.event.event,
            endpoint: self.trigger.endpoint(step).map_or("", |endpoint| &endpoint.label),
            step,
            status,
            attempt: self.attempts,
            took: self.took,
        });
    }

    fn reply(&self, reply: &broker::Reply) {
        self.trigger.metrics.replies.inc();
        self.trigger.shared.observer.reply_stored(&ReplyStored {
            trigger: &self.trigger.name,
            broker: &reply.broker,
            event: &reply.event,
            hops: reply.hops,
        });
    }

    fn dead_lettered(&self, dead_letter: &broker::DeadLetter) {
        self.trigger.metrics.dead_letter(dead_letter.reason);
        self.trigger.shared.observer.dead_lettered(&DeadLettered {
            trigger: &self.trigger.name,
            event: &dead_letter.event,
            reason: dead_letter.reason,
            failure: dead_letter.failure.as_ref(),
        });
    }
}
