//! What goes into the journal and what comes out: streams, entries, frames, records.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::AppendError;
use crate::format::kept_part;

/// Names a stream, by a number below 2^63 - 1. Opaque to the journal: the caller gives each event stream, dead-letter
/// stream and its own state stream one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Logical position in a stream. The first record of a stream is 1, the next is always one more.
///
/// After damage there may be a gap: a sequence that may have been given out is never given out again, also when all
/// records of its stream have left.
pub type Sequence = u64;

/// Whether an append may use the room that is kept for finishing work when the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// New work. Refused as soon as no further segment can be made.
    Ingest,
    /// Finishing work that was accepted (settlements, retries, dead letters): may use up the segment in hand and the
    /// reserve.
    Upkeep,
}

/// One record to append. The payload is the concatenation of `head` and `body`: two slices, so that callers need not
/// copy.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The stream that the record extends.
    pub stream: StreamId,
    /// Opaque to the journal; comes back in [`Record::kind`].
    pub kind: u8,
    /// First part of the payload.
    pub head: Bytes,
    /// Second part of the payload.
    pub body: Bytes,
    /// A copy of the record that has this sequence already, so that it outlives its segment: it is found where that
    /// one was, and no sequence is given out. `None` for a new record.
    pub kept: Option<Sequence>,
}

impl Entry {
    /// The number under which the record is stored.
    pub(crate) fn stored_stream(&self) -> StreamId {
        match self.kept {
            Some(_) => kept_part(self.stream),
            None => self.stream,
        }
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// Records that live or die together: one length, one checksum, one segment.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Whether the frame may use the room that is kept for finishing work.
    pub purpose: Purpose,
    /// The records, in the order in which they get their sequences.
    pub entries: SmallVec<[Entry; 2]>,
}

/// One record as it was committed.
///
/// From a read: `head` is the whole payload, in an allocation of its own, and `body` is empty. From the listener: the
/// two slices as they were given.
#[derive(Clone, Debug)]
pub struct Record {
    /// The stream that the record is in.
    pub stream: StreamId,
    /// Its position there.
    pub sequence: Sequence,
    /// What the caller gave in [`Entry::kind`].
    pub kind: u8,
    /// First part of the payload, or all of it.
    pub head: Bytes,
    /// Second part of the payload, or nothing.
    pub body: Bytes,
}

/// Answer to an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Number of the commit group; grows by one a group over the whole journal.
    pub group: u64,
    /// The sequence of each entry, in the frame's order.
    pub sequences: SmallVec<[Sequence; 2]>,
}

/// Called once when the append is durable (as durable as [`crate::Durability`] says) or has failed.
///
/// On the writer thread, or on the caller's own when the append is refused at once: must not block. If it panics, the
/// journal is poisoned.
pub type Done = Box<dyn FnOnce(Result<Committed, AppendError>) + Send>;

/// Sees every commit group after it is durable and before the [`Done`]s of its frames, in commit order, on the writer
/// thread. Must not block; if it panics, the journal is poisoned.
pub trait CommitListener: Send {
    /// The new records of one group, in frame order: those that are copied forward ([`Entry::kept`]) are left out. They
    /// can be read from the journal already.
    fn committed(&mut self, records: Vec<Record>);
}

/// First and last sequence of the part of a stream that the journal holds, both included. `first` is `last + 1` when
/// all of it has left by retirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What stands from here on is there, or is reported as damaged. What stood before it left by retirement, except
    /// for the records that were copied forward ([`Entry::kept`]).
    pub first: Sequence,
    /// The newest committed sequence.
    pub last: Sequence,
}

/// How much a read may return. At least one record comes back when there is one, even if it alone is over
/// `bytes_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// The most records.
    pub records_max: usize,
    /// The most payload bytes.
    pub bytes_max: usize,
}
