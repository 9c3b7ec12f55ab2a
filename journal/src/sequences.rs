//! Which sequence each stream gives out next.

use std::collections::HashMap;

use crate::Lost;
use crate::format::{DirectoryEntry, Mark, is_kept};
use crate::record::{Sequence, StreamId};

/// The next sequence of every stream. Owned by whoever writes: recovery first, then the writer.
///
/// A sequence that may have been given out is never given out again. When damage took records of which only the number
/// is known, any stream may have been theirs, so that each goes on behind the gap that they may have filled.
#[derive(Clone, Debug)]
pub(crate) struct Sequences {
    next: HashMap<StreamId, Sequence>,
    /// First sequence of a stream that is not in `next`.
    other: Sequence,
}

impl Sequences {
    pub(crate) fn new() -> Sequences {
        Sequences {
            next: HashMap::new(),
            other: 1,
        }
    }

    /// Gives out the next sequence of a stream.
    pub(crate) fn take(&mut self, stream: StreamId) -> Sequence {
        let next = self.next.entry(stream).or_insert(self.other);
        *next += 1;
        *next - 1
    }

    /// What a stream gives out next; 0 for records that take no part in the numbering.
    pub(crate) fn next(&self, stream: StreamId) -> Sequence {
        if is_kept(stream) {
            return 0;
        }
        self.next.get(&stream).copied().unwrap_or(self.other)
    }

    pub(crate) fn other(&self) -> Sequence {
        self.other
    }

    /// Takes note of a record that was found; answers how many sequences of the stream are missing before it.
    pub(crate) fn found(&mut self, stream: StreamId, sequence: Sequence) -> u64 {
        if is_kept(stream) {
            return 0;
        }
        let expected = self.next(stream);
        self.next.insert(stream, sequence + 1);
        sequence.saturating_sub(expected)
    }

    /// Takes note of what a sealed segment's directory says.
    pub(crate) fn found_entry(&mut self, entry: &DirectoryEntry) {
        if is_kept(entry.stream) {
            return;
        }
        let next = if entry.count == 0 {
            entry.next.max(self.next(entry.stream))
        } else {
            entry.next
        };
        self.next.insert(entry.stream, next);
    }

    /// Takes note of what was retired before the oldest segment.
    pub(crate) fn found_mark(&mut self, mark: &Mark) {
        self.other = self.other.max(mark.other);
        for marked in &mark.streams {
            self.next.insert(marked.stream, marked.next);
        }
    }

    pub(crate) fn found_other(&mut self, other: Sequence) {
        self.other = self.other.max(other);
    }

    /// Records were lost, nobody knows of which streams: every stream goes on behind them, except those that were
    /// seen after the loss.
    pub(crate) fn skip(&mut self, lost: u64, mut seen_after: impl FnMut(StreamId) -> bool) {
        for (stream, next) in &mut self.next {
            if !seen_after(*stream) {
                *next += lost;
            }
        }
        self.other += lost;
    }

    /// What is missing of streams that are known to have come so far.
    pub(crate) fn lost_before(&self, ends: &[(StreamId, Sequence)]) -> Vec<Lost> {
        let missing = ends.iter().filter(|(stream, next)| self.next(*stream) < *next);
        let lost = missing.map(|(stream, next)| Lost {
            stream: *stream,
            from: self.next(*stream),
            to: next - 1,
        });
        lost.collect()
    }

    /// What each stream gives out next is known for certain.
    pub(crate) fn found_end(&mut self, ends: &[(StreamId, Sequence)], other: Sequence) {
        self.next = ends.iter().copied().collect();
        self.other = other;
    }

    /// Every stream that is known.
    pub(crate) fn streams(&self) -> impl Iterator<Item = StreamId> {
        self.next.keys().copied()
    }

    /// What each known stream gives out next.
    pub(crate) fn all(&self) -> impl Iterator<Item = (StreamId, Sequence)> {
        self.next.iter().map(|(stream, next)| (*stream, *next))
    }
}
