//! What is committed and where it lies: the index that readers use.
//!
//! Of sealed segments a directory entry a stream is kept, of the unsealed one a slot a record. The lock is held for
//! look-ups only, never during I/O.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::format::{DirectoryEntry, Slot};
use crate::record::{Bounds, ReadLimit, Sequence, StreamId};
use crate::segment::{Segment, Table};

/// See the module.
#[derive(Default)]
pub(crate) struct Catalog {
    inner: RwLock<Inner>,
}

/// One stream's part of one sealed segment.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) segment: u64,
    pub(crate) entry: DirectoryEntry,
    /// The table itself, when it could not be written into a footer.
    pub(crate) resident: Option<Table>,
}

/// Where to go on for a read.
#[derive(Debug)]
pub(crate) enum Located {
    /// Nothing is committed at or after the sequence.
    Nothing,
    /// These sequences are lost.
    Gap { from: Sequence, to: Sequence },
    /// The next records, all in one segment, without a gap between them.
    Slots(Arc<Segment>, Vec<Slot>),
    /// The sealed segment in which to look.
    Sealed(Arc<Segment>, Extent),
}

#[derive(Default)]
struct Inner {
    streams: HashMap<StreamId, StreamIndex>,
    /// The last one is the unsealed one.
    segments: BTreeMap<u64, Arc<Segment>>,
    /// The journal has lost its oldest segments: a stream begins with the first record that is known of it.
    trimmed: bool,
}

#[derive(Default)]
struct StreamIndex {
    first: Sequence,
    last: Sequence,
    sealed: Vec<Extent>,
    live: Vec<Slot>,
}

impl Catalog {
    pub(crate) fn new(trimmed: bool) -> Catalog {
        Catalog {
            inner: RwLock::new(Inner {
                trimmed,
                ..Inner::default()
            }),
        }
    }

    /// Adds a segment. What is published from now on lies in it.
    pub(crate) fn begin(&self, segment: Arc<Segment>) {
        self.inner.write().segments.insert(segment.number, segment);
    }

    /// Makes records of the newest segment visible, in the order in which they were committed.
    pub(crate) fn publish<'a>(&self, records: impl Iterator<Item = &'a (StreamId, Slot)>) {
        let mut inner = self.inner.write();
        let trimmed = inner.trimmed;
        for (stream, slot) in records {
            let index = inner.streams.entry(*stream).or_default();
            index.saw(slot.sequence, slot.sequence, trimmed);
            index.live.push(*slot);
        }
    }

    /// Adds a stream's part of a sealed segment; segments come in order.
    pub(crate) fn add_sealed(&self, stream: StreamId, extent: Extent) {
        let mut inner = self.inner.write();
        let trimmed = inner.trimmed;
        let index = inner.streams.entry(stream).or_default();
        index.saw(extent.entry.first, extent.entry.last, trimmed);
        index.sealed.push(extent);
    }

    /// What a footer of the newest segment has to hold, ordered by stream.
    pub(crate) fn live(&self) -> Vec<(StreamId, Vec<Slot>)> {
        let inner = self.inner.read();
        let with_records = inner.streams.iter().filter(|(_, index)| !index.live.is_empty());
        let mut live: Vec<_> = with_records
            .map(|(stream, index)| (*stream, index.live.clone()))
            .collect();
        live.sort_unstable_by_key(|(stream, _)| *stream);
        live
    }

    /// Turns the newest segment's records into extents; `resident` says to keep the tables, which no footer holds.
    pub(crate) fn seal(&self, segment: u64, directory: &[DirectoryEntry], resident: bool) {
        let mut inner = self.inner.write();
        for entry in directory.iter().filter(|entry| entry.count > 0) {
            let Some(index) = inner.streams.get_mut(&entry.stream) else {
                continue;
            };
            let live = std::mem::take(&mut index.live);
            let resident = resident.then(|| Table::from(live));
            index.sealed.push(Extent {
                segment,
                entry: entry.clone(),
                resident,
            });
        }
    }

    pub(crate) fn bounds(&self, stream: StreamId) -> Option<Bounds> {
        self.inner.read().streams.get(&stream).map(StreamIndex::bounds)
    }

    pub(crate) fn streams(&self) -> Vec<(StreamId, Bounds)> {
        self.inner
            .read()
            .streams
            .iter()
            .map(|(stream, index)| (*stream, index.bounds()))
            .collect()
    }

    pub(crate) fn segments(&self) -> u64 {
        self.inner.read().segments.len() as u64
    }

    /// Where the records from this sequence on are.
    pub(crate) fn locate(&self, stream: StreamId, from: Sequence, limit: ReadLimit) -> Located {
        let inner = self.inner.read();
        let Some(index) = inner.streams.get(&stream).filter(|index| from <= index.last) else {
            return Located::Nothing;
        };
        let from = from.max(index.first);
        let at = index.sealed.partition_point(|extent| extent.entry.last < from);
        if let Some(extent) = index.sealed.get(at) {
            if from < extent.entry.first {
                return Located::Gap {
                    from,
                    to: extent.entry.first - 1,
                };
            }
            return Located::Sealed(inner.segment(extent.segment), extent.clone());
        }
        let newest = inner
            .segments
            .values()
            .next_back()
            .expect("a stream with records has a segment");
        select(newest, &index.live, from, limit)
    }
}

/// The slots to read from a table that has a record at or after `from`.
pub(crate) fn select(segment: &Arc<Segment>, table: &[Slot], from: Sequence, limit: ReadLimit) -> Located {
    let start = table.partition_point(|slot| slot.sequence < from);
    let Some(first) = table.get(start) else {
        return Located::Nothing;
    };
    if first.sequence > from {
        return Located::Gap {
            from,
            to: first.sequence - 1,
        };
    }
    let mut bytes = 0;
    let mut slots = Vec::new();
    for (slot, expected) in table[start..].iter().take(limit.records_max.max(1)).zip(from..) {
        bytes += slot.payload_bytes();
        if slot.sequence != expected || (bytes > limit.bytes_max && !slots.is_empty()) {
            break;
        }
        slots.push(*slot);
    }
    Located::Slots(segment.clone(), slots)
}

impl Inner {
    fn segment(&self, number: u64) -> Arc<Segment> {
        self.segments
            .get(&number)
            .expect("an extent's segment is in the catalog")
            .clone()
    }
}

impl StreamIndex {
    fn saw(&mut self, first: Sequence, last: Sequence, trimmed: bool) {
        if self.first == 0 {
            // The first record of a stream is 1: if another comes first, those before it are lost.
            self.first = if trimmed { first } else { 1 };
        }
        self.last = last;
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            first: self.first,
            last: self.last,
        }
    }
}
