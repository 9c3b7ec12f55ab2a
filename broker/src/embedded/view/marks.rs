//! Which view may be believed: its marks (`m`), checked when it is opened and written by each checkpoint.
//!
//! What must hold:
//! - sled's own flush does not reach the disk, so a view is believed after an unclean end only when the machine
//!   has not been restarted since: then the operating system still had every write. Otherwise it is rebuilt.
//! - A view that cannot be opened, belongs to another journal, is ahead of it, or ends before the first state record
//!   that the journal still has, is set aside, never deleted without a word, and rebuilt.
//! - A view that is ahead of what is left of the state stream, but of no sequence that may have been given out, is not
//!   ahead of the journal: the journal has lost what the view still knows, so it is kept. What comes next is no record
//!   that it has.
//! - A view is marked only once it is filled: one that was left half rebuilt is not believed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use parking_lot::Mutex;

use super::keys::{be_u64, key};
use super::store::{Batch, MemoryStore, Store, StoreError};
use super::{SubscriptionState, View, ViewError, clock};
use crate::SubscriptionId;
use crate::clock::Timestamp;
use crate::embedded::records::{StreamsRecord, TypeSeenRecord, to_json};
use crate::embedded::snapshot::{Complete, SnapshotMarks};
use crate::limits::VIEW_MEMORY_BYTES_MAX;

/// How keys and values are laid out. A view of another format is rebuilt.
const FORMAT: &[u8] = b"3";

/// What the journal has of the state stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StateBounds {
    /// 0 when there is none.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The last sequence that may have been given out. It is behind `last` only when damage took records.
    pub(crate) given_out: u64,
}

/// How the view was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) view: View,
    pub(crate) believed: Result<Believed, String>,
}

/// The part of a view that a start takes into memory.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) brokers: Vec<StreamsRecord>,
    pub(crate) subscriptions: Vec<(SubscriptionId, SubscriptionState)>,
    pub(crate) types: Vec<TypeSeenRecord>,
}

/// What a believed view says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Believed {
    /// The state stream is to be applied from the sequence after this one.
    pub(crate) applied: u64,
    pub(crate) snapshots: SnapshotMarks,
    /// The journal has lost records that are in the view: which, in words.
    pub(crate) ahead: Option<String>,
}

/// Everything that one checkpoint writes, at once.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) applied: u64,
    pub(crate) subscriptions: Vec<(SubscriptionId, SubscriptionState)>,
    /// Those that are no more.
    pub(crate) gone: Vec<SubscriptionId>,
    pub(crate) snapshots: SnapshotMarks,
    /// The engine's time.
    pub(crate) seen: Timestamp,
    pub(crate) clean: bool,
}

impl StateBounds {
    /// The same, with the last sequence that may have been given out.
    pub(crate) fn given_out(self, given_out: u64) -> Self {
        Self { given_out, ..self }
    }
}

impl View {
    /// Opens the view of the journal `journal_id`; one that cannot be believed is set aside, and the one that is
    /// returned is empty and not marked.
    pub(crate) fn open(directory: &Path, journal_id: &[u8], state: StateBounds) -> Result<Found, ViewError> {
        let reason = match Self::open_existing(directory, journal_id, state) {
            Ok((view, believed)) => {
                let believed = Ok(believed);
                return Ok(Found { view, believed });
            }
            Err(reason) => reason,
        };
        Ok(Found {
            view: Self::open_fresh(directory)?,
            believed: Err(reason),
        })
    }

    /// Sets aside what is there and opens an empty view in its place.
    pub(crate) fn open_fresh(directory: &Path) -> Result<Self, ViewError> {
        let failed = |reason: String| ViewError {
            directory: directory.to_path_buf(),
            reason,
        };
        set_aside(directory).map_err(|error| failed(format!("it cannot be set aside: {error}")))?;
        let store = Store::open(directory).map_err(|error| failed(error.to_string()))?;
        Ok(Self::on(directory, store))
    }

    /// An empty view in memory, in place of the one that belongs in this directory.
    pub(crate) fn in_memory(directory: &Path) -> Self {
        Self::in_memory_up_to(directory, VIEW_MEMORY_BYTES_MAX)
    }

    /// The same with a limit.
    pub(crate) fn in_memory_up_to(directory: &Path, bytes_max: usize) -> Self {
        Self::on(directory, Store::Memory(MemoryStore::new(bytes_max)))
    }

    /// A view on a store.
    pub(crate) fn on(directory: &Path, store: Store) -> Self {
        Self {
            directory: directory.to_path_buf(),
            store,
            waiting: Mutex::new(HashMap::new()),
        }
    }

    fn open_existing(
        directory: &Path,
        journal_id: &[u8],
        state: StateBounds,
    ) -> Result<(Self, Believed), String> {
        if !directory.exists() {
            return Err("it is not there".into());
        }
        let cannot = |error: StoreError| format!("it cannot be opened: {error}");
        let view = Self::on(directory, Store::open(directory).map_err(cannot)?);
        let believed = view.judge(journal_id, state)?;
        let readable = view.load_counts().and_then(|()| view.contents());
        readable.map_err(|error| error.to_string())?;
        Ok((view, believed))
    }

    /// What a start takes into memory.
    pub(crate) fn contents(&self) -> Result<Contents, ViewError> {
        Ok(Contents {
            brokers: self.brokers()?,
            subscriptions: self.subscriptions()?,
            types: self.types()?,
        })
    }

    fn judge(&self, journal_id: &[u8], state: StateBounds) -> Result<Believed, String> {
        let get = |key: &str| self.get(key.as_bytes()).map_err(|error| error.to_string());
        match get("mjournal")? {
            None => return Err("it was never finished".into()),
            Some(journal) if journal != journal_id => return Err("it belongs to another journal".into()),
            Some(_) => {}
        }
        if get("mformat")?.as_deref() != Some(FORMAT) {
            return Err("it has another format".into());
        }
        let clean = get("mclean")?.as_deref() == Some(b"yes");
        if !clean && get("mboot")?.as_deref() != Some(boot_id().as_bytes()) {
            return Err("the machine was restarted without a clean shutdown".into());
        }
        let number = |key: &str| Ok::<_, String>(get(key)?.as_deref().and_then(be_u64).unwrap_or(0));
        let applied = number("mapplied")?;
        let given_out = state.given_out.max(state.last);
        if applied > given_out {
            return Err(format!("it is ahead of the journal ({applied} > {given_out})"));
        }
        if applied + 1 < state.first {
            let first = state.first;
            return Err(format!("it ends at {applied}, and the journal begins at {first}"));
        }
        let last: Option<Complete> = match get("msnapshot")? {
            Some(value) => self
                .decode(b"msnapshot", &value)
                .map_err(|error| error.to_string())?,
            None => None,
        };
        // Nothing after the last record that is left can be read, and nothing that comes is at or before `given_out`.
        let ahead = (applied > state.last).then(|| {
            format!(
                "records of the engine's state are lost from the journal, which ends at {} where record {applied} was \
                 written; the progress view has them, is kept, and is stored anew",
                state.last
            )
        });
        Ok(Believed {
            applied: if ahead.is_some() { given_out } else { applied },
            ahead,
            snapshots: SnapshotMarks {
                last,
                bytes_since: number("msince")?,
            },
        })
    }

    /// Marks the view as this journal's, filled up to `applied`, and in use.
    pub(crate) fn mark_open(&self, journal_id: &[u8], applied: u64) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        batch.put("mjournal", journal_id);
        batch.put("mformat", FORMAT);
        batch.put("mboot", boot_id());
        batch.put("mclean", "no");
        batch.put("mapplied", applied.to_be_bytes());
        self.write(batch)?;
        self.sync()
    }

    /// Writes a checkpoint and makes it durable, if the view is on disk.
    pub(crate) fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        for (id, state) in &checkpoint.subscriptions {
            batch.put(key(b's', &[id.0]), to_json(state));
        }
        for id in &checkpoint.gone {
            batch.remove(key(b's', &[id.0]));
        }
        batch.put("mapplied", checkpoint.applied.to_be_bytes());
        batch.put("mclean", if checkpoint.clean { "yes" } else { "no" });
        batch.put(clock::SEEN, checkpoint.seen.0.to_be_bytes());
        batch.put("msnapshot", to_json(&checkpoint.snapshots.last));
        batch.put("msince", checkpoint.snapshots.bytes_since.to_be_bytes());
        self.write(batch)?;
        self.sync()
    }

    /// Whether something was left out for want of memory: nothing may be delivered by it.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.store.is_incomplete()
    }

    fn sync(&self) -> Result<(), ViewError> {
        self.store.sync().map_err(|error| self.failed(error))
    }
}

fn set_aside(directory: &Path) -> std::io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    let aside = directory.with_extension("set-aside");
    match fs::symlink_metadata(&aside) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&aside)?,
        Ok(_) => fs::remove_file(&aside)?,
        Err(_) => {}
    }
    fs::rename(directory, &aside)
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
