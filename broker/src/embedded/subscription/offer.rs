//! How events come into a subscription's ready queue: at the tail from the pump, behind it from disk.

use std::sync::Arc;

use super::Sub;
use super::inner::{Offered, Place};
use crate::Stored;

impl Sub {
    /// Offers matched events at the tail, in order. The caller holds the broker's tail lock and `pumped` is from
    /// before these events. Leaves the tail when they do not fit.
    pub(crate) fn offer<'a>(
        &self,
        events: impl Iterator<Item = &'a Arc<Stored>>,
        pumped: u64,
        is_short: bool,
    ) {
        let mut inner = self.inner.lock();
        if inner.place.is_lagging() {
            return;
        }
        inner.scanned = inner.scanned.max(pumped);
        for stored in events {
            if inner.offer(stored, is_short) == Offered::Full {
                inner.leave_tail(stored.position.sequence - 1);
                break;
            }
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// The events up to here cannot be offered from memory any more: read them from disk.
    pub(crate) fn leave_tail(&self, pumped: u64) {
        let mut inner = self.inner.lock();
        if !inner.place.is_lagging() {
            let scanned = inner.scanned.max(pumped);
            inner.leave_tail(scanned);
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// Takes a chunk that was read from disk: `matched` of what lies in `from..=last`. Nothing is taken when
    /// somebody else has moved the place meanwhile.
    pub(crate) fn take_chunk(&self, from: u64, last: u64, matched: &[Arc<Stored>]) {
        let mut inner = self.inner.lock();
        if !inner.place.is_lagging() || inner.scanned + 1 != from {
            return;
        }
        let until = inner.until;
        for stored in matched.iter().filter(|stored| stored.position.sequence <= until) {
            if inner.offer(stored, false) == Offered::Full {
                // Claims were given up meanwhile: the rest is read again when there is room.
                inner.scanned = stored.position.sequence - 1;
                return;
            }
        }
        inner.scanned = last.min(until);
    }

    /// Nothing is stored from `from` on: what a side subscription is for is not kept any more, or it has read all.
    pub(crate) fn take_rest(&self, from: u64) {
        let until = self.inner.lock().until;
        self.take_chunk(from, until, &[]);
    }

    /// Joins the tail if everything that was offered there is scanned. Takes the tail lock.
    pub(crate) fn try_join_tail(&self) -> bool {
        let tail = self.broker.lock_tail();
        let mut inner = self.inner.lock();
        // At the tail the present filter judges, so what an earlier one has to judge is read first.
        let present_after = inner.filters.last().map_or(0, |(after, _)| *after);
        if inner.scanned >= tail.pumped().max(present_after) {
            inner.place = Place::Tail {
                _counted: tail.join(),
            };
        }
        !inner.place.is_lagging()
    }
}
