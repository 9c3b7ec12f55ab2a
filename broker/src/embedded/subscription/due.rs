//! What waits on disk and is due: found in the view by its time, a batch at once.

use super::inner::{Claimed, Hand, Inner};
use crate::SubscriptionId;
use crate::clock::Timestamp;
use crate::embedded::key::Key;
use crate::embedded::view::{Due, Hold, View, ViewError};

/// Due events that are taken from the view at once.
const DUE_BATCH: usize = 256;

impl Inner {
    /// Something may be due from this time on.
    pub(super) fn wake_due(&mut self, at: Timestamp) {
        self.next_due = Some(self.next_due.map_or(at, |next| next.min(at)));
    }

    /// Reads the next batch from the view, if there may be one.
    pub(super) fn load_due(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
        pumped: u64,
        view: &View,
    ) -> Result<(), ViewError> {
        let looked_at = self.looked_at(pumped);
        if self.due_at_sequence.is_some_and(|sequence| sequence <= looked_at) {
            self.due_at_sequence = None;
            self.wake_due(Timestamp(0));
        }
        if !self.due.is_empty() || self.next_due.is_none_or(|next| next > now) {
            return Ok(());
        }
        if view.waiting(id).total() == 0 {
            self.next_due = None;
            return Ok(());
        }
        let first = self.next_due.take();
        let loaded = self.load_all(id, now, looked_at, view);
        if loaded.is_err() {
            self.next_due = first;
        }
        loaded
    }

    fn load_all(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
        looked_at: u64,
        view: &View,
    ) -> Result<(), ViewError> {
        if self.load_from(id, Timestamp(0), now, looked_at, view)? {
            self.load_from(id, Timestamp(1), now, looked_at, view)?;
        }
        Ok(())
    }

    /// Reads what is due from a time on. Says whether it broke off at an event of the first time that must wait until
    /// those before it have been looked at: so must all after it, and there may be many.
    fn load_from(
        &mut self,
        id: SubscriptionId,
        from: Timestamp,
        now: Timestamp,
        looked_at: u64,
        view: &View,
    ) -> Result<bool, ViewError> {
        for due in view.due(id, from) {
            let due = due?;
            if due.is_parked() {
                return Ok(false);
            }
            if due.at > now || self.due.len() >= DUE_BATCH {
                self.wake_due(due.at);
                return Ok(false);
            }
            if self.must_be_looked_at(&due, looked_at) {
                self.due_at_sequence = Some(due.sequence);
                return Ok(true);
            }
            let is_in_memory = due.key.is_some_and(|key| self.has_lane(key));
            if !is_in_memory && !self.claims.contains_key(&due.sequence) {
                self.due.push_back(due);
            }
        }
        Ok(false)
    }

    /// Claims the next that is due. What is not the first of its key, or has something of its key in memory, is left
    /// alone: it is found again when what stands before it is settled.
    pub(super) fn claim_due(
        &mut self,
        id: SubscriptionId,
        pumped: u64,
        view: &View,
    ) -> Result<Option<u64>, ViewError> {
        while let Some(due) = self.due.front().copied() {
            let first = match due.key {
                Some(key) => view.first_of(id, key)?,
                None => None,
            };
            self.due.pop_front();
            if self.claims.contains_key(&due.sequence) {
                continue;
            }
            if let Some(key) = due.key {
                let is_first =
                    first.is_some_and(|(first, hold)| first == due.sequence && hold != Hold::Parked);
                if !is_first || self.has_lane(key) {
                    continue;
                }
                if self.must_be_looked_at(&due, self.looked_at(pumped)) {
                    self.due_at_sequence = self
                        .due_at_sequence
                        .map_or(Some(due.sequence), |other| Some(other.min(due.sequence)));
                    continue;
                }
            }
            self.claims.insert(
                due.sequence,
                Claimed {
                    covers: 0,
                    hand: Hand::Waiting,
                    key: due.key,
                    since: None,
                    expires: false,
                },
            );
            return Ok(Some(due.sequence));
        }
        Ok(None)
    }

    fn has_lane(&self, key: Key) -> bool {
        self.lanes.as_ref().is_some_and(|lanes| lanes.has(key))
    }

    /// Whether an earlier event of its key may be there that nobody has seen since the subscription was attached. One
    /// that has a time was claimed before, so that all before it of its key were settled.
    fn must_be_looked_at(&self, due: &Due, looked_at: u64) -> bool {
        self.lanes.is_some() && due.key.is_some() && due.at == Timestamp(0) && due.sequence > looked_at
    }
}
