//! What is committed and where it lies: the index that readers use.
//!
//! Of sealed segments a directory entry a stream is kept, of the unsealed one a slot a record. The lock is held for
//! look-ups only, never during I/O.

mod kept;
mod retire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::format::{DirectoryEntry, Mark, SEGMENT_HEAD, Slot, is_kept, kept_part, plain};
use crate::limits::KEPT_MERGED_MAX;
use crate::record::{Bounds, ReadLimit, Sequence, StreamId};
use crate::segment::{Segment, Table};

use kept::KeptIndex;

pub(crate) use kept::{KeptParts, Merge, ordered};
pub(crate) use retire::Leaving;

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
    /// The sequence has left. Kept records may be here; when there is none, the stream goes on at `before`.
    Kept(KeptParts),
}

/// A segment's file, and how much of it is committed.
#[derive(Clone, Debug)]
pub(crate) struct CommittedFile {
    pub(crate) segment: Arc<Segment>,
    /// `None`: it is sealed, all of it is.
    pub(crate) end: Option<u64>,
}

#[derive(Default)]
struct Inner {
    streams: HashMap<StreamId, StreamIndex>,
    /// How far the newest segment is committed, if it is not sealed.
    end: u64,
    /// The last one is the unsealed one.
    segments: BTreeMap<u64, Arc<Segment>>,
    /// Of each sealed segment.
    sealed: BTreeMap<u64, Sealed>,
    /// The journal has lost its oldest segments, and no mark says what they held: a stream begins with the first
    /// record that is known of it.
    trimmed: bool,
    /// First sequence of a stream that recovery did not find.
    other: Sequence,
}

/// What a sealed segment weighs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) bytes: u64,
    /// Records of the journal up to its end.
    pub(crate) records_after: u64,
}

#[derive(Default)]
struct StreamIndex {
    /// 0: nothing is known of the stream itself, only kept records.
    first: Sequence,
    last: Sequence,
    /// The least that is given out next, as far as that is not told by `last`.
    next: Sequence,
    sealed: Vec<Extent>,
    live: Vec<Slot>,
    kept: KeptIndex,
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

    /// Takes note of what was retired before the oldest segment.
    pub(crate) fn found_mark(&self, mark: &Mark) {
        let mut inner = self.inner.write();
        for marked in &mark.streams {
            let index = inner.streams.entry(marked.stream).or_default();
            index.first = marked.from;
            index.last = marked.from - 1;
        }
    }

    /// Takes note of what streams give out next, which damage may have moved on. `other` is the first sequence of a
    /// stream that is not among them.
    pub(crate) fn found_next(&self, all: impl Iterator<Item = (StreamId, Sequence)>, other: Sequence) {
        let mut inner = self.inner.write();
        inner.other = other;
        for (stream, next) in all {
            inner.streams.entry(stream).or_default().next = next;
        }
    }

    /// Adds a segment. What is published from now on lies in it.
    pub(crate) fn begin(&self, segment: Arc<Segment>) {
        let mut inner = self.inner.write();
        inner.end = SEGMENT_HEAD;
        inner.segments.insert(segment.number, segment);
    }

    /// The newest segment is committed up to here.
    pub(crate) fn committed(&self, end: u64) {
        self.inner.write().end = end;
    }

    /// All segments as they are committed at one moment, oldest first.
    pub(crate) fn committed_files(&self) -> Vec<CommittedFile> {
        let inner = self.inner.read();
        let file = |(number, segment): (&u64, &Arc<Segment>)| CommittedFile {
            segment: segment.clone(),
            end: (!inner.sealed.contains_key(number)).then_some(inner.end),
        };
        inner.segments.iter().map(file).collect()
    }

    /// Makes records of the newest segment visible, in the order in which they were committed.
    pub(crate) fn publish<'a>(&self, records: impl Iterator<Item = &'a (StreamId, Slot)>) {
        let mut inner = self.inner.write();
        let trimmed = inner.trimmed;
        for (stream, slot) in records {
            let index = inner.streams.entry(plain(*stream)).or_default();
            if is_kept(*stream) {
                index.kept.publish(*slot);
            } else {
                index.saw(slot.sequence, slot.sequence, trimmed);
                index.live.push(*slot);
            }
        }
    }

    /// Adds a stream's part of a sealed segment; segments come in order.
    pub(crate) fn add_sealed(&self, stream: StreamId, extent: Extent) {
        let mut inner = self.inner.write();
        let trimmed = inner.trimmed;
        let index = inner.streams.entry(plain(stream)).or_default();
        if is_kept(stream) {
            index.kept.sealed.push(extent);
        } else {
            index.saw(extent.entry.first, extent.entry.last, trimmed);
            index.sealed.push(extent);
        }
    }

    /// What a footer of the newest segment has to hold, ordered by the number under which it is stored.
    pub(crate) fn live(&self) -> Vec<(StreamId, Vec<Slot>)> {
        let inner = self.inner.read();
        let parts = inner
            .streams
            .iter()
            .flat_map(|(stream, index)| [(*stream, &index.live), (kept_part(*stream), &index.kept.live)]);
        let mut live: Vec<_> = parts
            .filter(|(_, slots)| !slots.is_empty())
            .map(|(stream, slots)| (stream, slots.clone()))
            .collect();
        live.sort_unstable_by_key(|(stream, _)| *stream);
        live
    }

    /// Turns the newest segment's records into extents; `resident` says to keep the tables, which no footer holds.
    pub(crate) fn seal(&self, segment: u64, directory: &[DirectoryEntry], resident: bool, sealed: Sealed) {
        let mut inner = self.inner.write();
        inner.sealed.insert(segment, sealed);
        for entry in directory.iter().filter(|entry| entry.count > 0) {
            let Some(index) = inner.streams.get_mut(&plain(entry.stream)) else {
                continue;
            };
            let (sealed, live) = if is_kept(entry.stream) {
                (&mut index.kept.sealed, &mut index.kept.live)
            } else {
                (&mut index.sealed, &mut index.live)
            };
            kept::seal(sealed, live, segment, entry, resident);
        }
    }

    /// Takes note of a segment that was found sealed.
    pub(crate) fn found_sealed(&self, segment: u64, sealed: Sealed) {
        self.inner.write().sealed.insert(segment, sealed);
    }

    pub(crate) fn bounds(&self, stream: StreamId) -> Option<Bounds> {
        self.inner
            .read()
            .streams
            .get(&stream)
            .and_then(StreamIndex::bounds)
    }

    /// No record of the stream that is committed from now on has a lower sequence.
    pub(crate) fn next(&self, stream: StreamId) -> Sequence {
        let inner = self.inner.read();
        let known = inner
            .streams
            .get(&stream)
            .filter(|index| index.next > 0 || index.last > 0);
        known.map_or(inner.other, |index| index.next.max(index.last + 1))
    }

    pub(crate) fn streams(&self) -> Vec<(StreamId, Bounds)> {
        let inner = self.inner.read();
        let known = inner.streams.iter();
        known
            .filter_map(|(stream, index)| Some((*stream, index.bounds()?)))
            .collect()
    }

    pub(crate) fn segments(&self) -> u64 {
        self.inner.read().segments.len() as u64
    }

    /// The number of the oldest segment that has not left.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.inner
            .read()
            .segments
            .first_key_value()
            .map(|(number, _)| *number)
    }

    /// Where the records from this sequence on are.
    pub(crate) fn locate(&self, stream: StreamId, from: Sequence, limit: ReadLimit) -> Located {
        let inner = self.inner.read();
        let Some(index) = inner.streams.get(&stream) else {
            return Located::Nothing;
        };
        if from < index.first && !index.kept.is_empty() {
            return Located::Kept(inner.kept_parts(index, from));
        }
        let from = from.max(index.first);
        if from > index.last {
            return Located::Nothing;
        }
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
        select(&inner.newest(), &index.live, from, limit)
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

    fn newest(&self) -> Arc<Segment> {
        let newest = self.segments.values().next_back();
        newest.expect("a stream with records has a segment").clone()
    }

    fn kept_parts(&self, index: &StreamIndex, from: Sequence) -> KeptParts {
        let extents = index.kept.sealed.iter();
        let mut sealed: Vec<_> = extents
            .filter(|extent| extent.entry.last >= from && extent.entry.first < index.first)
            .map(|extent| (self.segment(extent.segment), extent.clone()))
            .collect();
        // Where two have a record, they have the same one: any order of those that begin alike will do.
        sealed.sort_by_key(|(_, extent)| extent.entry.first);
        let live = &index.kept.live;
        let start = live.partition_point(|slot| slot.sequence < from);
        let next: Vec<Slot> = live[start..].iter().take(KEPT_MERGED_MAX).copied().collect();
        KeptParts {
            before: index.first,
            sealed,
            live: (!next.is_empty()).then(|| (self.newest(), next)),
        }
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

    fn bounds(&self) -> Option<Bounds> {
        (self.first > 0).then_some(Bounds {
            first: self.first,
            last: self.last,
        })
    }
}
