//! The record of pairs that were stored once; the layout is with the others in [`super`].

use bytes::BytesMut;

use super::{BadRecord, Input, put_varint};
use crate::clock::Timestamp;
use crate::embedded::dedupe::Pair;

/// Events of this frame were stored once: their pairs are not stored again before a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DedupedRecord {
    /// The broker's event stream.
    pub(crate) stream: u64,
    pub(crate) until: Timestamp,
    pub(crate) pairs: Vec<Pair>,
}

// === impl DedupedRecord ===

impl DedupedRecord {
    pub(super) fn put(&self, out: &mut BytesMut) {
        put_varint(out, self.stream);
        put_varint(out, self.until.0);
        put_varint(out, self.pairs.len() as u64);
        for pair in &self.pairs {
            out.extend_from_slice(&pair.key);
            out.extend_from_slice(&pair.fingerprint);
        }
    }

    pub(super) fn take(input: &mut Input) -> Result<Self, BadRecord> {
        let stream = input.varint()?;
        let until = Timestamp(input.varint()?);
        let count = input.varint()?;
        let pair = |input: &mut Input| {
            Ok(Pair {
                key: input.array()?,
                fingerprint: input.array()?,
            })
        };
        let pairs = (0..count).map(|_| pair(input)).collect::<Result<_, _>>()?;
        Ok(Self { stream, until, pairs })
    }
}
