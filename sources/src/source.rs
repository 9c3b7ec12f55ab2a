//! The seam: what every source is, and what it is given to work with.

use std::error::Error;
use std::sync::Arc;

use broker::{AppendError, Clock};
use futures_util::future::BoxFuture;
use schemas::event::InvalidEvent;
use schemas::limits::Limits;
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;
use crate::metrics::SourceMetrics;
use crate::status::Reporter;

/// Something outside that events come from.
///
/// The contract:
/// - `run` stores what comes through [`Session::intake`] and moves its position outside (or in the source state that
///   rides on the append) only after the intake answered `Ok`.
/// - A later `run`, in this process or the next, resumes where the position stands. Events since then come again;
///   those that the source makes itself come with the same id.
/// - `run` reports its state: `connecting` until events can come, then `running`. What its client library repairs by
///   itself is reported as `failing` and is not returned; what it cannot repair is returned, and the supervisor calls
///   `run` again after a pause.
/// - When [`Session::stop`] is cancelled, `run` takes nothing new, finishes what is being stored, moves its position
///   and returns `Ok`. A supervisor in a hurry drops the future instead; that loses no position that was moved.
/// - It holds no more than its limits say, whatever comes and however slow the engine is.
pub trait Source: Send + Sync + 'static {
    /// Runs until it is told to stop or fails.
    fn run<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SourceError>>;
}

/// What one source is given to work with.
#[derive(Debug)]
pub struct Session {
    /// Where its events go.
    pub intake: Intake,
    /// Whom it tells how it is.
    pub status: Arc<Reporter>,
    /// What it counts.
    pub metrics: SourceMetrics,
    /// Cancelled when the source is to stop.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What an event may measure.
    pub limits: Limits,
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The engine refused an event.
    #[error("an event could not be stored")]
    Store(#[from] AppendError),
    /// The source's own configuration makes an event that is none.
    #[error("the source is configured to make an event that is not valid")]
    Invalid(#[from] InvalidEvent),
    /// Something outside failed.
    #[error("{doing} failed")]
    Outside {
        /// What was tried, as in "subscribing to `orders.*`".
        doing: String,
        /// What went wrong.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The source ended although nobody asked it to.
    #[error("the source ended without a reason")]
    Ended,
    /// A mistake in the source's code.
    #[error("the source panicked: {0}")]
    Panicked(String),
}

impl SourceError {
    /// Something outside failed while `doing` something.
    pub fn outside(doing: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Outside {
            doing: doing.into(),
            cause: cause.into(),
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let detail = error.to_string();
        // Libraries often repeat their cause in their own text.
        if !text.contains(&detail) {
            text.push_str(": ");
            text.push_str(&detail);
        }
        cause = error.source();
    }
    text
}
