//! Keeps further segments prepared, on a thread of its own: making and syncing a file of 64 MiB takes milliseconds that
//! no commit should wait for, and what is prepared before the disk is full can be used when it is.
//!
//! One of them is for whoever needs a next segment. Those beyond it are the reserve: [`Purpose::Upkeep`] may take them,
//! [`Purpose::Ingest`] may not. The disk counts as full from the moment when one of all these cannot be made, or when
//! the file system has less free than the watermark, until all are there again: so the reserve is refilled first.
//!
//! The next segment is filled with zeros as far as there is time for it: writing where the file system has never written
//! makes each sync of it change metadata as well. The reserve is not, and who waits gets what is there.
//!
//! Prepared files stay when the journal is closed, and the next opening takes them over. They hold zeros and perhaps a
//! segment header, which is overwritten before a file gets its name. Nothing is written into a file that was handed out.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::fs::{File, FileSystem};
use crate::record::Purpose;
use crate::recovery::SPARE_SUFFIX;
use crate::space::Space;
use crate::{OpenError, Options, limits};

/// A prepared segment, under its own name still.
pub(super) struct Spare {
    pub(super) file: Box<dyn File>,
    pub(super) path: PathBuf,
}

/// Handle on the thread; dropping it ends the thread.
pub(super) struct Spares {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    segment_bytes: u64,
    reserve: usize,
    free_bytes_min: u64,
    space: Arc<Space>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    prepared: Vec<Spare>,
    /// The thread is asked to look what is missing.
    is_wanted: bool,
    /// The thread is at it.
    is_working: bool,
    /// How many wait for what it does.
    awaited: usize,
    is_stopped: bool,
}

/// Number in the name of the next file.
#[derive(Default)]
struct NextName(u64);

impl Spares {
    pub(super) fn start(
        fs: Arc<dyn FileSystem>,
        options: &Options,
        space: Arc<Space>,
    ) -> Result<Spares, OpenError> {
        let shared = Arc::new(Shared {
            fs,
            directory: options.directory.clone(),
            segment_bytes: options.segment_bytes,
            reserve: options.reserve_segments,
            free_bytes_min: options.free_bytes_min,
            space,
            state: Mutex::new(State {
                is_wanted: true,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let thread = {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name("journal-spare".to_owned())
                .spawn(move || shared.run())
        };
        let thread = thread.map_err(|source| OpenError::Io {
            action: "start a thread for",
            path: options.directory.clone(),
            source,
        })?;
        Ok(Spares {
            shared,
            thread: Some(thread),
        })
    }

    /// A prepared segment; waits while one may be coming, looks once more if there was no room before. `None`: there is
    /// none for this purpose.
    pub(super) fn take(&self, purpose: Purpose) -> Option<Spare> {
        let kept = match purpose {
            Purpose::Ingest => self.shared.reserve,
            Purpose::Upkeep => 0,
        };
        let state = self.shared.state.lock();
        if state.prepared.len() <= kept && self.shared.space.is_full() {
            drop(state);
            self.retry();
        } else {
            drop(state);
        }
        let mut state = self.shared.wait_while(|state| state.prepared.len() <= kept);
        if state.prepared.len() <= kept || (purpose == Purpose::Ingest && self.shared.space.is_full()) {
            return None;
        }
        let spare = state.prepared.pop();
        self.shared.space.set_prepared(state.prepared.len());
        spare
    }

    /// One was taken and has a name of its own: the next can be made.
    pub(super) fn replenish(&self) {
        self.shared.state.lock().is_wanted = true;
        self.shared.changed.notify_all();
    }

    /// Whether there is room on the disk; looks again if there was none.
    pub(super) fn retry(&self) -> bool {
        if !self.shared.space.is_full() {
            return true;
        }
        self.replenish();
        drop(self.shared.wait_while(|_| true));
        !self.shared.space.is_full()
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.shared.state.lock().is_stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches its own panics, and there is nobody to tell any more.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut name = self.adopt();
        while self.wait_for_work() {
            let looked = catch_unwind(AssertUnwindSafe(|| self.fill(&mut name)));
            self.tell(looked.unwrap_or_else(|_| Err(io::Error::other("the file system panicked"))));
            self.state.lock().is_working = false;
            self.changed.notify_all();
        }
    }

    /// Waits until there is something to do, or it is time to look by itself; `false` when the thread is to end.
    fn wait_for_work(&self) -> bool {
        let mut state = self.state.lock();
        if !state.is_wanted && !state.is_stopped {
            self.changed.wait_for(&mut state, limits::SPACE_LOOK);
        }
        state.is_wanted = false;
        state.is_working = true;
        !state.is_stopped
    }

    /// Waits as long as the condition holds and the thread may still change that.
    fn wait_while(&self, mut condition: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.awaited += 1;
        self.changed.notify_all();
        self.changed.wait_while(&mut state, |state| {
            (state.is_wanted || state.is_working) && !state.is_stopped && condition(state)
        });
        state.awaited -= 1;
        state
    }

    /// Prepares what is missing. An error: there is no room for it, or the file system is under the watermark.
    fn fill(&self, name: &mut NextName) -> io::Result<()> {
        loop {
            // A file system that does not say how much it has is no reason to refuse: making a file will tell.
            let free = self.fs.free_bytes(&self.directory).unwrap_or_default();
            self.space.set_free_bytes(free);
            let prepared = self.state.lock().prepared.len();
            let is_filled = prepared > self.reserve;
            let growth = if is_filled { 0 } else { self.segment_bytes };
            if let Some(free) = free
                && free < self.free_bytes_min.saturating_add(growth)
            {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if is_filled {
                return Ok(());
            }
            name.0 += 1;
            let path = self.directory.join(format!("{:06}{SPARE_SUFFIX}", name.0));
            let spare = make(&*self.fs, path, self.segment_bytes, |file| {
                if prepared == self.reserve {
                    self.initialise(file)
                } else {
                    Ok(())
                }
            })?;
            self.keep(spare);
        }
    }

    /// Fills a file that nobody has yet with zeros, a little at a time so that commits hardly notice, until it is full of
    /// them or somebody waits for it.
    fn initialise(&self, file: &dyn File) -> io::Result<()> {
        let mut at = 0;
        while at < self.segment_bytes && !self.is_awaited() {
            let bytes = limits::INITIALISED_BYTES.min(self.segment_bytes - at);
            if !file.initialise(at, bytes)? {
                return Ok(());
            }
            file.sync_data()?;
            at += bytes;
        }
        Ok(())
    }

    /// Whether somebody waits, or comes to within a pause.
    fn is_awaited(&self) -> bool {
        let is_awaited = |state: &State| state.awaited > 0 || state.is_stopped;
        let mut state = self.state.lock();
        self.changed
            .wait_while_for(&mut state, |state| !is_awaited(state), limits::INITIALISE_PAUSE);
        is_awaited(&state)
    }

    fn keep(&self, spare: Spare) {
        let mut state = self.state.lock();
        state.prepared.push(spare);
        self.space.set_prepared(state.prepared.len());
        self.changed.notify_all();
    }

    /// Takes over what an earlier life prepared; what is of no use is removed.
    fn adopt(&self) -> NextName {
        let mut next = NextName::default();
        let mut names = self.fs.list(&self.directory).unwrap_or_default();
        // The last one is taken first, and is the one that was initialised.
        names.sort_unstable();
        for name in names.iter().filter(|name| name.ends_with(SPARE_SUFFIX)) {
            let number = name
                .strip_suffix(SPARE_SUFFIX)
                .and_then(|number| number.parse().ok());
            next.0 = next.0.max(number.unwrap_or(0));
            let path = self.directory.join(name);
            let is_missing = self.state.lock().prepared.len() <= self.reserve;
            match reopen(&*self.fs, &path, self.segment_bytes) {
                Ok(Some(file)) if is_missing => self.keep(Spare { file, path }),
                // It would only hold on to room; if it cannot go, it is of no harm.
                _ => drop(self.fs.remove(&path)),
            }
        }
        next
    }

    /// Notes whether the disk is full. Every append looks again while it is: only a change is said.
    fn tell(&self, looked: io::Result<()>) {
        let is_news = self.space.set_full(looked.is_err());
        let directory = self.directory.display();
        match looked {
            Err(error) if is_news => {
                let report = self.space.report();
                tracing::error!(
                    %directory,
                    %error,
                    free_bytes = report.free_bytes,
                    free_bytes_min = report.free_bytes_min,
                    reserve_bytes = report.reserve_bytes,
                    "the disk has no room for a further journal segment: new events are refused, work in hand goes on \
                     out of the reserve"
                );
            }
            Ok(()) if is_news => {
                tracing::info!(%directory, "the disk has room for the journal again: new events are taken");
            }
            _ => {}
        }
    }
}

/// An earlier life's file, if it is one that [`make`] had finished.
fn reopen(fs: &dyn FileSystem, path: &Path, bytes: u64) -> io::Result<Option<Box<dyn File>>> {
    let file = fs.open(path)?;
    if file.len()? != bytes {
        return Ok(None);
    }
    file.allocate(bytes)?;
    file.sync_all()?;
    Ok(Some(file))
}

fn make(
    fs: &dyn FileSystem,
    path: PathBuf,
    bytes: u64,
    initialise: impl FnOnce(&dyn File) -> io::Result<()>,
) -> io::Result<Spare> {
    let file = fs.create(&path)?;
    let reserved = file
        .allocate(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| initialise(&*file));
    if let Err(error) = reserved {
        // Half a spare would hold on to room that others need; if it cannot go, the next opening removes it.
        drop(fs.remove(&path));
        return Err(error);
    }
    Ok(Spare { file, path })
}

#[cfg(test)]
mod tests;
