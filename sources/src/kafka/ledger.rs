//! What one consumer has polled, is storing, and has stored; and which offsets may be committed.
//!
//! For each partition, in the order polled: `[done or being stored ...][queued ...]`. The offset that may be committed
//! is one more than that of the last record before which all are done. Offsets may have gaps (compaction,
//! transactions), so the order counts, never arithmetic on offsets.
//!
//! An assignment of a partition has a number; a batch that was taken under an older number no longer moves offsets.

use std::collections::{BTreeMap, VecDeque};

use schemas::event::Event;

use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, KAFKA_HELD_BYTES_MAX, KAFKA_HELD_RECORDS_MAX};

/// A partition of a topic.
pub(super) type Key = (String, i32);

/// The books of one consumer.
#[derive(Debug)]
pub(super) struct Ledger {
    partitions: BTreeMap<Key, Partition>,
    /// Appends that may be open for one partition.
    appends_max: usize,
    assignments: u64,
    held_records: usize,
    held_bytes: usize,
    /// Where the next search for work starts, so that each partition gets its turn.
    turn: Option<Key>,
    closed: bool,
}

#[derive(Debug)]
struct Partition {
    assignment: u64,
    /// Number of the first of `entries`, counted from the first record of this assignment.
    base: u64,
    entries: VecDeque<Entry>,
    /// How many of `entries` have been taken to be stored.
    taken: usize,
    open_appends: usize,
    /// One more than the offset of the last record before which all are done.
    committable: Option<i64>,
    /// The offset that was handed to Kafka last.
    requested: Option<i64>,
    /// It is being given up: nothing more is taken from it.
    leaving: bool,
}

#[derive(Debug)]
struct Entry {
    offset: i64,
    bytes: usize,
    state: EntryState,
}

#[derive(Debug)]
enum EntryState {
    Queued(Event),
    Storing,
    Done,
}

/// Consecutive records of one partition, on their way to the engine.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    receipt: Receipt,
}

/// What a batch is given back with.
#[derive(Debug)]
pub(super) struct Receipt {
    key: Key,
    assignment: u64,
    first: u64,
    records: usize,
    bytes: usize,
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn new(appends_max: usize) -> Self {
        Self {
            partitions: BTreeMap::new(),
            appends_max,
            assignments: 0,
            held_records: 0,
            held_bytes: 0,
            turn: None,
            closed: false,
        }
    }

    /// Partitions were given to this consumer.
    pub(super) fn assign(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.assignments += 1;
        for key in keys {
            self.partitions.insert(key, Partition::new(self.assignments));
        }
    }

    /// Whether another record may be polled. One may go over the bytes.
    pub(super) fn has_room(&self) -> bool {
        self.held_records < KAFKA_HELD_RECORDS_MAX && self.held_bytes < KAFKA_HELD_BYTES_MAX
    }

    /// A record was polled. One of a partition that is not ours (any more) is forgotten.
    pub(super) fn push(&mut self, key: &Key, offset: i64, event: Event) {
        let Some(partition) = self
            .partitions
            .get_mut(key)
            .filter(|partition| !partition.leaving)
        else {
            return;
        };
        if self.closed {
            return;
        }
        let bytes = event.size();
        partition.entries.push_back(Entry {
            offset,
            bytes,
            state: EntryState::Queued(event),
        });
        self.held_records += 1;
        self.held_bytes += bytes;
    }

    /// The next batch to store, if a partition has one and may have another append open.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let ready =
            |(key, partition): (&Key, &Partition)| partition.is_ready(self.appends_max).then(|| key.clone());
        let after = self.turn.as_ref().and_then(|turn| {
            let after = (std::ops::Bound::Excluded(turn), std::ops::Bound::Unbounded);
            self.partitions.range::<Key, _>(after).find_map(ready)
        });
        let key = after.or_else(|| self.partitions.iter().find_map(ready))?;
        self.turn = Some(key.clone());
        let partition = self.partitions.get_mut(&key)?;
        Some(partition.take(key))
    }

    /// A batch is durable.
    pub(super) fn finish(&mut self, receipt: Receipt) {
        let Some(partition) = self.settle(&receipt) else {
            return;
        };
        partition.finish(&receipt);
    }

    /// A batch could not be stored. Its records stay in the way of their partition's offset.
    pub(super) fn fail(&mut self, receipt: Receipt) {
        self.settle(&receipt);
    }

    /// Offsets that have become committable since the last call.
    pub(super) fn commits(&mut self) -> Vec<(Key, i64)> {
        let mut commits = Vec::new();
        for (key, partition) in &mut self.partitions {
            if let Some(offset) = partition
                .committable
                .filter(|_| partition.committable != partition.requested)
            {
                partition.requested = Some(offset);
                commits.push((key.clone(), offset));
            }
        }
        commits
    }

    /// Commits that failed are handed out again by [`Self::commits`].
    pub(super) fn commit_failed(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(partition) = self.partitions.get_mut(key) {
                partition.requested = None;
            }
        }
    }

    /// Partitions are to be given up: what is queued is forgotten, what is being stored may finish.
    pub(super) fn leave(&mut self, keys: &[Key]) {
        for key in keys {
            let Some(partition) = self.partitions.get_mut(key) else {
                continue;
            };
            partition.leaving = true;
            for entry in partition.entries.drain(partition.taken..) {
                self.held_records -= 1;
                self.held_bytes -= entry.bytes;
            }
        }
    }

    /// Partitions are given up.
    pub(super) fn remove(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(partition) = self.partitions.remove(key) {
                let left = partition
                    .entries
                    .iter()
                    .filter(|entry| matches!(entry.state, EntryState::Queued(_)));
                for entry in left {
                    self.held_records -= 1;
                    self.held_bytes -= entry.bytes;
                }
            }
        }
    }

    /// Nothing more is taken in or out.
    pub(super) fn close(&mut self) {
        self.closed = true;
        let all: Vec<Key> = self.partitions.keys().cloned().collect();
        self.leave(&all);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The partitions that are ours.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.partitions.keys().cloned().collect()
    }

    /// Whether no append is open for these.
    pub(super) fn is_quiet(&self, keys: &[Key]) -> bool {
        let open = |key: &Key| {
            self.partitions
                .get(key)
                .is_some_and(|partition| partition.open_appends > 0)
        };
        !keys.iter().any(open)
    }

    /// Gives back a batch's share of memory, and answers its partition if it is still the same assignment.
    fn settle(&mut self, receipt: &Receipt) -> Option<&mut Partition> {
        self.held_records -= receipt.records;
        self.held_bytes -= receipt.bytes;
        let partition = self.partitions.get_mut(&receipt.key)?;
        if partition.assignment != receipt.assignment {
            return None;
        }
        partition.open_appends -= 1;
        Some(partition)
    }
}

// === impl Partition ===

impl Partition {
    fn new(assignment: u64) -> Self {
        Self {
            assignment,
            base: 0,
            entries: VecDeque::new(),
            taken: 0,
            open_appends: 0,
            committable: None,
            requested: None,
            leaving: false,
        }
    }

    fn is_ready(&self, appends_max: usize) -> bool {
        !self.leaving && self.taken < self.entries.len() && self.open_appends < appends_max
    }

    fn take(&mut self, key: Key) -> Batch {
        let first = self.base + self.taken as u64;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = self.entries.get_mut(self.taken) {
            let full = events.len() == BATCH_EVENTS_MAX || bytes + entry.bytes > BATCH_BYTES_MAX;
            if full && !events.is_empty() {
                break;
            }
            let EntryState::Queued(event) = std::mem::replace(&mut entry.state, EntryState::Storing) else {
                break;
            };
            bytes += entry.bytes;
            events.push(event);
            self.taken += 1;
        }
        self.open_appends += 1;
        let receipt = Receipt {
            key,
            assignment: self.assignment,
            first,
            records: events.len(),
            bytes,
        };
        Batch { events, receipt }
    }

    fn finish(&mut self, receipt: &Receipt) {
        let at = usize::try_from(receipt.first - self.base).unwrap_or(usize::MAX);
        for entry in self.entries.iter_mut().skip(at).take(receipt.records) {
            entry.state = EntryState::Done;
        }
        while let Some(entry) = self
            .entries
            .pop_front_if(|entry| matches!(entry.state, EntryState::Done))
        {
            self.committable = Some(entry.offset + 1);
            self.base += 1;
            self.taken -= 1;
        }
    }
}

// === impl Batch ===

impl Batch {
    pub(super) fn split(self) -> (Vec<Event>, Receipt) {
        (self.events, self.receipt)
    }
}

#[cfg(test)]
mod tests;
