//! The keys of an ordered subscription that have something in memory, each as a lane: one event in a consumer's
//! hands, those behind it, and how many are on their way to disk or being recorded as expired.
//!
//! What must hold:
//! - Of one lane at most one event is claimed, and it is the first: what waits in a lane is in order.
//! - A lane is claimed from only while nothing of it is on its way to disk or being recorded as expired.
//! - A lane that holds nothing is gone: what there is follows the events in memory, not the keys that exist.

use std::collections::{HashMap, VecDeque};

use super::inner::Ready;
use crate::clock::Timestamp;
use crate::embedded::key::Key;

/// All lanes of one subscription.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Key, Lane>,
    /// Keys whose first event may be claimed, in the order in which they came to be so; a lane says whether it is true.
    open: VecDeque<Key>,
    /// Keys whose events are to go to disk, because the one before them waits.
    closed: Vec<Key>,
    events: usize,
    bytes: usize,
    leaving: usize,
}

/// One key's.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Ready>,
    claimed: Option<Claimed>,
    /// How many of its events are on their way to disk.
    leaving: usize,
    /// How many of its events are being recorded as expired.
    expiring: usize,
    is_open: bool,
    is_closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Claimed {
    sequence: u64,
    at: Timestamp,
}

// === impl Lanes ===

impl Lanes {
    /// Events that wait in lanes.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Events on their way to disk.
    pub(super) fn leaving(&self) -> usize {
        self.leaving
    }

    /// Whether something of this key is in memory.
    pub(super) fn has(&self, key: Key) -> bool {
        self.lanes.contains_key(&key)
    }

    /// Whether events of this key are on their way to disk, so that what comes after must follow.
    pub(super) fn is_leaving(&self, key: Key) -> bool {
        self.lanes
            .get(&key)
            .is_some_and(|lane| lane.leaving > 0 || lane.is_closed)
    }

    /// The first of the sequences that wait here or are covered by what does.
    pub(super) fn first_open(&self) -> Option<u64> {
        let waiting = self.lanes.values().flat_map(|lane| &lane.waiting);
        waiting.map(Ready::first).min()
    }

    /// Notes an event as claimed.
    pub(super) fn claim(&mut self, key: Key, sequence: u64, at: Timestamp) {
        self.lanes.entry(key).or_default().claimed = Some(Claimed { sequence, at });
    }

    /// Puts an event behind those of its key.
    pub(super) fn queue(&mut self, key: Key, ready: Ready) {
        self.events += 1;
        self.bytes += ready.bytes();
        self.lanes.entry(key).or_default().waiting.push_back(ready);
        self.settle_lane(key);
    }

    /// Puts a claimed event back where it was.
    pub(super) fn give_back(&mut self, key: Key, ready: Ready) {
        self.events += 1;
        self.bytes += ready.bytes();
        let lane = self.lanes.entry(key).or_default();
        lane.claimed = None;
        lane.waiting.push_front(ready);
        self.settle_lane(key);
    }

    /// The next event that may be claimed; it is noted as such.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Key, Ready)> {
        while let Some(key) = self.open.pop_front() {
            let Some(lane) = self.lanes.get_mut(&key) else {
                continue;
            };
            lane.is_open = false;
            if !lane.may_be_claimed() {
                continue;
            }
            let Some(ready) = lane.waiting.pop_front() else {
                continue;
            };
            lane.claimed = Some(Claimed {
                sequence: ready.sequence(),
                at: now,
            });
            self.events -= 1;
            self.bytes -= ready.bytes();
            return Some((key, ready));
        }
        None
    }

    /// An event is claimed no more: it is settled, or waits on disk.
    pub(super) fn unclaim(&mut self, key: Key, sequence: u64) {
        if let Some(lane) = self.lanes.get_mut(&key)
            && lane.claimed.is_some_and(|claimed| claimed.sequence == sequence)
        {
            lane.claimed = None;
        }
        self.settle_lane(key);
    }

    /// The first of a key waits on disk: what is here follows it there.
    pub(super) fn close(&mut self, key: Key) {
        if let Some(lane) = self.lanes.get_mut(&key)
            && !lane.waiting.is_empty()
            && !std::mem::replace(&mut lane.is_closed, true)
        {
            self.closed.push(key);
        }
    }

    /// Closes the lanes whose claimed event has been so since this time or longer.
    pub(super) fn close_slow(&mut self, since: Timestamp) {
        let slow: Vec<Key> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.claimed.is_some_and(|claimed| claimed.at <= since))
            .map(|(key, _)| *key)
            .collect();
        for key in slow {
            self.close(key);
        }
    }

    /// Since when the lane that was claimed from first is; of those with something behind.
    pub(super) fn slowest(&self) -> Option<Timestamp> {
        let busy = self.lanes.values().filter(|lane| !lane.waiting.is_empty());
        busy.filter_map(|lane| lane.claimed.map(|claimed| claimed.at))
            .min()
    }

    /// What is to go to disk, a key at a time in its order. It counts as leaving from now on.
    pub(super) fn take_closed(&mut self) -> Option<(Key, VecDeque<Ready>)> {
        let key = self.closed.pop()?;
        let lane = self.lanes.get_mut(&key)?;
        lane.is_closed = false;
        let waiting = std::mem::take(&mut lane.waiting);
        lane.leaving += waiting.len();
        self.leaving += waiting.len();
        self.events -= waiting.len();
        self.bytes -= waiting.iter().map(Ready::bytes).sum::<usize>();
        self.settle_lane(key);
        Some((key, waiting))
    }

    /// An event goes to disk without having waited here.
    pub(super) fn leave(&mut self, key: Key) {
        self.leaving += 1;
        self.lanes.entry(key).or_default().leaving += 1;
    }

    /// An event has arrived there.
    pub(super) fn left(&mut self, key: Key) {
        if let Some(lane) = self.lanes.get_mut(&key)
            && lane.leaving > 0
        {
            lane.leaving -= 1;
            self.leaving -= 1;
        }
        self.settle_lane(key);
    }

    /// An event of this key is being recorded as expired: what comes after it of its key waits for that.
    pub(super) fn expire(&mut self, key: Key) {
        self.lanes.entry(key).or_default().expiring += 1;
    }

    /// One of those is recorded, or could not be.
    pub(super) fn expired(&mut self, key: Key) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.expiring = lane.expiring.saturating_sub(1);
        }
        self.settle_lane(key);
    }

    /// Takes an event out that waits here, if it does.
    pub(super) fn drop_waiting(&mut self, key: Key, sequence: u64) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        let Ok(at) = lane.waiting.binary_search_by_key(&sequence, Ready::sequence) else {
            return;
        };
        if let Some(ready) = lane.waiting.remove(at) {
            self.events -= 1;
            self.bytes -= ready.bytes();
        }
        self.settle_lane(key);
    }

    /// Forgets what waits here: it is read again. What is claimed or on its way to disk stays noted.
    pub(super) fn shed(&mut self) {
        self.open.clear();
        self.closed.clear();
        (self.events, self.bytes) = (0, 0);
        self.lanes.retain(|_, lane| {
            lane.waiting.clear();
            (lane.is_open, lane.is_closed) = (false, false);
            !lane.is_empty()
        });
    }

    /// Removes a lane that holds nothing, and lines one up that may be claimed from.
    fn settle_lane(&mut self, key: Key) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        if lane.is_empty() {
            self.lanes.remove(&key);
        } else if lane.may_be_claimed() && !std::mem::replace(&mut lane.is_open, true) {
            self.open.push_back(key);
        }
    }
}

// === impl Lane ===

impl Lane {
    fn may_be_claimed(&self) -> bool {
        let is_held = self.claimed.is_some() || self.leaving > 0 || self.expiring > 0;
        !is_held && !self.is_closed && !self.waiting.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.claimed.is_none() && self.leaving == 0 && self.expiring == 0 && self.waiting.is_empty()
    }
}
