//! Says what was settled, to metrics and observer alike, in one place.

use std::sync::Arc;
use std::time::Duration;

use broker::{DeadLetter, Progress, Reply, Step, Stored};

use crate::next::Next;
use crate::observer::{DeadLettered, Delivered, Parked, ReplyStored, RetryScheduled};
use crate::outcome::Outcome;
use crate::trigger::Trigger;

/// One claim's story so far.
pub(crate) struct Telling<'a> {
    trigger: &'a Trigger,
    stored: Arc<Stored>,
    step: Step,
    /// The one that is being made included.
    attempts: u32,
}

/// What was tried for it.
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(trigger: &'a Trigger, stored: Arc<Stored>, progress: &Progress) -> Self {
        Self {
            trigger,
            stored,
            step: progress.step,
            attempts: progress.attempts + 1,
        }
    }

    /// An attempt was made.
    pub(crate) fn attempted(&self, attempt: Option<&Attempt>) {
        if let Some(attempt) = attempt {
            self.trigger.metrics.attempt(&attempt.outcome, attempt.took);
        }
    }

    /// The settlement is stored. An attempt counts with its last outcome.
    pub(crate) fn settled(&self, next: &Next, attempt: Option<&Attempt>) {
        self.attempted(attempt);
        let took = attempt.map(|attempt| attempt.took).unwrap_or_default();
        match next {
            Next::Done { status, reply, .. } => {
                self.delivered(*status, took);
                if let Some(reply) = reply {
                    self.reply(reply);
                }
            }
            Next::ReplyLooped {
                status, dead_letter, ..
            } => {
                self.delivered(*status, took);
                self.dead_lettered(dead_letter);
            }
            Next::Again {
                at,
                wait,
                progress,
                failure,
                blocks,
            } => {
                self.trigger.metrics.retries.inc();
                self.trigger.shared.observer.retry_scheduled(&RetryScheduled {
                    trigger: &self.trigger.name,
                    event: &self.stored.event,
                    endpoint: self.endpoint(),
                    failure,
                    next: progress.step,
                    attempts: self.attempts,
                    at: *at,
                    wait: *wait,
                    is_past_last: *blocks,
                });
            }
            Next::Park { failure, .. } => {
                self.trigger.metrics.parked.inc();
                self.trigger.shared.observer.parked(&Parked {
                    trigger: &self.trigger.name,
                    event: &self.stored.event,
                    failure,
                    attempts: self.attempts,
                });
            }
            Next::Expired => {
                self.trigger.metrics.expired.inc();
                tracing::debug!(trigger = %self.trigger.name, event = self.stored.event.id(), "expired before its delivery");
            }
            Next::Store(dead_letter) => self.dead_lettered(dead_letter),
            // Nothing was settled.
            Next::Pause(_) => {}
        }
    }

    fn endpoint(&self) -> &str {
        self.trigger
            .endpoint(self.step)
            .map_or("", |endpoint| &endpoint.label)
    }

    fn delivered(&self, status: u16, took: Duration) {
        match self.step {
            Step::Subscriber => self.trigger.metrics.delivered.inc(),
            Step::DeadLetterSink => self.trigger.metrics.dead_letter_sink.inc(),
        };
        self.trigger.shared.observer.delivered(&Delivered {
            trigger: &self.trigger.name,
            event: &self.stored.event,
            endpoint: self.endpoint(),
            step: self.step,
            status,
            attempt: self.attempts,
            took,
        });
    }

    fn reply(&self, reply: &Reply) {
        self.trigger.metrics.replies.inc();
        self.trigger.shared.observer.reply_stored(&ReplyStored {
            trigger: &self.trigger.name,
            broker: &reply.broker,
            event: &reply.event,
            hops: reply.hops,
        });
    }

    fn dead_lettered(&self, dead_letter: &DeadLetter) {
        self.trigger.metrics.dead_letter(dead_letter.reason);
        self.trigger.shared.observer.dead_lettered(&DeadLettered {
            trigger: &self.trigger.name,
            event: &dead_letter.event,
            reason: dead_letter.reason,
            failure: dead_letter.failure.as_ref(),
        });
    }
}
