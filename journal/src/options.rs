//! How a journal is opened.

use std::path::PathBuf;
use std::time::Duration;

use crate::OpenError;
use crate::limits;

/// What "committed" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fdatasync` returned before anyone was told. The default, and the only mode in which a power cut loses nothing
    /// that was acknowledged.
    Always,
    /// Acknowledged after the write; synced no later than this long after the write. A power cut loses at most that
    /// window; a killed process loses nothing.
    Interval(Duration),
    /// Acknowledged after the write; synced when a segment is full and at close. A power cut loses what the operating
    /// system had not written back; a killed process loses nothing.
    Os,
}

/// How to open a journal.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that the journal owns. Created when missing.
    pub directory: PathBuf,
    /// What "committed" means.
    pub durability: Durability,
    /// Size of a new segment in bytes. Existing segments keep theirs.
    pub segment_bytes: u64,
    /// Segments that are preallocated for [`crate::Purpose::Upkeep`] alone, beside the next one.
    pub reserve_segments: usize,
    /// Bytes of the file system that the journal leaves to others: with fewer free than this, or when a further segment
    /// would leave fewer, [`crate::Purpose::Ingest`] is refused.
    pub free_bytes_min: u64,
    /// The most bytes that may wait for the writer; more is refused with [`crate::AppendError::QueueFull`].
    pub queue_bytes_max: usize,
    /// The most bytes in one commit group; a frame that is larger gets a group of its own.
    pub group_bytes_max: usize,
}

impl Options {
    /// The defaults of [`crate::limits`] and [`Durability::Always`] for this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Options {
        Options {
            directory: directory.into(),
            durability: Durability::Always,
            segment_bytes: limits::SEGMENT_BYTES,
            reserve_segments: limits::RESERVE_SEGMENTS,
            free_bytes_min: 0,
            queue_bytes_max: limits::QUEUE_BYTES_MAX,
            group_bytes_max: limits::GROUP_BYTES_MAX,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let allowed = limits::SEGMENT_BYTES_MIN..=limits::SEGMENT_BYTES_MAX;
        if !allowed.contains(&self.segment_bytes) {
            return Err(OpenError::SegmentBytes {
                found: self.segment_bytes,
                min: limits::SEGMENT_BYTES_MIN,
                max: limits::SEGMENT_BYTES_MAX,
            });
        }
        if self.reserve_segments > limits::RESERVE_SEGMENTS_MAX {
            return Err(OpenError::ReserveSegments {
                found: self.reserve_segments,
                max: limits::RESERVE_SEGMENTS_MAX,
            });
        }
        Ok(())
    }
}
