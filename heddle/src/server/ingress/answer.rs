//! From what went wrong at the ingress to what the producer is told.

use broker::{AppendError, Rejection};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
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

/// Refuses a body that is compressed or coded otherwise (RFC 9110, section 8.4): it would be stored as it is, and leave
/// without the word that says so, since no attribute carries it.
pub(super) fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let is_none = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(coding) = codings.find(|coding| !is_none(coding.as_bytes())) else {
        return Ok(());
    };
    let coding = String::from_utf8_lossy(coding.as_bytes());
    let detail = format!("`content-encoding` is `{coding}`, which is not supported; send the body as it is");
    Err(Problem::new(Kind::UnsupportedFormat, detail).at("content-encoding"))
}

/// A batch that was not stored.
pub(super) fn append_problem(error: AppendError) -> Problem {
    match error {
        AppendError::UnknownBroker { broker } => unknown_broker(&broker),
        AppendError::Conflict { index, .. } => {
            let mut problem = Problem::not_stored(error).at("id");
            problem.index = Some(index);
            problem
        }
        error => Problem::not_stored(error),
    }
}

/// What a refusal counts as, at the broker's door.
pub(super) fn rejection(kind: Kind) -> Rejection {
    match kind {
        Kind::Invalid | Kind::NotFound | Kind::MethodNotAllowed(_) | Kind::UnsupportedFormat => {
            Rejection::Invalid
        }
        Kind::Schema => Rejection::Schema,
        Kind::Unauthorized => Rejection::Unauthorized,
        Kind::Timeout => Rejection::Incomplete,
        Kind::Conflict => Rejection::Conflict,
        Kind::TooLarge => Rejection::TooLarge,
        Kind::Overloaded => Rejection::Overloaded,
        Kind::NoSpace => Rejection::NoSpace,
        Kind::Internal | Kind::Unavailable => Rejection::Unavailable,
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
        WebhookError::Schema(mismatch) => Problem::misfit(mismatch),
        WebhookError::NotAnEvent(error) => decode_problem(error),
        WebhookError::Overloaded(overloaded) => {
            let mut problem = Problem::new(Kind::Overloaded, detail);
            problem.retry_after_seconds = Some(overloaded.retry_after_seconds);
            problem
        }
        WebhookError::Store(error) => {
            let mut problem = append_problem(error);
            problem.index = None;
            problem
        }
    }
}

/// No broker of that name is declared.
pub(super) fn unknown_broker(broker: &ResourceName) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("there is no broker {broker}; `heddle get brokers` lists them"),
    )
}
