//! The one thread that writes: takes what is queued, writes it as groups, syncs, and tells everyone.
//!
//! Order for a group: write, sync (as [`Durability`] says), publish to readers, listener, `Done`s. The first write or
//! sync that fails ends the thread: everything in hand, queued and later is refused with the reason, and nothing is
//! tried again, since a sync that follows a failed one may say "done" about bytes that the disk never got.

mod group;
mod queue;
mod spare;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use thiserror::Error;

use crate::catalog::Catalog;
use crate::format::{GROUP_HEAD, GroupHead, GroupKind, JournalId, SegmentHead, Trailer, narrow};
use crate::fs::{File, FileSystem};
use crate::limits;
use crate::record::{CommitListener, Purpose};
use crate::recovery::{Position, Recovered, SPARE_FILE};
use crate::segment::Segment;
use crate::sequences::Sequences;
use crate::tail::{Tables, Tail, seal};
use crate::{AppendError, Durability, OpenError, Options};

use group::Group;
use spare::Spares;

pub(crate) use queue::{Pending, Queue, Taken, Waiter};

/// Counters that the writer keeps and everyone may read.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) groups: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) bytes_on_disk: AtomicU64,
}

/// Why nothing can be written any more.
#[derive(Debug, Error)]
pub(crate) enum Broken {
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{who} panicked while a commit was announced")]
    Panic { who: &'static str },
}

/// What the writer shares with the handles.
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) counters: Arc<Counters>,
}

/// See the module.
pub(crate) struct Writer {
    fs: Arc<dyn FileSystem>,
    options: Options,
    id: JournalId,
    queue: Arc<Queue>,
    catalog: Arc<Catalog>,
    counters: Arc<Counters>,
    listener: Option<Box<dyn CommitListener>>,
    sequences: Sequences,
    position: Position,
    /// `None` until the first segment of this life is begun, when there was none to go on in.
    tail: Option<Tail>,
    /// The opening group of this life's epoch is synced. Without it no other group may be written.
    opened: bool,
    spares: Spares,
    /// Taken from the queue, not yet in a group.
    backlog: VecDeque<Pending>,
    group: Group,
    /// When the oldest write that is not synced was made.
    dirty_since: Option<Instant>,
    /// Released when the thread ends, so that the directory can be opened again after a close.
    _lock: Box<dyn File>,
}

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
        let spares = Spares::start(fs.clone(), &options)?;
        shared
            .counters
            .bytes_on_disk
            .store(recovered.position.bytes_on_disk, Ordering::Relaxed);
        let mut writer = Writer {
            fs,
            options,
            id: recovered.id,
            queue: shared.queue.clone(),
            catalog: shared.catalog.clone(),
            counters: shared.counters.clone(),
            listener,
            sequences: recovered.sequences,
            position: recovered.position,
            tail: recovered.tail,
            opened: false,
            spares,
            backlog: VecDeque::new(),
            group: Group::default(),
            dirty_since: None,
            _lock: recovered.lock,
        };
        match writer.ensure_opened() {
            Ok(_) => Ok(writer),
            Err(Broken::Io { action, path, source }) => Err(OpenError::Io { action, path, source }),
            Err(Broken::Panic { .. }) => unreachable!("an opening group is announced to nobody"),
        }
    }

    /// Works until the queue is closed or the journal is broken.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.queue.clone());
        let mut finished_bytes = 0;
        loop {
            let taken = self
                .queue
                .take(self.options.group_bytes_max, self.deadline(), finished_bytes);
            finished_bytes = 0;
            let closing = matches!(taken, Taken::Closing);
            let result = match taken {
                Taken::Frames(frames, bytes) => {
                    finished_bytes = bytes;
                    self.backlog = frames;
                    self.commit()
                }
                Taken::Timeout => self.retry_space(),
                Taken::Closing => self.finish(),
            };
            if let Err(broken) = result.and_then(|()| self.sync_if_due()) {
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
        let mut ingest = None;
        while let Some(pending) = self.backlog.pop_front() {
            let admitted = match pending.frame.purpose {
                Purpose::Ingest => *ingest.get_or_insert_with(|| self.has_spare()),
                Purpose::Upkeep => true,
            };
            if !(admitted && self.make_room(&pending)?) {
                self.refuse(pending)?;
                continue;
            }
            let tail = self
                .tail
                .as_mut()
                .expect("make_room leaves a segment to write to");
            self.group.add(
                pending,
                tail,
                &mut self.sequences,
                &self.position,
                self.listener.is_some(),
            );
        }
        self.flush()
    }

    /// Makes sure that the frame fits the segment behind the group in hand. `false`: there is no room on disk.
    fn make_room(&mut self, pending: &Pending) -> Result<bool, Broken> {
        if self.group_fits(pending) {
            return Ok(true);
        }
        self.flush()?;
        Ok(self.group_fits(pending) || (self.roll()? && self.ensure_opened()? && self.group_fits(pending)))
    }

    fn group_fits(&self, pending: &Pending) -> bool {
        let Some(tail) = self.tail.as_ref().filter(|_| self.opened) else {
            return false;
        };
        let group_bytes = self.group.bytes() + pending.bytes;
        if !self.group.is_empty() && group_bytes > self.options.group_bytes_max as u64 {
            return false;
        }
        let entries = &pending.frame.entries;
        let new = entries
            .iter()
            .filter(|entry| !tail.streams.contains(&entry.stream))
            .count();
        let records = tail.records + u64::from(self.group.records) + entries.len() as u64;
        tail.has_room(group_bytes, records, (tail.streams.len() + new) as u64)
    }

    /// Writes the group in hand and announces it.
    fn flush(&mut self) -> Result<(), Broken> {
        if self.group.is_empty() {
            return Ok(());
        }
        let head = self.head(GroupKind::Frames);
        self.write_group(head)?;
        if self.options.durability == Durability::Always {
            self.sync()?;
        }
        let tail = self.tail.as_mut().expect("a group was written to it");
        tail.records += u64::from(self.group.records);
        self.counters
            .frames
            .fetch_add(u64::from(self.group.frames), Ordering::Relaxed);
        self.counters
            .records
            .fetch_add(u64::from(self.group.records), Ordering::Relaxed);
        self.catalog.publish(self.group.slots.iter());
        self.announce()
    }

    /// Tells the listener, then every waiter. The group is durable: they are told so even if the listener panics.
    fn announce(&mut self) -> Result<(), Broken> {
        let mut result = Ok(());
        if let Some(listener) = &mut self.listener {
            let records = std::mem::take(&mut self.group.announced);
            if catch_unwind(AssertUnwindSafe(|| listener.committed(records))).is_err() {
                result = Err(Broken::Panic {
                    who: "the commit listener",
                });
            }
        }
        for (waiter, committed) in self.group.reset(self.options.group_bytes_max) {
            if !waiter.answer(Ok(committed)) {
                result = Err(Broken::Panic {
                    who: "the callback of an append",
                });
            }
        }
        result
    }

    fn refuse(&self, pending: Pending) -> Result<(), Broken> {
        if pending.waiter.answer(Err(AppendError::NoSpace)) {
            Ok(())
        } else {
            Err(Broken::Panic {
                who: "the callback of an append",
            })
        }
    }

    /// The header of the next group, with what is in hand.
    fn head(&self, kind: GroupKind) -> GroupHead {
        GroupHead {
            kind,
            epoch: self.position.epoch,
            number: self.position.group + 1,
            last_synced: self.position.synced,
            records_before: self.position.records,
            body_bytes: narrow(self.group.body_bytes()),
            frames: self.group.frames,
            records: self.group.records,
        }
    }

    /// One write for the group in hand.
    fn write_group(&mut self, head: GroupHead) -> Result<(), Broken> {
        let tail = self
            .tail
            .as_mut()
            .expect("a group is only made when there is a segment for it");
        let bytes = self.group.complete(&head, tail.segment.place, tail.end);
        let failed = io_failed("write journal segment", &tail.segment);
        tail.file.write_at(bytes, tail.end).map_err(failed)?;
        self.counters.groups.fetch_add(1, Ordering::Relaxed);
        self.counters
            .bytes_written
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        tail.end += bytes.len() as u64;
        self.position.group = head.number;
        self.position.records += u64::from(head.records);
        self.dirty_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Broken> {
        let Some(tail) = &self.tail else { return Ok(()) };
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        tail.file
            .sync_data()
            .map_err(io_failed("sync journal segment", &tail.segment))?;
        self.position.synced = self.position.group;
        self.dirty_since = None;
        Ok(())
    }

    fn sync_if_due(&mut self) -> Result<(), Broken> {
        match (self.options.durability, self.dirty_since) {
            (Durability::Interval(window), Some(since)) if since.elapsed() >= window => self.sync(),
            _ => Ok(()),
        }
    }

    /// Until when to sleep at most.
    fn deadline(&self) -> Option<Instant> {
        let sync = match self.options.durability {
            Durability::Interval(window) => self.dirty_since.and_then(|since| since.checked_add(window)),
            Durability::Always | Durability::Os => None,
        };
        let retry = self
            .queue
            .has_no_space()
            .then(|| Instant::now() + limits::NO_SPACE_RETRY);
        sync.into_iter().chain(retry).min()
    }

    /// Makes sure that this life's opening group is synced. `false`: there is no room for it.
    fn ensure_opened(&mut self) -> Result<bool, Broken> {
        if self.opened {
            return Ok(true);
        }
        let fits = |tail: &Tail| tail.has_room(GROUP_HEAD as u64, tail.records, tail.streams.len() as u64);
        if !self.tail.as_ref().is_some_and(fits) && !self.roll()? {
            return Ok(false);
        }
        let head = self.head(GroupKind::Opening);
        self.write_group(head)?;
        drop(self.group.reset(self.options.group_bytes_max));
        self.sync()?;
        self.opened = true;
        Ok(true)
    }

    /// Seals the segment and begins the next. `false`: there is no room for a next one, the segment stays as it is.
    fn roll(&mut self) -> Result<bool, Broken> {
        let file = self.spares.take();
        self.queue.set_no_space(file.is_none());
        let Some(file) = file else { return Ok(false) };
        self.seal()?;
        self.begin(file)?;
        self.spares.replenish();
        Ok(true)
    }

    fn seal(&mut self) -> Result<(), Broken> {
        let Some(tail) = self.tail.take() else {
            return Ok(());
        };
        let with_next = |(stream, slots)| (stream, slots, self.sequences.next(stream));
        let tables: Tables = self.catalog.live().into_iter().map(with_next).collect();
        let trailer = Trailer {
            segment: tail.segment.number,
            epoch: self.position.epoch,
            first_group: tail.first_group,
            last_group: self.position.group,
            records_before: tail.records_before,
            records_after: self.position.records,
            other_next: self.sequences.other(),
            data_end: u32::try_from(tail.end).expect("segments are smaller than 4 GiB"),
            ..Trailer::default()
        };
        let failed = || io_failed("seal journal segment", &tail.segment);
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        let (footer, on_disk) = seal(&*tail.file, tail.segment.place, &tables, trailer).map_err(failed())?;
        let length = tail.file.len().map_err(failed())?;
        self.counters
            .bytes_written
            .fetch_add(length - tail.end, Ordering::Relaxed);
        self.counters.bytes_on_disk.fetch_add(length, Ordering::Relaxed);
        self.counters
            .bytes_on_disk
            .fetch_sub(tail.capacity, Ordering::Relaxed);
        self.catalog
            .seal(tail.segment.number, &footer.directory, !on_disk);
        self.position.synced = self.position.group;
        self.dirty_since = None;
        Ok(())
    }

    /// Makes the prepared file the next segment. Its header is synced before it gets its name.
    fn begin(&mut self, file: Box<dyn File>) -> Result<(), Broken> {
        let number = self.position.segment + 1;
        let segment = Arc::new(Segment::new(&self.options.directory, &self.id, number));
        let head = SegmentHead {
            id: self.id,
            number,
            epoch: self.position.epoch,
            first_group: self.position.group + 1,
            last_synced: self.position.synced,
            records_before: self.position.records,
        };
        let failed = || io_failed("begin journal segment", &segment);
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        let tail = Tail::begin(segment.clone(), file, self.options.segment_bytes, &head).map_err(failed())?;
        let spare = self.options.directory.join(SPARE_FILE);
        self.fs.rename(&spare, &segment.path).map_err(failed())?;
        self.fs.sync_dir(&self.options.directory).map_err(failed())?;
        self.counters.bytes_written.fetch_add(tail.end, Ordering::Relaxed);
        self.counters
            .bytes_on_disk
            .fetch_add(tail.capacity, Ordering::Relaxed);
        self.position.segment = number;
        self.catalog.begin(segment);
        self.tail = Some(tail);
        Ok(())
    }

    /// Whether a next segment is prepared or being prepared; tries again when it could not be made before.
    fn has_spare(&mut self) -> bool {
        let has_spare = self.spares.retry();
        self.queue.set_no_space(!has_spare);
        has_spare
    }

    fn retry_space(&mut self) -> Result<(), Broken> {
        if self.queue.has_no_space() && self.has_spare() {
            self.ensure_opened()?;
        }
        Ok(())
    }

    /// Everything is synced, and a last group says so.
    fn finish(&mut self) -> Result<(), Broken> {
        if !self.opened {
            return Ok(());
        }
        self.sync()?;
        let head = self.head(GroupKind::Close);
        self.write_group(head)?;
        self.sync()
    }

    /// Refuses everything, now and later.
    fn poison(&mut self, broken: &Broken) {
        let reason: Arc<str> = broken.to_string().into();
        tracing::error!(reason = &*reason, "the journal stops writing for good");
        let queued = self.queue.poison(reason.clone());
        let in_group = self.group.reset(0).map(|(waiter, _)| waiter);
        let in_hand = self.backlog.drain(..).chain(queued).map(|pending| pending.waiter);
        for waiter in in_group.into_iter().chain(in_hand) {
            waiter.answer(Err(AppendError::Poisoned {
                reason: reason.clone(),
            }));
        }
    }
}

/// Poisons the queue when the writer thread panics; waiters in its hands answer for themselves.
struct PanicGuard(Arc<Queue>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.poison("the journal's writer thread panicked".into()));
        }
    }
}

fn io_failed(action: &'static str, segment: &Segment) -> impl FnOnce(io::Error) -> Broken + use<> {
    let path = segment.path.clone();
    move |source| Broken::Io { action, path, source }
}
