//! What only a subscription that runs beside a trigger has, and what the trigger keeps of those.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Beside, Sub};
use crate::embedded::records::{Fate, Item};
use crate::embedded::view::EndedSide;
use crate::limits::SIDES_ENDED_MAX;
use crate::{Outcome, SideEnd, SideKind, Timestamp};

impl Sub {
    /// Whether it has ended; only a side subscription ever does.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_set(|side| &side.has_ended)
    }

    /// Whether its end is on the way or past.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_set(|side| &side.is_ending)
    }

    /// Takes what is added from now on somewhere else.
    pub(crate) fn begin_end(&self) {
        if let Some(side) = &self.side {
            side.is_ending.store(true, Ordering::Release);
        }
    }

    /// Hands out nothing more, for good; its trigger remembers what it came to.
    pub(crate) fn apply_end(&self, how: SideEnd, at: Timestamp) {
        let Some(Beside {
            spec,
            trigger,
            is_ending,
            has_ended,
        }) = &self.side
        else {
            return;
        };
        is_ending.store(true, Ordering::Release);
        has_ended.store(true, Ordering::Release);
        let mut inner = self.inner.lock();
        inner.ready.clear();
        let ended = EndedSide {
            id: spec.name(),
            from: spec.from,
            until: inner.until,
            rate: spec.rate,
            started_at: spec.at,
            how,
            at,
            counters: inner.counters,
            cursor: inner.accounted.floor(),
        };
        drop(inner);
        let mut of_trigger = trigger.inner.lock();
        of_trigger.ended.push_back(ended);
        while of_trigger.ended.len() > SIDES_ENDED_MAX {
            of_trigger.ended.pop_front();
        }
        of_trigger.dirty = true;
        drop(of_trigger);
        self.woken.notify_one();
    }

    /// Hands out nothing more, without a word to its trigger.
    pub(super) fn end_now(&self) {
        if let Some(side) = &self.side {
            side.is_ending.store(true, Ordering::Release);
            side.has_ended.store(true, Ordering::Release);
        }
        self.woken.notify_one();
    }

    /// The replays and redrives that ran beside it.
    pub(crate) fn ended(&self) -> Vec<EndedSide> {
        self.inner.lock().ended.iter().cloned().collect()
    }

    /// Whether all of it is settled.
    pub(crate) fn is_done(&self) -> bool {
        self.inner.lock().is_done()
    }

    /// The last sequence that it is for.
    pub(crate) fn until(&self) -> u64 {
        self.inner.lock().until
    }

    /// It is for more than before.
    pub(crate) fn apply_until(&self, until: u64) {
        let mut inner = self.inner.lock();
        inner.until = inner.until.max(until);
        inner.dirty = true;
        drop(inner);
        self.woken.notify_one();
    }

    /// The stream of this trigger's redriven dead letters, once there is one.
    pub(crate) fn redrive_stream(&self) -> Option<u64> {
        self.inner.lock().redrive_stream
    }

    pub(crate) fn apply_redrive_stream(&self, stream: u64) {
        let mut inner = self.inner.lock();
        inner.redrive_stream = Some(stream);
        inner.dirty = true;
    }

    /// Counts at the trigger what was delivered beside it.
    pub(crate) fn count_beside(&self, item: &Item) {
        let Some(Beside { spec, trigger, .. }) = &self.side else {
            return;
        };
        let is_delivered = matches!(
            item.fate,
            Fate::Settled(Outcome::Delivered | Outcome::DeadLetterSink)
        );
        if is_delivered {
            let mut inner = trigger.inner.lock();
            match spec.kind {
                SideKind::Replay => inner.counters.replayed += 1,
                SideKind::Redrive => inner.counters.redriven += 1,
            }
            inner.dirty = true;
        }
    }

    /// The trigger that it runs beside, or itself.
    pub(crate) fn trigger(self: &Arc<Self>) -> &Arc<Self> {
        self.side.as_ref().map_or(self, |side| &side.trigger)
    }

    fn is_set(&self, flag: impl FnOnce(&Beside) -> &AtomicBool) -> bool {
        self.side
            .as_ref()
            .is_some_and(|side| flag(side).load(Ordering::Acquire))
    }
}
