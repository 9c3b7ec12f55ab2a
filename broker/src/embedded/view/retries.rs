//! Retries that wait: by event (`r`), by time (`d`), and how many (`c`).
//!
//! Holds: `d` and `c` follow from `r` at every moment, since they change in one batch. The counts are in memory as
//! well, so that a settlement of a subscription without retries costs no look-up, and a start walks none.

use serde::{Deserialize, Serialize};

use super::keys::{be_u64, key, number};
use super::{Batch, View, ViewError};
use crate::clock::Timestamp;
use crate::embedded::records::to_json;
use crate::{Progress, SubscriptionId};

/// Retries that are looked up at once to be removed.
const REMOVED_AT_ONCE: usize = 1024;

/// A retry that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub(crate) at: Timestamp,
    pub(crate) progress: Progress,
}

impl View {
    /// Schedules a retry, in place of the one that was there.
    pub(crate) fn put_retry(
        &self,
        id: SubscriptionId,
        sequence: u64,
        retry: &Retry,
    ) -> Result<(), ViewError> {
        if self.has_ended(id)? {
            // What was in somebody's hands at the end.
            return Ok(());
        }
        let before = self.retry(id, sequence)?;
        let mut retries = self.retries.lock();
        let count = retries.entry(id).or_default();
        let counted = *count + u64::from(before.is_none());
        let mut batch = Batch::default();
        if let Some(before) = before {
            batch.remove(key(b'd', &[id.0, before.at.0, sequence]));
        }
        batch.put(key(b'r', &[id.0, sequence]), to_json(retry));
        batch.put(key(b'd', &[id.0, retry.at.0, sequence]), []);
        batch.put(key(b'c', &[id.0]), counted.to_be_bytes());
        self.write(batch)?;
        *count = counted;
        Ok(())
    }

    /// Takes a retry off the schedule, if there is one.
    pub(crate) fn remove_retry(&self, id: SubscriptionId, sequence: u64) -> Result<(), ViewError> {
        if self.count_retries(id) == 0 {
            return Ok(());
        }
        let Some(before) = self.retry(id, sequence)? else {
            return Ok(());
        };
        let mut retries = self.retries.lock();
        let count = retries.entry(id).or_default();
        let counted = count.saturating_sub(1);
        let mut batch = Batch::default();
        batch.remove(key(b'r', &[id.0, sequence]));
        batch.remove(key(b'd', &[id.0, before.at.0, sequence]));
        if counted == 0 {
            batch.remove(key(b'c', &[id.0]));
        } else {
            batch.put(key(b'c', &[id.0]), counted.to_be_bytes());
        }
        self.write(batch)?;
        *count = counted;
        Ok(())
    }

    /// Takes all retries of a subscription off the schedule.
    pub(crate) fn remove_retries(&self, id: SubscriptionId) -> Result<(), ViewError> {
        while self.count_retries(id) > 0 {
            let page = self.scan(&key(b'r', &[id.0])).take(REMOVED_AT_ONCE);
            let sequences: Vec<_> = page
                .filter_map(|found| found.map(|(key, _)| number(&key, 1)).transpose())
                .collect::<Result<_, _>>()?;
            if sequences.is_empty() {
                break;
            }
            for sequence in sequences {
                self.remove_retry(id, sequence)?;
            }
        }
        Ok(())
    }

    /// A subscription is no more: no retry of it waits, and none will.
    pub(crate) fn end(&self, id: SubscriptionId) -> Result<(), ViewError> {
        self.remove_retries(id)?;
        let mut batch = Batch::default();
        batch.put(key(b'p', &[id.0]), []);
        self.write(batch)
    }

    fn has_ended(&self, id: SubscriptionId) -> Result<bool, ViewError> {
        Ok(self.get(&key(b'p', &[id.0]))?.is_some())
    }

    /// The retry of one event.
    pub(crate) fn retry(&self, id: SubscriptionId, sequence: u64) -> Result<Option<Retry>, ViewError> {
        let key = key(b'r', &[id.0, sequence]);
        let found = self.get(&key)?;
        found.map(|value| self.decode(&key, &value)).transpose()
    }

    /// Retries of one subscription in the order of their time.
    pub(crate) fn due(
        &self,
        id: SubscriptionId,
    ) -> impl Iterator<Item = Result<(Timestamp, u64), ViewError>> + '_ {
        self.scan(&key(b'd', &[id.0])).filter_map(|found| {
            found
                .map(|(key, _)| Some((Timestamp(number(&key, 1)?), number(&key, 2)?)))
                .transpose()
        })
    }

    /// Which events from first to last wait for a retry, in order.
    pub(crate) fn retries_in(
        &self,
        id: SubscriptionId,
        first: u64,
        last: u64,
    ) -> Result<Vec<u64>, ViewError> {
        self.walk_retries(id, first, last).collect()
    }

    /// Whether any of them does.
    pub(crate) fn has_retry(&self, id: SubscriptionId, first: u64, last: u64) -> Result<bool, ViewError> {
        Ok(self.walk_retries(id, first, last).next().transpose()?.is_some())
    }

    fn walk_retries(
        &self,
        id: SubscriptionId,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = Result<u64, ViewError>> + '_ {
        let after = key(b'r', &[id.0, first.saturating_sub(1)]);
        let found = self.scan_after(&key(b'r', &[id.0]), Some(&after));
        let sequences = found.filter_map(|found| found.map(|(key, _)| number(&key, 1)).transpose());
        sequences.take_while(move |found| found.as_ref().map_or(true, |sequence| *sequence <= last))
    }

    /// How many retries of one subscription wait.
    pub(crate) fn count_retries(&self, id: SubscriptionId) -> u64 {
        self.retries.lock().get(&id).copied().unwrap_or(0)
    }

    /// Reads the counts of a view that was opened.
    pub(super) fn load_counts(&self) -> Result<(), ViewError> {
        for found in self.scan(b"c") {
            let (key, value) = found?;
            if let (Some(id), Some(count)) = (number(&key, 0), be_u64(&value)) {
                self.retries.lock().insert(SubscriptionId(id), count);
            }
        }
        Ok(())
    }

    /// Adds to a batch what follows from a retry that is loaded into a view where it is not yet.
    pub(super) fn derive_retry(&self, at: &[u8], value: &[u8], batch: &mut Batch) -> Result<(), ViewError> {
        let retry: Retry = self.decode(at, value)?;
        let (Some(id), Some(sequence)) = (number(at, 0), number(at, 1)) else {
            return Err(self.failed(format!("{} is no key of a retry", at.escape_ascii())));
        };
        let mut retries = self.retries.lock();
        let count = retries.entry(SubscriptionId(id)).or_default();
        *count += 1;
        batch.put(key(b'd', &[id, retry.at.0, sequence]), []);
        batch.put(key(b'c', &[id]), count.to_be_bytes());
        Ok(())
    }
}
