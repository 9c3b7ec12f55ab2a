//! What the journal says about itself: how it was recovered, how it is, what it has done.

use std::sync::Arc;
use std::time::Duration;

use crate::{Lost, Sequence, StreamId};

/// What was found when the journal was opened.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The directory held no journal, a new one was made.
    pub created: bool,
    /// The last life ended with [`crate::Journal::close`].
    pub clean: bool,
    /// Records in the segments that had to be scanned.
    pub records: u64,
    /// Bytes after the last group that was known to be synced and that made no whole group. They were never
    /// acknowledged under [`crate::Durability::Always`]; they are gone.
    pub cut_bytes: u64,
    /// Segments that lost something that had been synced, or that are missing. Named at each open, as long as the
    /// segment is there.
    pub quarantined: Vec<Quarantined>,
    /// What this opening found to be lost for good, as far as its sequences are known; exactly what is missing from the
    /// end of a journal that was closed cleanly. Named once: later openings only name the segments.
    pub lost: Vec<Lost>,
    /// How many segments the journal has.
    pub segments: u64,
    /// How long it took.
    pub took: Duration,
}

/// A segment with damage in it. It stays where it is: what can be read of it is served, a read of what was lost
/// answers [`crate::ReadError::Damaged`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// File name inside the journal's directory.
    pub file: String,
    /// What is wrong, in words.
    pub reason: String,
}

/// One segment: a file of the journal, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Grows by one a segment.
    pub number: u64,
    /// Nothing more comes into it: it can be retired when it is the oldest.
    pub sealed: bool,
    /// Bytes of its file; of the unsealed one, bytes of the records in it.
    pub bytes: u64,
    /// What it holds, ordered by stream, a stream's own records before its kept ones.
    pub parts: Vec<SegmentPart>,
}

/// What a segment holds of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPart {
    /// The stream.
    pub stream: StreamId,
    /// Records that were copied forward (see [`crate::Entry::kept`]), with gaps between them; otherwise the stream's own.
    pub kept: bool,
    /// The first sequence.
    pub first: Sequence,
    /// The last sequence.
    pub last: Sequence,
    /// How many records there are.
    pub records: u64,
    /// Bytes of the records, their headers included.
    pub bytes: u64,
}

/// Whether the journal takes appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Writing,
    /// No further segment could be made, or the file system is under its watermark: [`crate::Purpose::Ingest`] is
    /// refused, upkeep goes on out of the reserve. Ends by itself when there is room.
    NoSpace,
    /// As [`Health::NoSpace`], and the reserve is nearly used up: see [`crate::SpaceReport::is_reserve_low`].
    ReserveLow,
    /// A write or a sync failed, or a callback panicked: nothing is taken until the journal is opened anew.
    Poisoned {
        /// What failed.
        reason: Arc<str>,
    },
    /// [`crate::Journal::close`] was called.
    Closed,
}

/// Counters since the journal was opened, and its size now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commit groups written, the marks of opening and closing included.
    pub groups: u64,
    /// Frames committed.
    pub frames: u64,
    /// Records committed.
    pub records: u64,
    /// Bytes written to segments: groups, headers, footers.
    pub bytes_written: u64,
    /// Syncs of segment files by the writer.
    pub syncs: u64,
    /// Segments that were retired.
    pub retired: u64,
    /// Segments now, the unsealed one included.
    pub segments: u64,
    /// Bytes that the segments occupy now, preallocated room included.
    pub bytes_on_disk: u64,
}
