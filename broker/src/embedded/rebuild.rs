//! Rebuilding a view from the journal: the newest snapshot that is whole, and then the state records after it.
//!
//! A snapshot is found from the end of the state stream backwards, so that this costs what was written since the
//! last one, not what the journal holds. One that is damaged is passed over for an older one, and without any the
//! stream is applied from its first record.
//!
//! When the stream's beginning is gone too, to damage, what it said is lost. Then nothing is taken for settled that the journal
//! does not say is: what is known of brokers and subscriptions is saved from damaged snapshots, and their events are
//! delivered again.

use journal::{Journal, ReadError, ReadLimit, Record, StreamId};

use super::records::snapshot::{SnapshotChunk, SnapshotEnd};
use super::records::{BadRecord, SNAPSHOT_CHUNK, SNAPSHOT_END, STATE, StateRecord, to_json};
use super::snapshot::{Complete, SnapshotMarks};
use super::view::{Believed, Pair, StateBounds, SubscriptionState, View, ViewError};

/// State records that are looked through at once, from the end backwards.
const WINDOW: u64 = 512;

/// State records that are read at once.
pub(super) const READ: ReadLimit = ReadLimit {
    records_max: 4096,
    bytes_max: 4 * 1024 * 1024,
};

/// What a view was filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    /// The state stream is to be applied from the sequence after this one.
    pub(crate) applied: u64,
    pub(crate) snapshots: SnapshotMarks,
    /// What could not be found again, in words.
    pub(crate) lost: Option<String>,
    /// A newer snapshot than the one that was used is damaged.
    pub(crate) passed_over: bool,
}

/// The rebuild could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RebuildError {
    #[error(transparent)]
    Journal(#[from] ReadError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Record(#[from] BadRecord),
    #[error("{0}")]
    Lost(String),
}

/// Where the stream of state records stands.
pub(crate) fn state_bounds(journal: &Journal) -> StateBounds {
    journal
        .bounds(STATE)
        .map_or_else(StateBounds::default, |bounds| StateBounds {
            first: bounds.first,
            last: bounds.last,
            ..StateBounds::default()
        })
        .given_out(journal.next(STATE) - 1)
}

/// Fills an empty view with the newest snapshot that can be used.
pub(crate) fn fill(journal: &Journal, view: &View) -> Result<Rebuilt, RebuildError> {
    let bounds = state_bounds(journal);
    let mut damaged = Vec::new();
    let mut before = bounds.last + 1;
    while let Some(end) = newest_before(journal, before, bounds.first)? {
        match load(journal, view, end)? {
            Ok(()) if end.applied + 1 >= bounds.first => {
                return Ok(Rebuilt {
                    applied: end.applied,
                    snapshots: SnapshotMarks {
                        last: Some(Complete::from(end)),
                        bytes_since: 0,
                    },
                    lost: None,
                    passed_over: !damaged.is_empty(),
                });
            }
            Ok(()) => damaged.push((end, "the records after it are gone".to_owned())),
            Err(reason) => damaged.push((end, reason)),
        }
        if let Some((end, reason)) = damaged.last() {
            tracing::error!(begin = end.begin, reason, "a snapshot cannot be used");
        }
        view.clear()?;
        before = end.begin;
    }
    if !has_lost_its_beginning(journal, bounds)? {
        return Ok(Rebuilt {
            passed_over: !damaged.is_empty(),
            ..Rebuilt::default()
        });
    }
    save(journal, view, &damaged)?;
    let first = if bounds.last == 0 {
        bounds.given_out + 1
    } else {
        bounds.first
    };
    Ok(Rebuilt {
        applied: first.saturating_sub(1),
        snapshots: SnapshotMarks::default(),
        lost: Some(format!(
            "the beginning of the engine's state, up to before record {first} or behind it, is lost from the journal \
             and no snapshot of it can be read: which events were settled there is not known, and what the journal \
             still has of them is delivered again, as far as it is known whose they are"
        )),
        passed_over: true,
    })
}

/// Whether the state stream cannot be applied from its first record on: that has left, or it is damaged.
fn has_lost_its_beginning(journal: &Journal, bounds: StateBounds) -> Result<bool, ReadError> {
    if bounds.first > 1 || bounds.last == 0 {
        return Ok(bounds.given_out > 0);
    }
    match journal.get(STATE, 1) {
        Ok(_) => Ok(false),
        Err(ReadError::Damaged { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

impl Rebuilt {
    /// Whether a new snapshot is needed at once: what is said to be covered can be read by nobody.
    pub(crate) fn wants_snapshot(&self) -> bool {
        self.passed_over || self.lost.is_some()
    }
}

impl From<Believed> for Rebuilt {
    fn from(believed: Believed) -> Self {
        Self {
            applied: believed.applied,
            snapshots: believed.snapshots,
            lost: believed.ahead,
            ..Self::default()
        }
    }
}

/// The end of the newest snapshot that ends before a sequence.
fn newest_before(journal: &Journal, before: u64, first: u64) -> Result<Option<SnapshotEnd>, ReadError> {
    let first = first.max(1);
    let mut to = before.saturating_sub(1);
    while to >= first {
        let from = to.saturating_sub(WINDOW - 1).max(first);
        let mut newest = None;
        each(journal, from, to, |record| {
            if record.kind == SNAPSHOT_END
                && let Ok(StateRecord::SnapshotEnd(end)) = StateRecord::read(record.kind, record.head)
            {
                newest = Some(end);
            }
        })?;
        if newest.is_some() {
            return Ok(newest);
        }
        to = from - 1;
    }
    Ok(None)
}

/// Loads a snapshot into an empty view; the inner error says why it is none.
fn load(journal: &Journal, view: &View, end: SnapshotEnd) -> Result<Result<(), String>, RebuildError> {
    let mut next = 0;
    let mut failed = None;
    let damaged = each_chunk(journal, end, |chunk| {
        if chunk.index == next && failed.is_none() {
            next += 1;
            failed = view.load(chunk.pairs).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if next == end.chunks {
        return Ok(Ok(()));
    }
    let why = damaged.unwrap_or_else(|| "it is not there".into());
    Ok(Err(format!("chunk {next} of {} is lost: {why}", end.chunks)))
}

/// Puts what is known of brokers, sources and subscriptions into an empty view, from what can be read of damaged
/// snapshots, the newest first. No subscription is taken to have settled anything, and what waited for it is matched anew.
fn save(journal: &Journal, view: &View, damaged: &[(SnapshotEnd, String)]) -> Result<(), RebuildError> {
    for (end, _) in damaged.iter().rev() {
        let mut failed = None;
        each_chunk(journal, *end, |chunk| {
            let pairs = chunk.pairs.into_iter().filter_map(unsettled).collect();
            failed = failed.take().or_else(|| view.load(pairs).err());
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(())
}

fn unsettled((key, value): Pair) -> Option<Pair> {
    match key.first()? {
        b'b' | b'o' | b't' => Some((key, value)),
        b's' => {
            let mut state: SubscriptionState = serde_json::from_slice(&value).ok()?;
            state.accounted.clear();
            state.counters.settle_matched();
            Some((key, to_json(&state)))
        }
        _ => None,
    }
}

/// Goes through the chunks of a snapshot; answers why one could not be read, if so.
fn each_chunk(
    journal: &Journal,
    end: SnapshotEnd,
    mut chunk: impl FnMut(SnapshotChunk),
) -> Result<Option<String>, ReadError> {
    // Its end stands behind everything else of it; it is looked for from the beginning on.
    let last = journal.bounds(STATE).map_or(0, |bounds| bounds.last);
    let mut seen = 0;
    let mut unread = None;
    let damaged = each_while(journal, STATE, end.begin, last, |record| {
        if record.kind == SNAPSHOT_END {
            let read = StateRecord::read(record.kind, record.head);
            return !matches!(read, Ok(StateRecord::SnapshotEnd(found)) if found.begin == end.begin);
        }
        if record.kind == SNAPSHOT_CHUNK {
            match StateRecord::read(record.kind, record.head) {
                Ok(StateRecord::SnapshotChunk(found)) if found.begin == end.begin => {
                    seen += 1;
                    chunk(found);
                }
                Ok(_) => {}
                Err(error) => unread = Some(error.to_string()),
            }
        }
        seen < end.chunks
    })?;
    Ok(unread.or(damaged))
}

fn each(journal: &Journal, from: u64, to: u64, mut record: impl FnMut(Record)) -> Result<(), ReadError> {
    each_while(journal, STATE, from, to, |found| {
        record(found);
        true
    })
    .map(drop)
}

/// Goes through records of a stream as long as it is told to, over damage; answers what the damage was, if any.
pub(super) fn each_while(
    journal: &Journal,
    stream: StreamId,
    from: u64,
    to: u64,
    mut record: impl FnMut(Record) -> bool,
) -> Result<Option<String>, ReadError> {
    let mut damage = None;
    let mut next = from;
    while next <= to {
        let records = match journal.read(stream, next, READ) {
            Ok(records) => records,
            Err(ReadError::Damaged { to, reason, .. }) => {
                damage = Some(reason.to_string());
                next = to + 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(last) = records.last().map(|record| record.sequence) else {
            break;
        };
        for found in records {
            if found.sequence <= to && !record(found) {
                return Ok(damage);
            }
        }
        next = last + 1;
    }
    Ok(damage)
}

#[cfg(test)]
mod tests;
