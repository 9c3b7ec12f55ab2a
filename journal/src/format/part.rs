//! Which part of a stream a stored record belongs to, told by the number under which it is stored.
//!
//! ```text
//! below 2^63 - 1        the stream itself: records in the order in which they got their sequences
//! 2^63 + stream         kept records of the stream: copied forward under the sequence that they have
//! 2^64 - 1              the journal's own marks, see format/mark.rs; their sequence is a segment's number
//! ```
//!
//! Kept records and marks take no part in the numbering: no gap is looked for between them, and a table of them is
//! ordered by sequence, not by place.

use crate::record::StreamId;

const KEPT: u64 = 1 << 63;

/// Where the journal's own marks are stored.
pub(crate) const MARKS: StreamId = StreamId(u64::MAX);

/// The highest number that a caller may give a stream.
pub(crate) const LAST_STREAM: u64 = KEPT - 2;

/// The number under which a stream's kept records are stored.
pub(crate) fn kept_part(stream: StreamId) -> StreamId {
    StreamId(stream.0 | KEPT)
}

/// Whether records stored under this number take no part in the numbering.
pub(crate) fn is_kept(stored: StreamId) -> bool {
    stored.0 & KEPT != 0
}

/// The stream itself.
pub(crate) fn plain(stored: StreamId) -> StreamId {
    StreamId(stored.0 & !KEPT)
}
