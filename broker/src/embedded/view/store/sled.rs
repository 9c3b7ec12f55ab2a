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

/// Memory that sled may take for its page cache.
const CACHE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long sled may take to let go of a view that was closed in this process.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Changes between two flushes. sled writes its log in pieces on a pool of eight threads; when all of them wait for its
/// list of segments while that waits for a thread, it stands still for ever. So few pieces are ever on their way.
const CHANGES_PER_FLUSH: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct SledStore {
    db: sled::Db,
    file: PathBuf,
    /// Changes since the last flush.
    changes: AtomicUsize,
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
            changes: AtomicUsize::new(0),
            #[cfg(test)]
            broken: std::sync::atomic::AtomicBool::default(),
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.guarded(|| self.db.get(key))?;
        Ok(found.map(|value| value.to_vec()))
    }

    pub(super) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let count = batch.changes.len();
        let mut changes = sled::Batch::default();
        for (key, value) in batch.changes {
            match value {
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        self.guarded(|| self.db.apply_batch(changes))?;
        if self.changes.fetch_add(count, Ordering::Relaxed) + count >= CHANGES_PER_FLUSH {
            self.changes.store(0, Ordering::Relaxed);
            self.guarded(|| self.db.flush())?;
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.guarded(|| self.db.flush())?;
        let synced = File::open(&self.file).and_then(|file| file.sync_data());
        synced.map_err(|error| StoreError(error.to_string()))
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.guarded(|| self.db.clear())
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
