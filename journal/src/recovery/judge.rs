//! Tells an unacknowledged tail from lost data in a scanned segment.
//!
//! Groups are taken in file order. The first damage that touches a group which is not known to be synced ends the
//! segment: from there on everything is a tail. Damage that touches only synced groups is a loss; what stands behind it
//! is kept.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::load::Evidence;
use crate::format::{Closed, SEGMENT_HEAD, SegmentHead, Slot, align, record_bytes};
use crate::record::StreamId;
use crate::scan::{FoundGroup, Item, Scan};

/// What to keep of a segment and what to say about the rest.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Groups to keep, in order.
    pub(crate) groups: Vec<FoundGroup>,
    /// End of what is kept, lost regions included; a multiple of the group alignment.
    pub(crate) end: u64,
    /// Bytes after `end` that were written and made no acknowledged group.
    pub(crate) cut_bytes: u64,
    /// What was lost, in words.
    pub(crate) losses: Vec<String>,
    /// Records that were lost, of whatever stream.
    pub(crate) records_lost: u64,
    /// Records of the journal up to the end of this segment, lost ones included.
    pub(crate) records_after: u64,
    /// Streams with a record behind the last loss.
    pub(crate) seen_after: HashSet<StreamId>,
    /// The highest group number that is kept or known to be lost.
    pub(crate) last_group: u64,
}

/// Judges a scan. `records_before` counts the records of the journal before the segment, `first_group` is the number
/// that its first group should have, if that is known.
pub(crate) fn judge(
    scan: Scan,
    evidence: Evidence,
    first_group: Option<u64>,
    records_before: u64,
) -> Verdict {
    let mut verdict = Verdict {
        end: SEGMENT_HEAD,
        records_after: records_before,
        last_group: first_group.unwrap_or(1).saturating_sub(1),
        ..Verdict::default()
    };
    let bytes_end = scan.bytes_end;
    for item in scan.items {
        let taken = match item {
            Item::Group(group) => verdict.take_group(group, evidence.synced),
            Item::Hole { from, to } => verdict.take_hole(from, to, evidence.synced),
        };
        if !taken {
            verdict.cut_bytes = bytes_end.saturating_sub(verdict.end);
            return verdict;
        }
    }
    verdict.take_end(bytes_end, evidence);
    verdict
}

impl Verdict {
    /// Of a segment that is gone as a whole: `head` says what stands before it, `closed` what stood at its end.
    pub(crate) fn of_lost(head: &SegmentHead, closed: &Closed) -> Verdict {
        let mut verdict = Verdict {
            end: SEGMENT_HEAD,
            records_after: head.records_before,
            last_group: head.last_synced,
            ..Verdict::default()
        };
        let evidence = Evidence {
            last_group: Some(closed.group),
            records_end: Some(closed.records),
            ..Evidence::default()
        };
        verdict.take_end(SEGMENT_HEAD, evidence);
        verdict
    }

    /// The records whose places are known.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &(StreamId, Slot)> {
        self.groups.iter().flat_map(|group| &group.slots)
    }

    /// Where the groups begin that no header names as synced.
    pub(crate) fn unsynced_from(&self, evidence: Evidence) -> u64 {
        let unsynced = self
            .groups
            .iter()
            .find(|group| group.head.number > evidence.synced);
        unsynced.map_or(self.end, |group| group.at)
    }

    /// `false`: the tail begins here.
    fn take_group(&mut self, group: FoundGroup, synced: u64) -> bool {
        let head = &group.head;
        if head.number > self.last_group + 1 && head.number - 1 > synced {
            // The hole before it held groups that were never synced. Which of its records were, nobody knows.
            self.lose(head.records_before.saturating_sub(self.records_after));
            self.records_after = self.records_after.max(head.records_before);
            self.last_group = head.number - 1;
            return false;
        }
        if group.damage.is_some() && head.number > synced {
            return false;
        }
        self.lose(head.records_before.saturating_sub(self.records_after));
        self.records_after = head.records_before + u64::from(head.records);
        self.last_group = head.number;
        self.end = group.at + head.total_bytes();
        if let Some(damage) = &group.damage {
            self.losses.push(format!("group {}: {damage}", head.number));
        }
        self.seen_after
            .extend(group.slots.iter().map(|(stream, _)| *stream));
        self.lose(u64::from(group.head.records).saturating_sub(group.slots.len() as u64));
        self.groups.push(group);
        true
    }

    /// `false`: the tail begins here.
    fn take_hole(&mut self, from: u64, to: u64, synced: u64) -> bool {
        if self.last_group + 1 > synced {
            return false;
        }
        self.losses.push(format!("bytes {from} to {to} hold no group"));
        self.end = to;
        true
    }

    fn take_end(&mut self, bytes_end: u64, evidence: Evidence) {
        let Some(last_group) = evidence.last_group.filter(|last| *last > self.last_group) else {
            // Behind the groups of a segment that has a successor stands what is left of its footer.
            self.cut_bytes = if evidence.newest {
                bytes_end.saturating_sub(self.end)
            } else {
                0
            };
            return;
        };
        self.losses.push(format!(
            "groups {} to {last_group} are missing",
            self.last_group + 1
        ));
        let bytes = bytes_end.saturating_sub(self.end);
        // Without a later count, at most as many records as fit into the bytes.
        let records_max = bytes / record_bytes(0);
        let lost = evidence
            .records_end
            .map_or(records_max, |end| end.saturating_sub(self.records_after));
        self.lose(lost);
        self.records_after += lost;
        self.last_group = last_group;
        self.end = align(bytes_end.max(self.end));
    }

    fn lose(&mut self, records: u64) {
        if records > 0 {
            self.records_lost += records;
            self.seen_after.clear();
        }
    }
}
