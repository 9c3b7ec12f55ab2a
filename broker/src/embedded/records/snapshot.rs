//! The records of a snapshot: a beginning, chunks, an end. What they mean is in [`crate::embedded::snapshot`].
//!
//! ```text
//! SnapshotBegin (28)  JSON {applied}
//! SnapshotChunk (29)  begin v | index v | (key length v | key | value length v | value)*
//! SnapshotEnd (30)    JSON {begin, applied, chunks, bytes}
//! ```
//!
//! `begin` is the sequence of the beginning: a chunk or an end of another snapshot is never taken for this one's.

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use super::{BadRecord, Input, put_varint};
use crate::embedded::view::Pair;

/// A snapshot begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotBegin {
    /// The last state record that the subscriptions in it reflect.
    pub(crate) applied: u64,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotChunk {
    pub(crate) begin: u64,
    /// Counted from 0.
    pub(crate) index: u64,
    pub(crate) pairs: Vec<Pair>,
}

/// It is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotEnd {
    pub(crate) begin: u64,
    pub(crate) applied: u64,
    pub(crate) chunks: u64,
    /// Bytes of all chunks.
    pub(crate) bytes: u64,
}

impl SnapshotChunk {
    pub(super) fn put(&self, out: &mut BytesMut) {
        put_varint(out, self.begin);
        put_varint(out, self.index);
        for (key, value) in &self.pairs {
            for part in [key, value] {
                put_varint(out, part.len() as u64);
                out.extend_from_slice(part);
            }
        }
    }

    pub(super) fn take(input: &mut Input) -> Result<Self, BadRecord> {
        let (begin, index) = (input.varint()?, input.varint()?);
        let mut pairs = Vec::new();
        while !input.rest.is_empty() {
            pairs.push((input.block()?.to_vec(), input.block()?.to_vec()));
        }
        Ok(Self { begin, index, pairs })
    }
}
