//! What a segment holds, and taking the oldest out of the index.

use std::sync::Arc;

use super::{Catalog, Extent, Inner, StreamIndex, kept};
use crate::format::{DirectoryEntry, MARKS, Mark, MarkedStream, plain};
use crate::record::{Sequence, StreamId};
use crate::report::{SegmentInfo, SegmentPart};
use crate::segment::Segment;

/// The oldest segment, which can be retired, and the mark that has to be synced before.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) segment: Arc<Segment>,
    pub(crate) bytes: u64,
    pub(crate) mark: Mark,
}

impl Catalog {
    /// All segments with what they hold, oldest first.
    pub(crate) fn segment_infos(&self) -> Vec<SegmentInfo> {
        let inner = self.inner.read();
        let mut infos: Vec<_> = inner.segments.keys().map(|number| inner.info(*number)).collect();
        for (stream, index) in inner
            .streams
            .iter()
            .filter(|(stream, _)| **stream != plain(MARKS))
        {
            for (extents, live, kept) in [
                (&index.sealed, &index.live, false),
                (&index.kept.sealed, &index.kept.live, true),
            ] {
                for extent in extents {
                    if let Ok(at) = infos.binary_search_by_key(&extent.segment, |info| info.number) {
                        infos[at].parts.push(part(*stream, kept, &extent.entry));
                    }
                }
                if let (Some(newest), Some(first), Some(last)) = (infos.last_mut(), live.first(), live.last())
                {
                    newest.parts.push(SegmentPart {
                        stream: *stream,
                        kept,
                        first: first.sequence,
                        last: last.sequence,
                        records: live.len() as u64,
                        bytes: live.iter().map(|slot| u64::from(slot.bytes)).sum(),
                    });
                }
            }
        }
        for info in &mut infos {
            info.parts.sort_by_key(|part| (part.stream, part.kept));
            if !info.sealed {
                info.bytes = info.parts.iter().map(|part| part.bytes).sum();
            }
        }
        infos
    }

    /// A stream's part of a sealed segment: the stream itself, or its kept records.
    pub(crate) fn extent(&self, number: u64, stream: StreamId, kept: bool) -> Option<(Arc<Segment>, Extent)> {
        let inner = self.inner.read();
        let segment = inner.segments.get(&number)?.clone();
        let index = inner.streams.get(&stream)?;
        let extents = if kept { &index.kept.sealed } else { &index.sealed };
        let extent = extents.iter().find(|extent| extent.segment == number)?;
        Some((segment, extent.clone()))
    }

    /// The oldest segment, if it is sealed. `other` is the first sequence of a stream that is new.
    pub(crate) fn leaving(&self, other: Sequence) -> Option<Leaving> {
        let inner = self.inner.read();
        let (number, segment) = inner.segments.first_key_value()?;
        let sealed = inner.sealed.get(number)?;
        let streams = inner.streams.iter();
        let mut streams: Vec<_> = streams
            .filter_map(|(stream, index)| index.after(*number).marked(*stream))
            .collect();
        streams.sort_unstable_by_key(|marked| marked.stream);
        Some(Leaving {
            segment: segment.clone(),
            bytes: sealed.bytes,
            mark: Mark {
                segment: *number,
                records_after: sealed.records_after,
                other,
                streams,
            },
        })
    }

    /// Takes the oldest segment out: no read goes there from now on.
    pub(crate) fn retire(&self, number: u64) {
        let mut inner = self.inner.write();
        for index in inner.streams.values_mut() {
            index.first = index.after(number).first;
            kept::forget(&mut index.sealed, number);
            kept::forget(&mut index.kept.sealed, number);
        }
        inner.segments.remove(&number);
        inner.sealed.remove(&number);
    }
}

/// What a stream is once a segment has left.
struct After {
    first: Sequence,
    next: Sequence,
}

impl StreamIndex {
    fn after(&self, number: u64) -> After {
        let leaves = self.sealed.iter().filter(|extent| extent.segment <= number);
        let last = leaves.map(|extent| extent.entry.last).max().unwrap_or(0);
        let first = if self.first == 0 {
            0
        } else {
            self.first.max(last + 1)
        };
        let is_gone = self.live.is_empty() && self.sealed.iter().all(|extent| extent.segment <= number);
        let next = if is_gone { first.max(self.next) } else { first };
        After { first, next }
    }
}

impl After {
    fn marked(&self, stream: StreamId) -> Option<MarkedStream> {
        let told = MarkedStream {
            stream,
            from: self.first.max(1),
            next: self.next,
        };
        (self.first > 1 || self.next > 1).then_some(told)
    }
}

impl Inner {
    fn info(&self, number: u64) -> SegmentInfo {
        let sealed = self.sealed.get(&number);
        SegmentInfo {
            number,
            sealed: sealed.is_some(),
            bytes: sealed.map_or(0, |sealed| sealed.bytes),
            parts: Vec::new(),
        }
    }
}

fn part(stream: StreamId, kept: bool, entry: &DirectoryEntry) -> SegmentPart {
    SegmentPart {
        stream,
        kept,
        first: entry.first,
        last: entry.last,
        records: u64::from(entry.count),
        bytes: u64::from(entry.bytes),
    }
}
