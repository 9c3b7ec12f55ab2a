//! Why a webhook request is refused, and what the sender is told.

use broker::{AppendError, Overloaded, SchemaMismatch};
use http::{HeaderName, StatusCode};
use schemas::codec::DecodeError;
use schemas::event::InvalidEvent;

/// Why a request to a webhook was refused. Nothing of it is stored. The text is for the sender.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WebhookError {
    /// No webhook listens here.
    #[error("no webhook listens on the path `{path}`")]
    UnknownPath {
        /// The path asked for.
        path: String,
    },
    /// The token is missing or wrong.
    #[error("the secret that this webhook asks for is missing or wrong; send it in the header `{header}`")]
    Unauthorized {
        /// Where it belongs.
        header: HeaderName,
    },
    /// Over the limit.
    #[error("the request makes an event of {bytes} bytes; the limit is {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// None of the places that an attribute is taken from has a value.
    #[error("the request gives no `{attribute}`: send it as {tried}")]
    Missing {
        /// The attribute.
        attribute: &'static str,
        /// Where it was looked for.
        tried: String,
    },
    /// What was picked breaks a rule of CloudEvents.
    #[error("the request makes no valid event: {0}")]
    Invalid(#[from] InvalidEvent),
    /// It claims to be a CloudEvent, and that is passed on here, but is not one.
    #[error("{0}")]
    NotAnEvent(#[from] DecodeError),
    /// A batch where single events are passed on.
    #[error("a webhook takes one event a request; send a batch to the broker")]
    Batch,
    /// Its data is not what the configuration asks for.
    #[error("{0}")]
    Schema(#[from] SchemaMismatch),
    /// No room at the moment.
    #[error("{0}")]
    Overloaded(#[from] Overloaded),
    /// The engine did not take it.
    #[error("the event could not be stored: {0}")]
    Store(#[from] AppendError),
}

impl WebhookError {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath { .. } => StatusCode::NOT_FOUND,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Missing { .. } | Self::Invalid(_) | Self::Batch | Self::Schema(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotAnEvent(error) => error.reason.status(),
            Self::Overloaded(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(error) => store_status(error),
        }
    }

    /// When the sender may try again, in seconds; `None` when the same request will not do better.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Overloaded(overloaded) => Some(overloaded.retry_after_seconds),
            Self::Store(error) if error.is_retryable() => Some(1),
            Self::Store(_)
            | Self::UnknownPath { .. }
            | Self::Unauthorized { .. }
            | Self::TooLarge { .. }
            | Self::Missing { .. }
            | Self::Invalid(_)
            | Self::NotAnEvent(_)
            | Self::Batch
            | Self::Schema(_) => None,
        }
    }
}

fn store_status(error: &AppendError) -> StatusCode {
    match error {
        AppendError::UnknownBroker { .. } => StatusCode::NOT_FOUND,
        AppendError::Conflict { .. } => StatusCode::CONFLICT,
        AppendError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        AppendError::Busy => StatusCode::TOO_MANY_REQUESTS,
        AppendError::NoSpace | AppendError::Failed { .. } | AppendError::Closed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
