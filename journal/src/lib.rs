//! Bytes on disk: one shared, segmented, checksummed log with group commit.
//!
//! The journal owns a directory. It takes frames (one or more records that live or die together), gives
//! every record the next sequence of its stream, and says "committed" only after `fdatasync` returned.
//! One writer thread takes all that is queued, writes it as one commit group and syncs once for all of it.
//!
//! What must hold:
//! - A frame is whole after recovery, or absent.
//! - What was said to be committed is found again after a crash or a power cut (mode [`Durability::Always`]).
//! - Bytes that were never synced, were cut away, or belong to an earlier life of a segment are never read
//!   as records.
//! - Damage is reported, never served, and never takes other data with it.
//! - A failed sync poisons the journal for good: nothing is acknowledged after it.
//!
//! What it never does: know what a record means (it knows no CloudEvents), know an async runtime,
//! read the clock of the wall.
//!
//! The rooms: [`format`](self) says what the bytes on disk are; `recovery` turns a directory into a catalog (with `scan`
//! for what has no footer); `writer` is the thread that commits, `tail` the segment it writes; `reader` serves from
//! `catalog` (what is committed and where) and `segment` (open files, offset tables); `retire` lets the oldest leave; [`fs`] is the seam to the file
//! system and [`sim`] its double for tests.

mod backup;
mod catalog;
mod error;
mod format;
pub mod fs;
mod inspect;
mod journal;
pub mod limits;
mod lru;
mod options;
#[doc(hidden)]
pub mod probe;
mod reader;
mod record;
mod recovery;
mod report;
mod retire;
mod scan;
mod segment;
mod sequences;
pub mod sim;
mod space;
mod tail;
mod writer;

pub use backup::{Backup, BackupError};
pub use error::{AppendError, OpenError, ReadError, RetireError};
pub use fs::{File, FileSystem, RealFs};
pub use inspect::{EndState, InspectedSegment, Inspection, LockState, Lost, MarkerState, inspect};
pub use journal::Journal;
pub use options::{Durability, Options};
pub use record::{
    Bounds, CommitListener, Committed, Done, Entry, Frame, Purpose, ReadLimit, Record, Sequence, StreamId,
};
pub use report::{Health, Quarantined, Recovery, SegmentInfo, SegmentPart, Stats};
pub use space::SpaceReport;
