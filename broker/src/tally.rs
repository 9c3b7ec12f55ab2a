//! What came to a broker's door and what became of it: counts that must add up.
//!
//! `received = stored + deduplicated + quarantined + rejected` holds whenever nothing is on its way. Received is counted when a
//! message comes, the rest when its answer is known, at different places in the code: a way out that somebody forgets
//! shows as a difference.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::AppendError;

/// Why messages were refused at a broker's door. A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// It is no event, or none that may come in.
    Invalid,
    /// Its data does not fit a schema that refuses.
    Schema,
    /// Whoever sent it may not.
    Unauthorized,
    /// Its pair of source and id was seen with other attributes or data.
    Conflict,
    /// It is over a limit.
    TooLarge,
    /// It did not arrive whole in time.
    Incomplete,
    /// Too much is waiting to be stored.
    Overloaded,
    /// The disk is full.
    NoSpace,
    /// Nothing is taken: the process stops, or storage has failed.
    Unavailable,
    /// Whoever sent it went away before it was on its way to the disk.
    Abandoned,
}

/// One broker's counts since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events, and messages that could not be read as events, that came: from producers, sources and as replies.
    pub received: u64,
    /// Stored.
    pub stored: u64,
    /// Not stored since the same event was, within the broker's window.
    pub deduplicated: u64,
    /// Kept as dead letters: their data does not fit a schema that quarantines.
    pub quarantined: u64,
    /// Refused, by reason; in the order of [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
}

/// The counters behind a [`Tally`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    received: AtomicU64,
    stored: AtomicU64,
    deduplicated: AtomicU64,
    quarantined: AtomicU64,
    rejected: [AtomicU64; Rejection::ALL.len()],
}

// === impl Rejection ===

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Schema,
        Self::Unauthorized,
        Self::Conflict,
        Self::TooLarge,
        Self::Incomplete,
        Self::Overloaded,
        Self::NoSpace,
        Self::Unavailable,
        Self::Abandoned,
    ];

    /// As a label of a metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Schema => "schema",
            Self::Unauthorized => "unauthorized",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::Incomplete => "incomplete",
            Self::Overloaded => "overloaded",
            Self::NoSpace => "no-space",
            Self::Unavailable => "unavailable",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<&AppendError> for Rejection {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::UnknownBroker { .. } => Self::Invalid,
            AppendError::Conflict { .. } => Self::Conflict,
            AppendError::TooLarge { .. } => Self::TooLarge,
            AppendError::Busy => Self::Overloaded,
            AppendError::NoSpace => Self::NoSpace,
            AppendError::Failed { .. } | AppendError::Closed => Self::Unavailable,
        }
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn received(&self, events: u64) {
        self.received.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn stored(&self, stored: u64, deduplicated: u64) {
        self.stored.fetch_add(stored, Ordering::Relaxed);
        self.deduplicated.fetch_add(deduplicated, Ordering::Relaxed);
    }

    pub(crate) fn quarantined(&self, events: u64) {
        self.quarantined.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn rejected(&self, reason: Rejection, events: u64) {
        for (candidate, count) in Rejection::ALL.iter().zip(&self.rejected) {
            if *candidate == reason {
                count.fetch_add(events, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn read(&self) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            received: read(&self.received),
            stored: read(&self.stored),
            deduplicated: read(&self.deduplicated),
            quarantined: read(&self.quarantined),
            rejected: std::array::from_fn(|at| self.rejected.get(at).map_or(0, read)),
        }
    }
}
