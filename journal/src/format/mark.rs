//! The mark of a segment that is about to leave: what the streams are from then on.
//!
//! ```text
//!  0   8  records of the journal up to the end of the segment
//!  8   8  first sequence of a stream that is new: 1, more after damage
//! 16      streams that lost records to retirement, 24 bytes each, ordered by stream:
//!         8 stream, 8 `from`, 8 `next`
//! ```
//!
//! Of each stream, what stands before `from` has left (kept copies apart), and what stands from there on is there or
//! is damage. A stream that is not named has lost nothing: it begins with 1. `next` is the least that the stream gives
//! out next, for one that has no other record left. Each mark names all streams, so that the newest is enough.

use super::u64_at;
use crate::record::{Sequence, StreamId};

const HEAD: usize = 16;
const ENTRY: usize = 24;

/// What a mark says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The segment that leaves: the mark's sequence.
    pub(crate) segment: u64,
    pub(crate) records_after: u64,
    pub(crate) other: Sequence,
    pub(crate) streams: Vec<MarkedStream>,
}

/// What a mark says of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarkedStream {
    pub(crate) stream: StreamId,
    pub(crate) from: Sequence,
    pub(crate) next: Sequence,
}

impl Mark {
    /// The payload of its record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.streams.len() * ENTRY);
        let head = [self.records_after, self.other];
        let streams = self.streams.iter();
        let fields = head
            .into_iter()
            .chain(streams.flat_map(|marked| [marked.stream.0, marked.from, marked.next]));
        fields.for_each(|field| bytes.extend_from_slice(&field.to_le_bytes()));
        bytes
    }

    /// The mark about a segment from its payload; `None` when it is none.
    pub(crate) fn decode(segment: u64, bytes: &[u8]) -> Option<Mark> {
        let entries = bytes.get(HEAD..)?.chunks_exact(ENTRY);
        if !entries.remainder().is_empty() {
            return None;
        }
        let streams = entries.map(|entry| MarkedStream {
            stream: StreamId(u64_at(entry, 0)),
            from: u64_at(entry, 8),
            next: u64_at(entry, 16),
        });
        Some(Mark {
            segment,
            records_after: u64_at(bytes, 0),
            other: u64_at(bytes, 8),
            streams: streams.collect(),
        })
    }
}
