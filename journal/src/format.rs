//! The bytes on disk. All numbers are little endian; all checksums are CRC-32C.
//!
//! # The directory
//!
//! ```text
//! FORMAT             format version and the journal's random id, as text (format/marker.rs)
//! CLOSED             only while no process works here and the last one closed cleanly: where the journal ended
//!                    (format/closed.rs)
//! LOCK               held with flock by the process that writes, whose id stands in it
//! INCOMPLETE         only in a backup that was not finished: the directory is not opened
//! 000000000001.seg   segments, numbered without a gap from the oldest that is kept
//! 000001.spare       next segments, preallocated: one to go on in, the others a reserve; no meaning otherwise
//! ```
//!
//! A file gets its `.seg` name only after its header was synced, and only after everything in the segment before it
//! was synced. So a `.seg` file with a bad header is damage, and a segment that has a successor has no tail to cut.
//!
//! # A segment
//!
//! ```text
//! 0           segment header, 4,096 bytes of which the first 80 are used   (format/segment.rs)
//! 4,096       commit groups, each aligned to 16 bytes, one after another   (format/group.rs)
//!             zeros up to the preallocated size
//! ```
//!
//! When it is full the segment is sealed: a footer takes the place of the zeros and the file is cut to its end.
//!
//! ```text
//!             commit groups
//!             offset tables, one a stream                                  (format/footer.rs)
//!             directory of the streams, ordered by stream
//! end - 96    trailer
//! ```
//!
//! # A commit group
//!
//! What was made durable by one sync: a header of 64 bytes, then frames (format/frame.rs). A frame is what was
//! appended at once and holds records. No frame crosses a group, no group crosses a segment. Groups that open or
//! cleanly close a journal have no frames.
//!
//! # Retirement
//!
//! Segments leave oldest first. What is to stay of one that leaves is copied forward before, under the stream and
//! sequence that it has: a kept record (format/part.rs), which takes no part in its stream's numbering. It has a table
//! of its own in a footer; there may be several of one sequence in the journal, and they are the same.
//!
//! Before a segment is unlinked, a mark about it is synced (format/mark.rs), in a later segment: from where on each
//! stream's records are to be there, and what it gives out next. The mark in force is the newest about a segment that
//! is older than all that are there. One about a segment that is still there says nothing yet: the process ended
//! before the file was gone, and the segment is served as ever.
//!
//! # What must hold
//!
//! - Group numbers grow by one over the whole journal. `epoch` grows by one at each open, and an opening group of the
//!   new epoch is synced before anything else is written. So of two groups with one number, the one with the higher
//!   epoch is the one that counts, and a group of a lower epoch than its predecessor was left from before a cut.
//! - A group's header names the last group whose sync had returned. Damage at or before a group that is so named (by
//!   any header that stands later, or by `CLOSED`) lost something durable; damage after it is an unacknowledged tail.
//! - `records_before` counts the records of the whole journal before the group, so that the number of lost records is
//!   known even when nothing else about them is.
//! - Every checksum starts from the journal's id, the segment's number and the offset in the file (see [`Place`]).
//!   Bytes of another journal, of another segment, or moved inside one are not taken for valid; nor can a payload
//!   hold bytes that look valid, since the id is random.
//! - A record has a checksum of its own over its header and its payload, so that one record can be read and verified
//!   alone. A frame's checksum covers epoch, group number and the headers of its records, which hold those checksums:
//!   a payload byte is summed once, and a frame is whole only if all of its records are.
//! - A footer is written when everything before it is synced, so that a valid one speaks the truth. It can always be
//!   rebuilt from the groups. It is there so that opening costs a directory and not a scan.

mod closed;
mod footer;
mod frame;
mod group;
mod mark;
mod marker;
mod part;
mod segment;
#[cfg(test)]
mod tests;

use crc_fast::{CrcAlgorithm, Digest};

use crate::record::Sequence;

pub(crate) use closed::Closed;
pub(crate) use footer::{DirectoryEntry, Footer, Trailer, decode_table, footer_bytes};
pub(crate) use frame::{FrameWriter, frame_bytes, read_frame, record_bytes, verify_record};
pub(crate) use group::{GROUP_ALIGN, GROUP_HEAD, GroupHead, GroupKind, align};
pub(crate) use mark::{Mark, MarkedStream};
pub(crate) use marker::Marker;
pub(crate) use part::{LAST_STREAM, MARKS, is_kept, kept_part, plain};
pub(crate) use segment::{HeaderFault, SEGMENT_HEAD, SegmentHead, file_name, segment_number};

/// The format that this program writes, and the newest that it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Random name of a journal, made with its directory.
pub(crate) type JournalId = [u8; 16];

/// Where a record lies in its segment: 16 bytes in memory and in a footer's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) sequence: Sequence,
    /// Offset of the record's header in the file.
    pub(crate) offset: u32,
    /// Bytes of header and payload.
    pub(crate) bytes: u32,
}

impl Slot {
    /// Offset of the first byte after the record.
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.bytes)
    }

    /// Bytes of the payload alone.
    pub(crate) fn payload_bytes(&self) -> usize {
        (self.bytes as usize).saturating_sub(frame::RECORD_HEAD)
    }
}

/// The start of every checksum in a segment: which journal, which segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    state: u64,
}

impl Place {
    pub(crate) fn new(id: &JournalId, segment: u64) -> Place {
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(id);
        digest.update(&segment.to_le_bytes());
        Place {
            state: digest.get_state(),
        }
    }

    /// Starts a checksum over bytes that stand at this offset of the segment.
    fn sum_at(self, offset: u64) -> Sum {
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, self.state);
        digest.update(&offset.to_le_bytes());
        Sum(digest)
    }
}

struct Sum(Digest);

impl Sum {
    fn add(&mut self, bytes: &[u8]) -> &mut Sum {
        self.0.update(bytes);
        self
    }

    fn finish(&self) -> u32 {
        low_half(self.0.finalize())
    }
}

/// Checksum of bytes that belong to no segment.
fn plain_sum(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// A size or an offset inside a segment in the 32 bits that the format has for it.
pub(crate) fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("segments are smaller than 4 GiB, Options::validate says so")
}

/// The lower 32 bits, where a CRC-32 stands.
fn low_half(sum: u64) -> u32 {
    u32::try_from(sum & u64::from(u32::MAX)).expect("masked to 32 bits")
}

/// Little-endian number at this place; the caller made sure that it is there.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// See [`u32_at`].
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a slice of N bytes is an array of N bytes")
}
