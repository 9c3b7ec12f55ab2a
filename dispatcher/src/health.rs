//! What an attempt tells of its endpoint, and who hears of it when that changed something.

use broker::{Failure, Timestamp};

use crate::breaker::Change;
use crate::endpoint::Endpoint;
use crate::gate::Ended;
use crate::observer::{Closed, Opened};
use crate::outcome::{Blame, Outcome};
use crate::slots::Slot;
use crate::spec::DeliveryPolicy;
use crate::status::LastError;
use crate::trigger::Trigger;

/// What this outcome tells.
///
/// An endpoint that answers is up, whatever it thinks of the event: 404 and 409 are retried, and say nothing against it.
/// It is down when there was no answer, or one that says that it cannot answer now.
pub(crate) fn ended(outcome: &Outcome, policy: &DeliveryPolicy, now: Timestamp) -> Ended {
    let Outcome::Transient {
        failure,
        retry_after,
        blame,
    } = outcome
    else {
        return Ended::Up;
    };
    let asked = policy.asked(retry_after.unwrap_or_default());
    match blame {
        _ if !asked.is_zero() => Ended::Asked(now.after(asked)),
        Blame::Network | Blame::Timeout => Ended::Down,
        Blame::Endpoint if failure.code.is_some_and(cannot_answer) => Ended::Down,
        Blame::Endpoint | Blame::Reply | Blame::Storage => Ended::Up,
    }
}

/// Lets the next request go to the endpoint, and tells of what this one changed.
pub(crate) fn tell(
    trigger: &Trigger,
    endpoint: &Endpoint,
    outcome: &Outcome,
    slot: &mut Slot,
    event_id: &str,
) {
    let shared = &trigger.shared;
    let now = shared.clock.now();
    let ended = ended(outcome, &trigger.policy, now);
    let failure = outcome.failure().filter(|_| ended != Ended::Up);
    if let Some(failure) = failure {
        endpoint.slots.note(LastError::new(failure, event_id, now));
    }
    if matches!(ended, Ended::Asked(_)) {
        shared.metrics.endpoint_asked(&endpoint.label);
    }
    let change = slot.ended(ended, &mut shared.random.lock());
    match change {
        Some(Change::Opened { until }) => opened(trigger, endpoint, failure, until),
        Some(Change::Closed { since }) => {
            shared.metrics.endpoint_closed(&endpoint.label);
            shared.observer.closed(&Closed {
                endpoint: &endpoint.label,
                after: now.until(since),
            });
        }
        None => {}
    }
}

fn opened(trigger: &Trigger, endpoint: &Endpoint, failure: Option<&Failure>, until: Timestamp) {
    trigger.shared.metrics.endpoint_opened(&endpoint.label);
    trigger.shared.observer.opened(&Opened {
        endpoint: &endpoint.label,
        failure: failure.map_or("", |failure| failure.message.as_str()),
        until,
    });
}

fn cannot_answer(code: u16) -> bool {
    matches!(code, 408 | 429 | 500..)
}

#[cfg(test)]
mod tests;
