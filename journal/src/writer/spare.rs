//! Keeps the next segment prepared, on a thread of its own: making and syncing a file of 64 MiB takes milliseconds
//! that no commit should wait for.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::fs::{File, FileSystem};
use crate::recovery::SPARE_FILE;
use crate::{OpenError, Options};

/// Handle on the thread; dropping it ends the thread.
pub(super) struct Spares {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    /// The thread is to make one, or is making it.
    Wanted,
    Ready(Box<dyn File>),
    /// The last try failed.
    Failed,
    /// The writer has it, under its old name still.
    Taken,
    Stopped,
}

impl Spares {
    pub(super) fn start(fs: Arc<dyn FileSystem>, options: &Options) -> Result<Spares, OpenError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Wanted),
            changed: Condvar::new(),
        });
        let path = options.directory.join(SPARE_FILE);
        let bytes = options.segment_bytes;
        let thread = {
            let (shared, path) = (shared.clone(), path.clone());
            std::thread::Builder::new()
                .name("journal-spare".to_owned())
                .spawn(move || shared.run(&*fs, &path, bytes))
        };
        let thread = thread.map_err(|source| OpenError::Io {
            action: "start a thread for",
            path,
            source,
        })?;
        Ok(Spares {
            shared,
            thread: Some(thread),
        })
    }

    /// The prepared segment; waits while it is being made, tries once more if that had failed. `None`: it cannot be
    /// made.
    pub(super) fn take(&self) -> Option<Box<dyn File>> {
        if !self.retry() {
            return None;
        }
        let mut state = self.shared.settled();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Ready(file) => Some(file),
            other => {
                *state = other;
                None
            }
        }
    }

    /// The one that was taken has its own name now: the next can be made.
    pub(super) fn replenish(&self) {
        *self.shared.state.lock() = State::Wanted;
        self.shared.changed.notify_all();
    }

    /// `false` when none could be made, tried again just now. One that is being made counts as made.
    pub(super) fn retry(&self) -> bool {
        {
            let mut state = self.shared.state.lock();
            if !matches!(*state, State::Failed) {
                return true;
            }
            *state = State::Wanted;
            self.shared.changed.notify_all();
        }
        !matches!(*self.shared.settled(), State::Failed)
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        *self.shared.state.lock() = State::Stopped;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches its own panics, and there is nobody to tell any more.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn run(&self, fs: &dyn FileSystem, path: &Path, bytes: u64) {
        let mut told = false;
        loop {
            let mut state = self.state.lock();
            self.changed.wait_while(&mut state, |state| {
                !matches!(state, State::Wanted | State::Stopped)
            });
            if matches!(*state, State::Stopped) {
                return;
            }
            drop(state);
            let made = catch_unwind(AssertUnwindSafe(|| make(fs, path, bytes)));
            let made = made.unwrap_or_else(|_| Err(io::Error::other("the file system panicked")));
            // Every append tries again while there is none: that it fails is said once.
            if let Err(error) = &made
                && !told
            {
                tracing::warn!(file = %path.display(), %error, "the next journal segment cannot be prepared");
            }
            told = made.is_err();
            let mut state = self.state.lock();
            if matches!(*state, State::Wanted) {
                // Nobody has relied on a spare: whatever went wrong with it is no reason to stop for good.
                *state = made.map_or(State::Failed, State::Ready);
                self.changed.notify_all();
            }
        }
    }

    /// Waits until nothing is being made.
    fn settled(&self) -> parking_lot::MutexGuard<'_, State> {
        let mut state = self.state.lock();
        self.changed
            .wait_while(&mut state, |state| matches!(state, State::Wanted));
        state
    }
}

fn make(fs: &dyn FileSystem, path: &Path, bytes: u64) -> io::Result<Box<dyn File>> {
    let file = fs.create(path)?;
    let reserved = file.allocate(bytes).and_then(|()| file.sync_all());
    if let Err(error) = reserved {
        // Half a spare would hold on to room that others need; if it cannot go, the next try empties it.
        drop(fs.remove(path));
        return Err(error);
    }
    Ok(file)
}
