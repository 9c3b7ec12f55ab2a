//! The progress view: what the state stream adds up to, kept for point look-ups and ordered scans.
//!
//! The journal is the truth; this is a cache of it that can be deleted. It holds what must not live in memory
//! because it grows with the backlog (retries by time, the index of dead letters) and what saves re-reading the
//! state stream at start (subscriptions, broker streams, source state) with the sequence up to which it is applied.
//! It is one ordered map of keys and values; which keys there are, and the rule that each of them obeys, is in
//! [`keys`].
//!
//! What must hold:
//! - Everything at or before `applied` is in the view; what is after it may be, and is applied again at open.
//! - Nothing that reads or writes it knows where it is kept ([`store`]).
//!
//! What it never does: decide anything that a record does not say.

mod clock;
mod dead_letters;
mod dedupe;
pub(crate) mod keys;
mod marks;
mod pairs;
mod state;
mod store;
mod waiting;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use schemas::filter::Filter;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

pub(crate) use self::dead_letters::IndexedLetter;
pub(crate) use self::marks::{Believed, Checkpoint, Contents, Found, StateBounds};
pub(crate) use self::pairs::{Pair, Pairs};
use self::store::{Batch, Scan, Store};
pub(crate) use self::waiting::{Due, Hold, Retry, Waiting};
use super::records::SideSpec;
use crate::{Pause, SideEnd, SideId, SubscriptionId, Timestamp};

/// One open view.
#[derive(Debug)]
pub(crate) struct View {
    directory: PathBuf,
    store: Store,
    /// How many events of each subscription wait in the store; changes with it, under this lock.
    waiting: Mutex<HashMap<SubscriptionId, Waiting>>,
}

/// What is kept of a subscription between checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What it is if it runs beside a trigger.
    #[serde(default)]
    pub(crate) side: Option<SideSpec>,
    /// The stream of its redriven dead letters, once there is one.
    #[serde(default)]
    pub(crate) redrive_stream: Option<u64>,
    /// The last replays and redrives that ran beside it.
    #[serde(default)]
    pub(crate) ended: VecDeque<EndedSide>,
}

/// A replay or redrive that has ended, as its trigger remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndedSide {
    pub(crate) id: SideId,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) rate: Option<u32>,
    pub(crate) started_at: Timestamp,
    pub(crate) how: SideEnd,
    pub(crate) at: Timestamp,
    pub(crate) counters: Counters,
    /// How far it came.
    pub(crate) cursor: u64,
}

/// Durable counts of one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) delivered: u64,
    pub(crate) dead_letter_sink: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) unreadable: u64,
    pub(crate) retries: u64,
    /// Left behind by a seek.
    #[serde(default)]
    pub(crate) skipped: u64,
    #[serde(default)]
    pub(crate) matched: u64,
    #[serde(default)]
    pub(crate) expired: u64,
    #[serde(default)]
    pub(crate) purged: u64,
    #[serde(default)]
    pub(crate) letters_redriven: u64,
    #[serde(default)]
    pub(crate) letters_expired: u64,
    /// Delivered by replays that ran beside it.
    #[serde(default)]
    pub(crate) replayed: u64,
    /// Delivered by redrives that ran beside it.
    #[serde(default)]
    pub(crate) redriven: u64,
}

impl Counters {
    /// What matched, after everything that waited was skipped or is to be matched anew.
    pub(crate) fn settle_matched(&mut self) {
        self.matched = self.delivered
            + self.dead_letter_sink
            + self.dead_lettered
            + self.expired
            + self.unreadable
            + self.skipped;
    }
}

/// The view failed; the journal is unharmed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the progress view in {directory} failed: {reason}")]
pub(crate) struct ViewError {
    directory: PathBuf,
    reason: String,
}

impl ViewError {
    /// The same, and why nothing could be done about it.
    pub(crate) fn and(&self, why: impl ToString) -> Self {
        Self {
            directory: self.directory.clone(),
            reason: format!(
                "{}, and it cannot be filled again: {}",
                self.reason,
                why.to_string()
            ),
        }
    }
}

impl View {
    /// Where it is, or would be.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn failed(&self, reason: impl ToString) -> ViewError {
        ViewError {
            directory: self.directory.clone(),
            reason: reason.to_string(),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.store.get(key).map_err(|error| self.failed(error))
    }

    fn write(&self, batch: Batch) -> Result<(), ViewError> {
        self.store.write(batch).map_err(|error| self.failed(error))
    }

    /// The first keys with a prefix, at most so many.
    fn first(&self, prefix: &[u8], count_max: usize) -> Result<Vec<Pair>, ViewError> {
        let found = self.store.first(prefix, count_max);
        found.map_err(|error| self.failed(error))
    }

    /// Keys with a prefix, in order, with their values. Reads in pages: what is written meanwhile may be seen or not.
    fn scan<'a>(&'a self, prefix: &[u8]) -> impl Iterator<Item = Result<Pair, ViewError>> + use<'a> {
        self.scan_after(prefix, None)
    }

    /// The same, from behind a key on.
    fn scan_after<'a>(
        &'a self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<Pair, ViewError>> + use<'a> {
        Scan::new(&self.store, prefix, after).map(|found| found.map_err(|error| self.failed(error)))
    }

    /// Makes everything fail from now on.
    #[cfg(test)]
    pub(crate) fn break_down(&self) {
        if let Store::Sled(store) = &self.store {
            store.break_down();
        }
    }

    /// Everything but the marks and the subscriptions' states, which a checkpoint writes.
    #[cfg(test)]
    pub(crate) fn dump(&self) -> Vec<Pair> {
        let all = self.scan(b"").map(|found| found.unwrap());
        all.filter(|(key, _)| !matches!(keys::class(key[0]), keys::Class::Mark | keys::Class::State))
            .collect()
    }

    fn decode<T: for<'a> Deserialize<'a>>(&self, key: &[u8], value: &[u8]) -> Result<T, ViewError> {
        serde_json::from_slice(value).map_err(|error| {
            let key = key.escape_ascii();
            self.failed(format!("the value of {key} cannot be read: {error}"))
        })
    }
}

#[cfg(test)]
mod tests;
