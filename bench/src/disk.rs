//! The disk itself: how fast a file that is there already can be written and synced, by one thread, with nothing between.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::nanos;
use crate::histogram::Latencies;
use crate::yardstick::fsync::{FILE_BYTES, zeroed};

/// What one sequential write has.
const SEQUENTIAL_BYTES: usize = 1 << 20;
/// What one write has whose sync is timed: an event or a few.
const SMALL_BYTES: usize = 4096;

/// A preallocated file that is written round and round.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    offset: u64,
}

impl Disk {
    /// Makes the file in this folder.
    pub(crate) fn prepare(folder: &Path) -> Result<Self> {
        Ok(Self {
            file: zeroed(&folder.join("disk"))?,
            offset: 0,
        })
    }

    /// Writes of 1 MiB, each synced: bytes a second.
    pub(crate) fn sequential(&mut self, during: Duration) -> Result<f64> {
        let began = Instant::now();
        let mut written = 0;
        while began.elapsed() < during {
            self.write_and_sync(SEQUENTIAL_BYTES)?;
            written += SEQUENTIAL_BYTES;
        }
        Ok(written as f64 / began.elapsed().as_secs_f64())
    }

    /// Writes of 4 KiB, each synced: how long each took.
    pub(crate) fn syncs(&mut self, during: Duration) -> Result<Latencies> {
        let mut latencies = Latencies::new()?;
        let began = Instant::now();
        while began.elapsed() < during {
            let from = Instant::now();
            self.write_and_sync(SMALL_BYTES)?;
            latencies.record(nanos(from.elapsed()));
        }
        Ok(latencies)
    }

    fn write_and_sync(&mut self, bytes: usize) -> Result<()> {
        if self.offset + bytes as u64 > FILE_BYTES {
            self.offset = 0;
        }
        let content = [0x5a; SEQUENTIAL_BYTES];
        self.file.write_all_at(&content[..bytes], self.offset)?;
        self.file.sync_data()?;
        self.offset += bytes as u64;
        Ok(())
    }
}
