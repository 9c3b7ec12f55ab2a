//! The memory that events in subscriptions' hands may take, over all of them.
//!
//! An event is counted once however many subscriptions hold it, and is given back when the last lets go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The counter. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct TailMemory {
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// One event's share. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct TailBytes {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl TailMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            used: Arc::new(AtomicUsize::new(0)),
            bytes_max,
        }
    }

    /// Counts `bytes`; never refuses, since the event is in memory already. Ask [`Self::is_short`] before keeping it.
    pub(crate) fn count(&self, bytes: usize) -> TailBytes {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        TailBytes {
            used: Arc::clone(&self.used),
            bytes,
        }
    }

    /// Whether more is held than is meant to be.
    pub(crate) fn is_short(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.bytes_max
    }
}

impl Drop for TailBytes {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
