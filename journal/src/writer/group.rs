//! The commit group that is being put together.

use crate::format::{FrameWriter, GROUP_HEAD, GroupHead, Place, Slot, align};
use crate::record::{Committed, Entry, Record, StreamId};
use crate::recovery::Position;
use crate::sequences::Sequences;
use crate::tail::Tail;

use super::{Pending, Waiter};

/// Frames that will be written and synced together.
#[derive(Default)]
pub(super) struct Group {
    /// Header room, then the frames. Empty when the group is.
    buffer: Vec<u8>,
    pub(super) frames: u32,
    pub(super) records: u32,
    /// It has a frame that is to be synced in every mode.
    pub(super) must_sync: bool,
    pub(super) slots: Vec<(StreamId, Slot)>,
    /// What the listener will see; empty without a listener.
    announced: Vec<Record>,
    waiters: Vec<(Waiter, Committed)>,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Bytes of the frames.
    pub(super) fn body_bytes(&self) -> usize {
        self.buffer.len().saturating_sub(GROUP_HEAD)
    }

    /// Adds a frame, which gets its sequences here. The caller made sure that it fits.
    pub(super) fn add(
        &mut self,
        pending: Pending,
        tail: &mut Tail,
        sequences: &mut Sequences,
        position: &Position,
        announce: bool,
    ) {
        let entries = pending.frame.entries;
        let sequence = |entry: &Entry| entry.kept.unwrap_or_else(|| sequences.take(entry.stream));
        let taken: smallvec::SmallVec<_> = entries.iter().map(sequence).collect();
        let committed = Committed {
            group: position.group + 1,
            sequences: taken,
        };
        self.reserve_head();
        let mut writer = FrameWriter {
            buffer: &mut self.buffer,
            base: tail.end,
            place: tail.segment.place,
            epoch: position.epoch,
            group: committed.group,
        };
        let slots = writer.write(entries.iter().zip(committed.sequences.iter().copied()));
        self.frames += 1;
        self.must_sync |= pending.must_sync;
        for (entry, slot) in entries.into_iter().zip(slots) {
            self.records += 1;
            let stored = entry.stored_stream();
            tail.streams.insert(stored);
            self.slots.push((stored, slot));
            if announce && entry.kept.is_none() {
                self.announced.push(Record {
                    stream: entry.stream,
                    sequence: slot.sequence,
                    kind: entry.kind,
                    head: entry.head,
                    body: entry.body,
                });
            }
        }
        self.waiters.push((pending.waiter, committed));
    }

    /// The bytes to write at this offset: header, frames, padding.
    pub(super) fn complete(&mut self, head: &GroupHead, place: Place, offset: u64) -> &[u8] {
        self.reserve_head();
        self.buffer[..GROUP_HEAD].copy_from_slice(&head.encode(place, offset));
        let padded = usize::try_from(align(self.buffer.len() as u64)).expect("a length that fits memory");
        self.buffer.resize(padded, 0);
        &self.buffer
    }

    /// Empties the group and hands out who waited for it. The buffer is kept for the next one, unless a single large
    /// frame made it larger than groups are.
    pub(super) fn reset(
        &mut self,
        buffer_bytes_max: usize,
    ) -> impl Iterator<Item = (Waiter, Committed)> + use<> {
        self.buffer.clear();
        self.buffer.shrink_to(buffer_bytes_max.saturating_mul(2));
        self.frames = 0;
        self.records = 0;
        self.must_sync = false;
        self.slots.clear();
        self.announced.clear();
        take(&mut self.waiters).into_iter()
    }

    /// What the listener is to see.
    pub(super) fn take_announced(&mut self) -> Vec<Record> {
        take(&mut self.announced)
    }

    fn reserve_head(&mut self) {
        if self.buffer.is_empty() {
            self.buffer.resize(GROUP_HEAD, 0);
        }
    }
}

/// What is in there, and room for as much again: groups that follow each other are about as long.
fn take<T>(list: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(list.len());
    std::mem::replace(list, room)
}
