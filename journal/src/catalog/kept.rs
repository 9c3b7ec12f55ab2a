//! Where the kept records of one stream are: those that were copied forward when their segment left.
//!
//! They overlap: each segment has what was copied into it, of several that left. So a look-up asks all segments that
//! may have the next ones, and merges. What leaves together is copied together, so that these are few.

use std::sync::Arc;

use super::Extent;
use crate::format::{DirectoryEntry, Slot};
use crate::limits::KEPT_MERGED_MAX;
use crate::record::{ReadLimit, Sequence};
use crate::segment::{Segment, Table};

/// See the module.
#[derive(Default)]
pub(super) struct KeptIndex {
    pub(super) sealed: Vec<Extent>,
    /// In the unsealed segment; ordered by sequence, each once.
    pub(super) live: Vec<Slot>,
}

/// Where the next kept records of a stream may be.
#[derive(Debug)]
pub(crate) struct KeptParts {
    /// The kept part ends before this sequence: the stream itself begins there.
    pub(crate) before: Sequence,
    /// In sealed segments, ordered by their first sequence.
    pub(crate) sealed: Vec<(Arc<Segment>, Extent)>,
    /// In the unsealed one.
    pub(crate) live: Option<(Arc<Segment>, Vec<Slot>)>,
}

/// The next kept records, one a sequence, from whatever segment.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    found: Vec<(Arc<Segment>, Slot)>,
}

impl KeptIndex {
    /// Adds one of the unsealed segment; a repeat takes the place of the first.
    pub(super) fn publish(&mut self, slot: Slot) {
        insert(&mut self.live, slot);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.live.is_empty()
    }
}

impl Merge {
    /// Adds what a table, ordered by sequence, has in `from..before`.
    pub(crate) fn add(&mut self, segment: &Arc<Segment>, table: &[Slot], from: Sequence, before: Sequence) {
        let start = table.partition_point(|slot| slot.sequence < from);
        let slots = table[start..]
            .iter()
            .take(KEPT_MERGED_MAX)
            .take_while(|slot| slot.sequence < before);
        self.found.extend(slots.map(|slot| (segment.clone(), *slot)));
        self.found.sort_by_key(|(_, slot)| slot.sequence);
        self.found.dedup_by_key(|(_, slot)| slot.sequence);
        self.found.truncate(KEPT_MERGED_MAX);
    }

    /// Whether a table that begins with this sequence can add nothing to the first `records_max`.
    pub(crate) fn is_before(&self, first: Sequence, records_max: usize) -> bool {
        let wanted = records_max.clamp(1, KEPT_MERGED_MAX);
        self.found
            .get(wanted - 1)
            .is_some_and(|(_, slot)| slot.sequence < first)
    }

    /// The first of them that the limit allows; at least one when there is one.
    pub(crate) fn take(mut self, limit: ReadLimit) -> Vec<(Arc<Segment>, Slot)> {
        let mut bytes = 0;
        let allowed = self
            .found
            .iter()
            .take(limit.records_max.max(1))
            .take_while(|(_, slot)| {
                let is_first = bytes == 0;
                bytes += slot.payload_bytes().max(1);
                is_first || bytes <= limit.bytes_max
            });
        let count = allowed.count();
        self.found.truncate(count);
        self.found
    }
}

/// Puts slots in the order of a kept table; of those with one sequence the last stays.
pub(crate) fn ordered(slots: impl IntoIterator<Item = Slot>) -> Vec<Slot> {
    let mut table = Vec::new();
    slots.into_iter().for_each(|slot| insert(&mut table, slot));
    table
}

fn insert(table: &mut Vec<Slot>, slot: Slot) {
    match table.binary_search_by_key(&slot.sequence, |slot| slot.sequence) {
        Ok(at) => table[at] = slot,
        Err(at) => table.insert(at, slot),
    }
}

/// Extents of one segment leave.
pub(super) fn forget(sealed: &mut Vec<Extent>, segment: u64) {
    sealed.retain(|extent| extent.segment != segment);
}

/// The unsealed segment's part becomes an extent.
pub(super) fn seal(
    sealed: &mut Vec<Extent>,
    live: &mut Vec<Slot>,
    segment: u64,
    entry: &DirectoryEntry,
    resident: bool,
) {
    let live = std::mem::take(live);
    sealed.push(Extent {
        segment,
        entry: entry.clone(),
        resident: resident.then(|| Table::from(live)),
    });
}
