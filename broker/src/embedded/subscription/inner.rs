//! What a subscription's lock guards, and the rules that hold under it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use schemas::filter::Filter;

use super::lanes::Lanes;
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::ranges::Ranges;
use crate::embedded::records::{Fate, Held, Item};
use crate::embedded::streams::AtTail;
use crate::embedded::view::{Counters, Due, EndedSide, Waiting};
use crate::limits::READY_EVENTS_MAX;
use crate::{Outcome, Pause, Stored};

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) accounted: Ranges,
    /// Filters by the sequence after which each is in force, in order; the last is the present one.
    pub(super) filters: Arc<Vec<(u64, Filter)>>,
    pub(super) counters: Counters,
    /// Nothing is handed out while it is there.
    pub(super) paused: Option<Pause>,
    /// What waits on disk.
    pub(super) waiting: Waiting,
    /// The keys in memory, when the order is by key.
    pub(super) lanes: Option<Lanes>,
    pub(super) place: Place,
    pub(super) scanned: u64,
    /// The last sequence that was matched, or the floor; what lies between it and the next match did not match.
    pub(super) covered: u64,
    /// Commands that are moving its place: nothing is handed out meanwhile.
    pub(super) held: u32,
    /// How often its place was moved.
    pub(super) moves: u64,
    /// The last sequence that it is for; the end of time for a trigger's own.
    pub(super) until: u64,
    /// The stream of its redriven dead letters, once there is one.
    pub(super) redrive_stream: Option<u64>,
    /// The replays and redrives that ran beside it, the last [`SIDES_ENDED_MAX`] of them.
    pub(super) ended: VecDeque<EndedSide>,
    pub(super) ready: VecDeque<Ready>,
    pub(super) claims: HashMap<u64, Claimed>,
    pub(super) due: VecDeque<Due>,
    pub(super) next_due: Option<Timestamp>,
    /// The first that is due once everything before it has been looked at.
    pub(super) due_at_sequence: Option<u64>,
    /// What is to be recorded: events that go to disk, behind what waits there of their key.
    pub(super) leaving: Vec<Item>,
    /// Keys that have nothing in memory any more, and may have something on disk.
    pub(super) freed: Vec<Key>,
    pub(super) retry_had_last_turn: bool,
    pub(super) dirty: bool,
}

/// Where its events come from.
#[derive(Debug)]
pub(super) enum Place {
    /// From the pump, as they are committed.
    Tail { _counted: AtTail },
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
    pub(super) hand: Hand,
    /// The key that it holds, when the order is by key.
    pub(super) key: Option<Key>,
    /// Since when its key is blocked.
    pub(super) since: Option<Timestamp>,
    /// It is over age and in nobody's hands: it is being recorded as that.
    pub(super) expires: bool,
}

/// In whose hands a claimed event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    /// The consumer's, for its first attempt.
    Fresh,
    /// The consumer's, and on disk it waits.
    Waiting,
    /// Nobody's: it is on its way to wait on disk.
    Leaving,
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

impl Place {
    pub(super) fn is_lagging(&self) -> bool {
        matches!(self, Self::Lagging)
    }
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
        let in_lanes = self.lanes.as_ref().map_or(0, Lanes::events);
        if is_short || self.ready.len() + in_lanes >= READY_EVENTS_MAX {
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
        let lanes_are_empty = || {
            self.lanes
                .as_ref()
                .is_none_or(|lanes| lanes.events() == 0 && lanes.leaving() == 0)
        };
        self.scanned >= self.until
            && self.ready.is_empty()
            && lanes_are_empty()
            && self.claims.is_empty()
            && self.waiting.total() == 0
    }

    pub(super) fn leave_tail(&mut self, scanned: u64) {
        self.place = Place::Lagging;
        self.scanned = self.scanned.max(scanned);
    }

    /// Takes back a claimed event, if it is not read again in any case.
    pub(super) fn take_back(&mut self, stored: &Arc<Stored>, claimed: Claimed) {
        let ready = Ready {
            stored: Arc::clone(stored),
            covers: claimed.covers,
        };
        let sequence = ready.sequence();
        let is_passed = sequence <= self.scanned;
        match (&mut self.lanes, claimed.key) {
            (Some(lanes), Some(key)) if is_passed => lanes.give_back(key, ready),
            (Some(lanes), Some(key)) => lanes.unclaim(key, sequence),
            _ if is_passed => self.ready.push_front(ready),
            _ => {}
        }
        self.wake_due(Timestamp(0));
    }

    /// Takes what is ready out of memory: it is read again from disk.
    pub(super) fn shed_ready(&mut self) {
        if let Some(first) = self.first_ready() {
            self.ready.clear();
            if let Some(lanes) = &mut self.lanes {
                lanes.shed();
            }
            self.go_back_to(first);
        }
    }

    /// Reads again from disk, from this sequence on. Nothing at it or behind it is ready.
    pub(super) fn go_back_to(&mut self, first: u64) {
        self.place = Place::Lagging;
        self.scanned = first - 1;
        self.covered = first - 1;
    }

    /// What is accounted for need not be read.
    pub(super) fn pass_accounted(&mut self) {
        let floor = self.accounted.floor();
        if self.place.is_lagging() && floor > self.scanned {
            self.scanned = floor;
            self.covered = floor;
        }
    }

    /// The first sequence that is ready or covered by what is.
    fn first_ready(&self) -> Option<u64> {
        let in_lanes = self.lanes.as_ref().and_then(Lanes::first_open);
        self.ready.iter().map(Ready::first).chain(in_lanes).min()
    }

    pub(super) fn scanned_at(&self, pumped: u64) -> u64 {
        match self.place {
            Place::Tail { .. } => self.scanned.max(pumped),
            Place::Lagging => self.scanned,
        }
    }

    /// Everything up to here is accounted for or waits for a retry. What is not scanned is not known to be: claims may
    /// lie behind it, once the place went back to read again what was ready.
    pub(super) fn live_floor(&self, pumped: u64) -> u64 {
        let claimed = self
            .claims
            .iter()
            .filter(|(_, claimed)| claimed.hand != Hand::Waiting);
        let open = claimed
            .map(|(sequence, claimed)| sequence - claimed.covers)
            .chain(self.first_ready())
            .min();
        open.map_or(u64::MAX, |first_open| first_open - 1)
            .min(self.scanned_at(pumped))
            .max(self.accounted.floor())
    }

    /// Counts what is accounted for by an item for the first time. What was lost to damage counts as matched: whether it
    /// was cannot be known any more.
    pub(super) fn count_matched(&mut self, item: &Item) {
        if item.fate == Fate::Unreadable && item.covers > 0 {
            self.counters.matched += self.newly_lost(item);
        } else if !self.accounted.contains(item.sequence) {
            self.counters.matched += 1;
        }
    }

    /// Counts what cannot be read back, before it is accounted for: of a range what was not accounted for yet, since
    /// what was settled is not lost, and what waits for a retry is counted when its turn comes, alone.
    pub(super) fn count_unreadable(&mut self, item: &Item) {
        self.counters.unreadable += if item.covers == 0 {
            1
        } else {
            self.newly_lost(item)
        };
    }

    fn newly_lost(&self, item: &Item) -> u64 {
        let gaps = self.accounted.gaps(item.sequence - item.covers, item.sequence);
        gaps.iter().map(|(first, last)| last - first + 1).sum()
    }

    pub(super) fn count(&mut self, item: &Item) {
        match &item.fate {
            Fate::Settled(Outcome::Delivered) => self.counters.delivered += 1,
            Fate::Settled(Outcome::DeadLetterSink) => self.counters.dead_letter_sink += 1,
            Fate::Settled(Outcome::DeadLetterStore) => self.counters.dead_lettered += 1,
            // Counted before it is accounted for.
            Fate::Unreadable => {}
            Fate::Expired => self.counters.expired += 1,
            Fate::Retry { .. } => self.counters.retries += 1,
            Fate::Held { held, .. } => match held {
                Held::Retry { .. } | Held::Blocked { .. } => self.counters.retries += 1,
                Held::Behind | Held::Parked { .. } => {}
            },
        }
    }
}

// === impl Claimed ===

impl Claimed {
    /// Whether it expires without ever having been looked at for its first attempt, or while it waited for that in memory.
    pub(super) fn is_expiring_fresh(&self) -> bool {
        self.expires && self.hand == Hand::Fresh
    }
}

// === impl Ready ===

impl Ready {
    pub(super) fn sequence(&self) -> u64 {
        self.stored.position.sequence
    }

    /// The first sequence that it covers, or its own.
    pub(super) fn first(&self) -> u64 {
        self.sequence() - self.covers
    }

    pub(super) fn bytes(&self) -> usize {
        self.stored.event.size()
    }
}
