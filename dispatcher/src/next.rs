//! What becomes of an event after an attempt. Pure: no I/O, no clock of its own; the rules of retry, dead-lettering
//! and the loop guard stand here and nowhere else.

use std::time::Duration;

use broker::{
    DeadLetter, DeadLetterReason, Failure, Outcome as SettledAs, Progress, Reply, Settlement, Step, Stored,
    Timestamp,
};
use fastrand::Rng;
use http::StatusCode;
use schemas::event::Event;
use schemas::names::ResourceName;

use crate::limits::BLOCKED_WAIT_MIN;
use crate::outcome::{Outcome, Verdict, verdict};
use crate::reply::{Onward, onward};
use crate::spec::{AfterLastAttempt, DeliveryPolicy};

/// What the rules need to know of a trigger.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) policy: &'a DeliveryPolicy,
    /// Where replies go: the broker that the trigger reads.
    pub(crate) broker: &'a ResourceName,
    pub(crate) has_dead_letter_sink: bool,
}

/// What becomes of the event. Settled with [`Next::settlement`], as often as it takes.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// The hop took it.
    Done {
        step: Step,
        status: u16,
        reply: Option<Reply>,
    },
    /// The hop took it; what it answered has made all its passes, or is quarantined.
    ReplyLooped {
        step: Step,
        status: u16,
        dead_letter: DeadLetter,
    },
    /// Another attempt, at this hop or at the dead letter sink.
    Again {
        at: Timestamp,
        wait: Duration,
        progress: Progress,
        failure: Failure,
        /// It had its last attempt, and its key waits for it as long as it takes.
        blocks: bool,
    },
    /// It had its last attempt; it waits for a person, and its key with it.
    Park { progress: Progress, failure: Failure },
    /// Its time has passed: it is not delivered.
    Expired,
    /// Into the dead-letter store.
    Store(DeadLetter),
    /// The subscriber wants no events any more: the trigger pauses, and this event stays as it is.
    Pause(Failure),
}

impl Rules<'_> {
    /// Decides after an attempt on `event` with this progress.
    pub(crate) fn after(
        &self,
        outcome: &Outcome,
        event: &Stored,
        progress: &Progress,
        now: Timestamp,
        random: &mut Rng,
    ) -> Next {
        match outcome {
            Outcome::Delivered { status, reply: None } => Next::Done {
                step: progress.step,
                status: *status,
                reply: None,
            },
            Outcome::Delivered {
                status,
                reply: Some(reply),
            } => self.replied(*status, reply, event, progress),
            Outcome::Transient {
                failure, retry_after, ..
            } if progress.attempts < self.policy.retries => {
                self.again(failure, *retry_after, progress, now, random)
            }
            Outcome::Gone { failure } if progress.step == Step::Subscriber => Next::Pause(failure.clone()),
            Outcome::Transient {
                failure, retry_after, ..
            } if self.blocks(progress) => self.blocked(failure, *retry_after, progress, now, random),
            Outcome::Permanent { failure, .. } if self.blocks(progress) => {
                self.blocked(failure, None, progress, now, random)
            }
            Outcome::Transient { failure, .. }
            | Outcome::Permanent { failure, .. }
            | Outcome::Gone { failure } => self.given_up(failure, &event.event, progress, now),
        }
    }

    /// Forwards an event into another broker of this process: a pass like any other.
    pub(crate) fn forward(
        &self,
        to: &ResourceName,
        sent: &Event,
        event: &Stored,
        progress: &Progress,
    ) -> Next {
        match (onward(event, to, sent), progress.step) {
            (Onward::Store(reply), step) => Next::Done {
                step,
                status: ACCEPTED,
                reply: Some(reply),
            },
            (Onward::Looped(forwarded), Step::Subscriber) => {
                let dead_letter = looped(forwarded, None, progress.attempts + 1);
                Next::ReplyLooped {
                    step: Step::Subscriber,
                    status: ACCEPTED,
                    dead_letter,
                }
            }
            // The broker that is the dead letter sink may not have it: the original is what must be seen.
            (Onward::Looped(_), Step::DeadLetterSink) => {
                let attempts = self.attempts_at_subscriber(progress);
                Next::Store(looped(event.event.clone(), progress.failure.clone(), attempts))
            }
        }
    }

    fn replied(&self, status: u16, reply: &Event, event: &Stored, progress: &Progress) -> Next {
        match onward(event, self.broker, reply) {
            Onward::Store(reply) => Next::Done {
                step: progress.step,
                status,
                reply: Some(reply),
            },
            Onward::Looped(reply) => {
                let attempts = match progress.step {
                    Step::Subscriber => progress.attempts + 1,
                    Step::DeadLetterSink => self.attempts_at_subscriber(progress),
                };
                Next::ReplyLooped {
                    step: progress.step,
                    status,
                    dead_letter: looped(reply, None, attempts),
                }
            }
        }
    }

    fn again(
        &self,
        failure: &Failure,
        retry_after: Option<Duration>,
        progress: &Progress,
        now: Timestamp,
        random: &mut Rng,
    ) -> Next {
        let attempts = progress.attempts.saturating_add(1);
        let wait = self.policy.wait_before_retry(attempts, retry_after, random);
        let kept = match progress.step {
            Step::Subscriber => Some(failure.clone()),
            Step::DeadLetterSink => progress.failure.clone(),
        };
        let progress = Progress {
            step: progress.step,
            attempts,
            subscriber_attempts: progress.subscriber_attempts,
            failure: kept,
        };
        Next::Again {
            at: now.after(wait),
            wait,
            progress,
            failure: failure.clone(),
            blocks: false,
        }
    }

    fn blocks(&self, progress: &Progress) -> bool {
        progress.step == Step::Subscriber && self.policy.after_last_attempt == AfterLastAttempt::Block
    }

    /// No last attempt: the longest wait of the policy from here on.
    fn blocked(
        &self,
        failure: &Failure,
        retry_after: Option<Duration>,
        progress: &Progress,
        now: Timestamp,
        random: &mut Rng,
    ) -> Next {
        let longest = self.policy.retries.max(1);
        let wait = self.policy.wait_before_retry(longest, retry_after, random);
        let wait = wait.max(BLOCKED_WAIT_MIN);
        Next::Again {
            at: now.after(wait),
            wait,
            progress: failed(failure, progress),
            failure: failure.clone(),
            blocks: true,
        }
    }

    /// No more attempts at this hop. The dead letter sink is tried by a claim of its own, so that a slot is never held
    /// while waiting for another.
    fn given_up(&self, failure: &Failure, event: &Event, progress: &Progress, now: Timestamp) -> Next {
        match progress.step {
            Step::Subscriber if self.policy.after_last_attempt == AfterLastAttempt::Park => Next::Park {
                progress: failed(failure, progress),
                failure: failure.clone(),
            },
            Step::Subscriber if self.has_dead_letter_sink => {
                let progress = Progress {
                    step: Step::DeadLetterSink,
                    attempts: 0,
                    subscriber_attempts: progress.attempts + 1,
                    failure: Some(failure.clone()),
                };
                Next::Again {
                    at: now,
                    wait: Duration::ZERO,
                    progress,
                    failure: failure.clone(),
                    blocks: false,
                }
            }
            Step::Subscriber => self.store(event, failure.clone(), progress.attempts + 1),
            Step::DeadLetterSink => {
                let original = progress.failure.clone().unwrap_or_else(|| failure.clone());
                self.store(event, original, self.attempts_at_subscriber(progress))
            }
        }
    }

    /// The configuration has lost the dead letter sink since the claim was scheduled: the store takes its place.
    pub(crate) fn no_dead_letter_sink(&self, event: &Event, progress: &Progress) -> Next {
        let failure = progress.failure.clone().unwrap_or_else(|| Failure {
            destination: String::new(),
            code: None,
            data: Vec::new(),
            message: "the trigger has no dead letter sink any more".to_owned(),
        });
        self.store(event, failure, self.attempts_at_subscriber(progress))
    }

    fn store(&self, event: &Event, failure: Failure, attempts: u32) -> Next {
        let reason = reason(&failure);
        Next::Store(DeadLetter {
            reason,
            event: event.clone(),
            failure: Some(failure),
            attempts,
        })
    }

    /// How often the subscriber was tried, for a claim of the dead letter sink. One that an earlier version scheduled does
    /// not say: a refusal ended it at any attempt, at least the first; all other failures after the last.
    fn attempts_at_subscriber(&self, progress: &Progress) -> u32 {
        if progress.subscriber_attempts > 0 {
            return progress.subscriber_attempts;
        }
        match progress.failure.as_ref().map(reason) {
            Some(DeadLetterReason::RetriesExhausted) => self.policy.retries.saturating_add(1),
            _ => 1,
        }
    }
}

impl Next {
    /// The settlement that makes it so; `None` when the event stays as it is.
    pub(crate) fn settlement(&self) -> Option<Settlement> {
        Some(match self {
            Self::Done { step, reply, .. } => Settlement::Delivered {
                outcome: taken_by(*step),
                reply: reply.clone(),
            },
            Self::ReplyLooped {
                step, dead_letter, ..
            } => Settlement::DeliveredReplyDeadLettered {
                outcome: taken_by(*step),
                dead_letter: dead_letter.clone(),
            },
            Self::Again {
                at,
                progress,
                blocks: true,
                ..
            } => Settlement::Block {
                at: *at,
                progress: progress.clone(),
            },
            Self::Again { at, progress, .. } => Settlement::RetryAt {
                at: *at,
                progress: progress.clone(),
            },
            Self::Park { progress, .. } => Settlement::Park {
                progress: progress.clone(),
            },
            Self::Expired => Settlement::Expired,
            Self::Store(dead_letter) => Settlement::DeadLettered(dead_letter.clone()),
            Self::Pause(_) => return None,
        })
    }
}

/// How far it has come after one more failure at the subscriber.
fn failed(failure: &Failure, progress: &Progress) -> Progress {
    Progress {
        step: Step::Subscriber,
        attempts: progress.attempts.saturating_add(1),
        subscriber_attempts: progress.subscriber_attempts,
        failure: Some(failure.clone()),
    }
}

/// What a broker's ingress would have answered.
pub(crate) const ACCEPTED: u16 = 202;

/// How an event ends that this hop took.
const fn taken_by(step: Step) -> SettledAs {
    match step {
        Step::Subscriber => SettledAs::Delivered,
        Step::DeadLetterSink => SettledAs::DeadLetterSink,
    }
}

fn looped(event: Event, failure: Option<Failure>, attempts: u32) -> DeadLetter {
    DeadLetter {
        reason: DeadLetterReason::Loop,
        event,
        failure,
        attempts,
    }
}

/// Why an event with this last failure is in the store: the same table that decides about retries.
fn reason(failure: &Failure) -> DeadLetterReason {
    let status = failure.code.and_then(|code| StatusCode::from_u16(code).ok());
    match status.map(verdict) {
        Some(Verdict::Refused | Verdict::Gone) => DeadLetterReason::Refused,
        _ => DeadLetterReason::RetriesExhausted,
    }
}

#[cfg(test)]
mod tests;
