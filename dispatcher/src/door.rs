//! The door of a broker for what a trigger sends there: replies and forwarded events are held to the broker's schemas before
//! anything is settled, so that one that is refused is a delivery that failed, and its cause is not lost.
//!
//! A reply that is refused is the subscriber's: it is asked again, as for a reply that is no valid event. One that is
//! quarantined goes to the dead-letter store, and its cause is delivered. An event that is forwarded would be the same at
//! every attempt: it is tried once, and stays with the trigger that forwards it whether it is refused or quarantined.

use broker::{DeadLetter, DeadLetterReason, Failure, Progress, SchemaMismatch, Step, Verdict};
use http::StatusCode;
use schemas::event::Event;
use schemas::names::ResourceName;

use crate::limits;
use crate::next::Next;
use crate::outcome::{Blame, Outcome};
use crate::trigger::Trigger;

/// What the door says of a reply.
pub(crate) enum Reply {
    /// There is none, or it may come in.
    Open,
    /// It may not: what the attempt came to.
    Refused(Outcome),
    /// It goes to the dead-letter store.
    Kept(SchemaMismatch),
}

/// Puts the reply that an attempt brought to the schemas of the trigger's broker.
pub(crate) fn reply(trigger: &Trigger, destination: &str, outcome: &Outcome) -> Reply {
    let Outcome::Delivered {
        status,
        reply: Some(event),
    } = outcome
    else {
        return Reply::Open;
    };
    match trigger.shared.schemas.check(&trigger.broker, event) {
        Verdict::Fits => Reply::Open,
        Verdict::Quarantined(mismatch) => Reply::Kept(mismatch),
        Verdict::Refused(mismatch) => Reply::Refused(Outcome::Transient {
            failure: Failure {
                destination: destination.to_owned(),
                code: Some(*status),
                data: Vec::new(),
                message: message(
                    &format!("answered {status} with an event that is refused"),
                    &mismatch,
                ),
            },
            retry_after: None,
            blame: Blame::Reply,
        }),
    }
}

/// What becomes of the event when its reply is kept; one that has no pass left is a loop first.
pub(crate) fn kept(next: Next, progress: &Progress, mismatch: &SchemaMismatch) -> Next {
    match next {
        Next::Done {
            step,
            status,
            reply: Some(reply),
        } => Next::ReplyLooped {
            step,
            status,
            dead_letter: DeadLetter {
                reason: DeadLetterReason::Schema,
                event: reply.event,
                failure: Some(mismatch.failure()),
                attempts: match step {
                    Step::Subscriber => progress.attempts.saturating_add(1),
                    Step::DeadLetterSink => progress.subscriber_attempts,
                },
            },
        },
        other => other,
    }
}

/// Whether a broker lets an event in that is forwarded to it.
///
/// # Errors
/// What the attempt came to.
pub(crate) fn forward(trigger: &Trigger, to: &ResourceName, event: &Event) -> Result<(), Outcome> {
    let mismatch = match trigger.shared.schemas.check(to, event) {
        Verdict::Fits => return Ok(()),
        Verdict::Quarantined(mismatch) | Verdict::Refused(mismatch) => mismatch,
    };
    Err(Outcome::Permanent {
        failure: Failure {
            destination: format!("broker:{to}"),
            // What its door would answer over HTTP.
            code: Some(StatusCode::BAD_REQUEST.as_u16()),
            data: Vec::new(),
            message: message("refuses the event", &mismatch),
        },
        blame: Blame::Storage,
    })
}

/// In words, without a value of the data.
fn message(what: &str, mismatch: &SchemaMismatch) -> String {
    let whole = format!("{what}: {mismatch}");
    whole.chars().take(limits::MESSAGE_CHARS_MAX).collect()
}
