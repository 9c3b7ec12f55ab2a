//! How events that are over age come out of a subscription's hands: they are claimed like any other, so that nobody
//! else gets them, and settled by who claimed them.
//!
//! What must hold, beside what [`super`] says:
//! - One that waits on disk is looked up there again once it is claimed: it may have been settled since it was found.
//! - What comes after such an event of its key is not handed out before its end is recorded.
//! - Nothing is claimed while the place is moved, and nothing by what was seen of the place before.

use std::collections::HashSet;

use super::Sub;
use super::inner::{Claimed, Hand, Inner};
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::records::{Fate, Item};
use crate::embedded::view::{View, ViewError};

/// What is seen of a subscription's place before its events are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    /// Up to here everything is accounted for.
    pub(crate) floor: u64,
    /// The first sequence that is neither accounted for nor claimed.
    pub(crate) open: u64,
    moves: u64,
}

/// An event to be settled without being handed out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Old {
    pub(crate) sequence: u64,
    /// How many sequences right before it did not match or are accounted for.
    pub(crate) covers: u64,
    /// It waits on disk.
    pub(crate) is_waiting: bool,
    /// The key that it belongs to; `None` if it has none or that is not known.
    pub(crate) key: Option<Key>,
    pub(crate) fate: Fate,
}

impl Sub {
    /// Looks at the place.
    pub(crate) fn glance(&self) -> Glance {
        let inner = self.inner.lock();
        Glance {
            floor: inner.accounted.floor(),
            open: inner.first_open(1),
            moves: inner.moves,
        }
    }

    /// The first sequence from `at` on that is neither accounted for nor claimed.
    pub(crate) fn first_open(&self, at: u64) -> u64 {
        self.inner.lock().first_open(at)
    }

    /// Whether somebody has it in hand.
    pub(crate) fn is_claimed(&self, sequence: u64) -> bool {
        self.inner.lock().claims.contains_key(&sequence)
    }

    /// Claims those that nobody has in hand and that are as they were found. What to record of them; `None` when the
    /// place is being moved, or was since the glance.
    pub(crate) fn take_old(&self, glance: &Glance, old: Vec<Old>) -> Option<Vec<Item>> {
        let mut inner = self.inner.lock();
        if inner.held > 0 || inner.moves != glance.moves {
            return None;
        }
        let mut items = Vec::with_capacity(old.len());
        for old in old {
            let is_known = inner.accounted.contains(old.sequence);
            if is_known != old.is_waiting || inner.claims.contains_key(&old.sequence) {
                continue;
            }
            let claimed = Claimed {
                covers: old.covers,
                hand: if old.is_waiting {
                    Hand::Waiting
                } else {
                    Hand::Fresh
                },
                key: old.key,
                since: None,
                expires: true,
            };
            inner.claims.insert(old.sequence, claimed);
            if let (Some(lanes), Some(key), false) = (&mut inner.lanes, old.key, old.is_waiting) {
                lanes.expire(key);
                lanes.drop_waiting(key, old.sequence);
            }
            items.push(Item {
                subscription: self.id,
                sequence: old.sequence,
                covers: old.covers,
                fate: old.fate,
            });
        }
        let inner = &mut *inner;
        let is_taken = |sequence: u64| inner.claims.get(&sequence).is_some_and(|claimed| claimed.expires);
        inner.due.retain(|due| !is_taken(due.sequence));
        inner.ready.retain(|ready| !is_taken(ready.sequence()));
        Some(items)
    }

    /// Of events that waited on disk when they were found, and are claimed now: those that still do. The others were
    /// settled between the two, and are let go.
    pub(crate) fn keep_waiting(&self, mut items: Vec<Item>, view: &View) -> Result<Vec<Item>, ViewError> {
        let mut settled = HashSet::new();
        for item in &items {
            if view.retry(self.id, item.sequence)?.is_none() {
                settled.insert(item.sequence);
            }
        }
        items.retain(|item| !settled.contains(&item.sequence));
        settled
            .into_iter()
            .for_each(|sequence| self.release(sequence, None));
        Ok(items)
    }

    /// What was claimed to expire could not be recorded: it comes again, from disk.
    pub(crate) fn give_back_old(&self, items: &[Item]) {
        let mut inner = self.inner.lock();
        inner.shed_ready();
        for item in items {
            let was = inner.claims.remove(&item.sequence);
            let key = was.filter(Claimed::is_expiring_fresh).and_then(|was| was.key);
            if let (Some(lanes), Some(key)) = (&mut inner.lanes, key) {
                lanes.expired(key);
            }
            let first = item.sequence - item.covers;
            if !inner.accounted.contains(item.sequence) && inner.scanned >= first {
                inner.go_back_to(first);
            }
        }
        inner.wake_due(Timestamp(0));
        drop(inner);
        self.woken.notify_one();
    }
}

impl Inner {
    fn first_open(&self, at: u64) -> u64 {
        let mut open = at.max(1);
        loop {
            if let Some(last) = self.accounted.end_of_range(open) {
                open = last + 1;
            } else if self.claims.contains_key(&open) {
                open += 1;
            } else {
                return open;
            }
        }
    }
}
