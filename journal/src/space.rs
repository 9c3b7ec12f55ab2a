//! Room on the disk, as the writer, the preparing thread and the handles see it.
//!
//! Three states, from the numbers alone: there is room; there is none for a further segment, or the file system is under
//! its watermark, so that new work is refused and upkeep uses the reserve; or the reserve is nearly used up as well.
//! Nothing here blocks or does I/O.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::Options;

/// What is left of the disk, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceReport {
    /// [`crate::Purpose::Ingest`] is refused.
    pub is_full: bool,
    /// Upkeep has less than half a segment left as well: what makes more of it should stop.
    pub is_reserve_low: bool,
    /// Bytes of the segments that are prepared for upkeep.
    pub reserve_bytes: u64,
    /// What that should be when there is room.
    pub reserve_bytes_wanted: u64,
    /// Bytes that the file system has free for this process, as of the last look; `None` when it does not say.
    pub free_bytes: Option<u64>,
    /// Bytes of those that the journal leaves to others.
    pub free_bytes_min: u64,
}

/// The numbers behind the report.
pub(crate) struct Space {
    segment_bytes: u64,
    reserve: usize,
    free_bytes_min: u64,
    full: AtomicBool,
    prepared: AtomicUsize,
    tail_room: AtomicU64,
    /// `u64::MAX`: not known.
    free_bytes: AtomicU64,
}

impl Space {
    pub(crate) fn new(options: &Options) -> Space {
        Space {
            segment_bytes: options.segment_bytes,
            reserve: options.reserve_segments,
            free_bytes_min: options.free_bytes_min,
            full: AtomicBool::new(false),
            prepared: AtomicUsize::new(0),
            tail_room: AtomicU64::new(0),
            free_bytes: AtomicU64::new(u64::MAX),
        }
    }

    pub(crate) fn report(&self) -> SpaceReport {
        let is_full = self.full.load(Ordering::Acquire);
        let prepared = self.prepared.load(Ordering::Acquire);
        let room = self.tail_room.load(Ordering::Acquire);
        let free_bytes = self.free_bytes.load(Ordering::Acquire);
        SpaceReport {
            is_full,
            is_reserve_low: is_full && prepared == 0 && room < self.segment_bytes / 2,
            reserve_bytes: prepared.min(self.reserve) as u64 * self.segment_bytes,
            reserve_bytes_wanted: self.reserve as u64 * self.segment_bytes,
            free_bytes: (free_bytes != u64::MAX).then_some(free_bytes),
            free_bytes_min: self.free_bytes_min,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Answers whether that is news.
    pub(crate) fn set_full(&self, full: bool) -> bool {
        self.full.swap(full, Ordering::AcqRel) != full
    }

    pub(crate) fn set_prepared(&self, segments: usize) {
        self.prepared.store(segments, Ordering::Release);
    }

    pub(crate) fn set_tail_room(&self, bytes: u64) {
        self.tail_room.store(bytes, Ordering::Release);
    }

    pub(crate) fn set_free_bytes(&self, bytes: Option<u64>) {
        self.free_bytes
            .store(bytes.unwrap_or(u64::MAX), Ordering::Release);
    }
}
