//! From the journal's commits to the subscriptions: one thread that applies state records and offers events.
//!
//! The journal's writer hands over each commit group and goes on; the pump takes all that has gathered, decodes
//! each event once if a subscription is at the broker's tail, has it matched once for all triggers, and wakes each
//! subscription once.
//!
//! What must hold:
//! - State records are applied in commit order, each once.
//! - Memory is bounded: when the pump falls behind, events (never state) are replaced by a note of how far the
//!   stream went, and the subscriptions of that broker read them from disk.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{CommitListener, Record, StreamId};
use parking_lot::{Condvar, Mutex};

use super::records::{self, EVENT, Fate, Item};
use super::shared::Shared;
use super::streams::BrokerStream;
use super::subscription::Sub;
use crate::limits::TAIL_BYTES_MAX;
use crate::{Position, Stored};

/// What the writer has committed and the pump has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct CommitQueue {
    queued: Mutex<Queued>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queued {
    items: VecDeque<Committed>,
    bytes: usize,
    closed: bool,
}

/// One thing that was committed.
#[derive(Debug)]
enum Committed {
    Record(Record),
    /// Events of this stream up to `last` are on disk only.
    Passed {
        stream: StreamId,
        last: u64,
    },
}

/// The queue as the journal sees it.
pub(crate) struct Listener(pub(crate) Arc<CommitQueue>);

impl CommitListener for Listener {
    fn committed(&mut self, records: Vec<Record>) {
        let mut queued = self.0.queued.lock();
        for record in records {
            queued.push(record);
        }
        drop(queued);
        self.0.filled.notify_one();
    }
}

impl CommitQueue {
    /// Lets the pump end once everything is taken.
    pub(crate) fn close(&self) {
        self.queued.lock().closed = true;
        self.filled.notify_one();
    }

    /// Everything that has gathered; waits for something. `None` when closed and empty.
    fn take(&self) -> Option<VecDeque<Committed>> {
        let mut queued = self.queued.lock();
        while queued.items.is_empty() {
            if queued.closed {
                return None;
            }
            self.filled.wait(&mut queued);
        }
        queued.bytes = 0;
        Some(std::mem::take(&mut queued.items))
    }
}

impl Queued {
    fn push(&mut self, record: Record) {
        let bytes = record.head.len() + record.body.len();
        if record.kind != EVENT {
            self.items.push_back(Committed::Record(record));
        } else if self.bytes + bytes <= TAIL_BYTES_MAX {
            self.bytes += bytes;
            self.items.push_back(Committed::Record(record));
        } else {
            self.pass(record.stream, record.sequence);
        }
    }

    fn pass(&mut self, passed: StreamId, sequence: u64) {
        for item in self.items.iter_mut().rev() {
            match item {
                Committed::Passed { stream, last } if *stream == passed => {
                    *last = sequence;
                    return;
                }
                Committed::Record(record) if record.stream == passed => break,
                _ => {}
            }
        }
        self.items.push_back(Committed::Passed {
            stream: passed,
            last: sequence,
        });
    }
}

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Arc<Shared>, queue: &CommitQueue) {
    while let Some(items) = queue.take() {
        let mut run = Run::default();
        for item in items {
            match item {
                Committed::Record(record) if record.kind == EVENT => run.add(shared, record),
                Committed::Record(record) => shared.apply_record(record),
                Committed::Passed { stream, last } => {
                    run.offer(shared);
                    pass(shared, stream, last);
                }
            }
        }
        run.offer(shared);
        shared.tick();
    }
}

/// Consecutive events of one broker.
#[derive(Default)]
struct Run {
    broker: Option<Arc<BrokerStream>>,
    records: Vec<Record>,
    last: u64,
}

impl Run {
    fn add(&mut self, shared: &Arc<Shared>, record: Record) {
        if self
            .broker
            .as_ref()
            .is_none_or(|broker| broker.events != record.stream.0)
        {
            self.offer(shared);
            self.broker = shared.streams.by_number(record.stream.0);
        }
        if self.broker.is_none() {
            // A copy of a dead letter: read from disk by the one subscription that it is for.
            return;
        }
        self.last = record.sequence;
        self.records.push(record);
    }

    /// Offers what has gathered; nothing of it is even decoded when nobody is at the tail.
    fn offer(&mut self, shared: &Arc<Shared>) {
        let Some(broker) = self.broker.take() else { return };
        let records = std::mem::take(&mut self.records);
        if pass_nobody(&broker, self.last) {
            return;
        }
        let (events, undecodable) = decode_all(shared, records);
        let mut matched = Vec::new();
        if let Some(matcher) = shared.matcher() {
            matcher.match_all(&broker.name, &events, &mut |index, id| matched.push((id, index)));
        }
        matched.sort_unstable();
        let is_short = shared.memory.is_short();
        let tail = broker.lock_tail();
        let pumped = tail.pumped();
        for of_one in matched.chunk_by(|a, b| a.0 == b.0) {
            let Some(sub) = of_one.first().and_then(|(id, _)| shared.subscription(*id)) else {
                continue;
            };
            sub.offer(
                of_one.iter().filter_map(|(_, index)| events.get(*index)),
                pumped,
                is_short,
            );
        }
        tail.set_pumped(self.last);
        drop(tail);
        for sequence in undecodable {
            for sub in shared.readers_of(broker.events) {
                // One that lags finds it by itself.
                if sub.is_at_tail() {
                    shared.give_up_undecodable(&sub, sequence);
                }
            }
        }
    }
}

/// Goes on behind `last` when nobody is at the tail; says whether it did. Who joins later reads from there on.
fn pass_nobody(broker: &BrokerStream, last: u64) -> bool {
    let tail = broker.lock_tail();
    let is_empty = tail.is_empty();
    if is_empty {
        tail.set_pumped(last);
    }
    is_empty
}

/// The events, and the sequences of those that do not read as such.
fn decode_all(shared: &Shared, records: Vec<Record>) -> (Vec<Arc<Stored>>, Vec<u64>) {
    let mut events = Vec::with_capacity(records.len());
    let mut undecodable = Vec::new();
    for record in records {
        let sequence = record.sequence;
        match decode(shared, record) {
            Some(stored) => events.push(Arc::new(stored)),
            None => undecodable.push(sequence),
        }
    }
    (events, undecodable)
}

/// Decodes an event record; one that does not read is reported, since its checksum was right.
pub(crate) fn decode(shared: &Shared, record: Record) -> Option<Stored> {
    let position = Position {
        stream: record.stream.0,
        sequence: record.sequence,
    };
    let bytes = record.head.len() + record.body.len();
    match records::read_event(&record.head, record.body) {
        Ok(read) => Some(Stored {
            event: read.event,
            position,
            hops: read.hops,
            accepted_at: read.accepted_at,
            _held: Some(shared.memory.count(bytes)),
        }),
        Err(error) => {
            tracing::error!(?position, %error, "a stored event cannot be read");
            None
        }
    }
}

impl Shared {
    /// Accounts for an event whose record does not decode: it cannot be delivered, and whether it matched cannot be known.
    pub(crate) fn give_up_undecodable(self: &Arc<Self>, sub: &Sub, sequence: u64) {
        if sub.is_accounted(sequence) {
            return;
        }
        let subscription = &sub.name;
        tracing::error!(%subscription, sequence, "an event is given up: its record does not decode");
        self.settle_soon(Item {
            subscription: sub.id,
            sequence,
            covers: 0,
            fate: Fate::Unreadable,
        });
    }
}

fn pass(shared: &Shared, stream: StreamId, last: u64) {
    let Some(broker) = shared.streams.by_number(stream.0) else {
        return;
    };
    let tail = broker.lock_tail();
    let pumped = tail.pumped();
    for sub in shared.readers_of(broker.events) {
        sub.leave_tail(pumped);
    }
    tail.set_pumped(last);
}
