//! Snapshots: the view as records of the state stream, so that a lost view costs what the last one did not cover, and
//! the journal may let go of the state records before it.
//!
//! One is taken by a thread of its own, between other commits: a beginning, chunks of the view's pairs (see
//! [`super::view::keys`] for which), an end. Each is committed before the next is made. It is taken when so much
//! state was written since the last one that writing it costs no more than what was written anyway, when somebody
//! asks, and at a clean close if it is small. Each part is applied, which changes nothing, before the next is read: were
//! the pump behind, what it has yet to apply would be in memory, all of a snapshot and then the next one.
//!
//! **Why it may be taken while the view changes.** Let `A` be the state record in the beginning. The subscriptions'
//! states (`State` keys) are copied at one instant, under the gate, when exactly the records up to `A` were applied.
//! Every other key is copied later, each at a time of its own, when the records up to some `B >= A` were applied.
//! A rebuild loads the copies and applies the records after `A`. It ends where the engine stood, since
//! - subscriptions' states, counters above all, are exactly as of `A`, and each record after `A` is applied to them
//!   once;
//! - a `Fact` is put or removed blindly. If a record after `A` touches the key, the last one that does decides, whatever
//!   the copy was. If none does, the key did not change after `A`, and the copy is right;
//! - a `Derived` key is made of the facts that were loaded, and changes with them in one batch;
//! - a dead-letter stream is indexed from its mark `w` on. The mark is copied before the index `x`: a letter that the
//!   index lacks was put after the mark was read, and is put again.
//!
//! A snapshot without its end, or with a chunk missing, is none.

mod take;

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

use super::records::StateRecord;
use super::records::snapshot::SnapshotEnd;
use crate::limits::{SNAPSHOT_BYTES_SINCE_MIN, SNAPSHOT_CHUNK_BYTES_MAX};

#[cfg(test)]
pub(super) use self::take::Taking;
pub(crate) use self::take::{run, take_if_small};

/// A complete snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Complete {
    /// Sequence of its beginning.
    pub(crate) begin: u64,
    /// The last state record that it reflects throughout.
    pub(crate) applied: u64,
    pub(crate) bytes: u64,
}

/// What is known of snapshots, as checkpoints keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SnapshotMarks {
    pub(crate) last: Option<Complete>,
    /// Bytes of state records that were applied since.
    pub(crate) bytes_since: u64,
}

/// When the next one is due, and what the last one covers.
#[derive(Debug)]
pub(crate) struct Snapshots {
    known: Mutex<Known>,
    changed: Condvar,
    chunk_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Known {
    marks: SnapshotMarks,
    /// The last one whose end is committed: up to which state record, and in which commit group its end is.
    covered: Option<(u64, u64)>,
    /// It is complete, and nobody was told yet that it is synced.
    is_news: bool,
    /// The last state record that was applied since the start, and the one that is waited for.
    told: u64,
    awaited: Option<u64>,
    asked: bool,
    stopped: bool,
}

impl From<SnapshotEnd> for Complete {
    fn from(end: SnapshotEnd) -> Self {
        Self {
            begin: end.begin,
            applied: end.applied,
            bytes: end.bytes,
        }
    }
}

impl Snapshots {
    /// For a journal with segments of this size, which a record has to fit: tests make them small.
    pub(crate) fn new(segment_bytes: u64) -> Self {
        let quarter = usize::try_from(segment_bytes / 4).unwrap_or(usize::MAX);
        Self {
            known: Mutex::default(),
            changed: Condvar::new(),
            chunk_bytes_max: SNAPSHOT_CHUNK_BYTES_MAX.min(quarter),
        }
    }

    fn chunk_bytes_max(&self) -> usize {
        self.chunk_bytes_max
    }

    /// Takes over what a start found. It is synced: the journal sees to that before it takes anything new.
    pub(crate) fn restore(&self, marks: SnapshotMarks) {
        let mut known = self.known.lock();
        known.marks = marks;
        known.covered = marks.last.map(|last| (last.applied, 0));
    }

    /// What a checkpoint keeps.
    pub(crate) fn marks(&self) -> SnapshotMarks {
        self.known.lock().marks
    }

    /// A state record of so many bytes was applied.
    pub(crate) fn applied(&self, record: &StateRecord, sequence: u64, bytes: usize) {
        let mut known = self.known.lock();
        match record {
            StateRecord::SnapshotEnd(end) => {
                known.marks = SnapshotMarks {
                    last: Some(Complete::from(*end)),
                    bytes_since: 0,
                };
            }
            StateRecord::SnapshotBegin(_) | StateRecord::SnapshotChunk(_) => {}
            _ => known.marks.bytes_since += bytes as u64,
        }
        known.told = sequence;
        if known.is_due() || known.awaited.is_some_and(|awaited| awaited <= sequence) {
            self.changed.notify_all();
        }
    }

    /// Waits until a state record was applied, or until the end; says whether it was.
    fn wait_until_applied(&self, sequence: u64) -> bool {
        let mut known = self.known.lock();
        known.awaited = Some(sequence);
        while known.told < sequence && !known.stopped {
            self.changed.wait(&mut known);
        }
        known.awaited = None;
        known.told >= sequence
    }

    /// Asks for one, to be taken as soon as may be.
    pub(crate) fn request(&self) {
        self.known.lock().asked = true;
        self.changed.notify_all();
    }

    /// Ends the thread that takes them; one that is being taken is left without an end.
    pub(crate) fn stop(&self) {
        self.known.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until one is due; says whether to go on.
    fn wait_until_due(&self) -> bool {
        let mut known = self.known.lock();
        while !known.stopped && !known.is_due() {
            self.changed.wait(&mut known);
        }
        known.asked = false;
        !known.stopped
    }

    /// Waits a while before something is tried again; says whether to go on.
    fn pause(&self, pause: Duration) -> bool {
        let mut known = self.known.lock();
        self.changed
            .wait_while_for(&mut known, |known| !known.stopped, pause);
        !known.stopped
    }

    fn is_stopped(&self) -> bool {
        self.known.lock().stopped
    }

    /// One is complete; its end was committed in this group.
    fn completed(&self, applied: u64, group: u64) {
        let mut known = self.known.lock();
        known.covered = Some((applied, group));
        known.is_news = true;
    }

    /// Whether one has been synced since this was asked last.
    pub(crate) fn is_newly_synced(&self, synced: u64) -> bool {
        let mut known = self.known.lock();
        let is_synced = known.covered.is_some_and(|(_, group)| group <= synced);
        is_synced && std::mem::take(&mut known.is_news)
    }

    /// Whether one that is complete and synced reflects everything up to this state record. `synced` is the newest
    /// commit group that is.
    pub(crate) fn covers(&self, state_sequence: u64, synced: u64) -> bool {
        let covered = self.known.lock().covered;
        covered.is_some_and(|(applied, group)| state_sequence <= applied && group <= synced)
    }
}

impl Known {
    fn is_due(&self) -> bool {
        let last = self.marks.last.map_or(0, |last| last.bytes);
        self.asked || self.marks.bytes_since > last.max(SNAPSHOT_BYTES_SINCE_MIN)
    }
}

#[cfg(test)]
mod tests;
