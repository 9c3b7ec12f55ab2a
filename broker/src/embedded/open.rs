//! Opening a data directory: recover the journal, bring the view up to it, start the threads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use journal::{Durability, FileSystem, Journal, RealFs, Record, StreamId};

use super::Embedded;
use super::checkpoint::{self, Ticker};
use super::damage::{lost_in_words, note_damage};
use super::degrade::Degraded;
use super::format::{self, DATA_FORMAT, Stated};
use super::memory::TailMemory;
use super::pump::{self, CommitQueue, Listener};
use super::rebuild::{self, READ, RebuildError, Rebuilt};
use super::records::STATE;
use super::retention::{self, Retain, Retention};
use super::shared::Shared;
use super::snapshot;
use super::view::{Contents, Found, View, ViewError};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::limits::{JOURNAL_QUEUE_BYTES_MAX, TAIL_BYTES_MAX};

/// How to open.
#[derive(Clone)]
pub struct Options {
    /// The data directory; made when it is not there.
    pub directory: PathBuf,
    /// When an event counts as durable.
    pub durability: Durability,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Bytes of one journal segment.
    pub segment_bytes: u64,
    /// How long what is settled stays.
    pub retain: Retain,
    /// Segments that are preallocated for settlements, retries, dead letters and snapshots alone.
    pub reserve_segments: usize,
    /// With fewer bytes free on the file system, new events are refused.
    pub free_bytes_min: u64,
    /// What the journal writes to. The view is always on the machine's own file system.
    pub file_system: Arc<dyn FileSystem>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The directory was new.
    pub created: bool,
    /// Records in the part of the journal that had to be scanned.
    pub records_scanned: u64,
    /// Bytes of an unacknowledged tail that were cut away.
    pub cut_bytes: u64,
    /// Files that are damaged and set aside, each with the reason.
    pub quarantined: Vec<String>,
    /// What this opening found to be lost for good, by stream and sequence, as far as that is known exactly.
    pub lost: Vec<String>,
    /// Why the progress view was rebuilt, if it was.
    pub view_rebuilt: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or reached.
    #[error("the data directory {directory} cannot be used: {source}")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The directory was written by a newer program.
    #[error(
        "{} says format {found} of a data directory, this program knows formats up to {supported}: use the newer program",
        file.display()
    )]
    NewerFormat {
        /// The file that says so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this program reads.
        supported: u32,
    },
    /// The journal's state cannot be read back.
    #[error("the state in {directory} cannot be read: {reason}")]
    State {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// The opening task was cut off.
    #[error("opening the data directory was interrupted: {reason}")]
    Interrupted {
        /// By what.
        reason: String,
    },
}

impl Options {
    /// The defaults for a directory: durable before acknowledged, the machine's clock.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let defaults = journal::Options::new(&directory);
        Self {
            directory,
            durability: Durability::Always,
            clock: Arc::new(SystemClock::new()),
            segment_bytes: defaults.segment_bytes,
            retain: Retain::default(),
            reserve_segments: defaults.reserve_segments,
            free_bytes_min: defaults.free_bytes_min,
            file_system: Arc::new(RealFs),
        }
    }
}

/// Opens; blocks.
pub(super) fn open(options: Options) -> Result<(Embedded, Opened), OpenError> {
    let started = Instant::now();
    let directory = absolute(&options.directory).map_err(|source| OpenError::Directory {
        directory: options.directory.clone(),
        source,
    })?;
    check_format(&directory)?;
    let queue = Arc::new(CommitQueue::default());
    let (journal, recovery) = Journal::open(
        options.file_system,
        journal::Options {
            durability: options.durability,
            segment_bytes: options.segment_bytes,
            reserve_segments: options.reserve_segments,
            free_bytes_min: options.free_bytes_min,
            queue_bytes_max: JOURNAL_QUEUE_BYTES_MAX,
            ..journal::Options::new(directory.join("journal"))
        },
        Some(Box::new(Listener(Arc::clone(&queue)))),
    )?;
    state_format(&directory);
    let opened_view = open_view(&directory, &journal).map_err(|error| OpenError::State {
        directory: directory.clone(),
        reason: error.to_string(),
    })?;
    let memory = TailMemory::new(TAIL_BYTES_MAX);
    let shared = Arc::new(Shared::new(
        directory.clone(),
        journal,
        opened_view.view,
        opened_view.start.applied,
        options.segment_bytes,
        options.clock,
        memory,
    ));
    *shared.degraded.lock() = opened_view.degraded;
    recover(&shared, &opened_view.contents, &opened_view.start).map_err(|reason| OpenError::State {
        directory: directory.clone(),
        reason,
    })?;
    let lost = lost_in_words(&shared, &recovery.lost);
    note_damage(&shared, &recovery.quarantined, &lost);
    let retention = Retention::new(Arc::clone(&shared), options.retain, options.segment_bytes);
    let embedded =
        start(shared, queue, retention).map_err(|source| OpenError::Directory { directory, source })?;
    let opened = Opened {
        created: recovery.created,
        records_scanned: recovery.records,
        cut_bytes: recovery.cut_bytes,
        quarantined: recovery
            .quarantined
            .iter()
            .map(|part| format!("{}: {}", part.file, part.reason))
            .collect(),
        lost,
        view_rebuilt: opened_view.rebuilt,
        took: started.elapsed(),
    };
    Ok((embedded, opened))
}

/// Refuses what a newer program has written, before anything is touched.
fn check_format(directory: &Path) -> Result<(), OpenError> {
    let stated = format::read(directory).map_err(|source| OpenError::Directory {
        directory: directory.to_path_buf(),
        source,
    })?;
    match stated {
        Stated::Newer { file, found } => Err(OpenError::NewerFormat {
            file,
            found,
            supported: DATA_FORMAT,
        }),
        Stated::Known | Stated::Nothing | Stated::Unreadable => Ok(()),
    }
}

/// Has the directory say which format it has. It can do without: a full disk is no reason not to open.
fn state_format(directory: &Path) {
    let stated = match format::read(directory) {
        Ok(Stated::Known) => return,
        Ok(Stated::Unreadable) => {
            tracing::warn!(directory = %directory.display(), "the FORMAT file cannot be read and is written anew");
            format::write(directory)
        }
        Ok(_) => format::write(directory),
        Err(error) => Err(error),
    };
    if let Err(error) = stated {
        tracing::warn!(directory = %directory.display(), %error, "the FORMAT file could not be written");
    }
}

fn absolute(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    fs::canonicalize(directory)
}

/// A view that is filled up to a state record.
struct OpenedView {
    view: View,
    contents: Contents,
    start: Rebuilt,
    /// Why it was made anew although there was something to put into it.
    rebuilt: Option<String>,
    degraded: Option<Degraded>,
}

/// Opens the view, or makes it anew out of the newest snapshot: on disk, or in memory when that fails.
fn open_view(directory: &Path, journal: &Journal) -> Result<OpenedView, RebuildError> {
    let directory = directory.join("view");
    let error = match open_view_on_disk(&directory, journal) {
        Err(RebuildError::View(error)) => error,
        done => return done,
    };
    tracing::error!(%error, "the progress view is kept in memory, filled from the journal");
    let (view, reason) = (View::in_memory(&directory), error.to_string());
    Ok(OpenedView {
        degraded: Some(Degraded::new(&reason)),
        ..fill_view(view, journal, reason)?
    })
}

fn open_view_on_disk(directory: &Path, journal: &Journal) -> Result<OpenedView, RebuildError> {
    let Found { view, believed } = View::open(directory, &journal.id(), rebuild::state_bounds(journal))?;
    let opened = match believed {
        Err(reason) => fill_view(view, journal, reason)?,
        Ok(believed) => OpenedView {
            contents: view.contents()?,
            view,
            start: Rebuilt::from(believed),
            rebuilt: None,
            degraded: None,
        },
    };
    opened.view.mark_open(&journal.id(), opened.start.applied)?;
    Ok(opened)
}

fn fill_view(view: View, journal: &Journal, reason: String) -> Result<OpenedView, RebuildError> {
    let start = rebuild::fill(journal, &view)?;
    let has_state = rebuild::state_bounds(journal).given_out > 0;
    Ok(OpenedView {
        contents: view.contents()?,
        view,
        start,
        rebuilt: has_state.then_some(reason),
        degraded: None,
    })
}

/// Brings memory and view up to the journal's end.
pub(super) fn recover(shared: &Arc<Shared>, contents: &Contents, start: &Rebuilt) -> Result<(), String> {
    shared.snapshots.restore(start.snapshots);
    if let Some(lost) = &start.lost {
        shared.note_lost(lost);
    }
    for record in &contents.brokers {
        shared.streams.insert(record, shared.last(record.events));
    }
    for record in &contents.types {
        shared.types.apply(record);
    }
    for (id, state) in &contents.subscriptions {
        shared.add_subscription(*id, state);
    }
    replay(shared, STATE, shared.applied())?;
    shared.announce_sides();
    for broker in shared.streams.all() {
        let stream = StreamId(broker.dead_letters);
        let indexed = shared
            .look(|view| view.dead_letters_indexed(stream))
            .map_err(|error| error.to_string())?;
        replay(shared, stream, indexed)?;
    }
    bring_retries_near(shared).map_err(|error| error.to_string())?;
    if start.wants_snapshot() {
        shared.request_snapshot();
    }
    Ok(())
}

/// Makes up for a wall clock that was set back since the last run: see [`view::clock`](super::view).
fn bring_retries_near(shared: &Shared) -> Result<(), ViewError> {
    let now = shared.clock.now();
    let seen = match shared.look(View::seen)? {
        Some(seen) => seen,
        // A view that was rebuilt has seen no time: the newest events have.
        None => newest_event(shared).unwrap_or(now),
    };
    let back = seen.until(now);
    let mut moved = 0;
    for sub in shared.all_subscriptions() {
        moved += shared.look(|view| view.bring_near(sub.id, now, back))?;
    }
    if moved > 0 {
        tracing::warn!(
            moved,
            back_s = back.as_secs(),
            "the machine's clock is behind the one that scheduled these retries: they were brought nearer"
        );
    }
    shared.look(|view| view.set_seen(now))
}

/// When the last event of any broker was accepted.
fn newest_event(shared: &Shared) -> Option<Timestamp> {
    let times = shared.streams.all().into_iter().filter_map(|broker| {
        let stream = StreamId(broker.events);
        let record = shared.journal.get(stream, shared.last(broker.events)).ok()??;
        pump::decode(shared, record).map(|stored| stored.accepted_at)
    });
    times.max()
}

/// Applies the records of one stream after `applied`.
fn replay(shared: &Arc<Shared>, stream: StreamId, applied: u64) -> Result<(), String> {
    let mut next = applied + 1;
    loop {
        let records: Vec<Record> = match shared.journal.read(stream, next, READ) {
            Ok(records) => records,
            Err(journal::ReadError::Damaged { from, to, reason, .. }) => {
                shared.note_lost(&format!(
                    "records {from} to {to} of stream {} are damaged ({reason}): what they settled comes again",
                    stream.0
                ));
                next = to + 1;
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        let Some(last) = records.last().map(|record| record.sequence) else {
            return Ok(());
        };
        for record in records {
            shared.apply_record(record);
        }
        if let Some(reason) = shared.halted() {
            return Err(reason.to_string());
        }
        next = last + 1;
    }
}

/// Nobody may wait for a pump that is gone.
struct HaltOnPanic(Arc<Shared>);

impl Drop for HaltOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.halt("the thread that applies commits panicked");
        }
    }
}

fn start(shared: Arc<Shared>, queue: Arc<CommitQueue>, retention: Retention) -> io::Result<Embedded> {
    let ticker = Arc::new(Ticker::default());
    let pump = {
        let (shared, queue) = (Arc::clone(&shared), Arc::clone(&queue));
        let pump = move || {
            let _halt = HaltOnPanic(Arc::clone(&shared));
            pump::run(&shared, &queue);
        };
        thread::Builder::new().name("heddle-pump".into()).spawn(pump)?
    };
    let checkpoints = {
        let (shared, ticker) = (Arc::clone(&shared), Arc::clone(&ticker));
        thread::Builder::new()
            .name("heddle-checkpoint".into())
            .spawn(move || checkpoint::run(&shared, &ticker))?
    };
    let snapshots = {
        let shared = Arc::clone(&shared);
        thread::Builder::new()
            .name("heddle-snapshot".into())
            .spawn(move || snapshot::run(&shared))?
    };
    let retentions = {
        let ticker = Arc::clone(&ticker);
        thread::Builder::new()
            .name("heddle-retention".into())
            .spawn(move || retention::run(retention, &ticker))?
    };
    let threads = Arc::new(parking_lot::Mutex::new(vec![pump, checkpoints, retentions]));
    let snapshots = Arc::new(parking_lot::Mutex::new(Some(snapshots)));
    Ok(Embedded {
        shared,
        queue,
        ticker,
        threads,
        snapshots,
    })
}
