//! The map in sled's files.
//!
//! sled's own flush does not reach the disk (it ends in `sync_file_range`), so a sync here is a flush and an
//! `fdatasync` of its file. sled takes its own invariants for granted and panics over files that break them: what it
//! does is done under `catch_unwind`, and a panic is an error like any other. That is sound because a store that
//! failed is never written again: the view is set aside and made anew from the journal.

use std::any::Any;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Batch, Page, Pair, StoreError, lower_bound};

/// Bytes of sled's page cache, as sled counts: by what a page is in its file. In memory that is about three times as
/// much, and each page that was ever read leaves some hundred bytes. What is not here is in the system's cache, where a
/// page costs some microseconds: a million retries took as long with 4 MiB as with 64.
const CACHE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How long sled may take to let go of a view that was closed in this process.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// What may be on its way to sled's file at once. sled writes its log in pieces of 512 KiB on a pool of eight threads;
/// when all eight wait for its list of segments while that waits for a thread to cut the file, it stands still for ever.
/// With this much between two flushes it never has more than a few pieces to write.
const BYTES_PER_FLUSH_MAX: usize = 512 * 1024;

/// What a change costs in sled's log beyond twice its own bytes: now and then its whole leaf, of at most 16 pairs, is
/// written again.
const CHANGE_BYTES: usize = 1024;

/// How much is read to be removed at once.
const CLEAR_PAGE: Page = Page {
    keys_max: 1024,
    bytes_max: 4 * 1024 * 1024,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct SledStore {
    db: sled::Db,
    file: PathBuf,
    /// Bytes of the log since the last flush, as estimated.
    unflushed_bytes: AtomicUsize,
    /// From now on everything fails.
    #[cfg(test)]
    broken: std::sync::atomic::AtomicBool,
}

impl SledStore {
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE_BYTES_MAX)
            .flush_every_ms(None);
        let db = guarded(|| open_when_unlocked(&config))?;
        Ok(Self {
            db,
            file: directory.join("db"),
            unflushed_bytes: AtomicUsize::new(0),
            #[cfg(test)]
            broken: std::sync::atomic::AtomicBool::default(),
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.guarded(|| self.db.get(key))?;
        Ok(found.map(|value| value.to_vec()))
    }

    /// Applies a batch at once; one that is larger than what may be on its way piece by piece, in order. So a large
    /// batch puts last what says that it was written.
    pub(super) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut piece = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in batch.changes {
            let change = log_bytes(&key, value.as_deref());
            if bytes > 0 && bytes + change > BYTES_PER_FLUSH_MAX {
                self.apply(std::mem::take(&mut piece), bytes)?;
                bytes = 0;
            }
            bytes += change;
            match value {
                Some(value) => piece.insert(key, value),
                None => piece.remove(key),
            }
        }
        self.apply(piece, bytes)
    }

    /// Applies what may be on its way at once, and waits first until there is room for it.
    fn apply(&self, piece: sled::Batch, bytes: usize) -> Result<(), StoreError> {
        if self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > BYTES_PER_FLUSH_MAX {
            self.guarded(|| self.db.flush())?;
            self.unflushed_bytes.store(bytes, Ordering::Relaxed);
        }
        self.guarded(|| self.db.apply_batch(piece))
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.guarded(|| self.db.flush())?;
        let synced = File::open(&self.file).and_then(|file| file.sync_data());
        synced.map_err(|error| StoreError(error.to_string()))
    }

    /// Removes everything, in batches: sled's own way of doing it does not wait for its file either.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        loop {
            let page = self.page(b"", None, CLEAR_PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for (key, _) in page {
                batch.remove(key);
            }
            self.write(batch)?;
        }
    }

    pub(super) fn page(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        page: Page,
    ) -> Result<VecDeque<Pair>, StoreError> {
        self.guarded(|| {
            let found = self
                .db
                .range::<&[u8], _>((lower_bound(prefix, after), Bound::Unbounded))
                .take_while(|found| found.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
                .map(|found| found.map(|(key, value)| (key.to_vec(), value.to_vec())));
            page.take(found)
        })
    }
}

impl SledStore {
    fn guarded<T>(&self, work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        #[cfg(test)]
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError("No space left on device".into()));
        }
        guarded(work)
    }

    /// Makes everything fail, as sled does after a write that failed.
    #[cfg(test)]
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

/// What a change costs in sled's log, as estimated.
fn log_bytes(key: &[u8], value: Option<&[u8]>) -> usize {
    2 * (key.len() + value.map_or(0, <[u8]>::len)) + CHANGE_BYTES
}

fn open_when_unlocked(config: &sled::Config) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match config.open() {
            // The journal's lock keeps other processes out; this one is sled's own, let go by a thread of its pool
            // some time after the last handle is gone.
            Err(sled::Error::Io(error)) if is_locked(&error) && Instant::now() < deadline => {
                thread::sleep(LOCK_POLL);
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// See the module.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| StoreError(error.to_string())),
        Err(panic) => Err(StoreError(format!("sled gave up: {}", words(&*panic)))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests;
