//! What grows with the configuration only: brokers (`b`), subscriptions (`s`), sources' state (`o`).

use serde::Deserialize;

use super::keys::{named, number};
use super::{Batch, Pair, SubscriptionState, View, ViewError};
use crate::embedded::records::{StreamsRecord, to_json};
use crate::{SourceState, SubscriptionId};

impl View {
    /// All brokers that were declared.
    pub(crate) fn brokers(&self) -> Result<Vec<StreamsRecord>, ViewError> {
        let all = self.scan(b"b").map(|found| self.decode_pair(found));
        all.map(|found| found.map(|(_, record)| record)).collect()
    }

    /// The subscriptions as of the last checkpoint.
    pub(crate) fn subscriptions(&self) -> Result<Vec<(SubscriptionId, SubscriptionState)>, ViewError> {
        let all = self.scan(b"s").map(|found| self.decode_pair(found));
        all.filter_map(|found| {
            found
                .map(|(key, state)| Some((SubscriptionId(number(&key, 0)?), state)))
                .transpose()
        })
        .collect()
    }

    fn decode_pair<T: for<'a> Deserialize<'a>>(
        &self,
        found: Result<Pair, ViewError>,
    ) -> Result<(Vec<u8>, T), ViewError> {
        let (key, value) = found?;
        let value = self.decode(&key, &value)?;
        Ok((key, value))
    }

    pub(crate) fn put_broker(&self, record: &StreamsRecord) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put(named(b'b', &record.broker.to_string()), to_json(record));
        self.write(batch)
    }

    pub(crate) fn put_source_state(&self, state: &SourceState) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put(named(b'o', &state.key), state.state.as_slice());
        self.write(batch)
    }

    pub(crate) fn source_state(&self, key: &str) -> Result<Option<Vec<u8>>, ViewError> {
        self.get(&named(b'o', key))
    }
}
