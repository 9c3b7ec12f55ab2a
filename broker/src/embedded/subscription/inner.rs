//! What a subscription's lock guards, and the rules that hold under it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use schemas::filter::Filter;

use crate::clock::Timestamp;
use crate::embedded::ranges::Ranges;
use crate::embedded::records::{Fate, Item};
use crate::embedded::view::{Counters, EndedSide, View, ViewError};
use crate::limits::READY_EVENTS_MAX;
use crate::{Outcome, Pause, Stored, SubscriptionId};

/// Due retries that are taken from the view at once.
const DUE_BATCH: usize = 256;

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) accounted: Ranges,
    /// Filters by the sequence after which each is in force, in order; the last is the present one.
    pub(super) filters: Arc<Vec<(u64, Filter)>>,
    pub(super) counters: Counters,
    /// Nothing is handed out while it is there.
    pub(super) paused: Option<Pause>,
    pub(super) waiting_retry: u64,
    pub(super) place: Place,
    pub(super) scanned: u64,
    /// The last sequence that was matched, or the floor; what lies between it and the next match did not match.
    pub(super) covered: u64,
    /// Commands that are moving its place: nothing is handed out meanwhile.
    pub(super) held: u32,
    /// The last sequence that it is for; the end of time for a trigger's own.
    pub(super) until: u64,
    /// The stream of its redriven dead letters, once there is one.
    pub(super) redrive_stream: Option<u64>,
    /// The replays and redrives that ran beside it, the last [`SIDES_ENDED_MAX`] of them.
    pub(super) ended: VecDeque<EndedSide>,
    pub(super) ready: VecDeque<Ready>,
    pub(super) claims: HashMap<u64, Claimed>,
    pub(super) due: VecDeque<u64>,
    pub(super) next_due: Option<Timestamp>,
    pub(super) retry_had_last_turn: bool,
    pub(super) dirty: bool,
}

/// Where its events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// From the pump, as they are committed.
    Tail,
    /// From disk, at its own pace.
    Lagging,
}

#[derive(Debug)]
pub(super) struct Ready {
    pub(super) stored: Arc<Stored>,
    pub(super) covers: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed {
    pub(super) covers: u64,
    pub(super) is_retry: bool,
}

/// Whether an event was taken into the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    Taken,
    /// It is known already.
    Known,
    /// There is no room: the subscription must leave the tail before this event.
    Full,
}

impl Inner {
    pub(super) fn offer(&mut self, stored: &Arc<Stored>, is_short: bool) -> Offered {
        let sequence = stored.position.sequence;
        if sequence <= self.scanned {
            return Offered::Known;
        }
        if self.accounted.contains(sequence) || self.claims.contains_key(&sequence) {
            self.scanned = sequence;
            self.covered = sequence;
            return Offered::Known;
        }
        if is_short || self.ready.len() >= READY_EVENTS_MAX {
            return Offered::Full;
        }
        let covers = sequence - self.covered - 1;
        self.ready.push_back(Ready {
            stored: Arc::clone(stored),
            covers,
        });
        self.scanned = sequence;
        self.covered = sequence;
        Offered::Taken
    }

    /// Whether a side subscription has nothing left: all is read, and all of that is settled durably.
    pub(super) fn is_done(&self) -> bool {
        self.scanned >= self.until
            && self.ready.is_empty()
            && self.claims.is_empty()
            && self.waiting_retry == 0
    }

    pub(super) fn leave_tail(&mut self, scanned: u64) {
        self.place = Place::Lagging;
        self.scanned = self.scanned.max(scanned);
    }

    /// Takes what is ready out of memory: it is read again from disk.
    pub(super) fn shed_ready(&mut self) {
        let first = self
            .ready
            .iter()
            .map(|ready| ready.stored.position.sequence - ready.covers)
            .min();
        if let Some(first) = first {
            self.ready.clear();
            self.place = Place::Lagging;
            self.scanned = first - 1;
            self.covered = first - 1;
        }
    }

    pub(super) fn scanned_at(&self, pumped: u64) -> u64 {
        match self.place {
            Place::Tail => self.scanned.max(pumped),
            Place::Lagging => self.scanned,
        }
    }

    /// Everything up to here is accounted for or waits for a retry.
    pub(super) fn live_floor(&self, pumped: u64) -> u64 {
        let ready = self
            .ready
            .iter()
            .map(|ready| ready.stored.position.sequence - ready.covers);
        let fresh = self.claims.iter().filter(|(_, claimed)| !claimed.is_retry);
        let open = ready
            .chain(fresh.map(|(sequence, claimed)| sequence - claimed.covers))
            .min();
        open.map_or_else(|| self.scanned_at(pumped), |first_open| first_open - 1)
            .max(self.accounted.floor())
    }

    pub(super) fn load_due(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
        view: &View,
    ) -> Result<(), ViewError> {
        if !self.due.is_empty() || self.next_due.is_none_or(|next| next > now) {
            return Ok(());
        }
        self.next_due = None;
        if self.waiting_retry == 0 {
            return Ok(());
        }
        for found in view.due(id) {
            let (at, sequence) = found?;
            if at > now || self.due.len() >= DUE_BATCH {
                self.next_due = Some(at);
                break;
            }
            if !self.claims.contains_key(&sequence) {
                self.due.push_back(sequence);
            }
        }
        Ok(())
    }

    pub(super) fn count(&mut self, item: &Item) {
        match &item.fate {
            Fate::Settled(Outcome::Delivered) => self.counters.delivered += 1,
            Fate::Settled(Outcome::DeadLetterSink) => self.counters.dead_letter_sink += 1,
            Fate::Settled(Outcome::DeadLetterStore) => self.counters.dead_lettered += 1,
            Fate::Unreadable => self.counters.unreadable += item.covers + 1,
            Fate::Retry { .. } => {}
        }
    }
}
