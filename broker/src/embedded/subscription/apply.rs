//! What committed records change in a subscription, and what a checkpoint keeps of it.

use std::sync::Arc;

use schemas::filter::Filter;

use super::Sub;
use super::inner::Inner;
use crate::Pause;
use crate::clock::Timestamp;
use crate::embedded::records::{Fate, Held, Item, Leave, ReleasedRecord, SideSpec};
use crate::embedded::view::{Counters, SubscriptionState, View};

impl Sub {
    /// Applies a committed settlement or retry, which the view has already.
    pub(crate) fn apply(&self, item: &Item, view: &View) {
        let mut inner = self.inner.lock();
        inner.count_matched(item);
        if item.fate == Fate::Unreadable {
            inner.count_unreadable(item);
        }
        inner.accounted.insert(item.sequence - item.covers, item.sequence);
        inner.pass_accounted();
        let was = inner.claims.remove(&item.sequence);
        inner.dirty = true;
        inner.waiting = view.waiting(self.id);
        inner.count(item);
        match &item.fate {
            Fate::Retry { at, .. } => inner.wake_due(*at),
            Fate::Held { key, held } => {
                if let Held::Retry { at, .. } | Held::Blocked { at, .. } = held {
                    inner.wake_due(*at);
                }
                inner.key_changed(*key, item.sequence, was, *held != Held::Behind);
            }
            Fate::Settled(_) | Fate::Unreadable | Fate::Expired => {
                match was.and_then(|claimed| claimed.key) {
                    Some(key) => inner.key_changed(key, item.sequence, was, false),
                    // Nobody knows whether one of its key waited for it.
                    None if inner.waiting.keyed > 0 => inner.wake_due(Timestamp(0)),
                    None => {}
                }
            }
        }
        drop(inner);
        self.woken.notify_one();
    }

    /// Applies that an event which holds its key is to be tried afresh, which the view has already.
    pub(crate) fn apply_released(&self, record: &ReleasedRecord, view: &View) {
        let mut inner = self.inner.lock();
        inner.waiting = view.waiting(self.id);
        inner.wake_due(record.at);
        drop(inner);
        self.woken.notify_one();
    }

    /// Counts dead letters that left the store.
    pub(crate) fn apply_gone(&self, letters: u64, how: Leave) {
        let mut inner = self.inner.lock();
        let Counters {
            purged,
            letters_redriven,
            letters_expired,
            ..
        } = &mut inner.counters;
        *match how {
            Leave::Purged => purged,
            Leave::Redriven => letters_redriven,
            Leave::Expired => letters_expired,
        } += letters;
        inner.dirty = true;
    }

    /// Applies a committed floor: everything up to it is accounted for.
    pub(crate) fn apply_floor(&self, floor: u64) {
        let mut inner = self.inner.lock();
        inner.accounted.insert(1, floor);
        inner.pass_accounted();
        inner.dirty = true;
    }

    /// Applies a filter that is in force after a sequence. Those that nothing is left for are forgotten.
    pub(crate) fn apply_filter(&self, after: u64, filter: &Filter) {
        let mut inner = self.inner.lock();
        let floor = inner.accounted.floor();
        let mut filters: Vec<_> = inner
            .filters
            .iter()
            .filter(|(other, _)| *other < after)
            .cloned()
            .collect();
        filters.push((after, filter.clone()));
        let first = filters
            .iter()
            .rposition(|(after, _)| *after <= floor)
            .unwrap_or(0);
        inner.filters = Arc::new(filters.split_off(first));
        inner.dirty = true;
    }

    /// Applies a pause, in place of the one before, or its end. What is ready is given back to the disk, so that it
    /// takes no memory for as long as nobody may have it.
    pub(crate) fn apply_pause(&self, pause: Option<Pause>) {
        let mut inner = self.inner.lock();
        inner.paused = pause;
        if inner.paused.is_some() {
            inner.shed_ready();
        }
        inner.dirty = true;
        drop(inner);
        self.woken.notify_one();
    }

    /// Whether every sequence from first to last is accounted for by committed records.
    pub(crate) fn has_accounted_for(&self, first: u64, last: u64) -> bool {
        let inner = self.inner.lock();
        first > inner.until || inner.accounted.contains_all(first, last.min(inner.until))
    }

    /// What of `from..=to` is neither accounted for nor in somebody's hands, as ranges.
    pub(crate) fn open_within(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let inner = self.inner.lock();
        let mut known = inner.accounted.clone();
        for (sequence, claimed) in &inner.claims {
            known.insert(sequence - claimed.covers, *sequence);
        }
        known.gaps(from, to)
    }

    /// Up to where every sequence is accounted for by committed records.
    pub(crate) fn floor(&self) -> u64 {
        self.inner.lock().accounted.floor()
    }

    /// Makes the next checkpoint store it.
    pub(crate) fn mark_dirty(&self) {
        self.inner.lock().dirty = true;
    }

    /// Another view is in place: looks at its retries anew.
    pub(crate) fn look_again(&self, view: &View) {
        let mut inner = self.inner.lock();
        inner.waiting = view.waiting(self.id);
        inner.next_due = Some(Timestamp(0));
        drop(inner);
        self.woken.notify_one();
    }

    /// What a checkpoint stores, if anything changed since the last one.
    pub(crate) fn take_dirty(&self) -> Option<SubscriptionState> {
        let mut inner = self.inner.lock();
        std::mem::take(&mut inner.dirty).then(|| self.state_of(&inner))
    }

    /// What a checkpoint would store.
    pub(crate) fn state(&self) -> SubscriptionState {
        self.state_of(&self.inner.lock())
    }

    fn state_of(&self, inner: &Inner) -> SubscriptionState {
        SubscriptionState {
            name: self.name.clone(),
            broker: self.broker.name.clone(),
            accounted: inner.accounted.pairs().collect(),
            filters: inner.filters.to_vec(),
            counters: inner.counters,
            paused: inner.paused.clone(),
            side: self.side.as_ref().map(|side| SideSpec {
                until: inner.until,
                ..side.spec.clone()
            }),
            redrive_stream: inner.redrive_stream,
            ended: inner.ended.clone(),
        }
    }
}
