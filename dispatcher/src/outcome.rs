//! What one attempt came to: delivered, transient or permanent, and who is to blame.

use std::time::Duration;

use broker::Failure;
use http::StatusCode;
use schemas::event::Event;

/// How one attempt ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The endpoint has the event.
    Delivered {
        /// HTTP status.
        status: u16,
        /// The event that came back, if one did.
        reply: Option<Event>,
    },
    /// It may go better another time.
    Transient {
        /// What went wrong.
        failure: Failure,
        /// The wait that the endpoint asked for.
        retry_after: Option<Duration>,
        /// Whose fault it is.
        blame: Blame,
    },
    /// The endpoint will take no event any more (410): the trigger is to be paused.
    Gone {
        /// What it said.
        failure: Failure,
    },
    /// The endpoint will not take this event.
    Permanent {
        /// What went wrong.
        failure: Failure,
        /// Whose fault it is.
        blame: Blame,
    },
}

/// Whose fault a failed attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// It answered, and not with success.
    Endpoint,
    /// It answered with something that is no valid event although it claims to be.
    Reply,
    /// There was no answer: name resolution, connection, TLS, reset.
    Network,
    /// There was no whole answer in time.
    Timeout,
    /// The answer was fine and could not be stored here.
    Storage,
}

/// What a status means for the event (data plane specification, retry table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Any 2xx.
    Success,
    /// 404, 408, 409, 425, 429, 5xx, and codes that the table does not know (they SHOULD be retried).
    Retry,
    /// 410: the endpoint wants no events any more (HTTP webhook 1.0, section 2.2).
    Gone,
    /// 1xx, 3xx and any other 4xx.
    Refused,
}

/// Judges a status.
#[must_use]
pub fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Success,
        404 | 408 | 409 | 425 | 429 => Verdict::Retry,
        410 => Verdict::Gone,
        100..=199 | 300..=499 => Verdict::Refused,
        _ => Verdict::Retry,
    }
}

// === impl Outcome ===

impl Outcome {
    /// What went wrong; `None` when nothing did.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Delivered { .. } => None,
            Self::Transient { failure, .. } | Self::Gone { failure } | Self::Permanent { failure, .. } => {
                Some(failure)
            }
        }
    }
}

// === impl Blame ===

impl Blame {
    /// As a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Reply => "reply",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Storage => "storage",
        }
    }
}

#[cfg(test)]
mod tests;
