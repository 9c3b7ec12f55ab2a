//! The progress view: what the state stream adds up to, kept in sled for point look-ups and ordered scans.
//!
//! The journal is the truth; this is a cache of it that can be deleted. It holds what must not live in memory
//! because it grows with the backlog (retries by time, the index of dead letters) and what saves re-reading the
//! state stream at start (subscriptions, broker streams, source state) with the sequence up to which it is applied.
//!
//! What must hold:
//! - Everything at or before `applied` is in the view; what is after it may be, and is applied again at open.
//! - sled's own flush does not reach the disk, so a view is believed after an unclean end only when the machine
//!   has not been restarted since: then the operating system still had every write. Otherwise it is rebuilt.
//! - A view that cannot be opened, belongs to another journal or is ahead of it is set aside, never deleted
//!   without a word, and rebuilt.
//!
//! One tree, keyed by a letter:
//!
//! ```text
//! m applied|journal|boot|clean|seen b broker name -> StreamsRecord     s subscription id -> SubscriptionState
//! r subscription, sequence -> Retry d subscription, at, sequence -> ()   o source key -> state
//! x subscription, stream, sequence -> dead letter's stream and sequence  w dead-letter stream -> indexed up to
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use journal::StreamId;
use serde::{Deserialize, Serialize};

use super::records::{DeadLetterMeta, StreamsRecord, to_json};
use crate::clock::Timestamp;
use crate::{Pause, Position, Progress, SourceState, SubscriptionId};
use schemas::filter::Filter;
use schemas::names::ResourceName;

mod clock;

/// Memory that sled may take for its page cache.
const CACHE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long sled may take to let go of a view that was closed in this process.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// The open view.
#[derive(Clone, Debug)]
pub(crate) struct View {
    db: sled::Db,
    directory: PathBuf,
}

/// How the view was found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) view: View,
    /// The state stream is to be applied from the sequence after this one.
    pub(crate) applied: u64,
    /// Why it starts empty although the journal does not, if so.
    pub(crate) rebuilt: Option<String>,
}

/// What is kept of a subscription between checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SubscriptionState {
    pub(crate) name: ResourceName,
    pub(crate) broker: ResourceName,
    pub(crate) accounted: Vec<(u64, u64)>,
    /// The filters in force: each after its sequence, until the next.
    #[serde(default)]
    pub(crate) filters: Vec<(u64, Filter)>,
    pub(crate) counters: Counters,
    #[serde(default)]
    pub(crate) paused: Option<Pause>,
}

/// Durable counts of one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) delivered: u64,
    pub(crate) dead_letter_sink: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) unreadable: u64,
    pub(crate) retries: u64,
}

/// A retry that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub(crate) at: Timestamp,
    pub(crate) progress: Progress,
}

/// The view failed; the journal is unharmed.
#[derive(Debug, thiserror::Error)]
#[error("the progress view in {directory} failed: {source}")]
pub(crate) struct ViewError {
    directory: PathBuf,
    source: sled::Error,
}

/// Everything that one checkpoint writes, at once.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) applied: u64,
    pub(crate) subscriptions: Vec<(SubscriptionId, SubscriptionState)>,
    pub(crate) clean: bool,
    /// The engine's time.
    pub(crate) seen: Timestamp,
}

impl View {
    /// Opens the view of the journal `journal_id` whose state stream ends at `state_last`.
    pub(crate) fn open(directory: &Path, journal_id: &[u8], state_last: u64) -> io::Result<Opened> {
        let reason = match Self::open_existing(directory, journal_id, state_last) {
            Ok((view, applied)) => {
                view.mark_open(journal_id)?;
                return Ok(Opened {
                    view,
                    applied,
                    rebuilt: None,
                });
            }
            Err(reason) => reason,
        };
        if directory.exists() {
            let aside = directory.with_extension("set-aside");
            if aside.exists() {
                fs::remove_dir_all(&aside)?;
            }
            fs::rename(directory, &aside)?;
        }
        let db = Self::open_db(directory).map_err(io::Error::other)?;
        let view = Self {
            db,
            directory: directory.to_path_buf(),
        };
        view.mark_open(journal_id)?;
        let rebuilt = (state_last > 0).then_some(reason);
        Ok(Opened {
            view,
            applied: 0,
            rebuilt,
        })
    }

    fn open_existing(directory: &Path, journal_id: &[u8], state_last: u64) -> Result<(Self, u64), String> {
        if !directory.exists() {
            return Err("it is not there".into());
        }
        let db = Self::open_db(directory).map_err(|error| format!("it cannot be opened: {error}"))?;
        let view = Self {
            db,
            directory: directory.to_path_buf(),
        };
        let get = |key: &str| {
            view.db
                .get(key)
                .map_err(|error| format!("it cannot be read: {error}"))
        };
        if get("mjournal")?.as_deref() != Some(journal_id) {
            return Err("it belongs to another journal".into());
        }
        let clean = get("mclean")?.as_deref() == Some(b"yes");
        if !clean && get("mboot")?.as_deref() != Some(boot_id().as_bytes()) {
            return Err("the machine was restarted without a clean shutdown".into());
        }
        let applied = get("mapplied")?.as_deref().and_then(be_u64).unwrap_or(0);
        if applied > state_last {
            return Err(format!("it is ahead of the journal ({applied} > {state_last})"));
        }
        Ok((view, applied))
    }

    fn open_db(directory: &Path) -> sled::Result<sled::Db> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE_BYTES_MAX)
            .flush_every_ms(None);
        let deadline = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match config.open() {
                // The journal's lock keeps other processes out; this one is sled's own, let go by a thread of its
                // pool some time after the last handle is gone.
                Err(sled::Error::Io(error)) if is_locked(&error) && Instant::now() < deadline => {
                    thread::sleep(LOCK_POLL);
                }
                opened => return opened,
            }
        }
    }

    fn mark_open(&self, journal_id: &[u8]) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        batch.insert("mjournal", journal_id);
        batch.insert("mboot", boot_id().as_bytes());
        batch.insert("mclean", b"no");
        self.db.apply_batch(batch).map_err(io::Error::other)?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        self.db.flush().map_err(io::Error::other)?;
        File::open(self.directory.join("db"))?.sync_data()
    }

    fn failed(&self, source: sled::Error) -> ViewError {
        ViewError {
            directory: self.directory.clone(),
            source,
        }
    }

    // --- what a start reads ---

    pub(crate) fn brokers(&self) -> Result<Vec<StreamsRecord>, ViewError> {
        self.scan_json(b"b")
            .map(|found| found.into_iter().map(|(_, record)| record).collect())
    }

    pub(crate) fn subscriptions(&self) -> Result<Vec<(SubscriptionId, SubscriptionState)>, ViewError> {
        let found = self.scan_json(b"s")?;
        Ok(found
            .into_iter()
            .filter_map(|(key, state)| Some((SubscriptionId(be_u64(key.get(1..)?)?), state)))
            .collect())
    }

    fn scan_json<T: for<'a> Deserialize<'a>>(
        &self,
        prefix: &[u8],
    ) -> Result<Vec<(sled::IVec, T)>, ViewError> {
        let mut found = Vec::new();
        for entry in self.db.scan_prefix(prefix) {
            let (key, value) = entry.map_err(|error| self.failed(error))?;
            let value = serde_json::from_slice(&value)
                .map_err(|error| self.failed(sled::Error::Unsupported(error.to_string())))?;
            found.push((key, value));
        }
        Ok(found)
    }

    /// Up to which sequence a dead-letter stream is in the index.
    pub(crate) fn dead_letters_indexed(&self, stream: StreamId) -> Result<u64, ViewError> {
        let found = self
            .db
            .get(key(b'w', &[stream.0]))
            .map_err(|error| self.failed(error))?;
        Ok(found.as_deref().and_then(be_u64).unwrap_or(0))
    }

    // --- what applying a state record writes ---

    pub(crate) fn put_broker(&self, record: &StreamsRecord) -> Result<(), ViewError> {
        let name = format!("b{}", record.broker);
        self.db
            .insert(name, to_json(record))
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn put_source_state(&self, state: &SourceState) -> Result<(), ViewError> {
        let stored = self.db.insert(format!("o{}", state.key), state.state.as_slice());
        stored.map(drop).map_err(|error| self.failed(error))
    }

    pub(crate) fn source_state(&self, key: &str) -> Result<Option<Vec<u8>>, ViewError> {
        let found = self
            .db
            .get(format!("o{key}"))
            .map_err(|error| self.failed(error))?;
        Ok(found.map(|state| state.to_vec()))
    }

    /// Schedules a retry, in place of the one that was there; says whether there was none.
    pub(crate) fn put_retry(
        &self,
        id: SubscriptionId,
        sequence: u64,
        retry: &Retry,
    ) -> Result<bool, ViewError> {
        let before = self.retry(id, sequence)?;
        let mut batch = sled::Batch::default();
        if let Some(before) = &before {
            batch.remove(key(b'd', &[id.0, before.at.0, sequence]));
        }
        batch.insert(key(b'r', &[id.0, sequence]), to_json(retry));
        batch.insert(key(b'd', &[id.0, retry.at.0, sequence]), &[]);
        self.db.apply_batch(batch).map_err(|error| self.failed(error))?;
        Ok(before.is_none())
    }

    /// Takes a retry off the schedule; says whether there was one.
    pub(crate) fn remove_retry(&self, id: SubscriptionId, sequence: u64) -> Result<bool, ViewError> {
        let Some(before) = self.retry(id, sequence)? else {
            return Ok(false);
        };
        let mut batch = sled::Batch::default();
        batch.remove(key(b'r', &[id.0, sequence]));
        batch.remove(key(b'd', &[id.0, before.at.0, sequence]));
        self.db.apply_batch(batch).map_err(|error| self.failed(error))?;
        Ok(true)
    }

    pub(crate) fn retry(&self, id: SubscriptionId, sequence: u64) -> Result<Option<Retry>, ViewError> {
        let found = self
            .db
            .get(key(b'r', &[id.0, sequence]))
            .map_err(|error| self.failed(error))?;
        found
            .map(|value| serde_json::from_slice(&value))
            .transpose()
            .map_err(|error| self.failed(sled::Error::Unsupported(error.to_string())))
    }

    /// Retries of one subscription in the order of their time.
    pub(crate) fn due(
        &self,
        id: SubscriptionId,
    ) -> impl Iterator<Item = Result<(Timestamp, u64), ViewError>> + '_ {
        self.db
            .scan_prefix(key(b'd', &[id.0]))
            .keys()
            .filter_map(move |found| match found {
                Ok(key) => Some(Ok((
                    Timestamp(be_u64(key.get(9..17)?)?),
                    be_u64(key.get(17..25)?)?,
                ))),
                Err(error) => Some(Err(self.failed(error))),
            })
    }

    /// How many retries of one subscription wait. Walks them: for a start only.
    pub(crate) fn count_retries(&self, id: SubscriptionId) -> u64 {
        self.db.scan_prefix(key(b'r', &[id.0])).count() as u64
    }

    /// Indexes a dead letter; a repeat of the same cause takes the place of the first.
    pub(crate) fn put_dead_letter(&self, at: Position, meta: &DeadLetterMeta) -> Result<(), ViewError> {
        let mut value = at.stream.to_be_bytes().to_vec();
        value.extend_from_slice(&at.sequence.to_be_bytes());
        let mut batch = sled::Batch::default();
        batch.insert(
            key(
                b'x',
                &[meta.subscription.0, meta.cause.stream, meta.cause.sequence],
            ),
            value,
        );
        batch.insert(key(b'w', &[at.stream]), &at.sequence.to_be_bytes());
        self.db.apply_batch(batch).map_err(|error| self.failed(error))
    }

    /// Where the dead letters lie: cause (subscription, position) and copy.
    pub(crate) fn dead_letters(
        &self,
    ) -> impl Iterator<Item = Result<(SubscriptionId, Position, Position), ViewError>> + '_ {
        self.db.scan_prefix(b"x").filter_map(move |found| match found {
            Ok((key, value)) => {
                let number = |bytes: &[u8], at: usize| bytes.get(at..at + 8).and_then(be_u64);
                let cause = Position {
                    stream: number(&key, 9)?,
                    sequence: number(&key, 17)?,
                };
                let copy = Position {
                    stream: number(&value, 0)?,
                    sequence: number(&value, 8)?,
                };
                Some(Ok((SubscriptionId(number(&key, 1)?), cause, copy)))
            }
            Err(error) => Some(Err(self.failed(error))),
        })
    }

    /// Where the dead letter of one cause lies.
    pub(crate) fn dead_letter(
        &self,
        id: SubscriptionId,
        cause: Position,
    ) -> Result<Option<Position>, ViewError> {
        let found = self.db.get(key(b'x', &[id.0, cause.stream, cause.sequence]));
        let found = found.map_err(|error| self.failed(error))?;
        Ok(found.and_then(|value| {
            Some(Position {
                stream: be_u64(value.get(..8)?)?,
                sequence: be_u64(value.get(8..16)?)?,
            })
        }))
    }

    /// Writes a checkpoint and makes it durable.
    pub(crate) fn checkpoint(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for (id, state) in &checkpoint.subscriptions {
            batch.insert(key(b's', &[id.0]), to_json(state));
        }
        batch.insert("mapplied", &checkpoint.applied.to_be_bytes());
        batch.insert(clock::SEEN, &checkpoint.seen.0.to_be_bytes());
        batch.insert(
            "mclean",
            if checkpoint.clean {
                b"yes".as_slice()
            } else {
                b"no"
            },
        );
        self.db.apply_batch(batch).map_err(io::Error::other)?;
        self.sync()
    }
}

fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

fn key(letter: u8, numbers: &[u64]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + numbers.len() * 8);
    key.push(letter);
    for number in numbers {
        key.extend_from_slice(&number.to_be_bytes());
    }
    key
}

fn be_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Names this run of the operating system; empty where there is no such thing, so that an unclean end rebuilds.
fn boot_id() -> String {
    let found = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let found = found.trim();
    if found.is_empty() {
        uuid::Uuid::new_v4().to_string()
    } else {
        found.to_string()
    }
}

#[cfg(test)]
mod tests;
