//! What of a subscription waits, in the order of the stream.

use super::{Retry, number, numbered};
use crate::SubscriptionId;
use crate::embedded::key::Key;
use crate::embedded::view::{Pair, View, ViewError};

impl View {
    /// Which events from first to last wait, in order.
    pub(crate) fn retries_in(
        &self,
        id: SubscriptionId,
        first: u64,
        last: u64,
    ) -> Result<Vec<u64>, ViewError> {
        self.walk_sequences(id, first, last).collect()
    }

    /// Whether any of them does.
    pub(crate) fn has_retry(&self, id: SubscriptionId, first: u64, last: u64) -> Result<bool, ViewError> {
        Ok(self.walk_sequences(id, first, last).next().transpose()?.is_some())
    }

    /// The first events after a sequence that wait, in order, each with the key that it belongs to.
    pub(crate) fn waiting_after(
        &self,
        id: SubscriptionId,
        after: u64,
        count_max: usize,
    ) -> Result<Vec<(u64, Option<Key>)>, ViewError> {
        let mut waiting = Vec::new();
        for found in self.walk(id, after).take(count_max) {
            let (at, value) = found?;
            let retry: Retry = self.decode(&at, &value)?;
            waiting.extend(number(&at, 1).map(|sequence| (sequence, retry.key)));
        }
        Ok(waiting)
    }

    fn walk_sequences(
        &self,
        id: SubscriptionId,
        first: u64,
        last: u64,
    ) -> impl Iterator<Item = Result<u64, ViewError>> + '_ {
        let found = self.walk(id, first.saturating_sub(1));
        let sequences = found.filter_map(|found| found.map(|(key, _)| number(&key, 1)).transpose());
        sequences.take_while(move |found| found.as_ref().map_or(true, |sequence| *sequence <= last))
    }

    fn walk(&self, id: SubscriptionId, after: u64) -> impl Iterator<Item = Result<Pair, ViewError>> + '_ {
        let after = numbered(b'r', &[id.0, after]);
        self.scan_after(&numbered(b'r', &[id.0]), Some(&after))
    }
}
