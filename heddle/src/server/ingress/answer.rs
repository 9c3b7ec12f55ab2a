//! From what went wrong at the ingress to what the producer is told.

use broker::AppendError;
use schemas::codec::{DecodeError, Reason};
use schemas::names::ResourceName;
use sources::WebhookError;

use crate::server::problem::{Kind, Problem};

/// A message that is no event.
pub(super) fn decode_problem(error: DecodeError) -> Problem {
    let kind = match error.reason {
        Reason::UnsupportedFormat => Kind::UnsupportedFormat,
        Reason::TooLarge => Kind::TooLarge,
        Reason::UnsupportedVersion | Reason::Malformed | Reason::Invalid => Kind::Invalid,
    };
    let mut problem = Problem::new(kind, error.to_string());
    problem.at = error.at;
    problem.index = error.index;
    problem
}

/// A batch that was not stored.
pub(super) fn append_problem(error: AppendError) -> Problem {
    match error {
        AppendError::UnknownBroker { broker } => unknown_broker(&broker),
        error => Problem::not_stored(error),
    }
}

/// A webhook request that was not stored.
pub(super) fn webhook_problem(error: WebhookError) -> Problem {
    let detail = error.to_string();
    match error {
        WebhookError::UnknownPath { .. } => Problem::new(Kind::NotFound, detail),
        WebhookError::Unauthorized { .. } => Problem::new(Kind::Unauthorized, detail),
        WebhookError::TooLarge { .. } => Problem::new(Kind::TooLarge, detail),
        WebhookError::Missing { attribute, .. } => Problem::new(Kind::Invalid, detail).at(attribute),
        WebhookError::Invalid(_) | WebhookError::Batch => Problem::new(Kind::Invalid, detail),
        WebhookError::NotAnEvent(error) => decode_problem(error),
        WebhookError::Overloaded(overloaded) => {
            let mut problem = Problem::new(Kind::Overloaded, detail);
            problem.retry_after_seconds = Some(overloaded.retry_after_seconds);
            problem
        }
        WebhookError::Store(error) => append_problem(error),
    }
}

/// No broker of that name is declared.
pub(super) fn unknown_broker(broker: &ResourceName) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("there is no broker {broker}; `heddle get brokers` lists them"),
    )
}
