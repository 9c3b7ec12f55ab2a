//! Handing out in order: an event waits while one before it of its key is not settled, and others do not.
//!
//! Of a key that nothing waits for on disk, what is in memory is a lane. Once one of its events waits on disk (for its
//! retry, for a person), everything after it of that key follows it there, by a record that accounts for it, and comes
//! back in the key's order: the view knows the first.
//!
//! What must hold, whatever was lost in memory:
//! - A key's events are claimed one at a time and in the order in which they are stored. The next is claimed only
//!   when the settlement of the one before it is applied, and so durable.
//! - What comes back from disk without having been tried is claimed only when everything stored before it has been
//!   looked at since the subscription was attached: an earlier one of its key may not be accounted for.
//! - Memory holds what [`READY_EVENTS_MAX`] and [`LAG_READ_BYTES_MAX`] let it, however many keys are blocked.

use std::sync::Arc;

use super::inner::{Claimed, Hand, Inner, Ready};
use super::lanes::Lanes;
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::records::{Fate, Held, Item};
use crate::embedded::view::{Hold, View, ViewError};
use crate::limits::{KEY_PATIENCE_MS, LAG_READ_BYTES_MAX, LAG_READ_EVENTS_MAX, READY_EVENTS_MAX};
use crate::{Order, Stored, SubscriptionId};

/// Where an event goes that has come in.
enum Way {
    /// Nothing of its key is before it.
    Claim,
    /// Behind those of its key in memory.
    Queue,
    /// Behind those of its key on disk.
    Leave,
}

impl Inner {
    /// Takes up an order of handing out. What waits on disk by its key comes in that order in any case.
    pub(super) fn set_order(&mut self, order: Order) {
        match order {
            Order::Unordered => self.lanes = None,
            Order::ByKey if self.lanes.is_none() => {
                let mut lanes = Lanes::default();
                let claims = self.claims.values().filter(|claimed| claimed.is_expiring_fresh());
                claims
                    .filter_map(|claimed| claimed.key)
                    .for_each(|key| lanes.expire(key));
                self.lanes = Some(lanes);
            }
            Order::ByKey => {}
        }
    }

    /// Whether there is room to read on from disk.
    pub(super) fn has_room(&self) -> bool {
        let lanes_have = self.lanes.as_ref().is_none_or(|lanes| {
            lanes.events() + LAG_READ_EVENTS_MAX <= READY_EVENTS_MAX
                && lanes.bytes() < LAG_READ_BYTES_MAX
                && lanes.leaving() < READY_EVENTS_MAX
        });
        let has_more = self.scanned < self.until;
        self.place.is_lagging() && self.ready.is_empty() && has_more && lanes_have
    }

    /// Claims the next first attempt. What must go to disk is added to what leaves.
    pub(super) fn claim_fresh(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
        view: &View,
    ) -> Result<Option<Arc<Stored>>, ViewError> {
        if self.lanes.is_none() {
            let ready = self.ready.pop_front();
            return Ok(ready.map(|ready| self.hand_out(ready, None)));
        }
        self.send_closed(id);
        if let Some((key, ready)) = self.lanes.as_mut().and_then(|lanes| lanes.take(now)) {
            return Ok(Some(self.hand_out(ready, Some(key))));
        }
        while let Some((key, sequence)) = self.next_arrival() {
            let way = self.way(id, key, sequence, view)?;
            let (Some(lanes), Some(ready)) = (&mut self.lanes, self.ready.pop_front()) else {
                break;
            };
            match way {
                Way::Claim => {
                    lanes.claim(key, sequence, now);
                    return Ok(Some(self.hand_out(ready, Some(key))));
                }
                Way::Queue => lanes.queue(key, ready),
                Way::Leave => {
                    lanes.leave(key);
                    self.leave(id, key, &ready);
                }
            }
        }
        self.close_slow(now);
        self.send_closed(id);
        Ok(None)
    }

    /// When the events behind a slow one are to make room for other keys, if they stand in the way.
    pub(super) fn patience_ends(&self) -> Option<Timestamp> {
        let is_full = self.place.is_lagging() && !self.has_room();
        let lanes = self.lanes.as_ref().filter(|_| is_full)?;
        let slowest = lanes.slowest()?;
        Some(Timestamp(slowest.0.saturating_add(KEY_PATIENCE_MS)))
    }

    /// A record has changed something of a key: what was in a consumer's hands is not any more. `waits` says that it
    /// waits now, so that all after it must.
    pub(super) fn key_changed(&mut self, key: Key, sequence: u64, was: Option<Claimed>, waits: bool) {
        if let Some(lanes) = &mut self.lanes {
            if waits {
                lanes.close(key);
            }
            match was.map(|claimed| claimed.hand) {
                Some(Hand::Fresh) if was.is_some_and(|was| was.is_expiring_fresh()) => lanes.expired(key),
                Some(Hand::Fresh) => lanes.unclaim(key, sequence),
                Some(Hand::Leaving) => lanes.left(key),
                Some(Hand::Waiting) | None => {}
            }
            if lanes.has(key) {
                return;
            }
        }
        match was {
            Some(_) if self.waiting.keyed > 0 => self.freed.push(key),
            Some(_) => {}
            None => self.wake_due(Timestamp(0)),
        }
    }

    /// Looks up what of the keys that have nothing in memory any more is first on disk, and when it is due.
    pub(super) fn schedule_freed(&mut self, id: SubscriptionId, view: &View) -> Result<(), ViewError> {
        while let Some(key) = self.freed.last().copied() {
            match view.first_of(id, key)? {
                Some((_, Hold::Parked)) | None => {}
                Some((_, Hold::Behind)) => self.wake_due(Timestamp(0)),
                Some((sequence, Hold::Retry | Hold::Blocked)) => {
                    if let Some(retry) = view.retry(id, sequence)? {
                        self.wake_due(retry.at);
                    }
                }
            }
            self.freed.pop();
        }
        Ok(())
    }

    /// Everything stored up to here has been looked at: what of it is not accounted for is claimed, in a lane or on
    /// its way to disk.
    pub(super) fn looked_at(&self, pumped: u64) -> u64 {
        let arrived = self.ready.front().map(|ready| ready.sequence() - 1);
        arrived.unwrap_or_else(|| self.scanned_at(pumped))
    }

    fn next_arrival(&self) -> Option<(Key, u64)> {
        let is_full = self
            .lanes
            .as_ref()
            .is_some_and(|lanes| lanes.leaving() >= READY_EVENTS_MAX);
        if is_full {
            return None;
        }
        let ready = self.ready.front()?;
        Some((Key::of(&ready.stored.event), ready.sequence()))
    }

    fn way(&self, id: SubscriptionId, key: Key, sequence: u64, view: &View) -> Result<Way, ViewError> {
        let lanes = self.lanes.as_ref();
        if lanes.is_some_and(|lanes| lanes.is_leaving(key)) {
            return Ok(Way::Leave);
        }
        let is_first =
            self.waiting.keyed == 0 || view.first_of(id, key)?.is_none_or(|(first, _)| first > sequence);
        Ok(match (is_first, lanes.is_some_and(|lanes| lanes.has(key))) {
            (false, _) => Way::Leave,
            (true, true) => Way::Queue,
            (true, false) => Way::Claim,
        })
    }

    fn hand_out(&mut self, ready: Ready, key: Option<Key>) -> Arc<Stored> {
        self.claims.insert(
            ready.sequence(),
            Claimed {
                covers: ready.covers,
                hand: Hand::Fresh,
                key,
                since: None,
                expires: false,
            },
        );
        ready.stored
    }

    fn leave(&mut self, id: SubscriptionId, key: Key, ready: &Ready) {
        let (sequence, covers) = (ready.sequence(), ready.covers);
        self.claims.insert(
            sequence,
            Claimed {
                covers,
                hand: Hand::Leaving,
                key: Some(key),
                since: None,
                expires: false,
            },
        );
        self.leaving.push(Item {
            subscription: id,
            sequence,
            covers,
            fate: Fate::Held {
                key,
                held: Held::Behind,
            },
        });
    }

    fn send_closed(&mut self, id: SubscriptionId) {
        while let Some((key, events)) = self.lanes.as_mut().and_then(Lanes::take_closed) {
            for ready in events {
                self.leave(id, key, &ready);
            }
        }
    }

    /// One key's events, behind one that takes its time, may fill memory so that no other key is read on. They go to
    /// disk then, but not before the one has had a while: most do not take long, and going to disk costs a record each.
    fn close_slow(&mut self, now: Timestamp) {
        if self.patience_ends().is_some_and(|end| end <= now)
            && let Some(lanes) = &mut self.lanes
        {
            lanes.close_slow(Timestamp(now.0.saturating_sub(KEY_PATIENCE_MS)));
        }
    }
}
