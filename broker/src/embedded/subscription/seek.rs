//! Moving a subscription's place by command.
//!
//! While it is held, nothing is handed out and no floor is recorded, so that once its claims are settled nothing that
//! is said of the old place can come after the record that names the new one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Sub;
use super::inner::Place;
use crate::clock::Timestamp;
use crate::embedded::view::Waiting;

/// Holds a subscription for as long as it lives.
pub(crate) struct Held(Arc<Sub>);

impl Sub {
    /// Hands out nothing until the guard is dropped. What is ready goes back to the disk.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        let mut inner = self.inner.lock();
        inner.held += 1;
        inner.shed_ready();
        Held(Arc::clone(self))
    }

    /// How many events are in somebody's hands.
    pub(crate) fn claimed(&self) -> usize {
        self.inner.lock().claims.len()
    }

    /// What is not accounted for up to a sequence, as ranges.
    pub(crate) fn open_until(&self, until: u64) -> Vec<(u64, u64)> {
        self.inner.lock().accounted.gaps(1, until)
    }

    /// Applies a new place: what comes after it is to come, all of it, and nothing else is left.
    pub(crate) fn apply_seek(&self, after: u64, skipped: u64) {
        let mut inner = self.inner.lock();
        inner.accounted = Default::default();
        inner.accounted.insert(1, after);
        inner.counters.skipped += skipped;
        inner.moves += 1;
        inner.counters.settle_matched();
        inner.place = Place::Lagging;
        inner.scanned = after;
        inner.covered = after;
        inner.ready.clear();
        inner.due.clear();
        inner.freed.clear();
        inner.due_at_sequence = None;
        if let Some(lanes) = &mut inner.lanes {
            lanes.shed();
        }
        inner.waiting = Waiting::default();
        inner.next_due = Some(Timestamp(0));
        inner.dirty = true;
        drop(inner);
        self.woken.notify_one();
    }

    /// Hands out nothing more, for good: its trigger was forgotten.
    pub(crate) fn apply_forgotten(&self) {
        let mut inner = self.inner.lock();
        inner.ready = VecDeque::new();
        if let Some(lanes) = &mut inner.lanes {
            lanes.shed();
        }
        inner.held += 1;
        drop(inner);
        self.end_now();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut inner = self.0.inner.lock();
        inner.held -= 1;
        drop(inner);
        self.0.woken.notify_one();
    }
}
