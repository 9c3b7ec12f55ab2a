//! The door of a broker for what a trigger sends there: replies and forwarded events are held to the broker's schemas before
//! anything is settled, so that one that is refused is a delivery that failed, and its cause is not lost.
//!
//! A reply that does not fit is the subscriber's: it is asked again, as for a reply that is no valid event. An event that is
//! forwarded would be the same at every attempt: it is tried once.

use broker::{Failure, SchemaMismatch};
use http::StatusCode;
use schemas::event::Event;
use schemas::names::ResourceName;

use crate::limits;
use crate::outcome::{Blame, Outcome};
use crate::trigger::Trigger;

/// The outcome of an attempt; one that failed when it brought a reply that the trigger's broker refuses.
pub(crate) fn reply(trigger: &Trigger, destination: &str, outcome: Outcome) -> Outcome {
    let Outcome::Delivered {
        status,
        reply: Some(event),
    } = &outcome
    else {
        return outcome;
    };
    match trigger.shared.schemas.check(&trigger.broker, event) {
        Ok(()) => outcome,
        Err(mismatch) => Outcome::Transient {
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
        },
    }
}

/// Whether a broker lets an event in that is forwarded to it.
///
/// # Errors
/// What the attempt came to.
pub(crate) fn forward(trigger: &Trigger, to: &ResourceName, event: &Event) -> Result<(), Outcome> {
    trigger
        .shared
        .schemas
        .check(to, event)
        .map_err(|mismatch| Outcome::Permanent {
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
