//! Retries after a restart with another idea of the time.
//!
//! While the process runs its clock cannot be set, but a start takes the time from the wall clock, and that may have gone
//! back since: then every retry would wait for that much longer, and one that was scheduled by a clock far ahead for
//! ever. What must hold: after a start each retry waits no longer than it would have waited without the restart, and
//! none longer than [`RETRY_WAIT_MAX`]. A clock that went forward cannot be told from a long pause: what is due then fires.

use std::time::Duration;

use super::keys::{be_u64, key, number};
use super::waiting::NEVER;
use super::{Batch, Retry, View, ViewError};
use crate::SubscriptionId;
use crate::clock::Timestamp;
use crate::limits::RETRY_WAIT_MAX;

/// The engine's time at the last checkpoint.
pub(super) const SEEN: &str = "mseen";
/// Retries that are moved at once.
const BATCH: usize = 1024;

impl View {
    /// The engine's time at the last checkpoint, if there was one.
    pub(crate) fn seen(&self) -> Result<Option<Timestamp>, ViewError> {
        let found = self.get(SEEN.as_bytes())?;
        Ok(found.as_deref().and_then(be_u64).map(Timestamp))
    }

    /// Remembers that the clock's step back has been made up for.
    pub(crate) fn set_seen(&self, now: Timestamp) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put(SEEN, now.0.to_be_bytes());
        self.write(batch)
    }

    /// Moves every retry of a subscription that is ahead of `now` nearer by `back`, and what is further ahead than
    /// [`RETRY_WAIT_MAX`] to that. Returns how many were moved. Holds a batch of them in memory, whatever their number.
    pub(crate) fn bring_near(
        &self,
        id: SubscriptionId,
        now: Timestamp,
        back: Duration,
    ) -> Result<u64, ViewError> {
        let furthest = now.after(RETRY_WAIT_MAX);
        // Without a step back nothing moves but what is too far ahead.
        let mut from = if back.is_zero() { furthest } else { now };
        let back = u64::try_from(back.as_millis()).unwrap_or(u64::MAX);
        let mut moved = 0;
        loop {
            let ahead = self.ahead(id, from)?;
            let Some((last, _)) = ahead.last().copied() else {
                return Ok(moved);
            };
            for (at, sequence) in ahead {
                let near = Timestamp(at.0.saturating_sub(back)).clamp(now, furthest);
                self.move_retry(id, at, sequence, near)?;
                moved += 1;
            }
            // Everything up to here went to an earlier time.
            from = last;
        }
    }

    /// The next retries whose time is after `from`, all of the last time included.
    fn ahead(&self, id: SubscriptionId, from: Timestamp) -> Result<Vec<(Timestamp, u64)>, ViewError> {
        let after = key(b'd', &[id.0, from.0, u64::MAX]);
        let mut found: Vec<(Timestamp, u64)> = Vec::new();
        for entry in self.scan_after(&key(b'd', &[id.0]), Some(&after)) {
            let (key, _) = entry?;
            let (Some(at), Some(sequence)) = (number(&key, 1), number(&key, 2)) else {
                continue;
            };
            if at == NEVER.0 {
                // What is parked waits for a person.
                break;
            }
            if found.len() >= BATCH && found.last().is_some_and(|(last, _)| last.0 != at) {
                break;
            }
            found.push((Timestamp(at), sequence));
        }
        Ok(found)
    }

    fn move_retry(
        &self,
        id: SubscriptionId,
        from: Timestamp,
        sequence: u64,
        to: Timestamp,
    ) -> Result<(), ViewError> {
        match self.retry(id, sequence)? {
            Some(retry) if retry.at == from => self.put_retry(id, sequence, &Retry { at: to, ..retry }),
            _ => {
                let mut batch = Batch::default();
                batch.remove(key(b'd', &[id.0, from.0, sequence]));
                self.write(batch)
            }
        }
    }
}

#[cfg(test)]
mod tests;
