//! The handle on an open journal.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use parking_lot::Mutex;

use crate::backup::{self, Backup, BackupError};
use crate::format::{JournalId, LAST_STREAM, frame_bytes};
use crate::fs::FileSystem;
use crate::reader::Reader;
use crate::record::{Bounds, CommitListener, Done, Entry, Frame, ReadLimit, Record, Sequence, StreamId};
use crate::recovery::recover;
use crate::report::SegmentInfo;
use crate::retire::Retiring;
use crate::segment::Segments;
use crate::space::{Space, SpaceReport};
use crate::tail::frame_bytes_max;
use crate::writer::{Counters, Pending, Queue, Shared, Waiter, Writer};
use crate::{AppendError, Durability, Health, OpenError, Options, ReadError, Recovery, RetireError, Stats};

/// An open journal. Clones are cheap and share it; when the last one goes, it is closed as by [`Journal::close`].
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    id: JournalId,
    segment_bytes: u64,
    durability: Durability,
    shared: Shared,
    reader: Reader,
    writer: Mutex<Option<JoinHandle<()>>>,
    writer_id: ThreadId,
    retiring: Retiring,
}

impl Journal {
    /// Opens the journal in the directory of the options, made when it is missing, and recovers what is there.
    ///
    /// A disk without room is no error: what is there can be read, and [`Journal::health`] says that nothing is taken.
    ///
    /// # Errors
    /// The directory is locked, of a newer format, cannot be identified, or the operating system said no.
    pub fn open(
        fs: Arc<dyn FileSystem>,
        options: Options,
        listener: Option<Box<dyn CommitListener>>,
    ) -> Result<(Journal, Recovery), OpenError> {
        options.validate()?;
        let mut recovered = recover(&fs, &options)?;
        let report = std::mem::take(&mut recovered.report);
        let shared = Shared {
            queue: Arc::new(Queue::new(options.queue_bytes_max)),
            catalog: Arc::new(std::mem::take(&mut recovered.catalog)),
            counters: Arc::new(Counters::default()),
            space: Arc::new(Space::new(&options)),
        };
        let id = recovered.id;
        let (directory, segment_bytes) = (options.directory.clone(), options.segment_bytes);
        let durability = options.durability;
        let reader = Reader {
            catalog: shared.catalog.clone(),
            segments: Segments::new(fs.clone()),
        };
        let retiring = Retiring::new(fs.clone(), directory.clone(), recovered.sequences.other());
        let writer = Writer::start(fs, options, recovered, &shared, listener)?;
        let thread = thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(|| writer.run());
        let thread = thread.map_err(|source| OpenError::Io {
            action: "start a thread for",
            path: directory,
            source,
        })?;
        let writer_id = thread.thread().id();
        let writer = Mutex::new(Some(thread));
        let inner = Inner {
            id,
            segment_bytes,
            durability,
            shared,
            reader,
            writer,
            writer_id,
            retiring,
        };
        Ok((
            Journal {
                inner: Arc::new(inner),
            },
            report,
        ))
    }

    /// Random name of the journal, made together with its directory.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.inner.id
    }

    /// Appends a frame. Never blocks; every outcome goes through `done`, exactly once: on the writer thread, or before
    /// this returns when the frame is refused at once. A frame without entries is committed like any other.
    pub fn append(&self, frame: Frame, done: Done) {
        self.append_checked(frame, None, done);
    }

    /// The same for a frame that nobody waits for: it goes with whatever is appended next, so that it costs no sync of its
    /// own, and at the latest after this time.
    pub fn append_within(&self, patience: Duration, frame: Frame, done: Done) {
        self.append_checked(frame, Some(patience), done);
    }

    /// Lets what was appended to go with others go now.
    pub fn hurry(&self) {
        self.inner.shared.queue.hurry();
    }

    fn append_checked(&self, frame: Frame, patience: Option<Duration>, done: Done) {
        let waiter = Waiter::new(done);
        if let Some(misplaced) = frame.entries.iter().find_map(|entry| self.misplaced(entry)) {
            waiter.answer_here(Err(misplaced));
            return;
        }
        self.inner.append(frame, waiter, false, patience);
    }

    /// Why an entry cannot be stored as it asks to be.
    fn misplaced(&self, entry: &Entry) -> Option<AppendError> {
        let reason = if entry.stream.0 > LAST_STREAM {
            "streams have numbers below 2^63 - 1"
        } else {
            let sequence = entry.kept?;
            let last = self.bounds(entry.stream).map_or(0, |bounds| bounds.last);
            if (1..=last).contains(&sequence) {
                return None;
            }
            "the stream has given out no such sequence"
        };
        Some(AppendError::Misplaced {
            stream: entry.stream,
            sequence: entry.kept.unwrap_or(0),
            reason,
        })
    }

    /// The segments, oldest first, and what each holds. Made for the asker: not for every event.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.inner.shared.catalog.segment_infos()
    }

    /// Records that one sealed segment holds of a stream, its own or the kept ones, with `sequence >= from`, in order.
    /// Empty when there is no more, or the segment has left. Blocks for reads from disk.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] names the record that cannot be read; what stands before it is served first.
    pub fn read_segment(
        &self,
        segment: u64,
        stream: StreamId,
        kept: bool,
        from: Sequence,
        limit: ReadLimit,
    ) -> Result<Vec<Record>, ReadError> {
        self.inner.reader.read_part((segment, stream, kept), from, limit)
    }

    /// Lets the oldest segment leave, if it is sealed; `None` when there is none that could. What is to stay of it has
    /// to be copied forward and committed before ([`crate::Entry::kept`]). From then on its records are not there, and
    /// that is no damage; who reads them goes on. Blocks until the file is gone; not to be called on the writer thread.
    ///
    /// # Errors
    /// [`RetireError::Append`]: nothing has changed. [`RetireError::Io`]: the records have left, the file is still
    /// there, and the next call (or the next opening) sees to it.
    pub fn retire_oldest(&self) -> Result<Option<SegmentInfo>, RetireError> {
        self.inner.retire_oldest()
    }

    /// Committed records of a stream with `sequence >= from`, in order. Empty when there is none yet; otherwise at
    /// least one, even if it is over `limit.bytes_max`. What has left with its segment is passed over, so that there are
    /// gaps before [`Bounds::first`]; behind it there are none. Blocks for reads from disk.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the first record asked for is lost; what stands before damage is served first.
    pub fn read(&self, stream: StreamId, from: Sequence, limit: ReadLimit) -> Result<Vec<Record>, ReadError> {
        self.inner.reader.read(stream, from, limit)
    }

    /// One record; `None` when it is not committed (yet), or has left with the segment that it was in.
    ///
    /// # Errors
    /// See [`Journal::read`].
    pub fn get(&self, stream: StreamId, sequence: Sequence) -> Result<Option<Record>, ReadError> {
        let one = ReadLimit {
            records_max: 1,
            bytes_max: 0,
        };
        let found = self.read(stream, sequence, one)?.pop();
        Ok(found.filter(|record| record.sequence == sequence))
    }

    /// First and last committed sequence of a stream; `None` for one that never had a record.
    #[must_use]
    pub fn bounds(&self, stream: StreamId) -> Option<Bounds> {
        self.inner.shared.catalog.bounds(stream)
    }

    /// No record of the stream that is committed from now on has a lower sequence. After damage this may be far behind
    /// the last one that is there: what may have been given out is never given out again.
    #[must_use]
    pub fn next(&self, stream: StreamId) -> Sequence {
        self.inner.shared.catalog.next(stream)
    }

    /// Every stream that has or had records, in no order.
    #[must_use]
    pub fn streams(&self) -> Vec<(StreamId, Bounds)> {
        self.inner.shared.catalog.streams()
    }

    /// Copies everything that is committed now into a directory that is new or empty, from which a journal can be
    /// opened. Appends and reads go on; segments do not leave meanwhile. Blocks for as long as copying takes.
    ///
    /// # Errors
    /// The directory is not empty, or the operating system said no.
    pub fn backup(&self, directory: &Path) -> Result<Backup, BackupError> {
        let inner = &self.inner;
        inner
            .retiring
            .standing_still(|fs| backup::run(fs, &inner.shared.catalog, &inner.id, directory))
    }

    /// Whether appends are taken.
    #[must_use]
    pub fn health(&self) -> Health {
        let health = self.inner.shared.queue.health();
        let space = self.inner.shared.space.report();
        match health {
            Health::Writing if space.is_reserve_low => Health::ReserveLow,
            Health::Writing if space.is_full => Health::NoSpace,
            health => health,
        }
    }

    /// What is left of the disk. Cheap: reads a few numbers.
    #[must_use]
    pub fn space(&self) -> SpaceReport {
        self.inner.shared.space.report()
    }

    /// What "committed" means here.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.inner.durability
    }

    /// Number of the newest commit group that is synced, see [`Committed::group`](crate::Committed::group): what is
    /// in it and before it survives a power cut in every mode.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.inner.shared.counters.synced()
    }

    /// Counters since the journal was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.inner.shared;
        shared.counters.stats(shared.catalog.segments())
    }

    /// Commits what is queued, syncs, marks the journal as cleanly closed and gives up the directory. Later appends are
    /// refused; reads go on working. May be called more than once; each call returns when the work is done, except on
    /// the writer thread itself (from a [`Done`] or a listener), where it only asks for it.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn append(&self, frame: Frame, waiter: Waiter, must_sync: bool, patience: Option<Duration>) {
        let bytes = frame_bytes(&frame.entries);
        let bytes_max = frame_bytes_max(self.segment_bytes, &frame.entries);
        if bytes > bytes_max {
            waiter.answer_here(Err(AppendError::TooLarge { bytes, bytes_max }));
            return;
        }
        self.shared.queue.push(Pending {
            frame,
            bytes,
            must_sync,
            patience,
            waiter,
        });
    }

    fn retire_oldest(&self) -> Result<Option<SegmentInfo>, RetireError> {
        let append = |frame, done| self.append(frame, Waiter::new(done), true, None);
        self.retiring.oldest(&self.shared, &self.reader.segments, append)
    }

    fn close(&self) {
        self.shared.queue.close();
        if thread::current().id() == self.writer_id {
            return;
        }
        // The lock is held while waiting, so that a second caller waits as well.
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer thread panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
