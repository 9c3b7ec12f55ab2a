//! Footer of a sealed segment.
//!
//! ```text
//! offset tables, one a stream, in the order of the directory; an entry a record, ordered by sequence
//!  0   8  sequence
//!  8   4  offset of the record in the file
//! 12   4  bytes of the record
//!
//! directory, an entry a stream, ordered by stream
//!  0   8  stream
//!  8   8  first sequence in this segment
//! 16   8  last sequence in this segment
//! 24   8  next sequence to give out after this segment: last + 1, more after damage; 0 for kept records and marks
//! 32   4  records; 0 when the segment has none and the entry is there for its `next`
//! 36   4  offset of the table in the file
//! 40   4  checksum of stream and table
//! 44   4  bytes of the records
//!
//! trailer, the last 96 bytes of the file
//!  0   8  magic "HEDDLEFT"
//!  8   4  format version
//! 12   4  entries of the directory
//! 16   8  segment number
//! 24   8  highest epoch in the segment
//! 32   8  number of the first group
//! 40   8  number of the last group
//! 48   8  records of the journal before this segment
//! 56   8  records of the journal up to the end of this segment
//! 64   8  first sequence of a stream that is new after this segment: 1, more after damage
//! 72   8  places that were found damaged when the segment was sealed
//! 80   4  end of the groups
//! 84   4  offset of the directory
//! 88   4  checksum of the directory
//! 92   4  checksum of bytes 0..92
//! ```

use super::{FORMAT_VERSION, Place, Slot, array_at, narrow, u32_at, u64_at};
use crate::record::{Sequence, StreamId};

const MAGIC: &[u8; 8] = b"HEDDLEFT";
const SLOT: usize = 16;
const ENTRY: usize = 48;

/// What a directory says about one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryEntry {
    pub(crate) stream: StreamId,
    pub(crate) first: Sequence,
    pub(crate) last: Sequence,
    pub(crate) next: Sequence,
    pub(crate) count: u32,
    pub(crate) table_offset: u32,
    pub(crate) table_sum: u32,
    /// Bytes of the records, headers included.
    pub(crate) bytes: u32,
}

/// The end of a sealed segment. Offsets are filled in by [`Footer::encode`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) segment: u64,
    pub(crate) epoch: u64,
    pub(crate) first_group: u64,
    pub(crate) last_group: u64,
    pub(crate) records_before: u64,
    pub(crate) records_after: u64,
    pub(crate) other_next: Sequence,
    pub(crate) losses: u64,
    pub(crate) data_end: u32,
    pub(crate) streams: u32,
    pub(crate) directory_offset: u32,
    pub(crate) directory_sum: u32,
}

/// Directory and trailer: what is kept in memory of a sealed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) directory: Vec<DirectoryEntry>,
    pub(crate) trailer: Trailer,
}

/// Bytes that a footer takes.
pub(crate) fn footer_bytes(records: u64, streams: u64) -> u64 {
    records * SLOT as u64 + streams * ENTRY as u64 + Trailer::BYTES as u64
}

impl Footer {
    /// Lays out tables, directory and trailer from `trailer.data_end` on; `streams` is ordered by stream, and of each
    /// are given its slots and its next sequence.
    pub(crate) fn encode(
        place: Place,
        streams: &[(StreamId, Vec<Slot>, Sequence)],
        mut trailer: Trailer,
    ) -> (Vec<u8>, Footer) {
        let mut bytes = Vec::new();
        let mut directory = Vec::with_capacity(streams.len());
        for (stream, slots, next) in streams {
            let start = bytes.len();
            for slot in slots {
                bytes.extend_from_slice(&slot.sequence.to_le_bytes());
                bytes.extend_from_slice(&slot.offset.to_le_bytes());
                bytes.extend_from_slice(&slot.bytes.to_le_bytes());
            }
            directory.push(DirectoryEntry {
                stream: *stream,
                first: slots.first().map_or(0, |slot| slot.sequence),
                last: slots.last().map_or(0, |slot| slot.sequence),
                next: *next,
                count: narrow(slots.len()),
                table_offset: trailer.data_end + narrow(start),
                table_sum: table_sum(place, *stream, &bytes[start..]),
                bytes: slots.iter().fold(0, |sum, slot| sum.saturating_add(slot.bytes)),
            });
        }
        let start = bytes.len();
        directory.iter().for_each(|entry| entry.encode(&mut bytes));
        trailer.streams = narrow(directory.len());
        trailer.directory_offset = trailer.data_end + narrow(start);
        trailer.directory_sum = place
            .sum_at(u64::from(trailer.directory_offset))
            .add(&bytes[start..])
            .finish();
        let offset = u64::from(trailer.data_end) + bytes.len() as u64;
        bytes.extend_from_slice(&trailer.encode(place, offset));
        (bytes, Footer { directory, trailer })
    }

    /// The directory from its bytes; `None` when they are not the ones that the trailer was written for.
    pub(crate) fn decode(place: Place, trailer: Trailer, bytes: &[u8]) -> Option<Footer> {
        let sum = place
            .sum_at(u64::from(trailer.directory_offset))
            .add(bytes)
            .finish();
        if sum != trailer.directory_sum || bytes.len() != trailer.directory_bytes() {
            return None;
        }
        let directory = bytes.chunks_exact(ENTRY).map(DirectoryEntry::decode).collect();
        Some(Footer { directory, trailer })
    }
}

impl DirectoryEntry {
    /// Bytes of the stream's table.
    pub(crate) fn table_bytes(&self) -> usize {
        self.count as usize * SLOT
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        for field in [self.stream.0, self.first, self.last, self.next] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.count, self.table_offset, self.table_sum, self.bytes] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> DirectoryEntry {
        DirectoryEntry {
            stream: StreamId(u64_at(bytes, 0)),
            first: u64_at(bytes, 8),
            last: u64_at(bytes, 16),
            next: u64_at(bytes, 24),
            count: u32_at(bytes, 32),
            table_offset: u32_at(bytes, 36),
            table_sum: u32_at(bytes, 40),
            bytes: u32_at(bytes, 44),
        }
    }
}

impl Trailer {
    /// Bytes of the trailer.
    pub(crate) const BYTES: usize = 96;

    /// Bytes of the directory that the trailer speaks of.
    pub(crate) fn directory_bytes(&self) -> usize {
        self.streams as usize * ENTRY
    }

    /// The trailer from the last bytes of a file of `file_bytes`. `None` when it is none, or its parts are not inside
    /// the file; a newer format is not looked for here, the segment's header is refused before.
    pub(crate) fn decode(place: Place, file_bytes: u64, bytes: &[u8]) -> Option<Trailer> {
        let offset = file_bytes.checked_sub(Self::BYTES as u64)?;
        if bytes.len() != Self::BYTES || bytes[..8] != MAGIC[..] {
            return None;
        }
        if array_at::<4>(bytes, 92) != place.sum_at(offset).add(&bytes[..92]).finish().to_le_bytes() {
            return None;
        }
        let trailer = Trailer {
            segment: u64_at(bytes, 16),
            epoch: u64_at(bytes, 24),
            first_group: u64_at(bytes, 32),
            last_group: u64_at(bytes, 40),
            records_before: u64_at(bytes, 48),
            records_after: u64_at(bytes, 56),
            other_next: u64_at(bytes, 64),
            losses: u64_at(bytes, 72),
            data_end: u32_at(bytes, 80),
            streams: u32_at(bytes, 12),
            directory_offset: u32_at(bytes, 84),
            directory_sum: u32_at(bytes, 88),
        };
        let end = u64::from(trailer.directory_offset) + trailer.directory_bytes() as u64;
        (end == offset && trailer.data_end <= trailer.directory_offset).then_some(trailer)
    }

    fn encode(&self, place: Place, offset: u64) -> [u8; Trailer::BYTES] {
        let mut bytes = [0; Trailer::BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.streams.to_le_bytes());
        let longs = [
            self.segment,
            self.epoch,
            self.first_group,
            self.last_group,
            self.records_before,
            self.records_after,
            self.other_next,
            self.losses,
        ];
        for (at, field) in (16..).step_by(8).zip(longs) {
            bytes[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        for (at, field) in (80..)
            .step_by(4)
            .zip([self.data_end, self.directory_offset, self.directory_sum])
        {
            bytes[at..at + 4].copy_from_slice(&field.to_le_bytes());
        }
        let sum = place.sum_at(offset).add(&bytes[..92]).finish();
        bytes[92..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// A stream's table from its bytes; `None` when they are not what was written.
pub(crate) fn decode_table(place: Place, entry: &DirectoryEntry, bytes: &[u8]) -> Option<Vec<Slot>> {
    if bytes.len() != entry.table_bytes() || table_sum(place, entry.stream, bytes) != entry.table_sum {
        return None;
    }
    let slot = |bytes: &[u8]| Slot {
        sequence: u64_at(bytes, 0),
        offset: u32_at(bytes, 8),
        bytes: u32_at(bytes, 12),
    };
    Some(bytes.chunks_exact(SLOT).map(slot).collect())
}

fn table_sum(place: Place, stream: StreamId, bytes: &[u8]) -> u32 {
    place.sum_at(stream.0).add(bytes).finish()
}
