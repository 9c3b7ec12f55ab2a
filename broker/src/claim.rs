//! A claim: one event in a trigger's hands, what is known of its delivery, and the ways in which it can end.
//!
//! The types keep the rule that an event is settled once: a [`Claim`] is moved into its settlement, is given back when
//! that could not be stored, and comes again when it is dropped.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemas::event::Event;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::engine::{AppendError, Stored};

/// Which hop of its way an event is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// To the trigger's subscriber.
    #[default]
    Subscriber,
    /// To the dead letter sink, after the subscriber's last attempt.
    DeadLetterSink,
}

/// How far delivery of one event to one trigger has come; survives restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The hop that is being tried.
    pub step: Step,
    /// Attempts made at this hop; 0 before the first.
    pub attempts: u32,
    /// Attempts made at the subscriber, while the dead letter sink is tried; 0 before, and in records of versions that
    /// did not count them.
    #[serde(default)]
    pub subscriber_attempts: u32,
    /// The subscriber's last failure; kept while the dead letter sink is tried.
    pub failure: Option<Failure>,
}

/// How a delivery failed: what the `knativeerror*` extensions and the dead-letter store tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The URL without user information.
    pub destination: String,
    /// HTTP status; `None` when there was no answer.
    pub code: Option<u16>,
    /// The first bytes of the answer's body, at most [`crate::limits::FAILURE_DATA_BYTES_MAX`].
    pub data: Vec<u8>,
    /// In words, for people.
    pub message: String,
}

/// An event to deliver, and the duty to say what became of it.
#[must_use = "a claim that is dropped is delivered again"]
pub struct Claim {
    stored: Arc<Stored>,
    progress: Progress,
    settler: Option<Arc<dyn Settler>>,
}

/// The engine's side of a claim. Not for callers: a [`Claim`] calls it once.
pub trait Settler: Send + Sync {
    /// Makes the settlement durable as the contract says.
    fn settle(
        self: Arc<Self>,
        stored: Arc<Stored>,
        settlement: Settlement,
    ) -> BoxFuture<'static, Result<(), AppendError>>;
    /// The claim was given up: the event comes again with the same progress.
    fn release(&self, stored: &Arc<Stored>, progress: Progress);
}

/// What became of a claim.
#[derive(Debug)]
pub enum Settlement {
    /// Done: the subscriber took it (or the dead letter sink did, see `outcome`).
    Delivered {
        /// How it ended.
        outcome: Outcome,
        /// An event that came back or is forwarded, to be stored with this settlement or not at all.
        reply: Option<Reply>,
    },
    /// To be tried again, not before `at`.
    RetryAt {
        /// The earliest time.
        at: Timestamp,
        /// What the next attempt must know.
        progress: Progress,
    },
    /// To be tried again, not before `at`, although it had its last attempt: the events after it of its key wait for it,
    /// as they do for any retry of an ordered subscription, and the key is shown as blocked.
    Block {
        /// The earliest time.
        at: Timestamp,
        /// What the next attempt must know.
        progress: Progress,
    },
    /// To be tried no more until a person releases it; the events after it of its key wait for it.
    Park {
        /// How far it came, and why not further.
        progress: Progress,
    },
    /// Not delivered: its time had passed when its turn came, or it was older than a rule allows.
    Expired,
    /// To the dead-letter store, with this settlement or not at all.
    DeadLettered(DeadLetter),
    /// Delivered, but its reply ran out of hops or is quarantined: the reply goes to the dead-letter store.
    DeliveredReplyDeadLettered {
        /// How it ended: at the subscriber or at the dead letter sink.
        outcome: Outcome,
        /// The reply.
        dead_letter: DeadLetter,
    },
}

/// How a settled event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The subscriber answered 2xx.
    Delivered,
    /// The dead letter sink answered 2xx.
    DeadLetterSink,
    /// It is in the dead-letter store.
    DeadLetterStore,
}

/// An event that goes into a broker with the settlement of its cause.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The broker whose stream it is stored in.
    pub broker: ResourceName,
    /// The event.
    pub event: Event,
    /// Passes left for it.
    pub hops: u8,
}

/// What goes to the dead-letter store.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Why it is there.
    pub reason: DeadLetterReason,
    /// The original event; the reply when the reason is `Loop` or `Schema`.
    pub event: Event,
    /// The failure that ended it, if one did.
    pub failure: Option<Failure>,
    /// Attempts made at the subscriber.
    pub attempts: u32,
}

/// Why an event is in the dead-letter store. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadLetterReason {
    /// All attempts failed.
    RetriesExhausted,
    /// The endpoint refused it with a status that is not retried.
    Refused,
    /// A reply that had no pass left.
    Loop,
    /// A person let its key go on without it.
    Skipped,
    /// Its data does not fit a schema that quarantines: it was never in the broker's stream. A reply, or what came to a
    /// door.
    Schema,
}

/// A settlement that could not be stored; the claim is given back.
#[must_use]
pub struct Unsettled {
    /// To be settled again or dropped.
    pub claim: Claim,
    /// Why.
    pub error: AppendError,
}

// === impl Claim ===

impl Claim {
    /// For engines.
    pub fn new(stored: Arc<Stored>, progress: Progress, settler: Arc<dyn Settler>) -> Self {
        Self {
            stored,
            progress,
            settler: Some(settler),
        }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.stored.event
    }

    /// The event with its position and metadata.
    #[must_use]
    pub fn stored(&self) -> &Arc<Stored> {
        &self.stored
    }

    /// How far delivery has come before this claim.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says what became of the event. See the contract for what is durable when this returns.
    ///
    /// # Errors
    /// [`Unsettled`] gives the claim back when the settlement could not be stored.
    pub async fn settle(mut self, settlement: Settlement) -> Result<(), Unsettled> {
        let Some(settler) = self.settler.take() else {
            return Ok(());
        };
        match Arc::clone(&settler)
            .settle(Arc::clone(&self.stored), settlement)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) => {
                self.settler = Some(settler);
                Err(Unsettled { claim: self, error })
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(settler) = self.settler.take() {
            settler.release(&self.stored, std::mem::take(&mut self.progress));
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("position", &self.stored.position)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsettled")
            .field("claim", &self.claim)
            .field("error", &self.error)
            .finish()
    }
}
