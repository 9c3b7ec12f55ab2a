//! Frames and the records in them.
//!
//! ```text
//! frame
//!  0   4  bytes of the records that follow
//!  4   4  records
//!  8   4  checksum of epoch, group number, bytes 0..8 and the 25 header bytes of every record
//!
//! record
//!  0   4  bytes of the payload
//!  4   4  checksum of bytes 0..4, 8..25 and the payload
//!  8   8  stream; its highest bit says that the record is kept, or a mark (see format/part.rs)
//! 16   8  sequence
//! 24   1  kind
//! 25      payload
//! ```
//!
//! Nothing is aligned in here. The checksum of a record starts from the record's own offset, that of a frame from the
//! frame's.

use smallvec::SmallVec;

use super::{Place, Slot, narrow, u32_at, u64_at};
use crate::record::{Entry, Sequence, StreamId};

/// Where the records of a frame lie; most frames have one or two.
type Slots = SmallVec<[Slot; 2]>;

const FRAME_HEAD: usize = 12;
pub(super) const RECORD_HEAD: usize = 25;

/// Writes frames of one group behind each other into a buffer.
pub(crate) struct FrameWriter<'a> {
    /// The group as it will stand in the file; frames are appended.
    pub(crate) buffer: &'a mut Vec<u8>,
    /// Offset of the buffer's first byte in the file.
    pub(crate) base: u64,
    pub(crate) place: Place,
    pub(crate) epoch: u64,
    pub(crate) group: u64,
}

/// What stands before a record's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) stream: StreamId,
    pub(crate) sequence: Sequence,
    pub(crate) kind: u8,
    pub(crate) payload_bytes: u32,
}

/// Bytes of a frame with these entries.
pub(crate) fn frame_bytes(entries: &[Entry]) -> u64 {
    let records = entries
        .iter()
        .map(|entry| (RECORD_HEAD + entry.payload_bytes()) as u64);
    FRAME_HEAD as u64 + records.sum::<u64>()
}

/// Bytes of a record with this payload.
pub(crate) fn record_bytes(payload_bytes: u32) -> u64 {
    RECORD_HEAD as u64 + u64::from(payload_bytes)
}

impl FrameWriter<'_> {
    /// Appends a frame; answers where its records lie, in its order.
    pub(crate) fn write<'e>(&mut self, entries: impl Iterator<Item = (&'e Entry, Sequence)>) -> Slots {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; FRAME_HEAD]);
        let slots: Slots = entries
            .map(|(entry, sequence)| self.write_record(entry, sequence))
            .collect();
        let bytes = narrow(self.buffer.len() - start - FRAME_HEAD);
        self.buffer[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
        self.buffer[start + 4..start + 8].copy_from_slice(&narrow(slots.len()).to_le_bytes());
        let sum = self.frame_sum(start, &slots);
        self.buffer[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
        slots
    }

    fn write_record(&mut self, entry: &Entry, sequence: Sequence) -> Slot {
        let start = self.buffer.len();
        let offset = self.base + start as u64;
        self.buffer
            .extend_from_slice(&narrow(entry.payload_bytes()).to_le_bytes());
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer
            .extend_from_slice(&entry.stored_stream().0.to_le_bytes());
        self.buffer.extend_from_slice(&sequence.to_le_bytes());
        self.buffer.push(entry.kind);
        self.buffer.extend_from_slice(&entry.head);
        self.buffer.extend_from_slice(&entry.body);
        let sum = record_sum(self.place, offset, &self.buffer[start..]);
        self.buffer[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
        Slot {
            sequence,
            offset: u32::try_from(offset).expect("segments are smaller than 4 GiB"),
            bytes: narrow(self.buffer.len() - start),
        }
    }

    fn frame_sum(&self, start: usize, slots: &[Slot]) -> u32 {
        let mut sum = self.place.sum_at(self.base + start as u64);
        sum.add(&self.epoch.to_le_bytes()).add(&self.group.to_le_bytes());
        sum.add(&self.buffer[start..start + 8]);
        let mut at = start + FRAME_HEAD;
        for slot in slots {
            sum.add(&self.buffer[at..at + RECORD_HEAD]);
            at += slot.bytes as usize;
        }
        sum.finish()
    }
}

/// Reads the frame at the start of `bytes`, which stands at `offset` in the file: the streams and places of its
/// records, and the bytes that it takes. `None` when the frame or a record's header is not what was written; payloads
/// are not looked at, [`verify_record`] does.
pub(crate) fn read_frame(
    bytes: &[u8],
    offset: u64,
    place: Place,
    epoch: u64,
    group: u64,
) -> Option<(Vec<(StreamId, Slot)>, usize)> {
    if bytes.len() < FRAME_HEAD {
        return None;
    }
    let end = FRAME_HEAD
        .checked_add(u32_at(bytes, 0) as usize)
        .filter(|end| *end <= bytes.len())?;
    let mut sum = place.sum_at(offset);
    sum.add(&epoch.to_le_bytes())
        .add(&group.to_le_bytes())
        .add(&bytes[..8]);
    let mut records = Vec::new();
    let mut at = FRAME_HEAD;
    while at < end {
        let head = RecordHead::decode(&bytes[at..end])?;
        let next = at + usize::try_from(record_bytes(head.payload_bytes)).ok()?;
        if next > end {
            return None;
        }
        sum.add(&bytes[at..at + RECORD_HEAD]);
        let offset = u32::try_from(offset + at as u64).ok()?;
        records.push((
            head.stream,
            Slot {
                sequence: head.sequence,
                offset,
                bytes: narrow(next - at),
            },
        ));
        at = next;
    }
    let whole = u32_at(bytes, 8) == sum.finish() && u32_at(bytes, 4) as usize == records.len();
    whole.then_some((records, end))
}

/// Checks one record, header and payload, that stands at `offset` in the file. `None` when it is not what was
/// written there.
pub(crate) fn verify_record(bytes: &[u8], offset: u64, place: Place) -> Option<(RecordHead, &[u8])> {
    let head = RecordHead::decode(bytes)?;
    let whole = bytes.get(..usize::try_from(record_bytes(head.payload_bytes)).ok()?)?;
    (u32_at(bytes, 4) == record_sum(place, offset, whole)).then_some((head, &whole[RECORD_HEAD..]))
}

impl RecordHead {
    fn decode(bytes: &[u8]) -> Option<RecordHead> {
        if bytes.len() < RECORD_HEAD {
            return None;
        }
        Some(RecordHead {
            stream: StreamId(u64_at(bytes, 8)),
            sequence: u64_at(bytes, 16),
            kind: bytes[24],
            payload_bytes: u32_at(bytes, 0),
        })
    }
}

fn record_sum(place: Place, offset: u64, record: &[u8]) -> u32 {
    place.sum_at(offset).add(&record[..4]).add(&record[8..]).finish()
}
