//! What the writer counts and everyone may read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Stats;

/// Since the journal was opened, except for `bytes_on_disk`, which is now.
#[derive(Default)]
pub(crate) struct Counters {
    pub(super) groups: AtomicU64,
    pub(super) frames: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) retired: AtomicU64,
    pub(super) bytes_on_disk: AtomicU64,
    /// Number of the newest group that is synced; not a count, and of all lives.
    pub(super) synced: AtomicU64,
}

impl Counters {
    /// Number of the newest commit group that is synced.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// A segment's file is gone.
    pub(crate) fn removed(&self, bytes: u64) {
        self.retired.fetch_add(1, Ordering::Relaxed);
        self.bytes_on_disk.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The counters as they are; how many segments there are is for the catalog to say.
    pub(crate) fn stats(&self, segments: u64) -> Stats {
        Stats {
            groups: self.groups.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            retired: self.retired.load(Ordering::Relaxed),
            segments,
            bytes_on_disk: self.bytes_on_disk.load(Ordering::Relaxed),
        }
    }
}
