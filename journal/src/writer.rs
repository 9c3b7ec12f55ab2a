//! The one thread that writes: takes what is queued, has it written as groups, and tells everyone.
//!
//! Order for a group: write, sync (as [`crate::Durability`] says), publish to readers, listener, `Done`s. The first
//! write or sync that fails ends the thread: everything in hand, queued and later is refused with the reason, and
//! nothing is tried again, since a sync that follows a failed one may say "done" about bytes that the disk never got.

mod counters;
mod group;
mod log;
mod queue;
mod spare;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use thiserror::Error;

use crate::catalog::Catalog;
use crate::format::GroupKind;
use crate::fs::{File, FileSystem};
use crate::record::{CommitListener, Purpose};
use crate::recovery::Recovered;
use crate::space::Space;
use crate::{AppendError, OpenError, Options};

use group::Group;
use log::{Log, LogFailed};

pub(crate) use counters::Counters;
pub(crate) use queue::{Pending, Queue, Waiter};

/// What the writer shares with the handles.
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) space: Arc<Space>,
}

/// See the module.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    catalog: Arc<Catalog>,
    counters: Arc<Counters>,
    listener: Option<Box<dyn CommitListener>>,
    group_bytes_max: usize,
    log: Log,
    /// Taken from the queue, not yet in a group.
    backlog: VecDeque<Pending>,
    /// The group that is being put together.
    group: Group,
    /// Released when the thread ends, so that the directory can be opened again after a close.
    _lock: Box<dyn File>,
}

/// Why nothing can be written any more.
#[derive(Debug, Error)]
enum Broken {
    #[error(transparent)]
    Log(#[from] LogFailed),
    #[error("{who} panicked while a commit was announced")]
    Panic { who: &'static str },
}

/// Poisons the queue when the writer thread panics; waiters in its hands answer for themselves.
struct PanicGuard(Arc<Queue>);

impl Writer {
    /// Takes over what was recovered and syncs the opening group. A disk without room is no error here: reading works,
    /// and appends are refused until there is room.
    pub(crate) fn start(
        fs: Arc<dyn FileSystem>,
        options: Options,
        recovered: Recovered,
        shared: &Shared,
        listener: Option<Box<dyn CommitListener>>,
    ) -> Result<Writer, OpenError> {
        let group_bytes_max = options.group_bytes_max;
        let Recovered {
            id,
            lock,
            sequences,
            position,
            tail,
            ..
        } = recovered;
        let mut writer = Writer {
            queue: shared.queue.clone(),
            catalog: shared.catalog.clone(),
            counters: shared.counters.clone(),
            listener,
            group_bytes_max,
            log: Log::new(
                fs,
                options,
                shared,
                log::Start {
                    id,
                    sequences,
                    position,
                    tail,
                },
            )?,
            backlog: VecDeque::new(),
            group: Group::default(),
            _lock: lock,
        };
        writer.log.ensure_opened()?;
        Ok(writer)
    }

    /// Works until the queue is closed or the journal is broken.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.queue.clone());
        let mut finished_bytes = 0;
        loop {
            let taken = self.queue.take(
                &mut self.backlog,
                self.group_bytes_max,
                self.log.sync_due(),
                finished_bytes,
            );
            finished_bytes = 0;
            let closing = matches!(taken, queue::Taken::Closing);
            let result = match taken {
                queue::Taken::Frames(bytes) => {
                    finished_bytes = bytes;
                    self.commit()
                }
                queue::Taken::Timeout => Ok(()),
                queue::Taken::Closing => self.log.finish().map_err(Broken::from),
            };
            if let Err(broken) = result.and_then(|()| Ok(self.log.sync_if_due()?)) {
                self.poison(&broken);
                return;
            }
            if closing {
                return;
            }
        }
    }

    /// Commits everything in the backlog.
    fn commit(&mut self) -> Result<(), Broken> {
        let asked = |pending: &Pending| pending.frame.purpose == Purpose::Ingest;
        let ingest = self.backlog.iter().any(asked) && self.log.retry_space();
        while let Some(pending) = self.backlog.pop_front() {
            let admitted = ingest || pending.frame.purpose == Purpose::Upkeep;
            if admitted && self.make_room(&pending)? {
                self.log.add(&mut self.group, pending, self.listener.is_some());
            } else {
                refuse(pending)?;
            }
        }
        self.flush()
    }

    /// Makes sure that the frame fits the segment behind the group in hand. `false`: there is no room on disk.
    fn make_room(&mut self, pending: &Pending) -> Result<bool, Broken> {
        if self.log.fits(&self.group, pending) {
            return Ok(true);
        }
        self.flush()?;
        if self.log.fits(&self.group, pending) {
            return Ok(true);
        }
        let rolled = self.log.roll(pending.frame.purpose)?;
        Ok(rolled && self.log.ensure_opened()? && self.log.fits(&self.group, pending))
    }

    /// Writes the group in hand and announces it.
    fn flush(&mut self) -> Result<(), Broken> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.log.write(GroupKind::Frames, &mut self.group)?;
        self.log.sync_for_acknowledgement(self.group.must_sync)?;
        self.counters
            .frames
            .fetch_add(u64::from(self.group.frames), Ordering::Relaxed);
        self.counters
            .records
            .fetch_add(u64::from(self.group.records), Ordering::Relaxed);
        self.catalog.publish(self.group.slots.iter());
        self.log.note_committed();
        self.announce()
    }

    /// Tells the listener, then every waiter. The group is durable: they are told so even if the listener panics.
    fn announce(&mut self) -> Result<(), Broken> {
        let mut result = Ok(());
        if let Some(listener) = &mut self.listener {
            let records = self.group.take_announced();
            if catch_unwind(AssertUnwindSafe(|| listener.committed(records))).is_err() {
                result = Err(Broken::Panic {
                    who: "the commit listener",
                });
            }
        }
        for (waiter, committed) in self.group.reset(self.group_bytes_max) {
            if !waiter.answer(Ok(committed)) {
                result = Err(Broken::Panic {
                    who: "the callback of an append",
                });
            }
        }
        result
    }

    /// Refuses everything, now and later.
    fn poison(&mut self, broken: &Broken) {
        let reason: Arc<str> = broken.to_string().into();
        tracing::error!(reason = &*reason, "the journal stops writing for good");
        let queued = self.queue.poison(reason.clone());
        let in_group = self.group.reset(0).map(|(waiter, _)| waiter);
        let in_hand = self.backlog.drain(..).chain(queued).map(|pending| pending.waiter);
        for waiter in in_group.chain(in_hand) {
            waiter.answer(Err(AppendError::Poisoned {
                reason: reason.clone(),
            }));
        }
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.poison("the journal's writer thread panicked".into()));
        }
    }
}

fn refuse(pending: Pending) -> Result<(), Broken> {
    if pending.waiter.answer(Err(AppendError::NoSpace)) {
        Ok(())
    } else {
        Err(Broken::Panic {
            who: "the callback of an append",
        })
    }
}
