//! What grows with the configuration only: brokers (`b`), subscriptions (`s`) and their ids (`p`), sources' state (`o`); and the
//! types of events (`t`), of which there is a limit.

use serde::Deserialize;

use super::keys::{be_u64, key, named, number};
use super::{Batch, Pair, SubscriptionState, View, ViewError};
use crate::embedded::records::{StreamsRecord, TypeSeenRecord, to_json};
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

    /// All types of events that were seen.
    pub(crate) fn types(&self) -> Result<Vec<TypeSeenRecord>, ViewError> {
        let all = self.scan(b"t").map(|found| self.decode_pair(found));
        all.map(|found| found.map(|(_, record)| record)).collect()
    }

    pub(crate) fn put_type(&self, record: &TypeSeenRecord) -> Result<(), ViewError> {
        let mut at = key(b't', &[record.stream]);
        at.extend_from_slice(record.ty.as_bytes());
        let mut batch = Batch::default();
        batch.put(at, to_json(record));
        self.write(batch)
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

    /// Notes the id that was given last: each is higher than the one before, and none is given twice.
    pub(crate) fn put_id(&self, id: SubscriptionId) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put("p", id.0.to_be_bytes());
        self.write(batch)
    }

    /// The id that was given last; 0 before the first.
    pub(crate) fn last_id(&self) -> Result<u64, ViewError> {
        Ok(self.get(b"p")?.as_deref().and_then(be_u64).unwrap_or(0))
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
