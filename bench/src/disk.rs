//! The disk itself: how fast a file that is there already can be written and synced, by one thread, with nothing between.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::clock::nanos;
use crate::histogram::Latencies;

/// What one sequential write has.
const SEQUENTIAL_BYTES: usize = 1 << 20;
/// What one write has whose sync is timed: an event or a few.
const SMALL_BYTES: usize = 4096;

/// Size of the file that is written: what it holds does not matter.
const FILE_BYTES: u64 = 256 << 20;

/// A preallocated file that is written round and round.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    /// What is written; made once, so that no time is taken for it while a write is timed.
    content: Vec<u8>,
    offset: u64,
}

/// Makes a file of [`FILE_BYTES`] zeros that are on disk, so that no sync of what is written into it later waits for the file system to
/// allocate anything.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn make_zeros(path: &Path) -> Result<()> {
    let said = || path.display().to_string();
    let mut file = File::create(path).with_context(said)?;
    let zeros = vec![0; SEQUENTIAL_BYTES];
    for _ in 0..FILE_BYTES / SEQUENTIAL_BYTES as u64 {
        file.write_all(&zeros).with_context(said)?;
    }
    file.sync_all().with_context(said)
}

impl Disk {
    /// On a file of zeros.
    pub(crate) fn open(zeros: &Path) -> Result<Self> {
        let file = File::options().write(true).open(zeros);
        Ok(Self {
            file: file.with_context(|| zeros.display().to_string())?,
            content: (0..=250_u8).cycle().take(SEQUENTIAL_BYTES).collect(),
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
        self.file.write_all_at(&self.content[..bytes], self.offset)?;
        self.file.sync_data()?;
        self.offset += bytes as u64;
        Ok(())
    }
}
