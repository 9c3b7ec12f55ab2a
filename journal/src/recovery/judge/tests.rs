//! Verdicts on segments that are described in a line: `group` and `hole` in file order, a hundred bytes apiece.

use super::*;
use crate::format::{GroupHead, GroupKind, Slot};

/// What stands in the segment: groups by number, whole or damaged, and holes.
#[derive(Clone, Copy)]
enum Stands {
    Whole(u64),
    Damaged(u64),
    Hole,
}
use Stands::{Damaged, Hole, Whole};

/// What is left: numbers of the groups kept, whether something was cut, how many losses, how many records lost.
type Left = (Vec<u64>, bool, usize, u64);

/// Every group has one record of stream 1; group `n` stands behind `n - 1` records.
fn group(at: u64, number: u64, damaged: bool) -> Item {
    let head = GroupHead {
        kind: GroupKind::Frames,
        epoch: 1,
        number,
        last_synced: 0,
        records_before: number - 1,
        body_bytes: 48,
        frames: 1,
        records: 1,
    };
    let slot = Slot {
        sequence: number,
        offset: 0,
        bytes: 40,
    };
    let slots = if damaged {
        Vec::new()
    } else {
        vec![(StreamId(1), slot)]
    };
    Item::Group(FoundGroup {
        unreadable: Vec::new(),
        at,
        head,
        slots,
        damage: damaged.then(|| "damaged".to_owned()),
    })
}

fn check(stands: &[Stands], synced: u64, left: Left) {
    let mut scan = Scan {
        groups_end: SEGMENT_HEAD,
        ..Scan::default()
    };
    for stand in stands {
        let (from, to) = (scan.groups_end, scan.groups_end + 112);
        scan.items.push(match stand {
            Whole(number) => group(from, *number, false),
            Damaged(number) => group(from, *number, true),
            Hole => Item::Hole { from, to },
        });
        scan.groups_end = to;
    }
    scan.bytes_end = scan.groups_end;
    let evidence = Evidence {
        synced,
        last_group: Some(synced),
        records_end: None,
        newest: true,
    };
    let verdict = judge(scan, evidence, Some(1), 0);
    let kept = verdict.groups.iter().map(|group| group.head.number).collect();
    assert_eq!(
        (
            kept,
            verdict.cut_bytes > 0,
            verdict.losses.len(),
            verdict.records_lost
        ),
        left
    );
}

#[test]
fn whole_groups_are_kept_whether_they_were_synced_or_not() {
    check(&[], 0, (vec![], false, 0, 0));
    check(&[Whole(1), Whole(2), Whole(3)], 2, (vec![1, 2, 3], false, 0, 0));
}

#[test]
fn damage_behind_the_synced_groups_ends_the_segment() {
    check(&[Whole(1), Damaged(2)], 1, (vec![1], true, 0, 0));
    check(&[Whole(1), Damaged(2), Whole(3)], 1, (vec![1], true, 0, 0));
    check(&[Whole(1), Hole, Whole(3)], 1, (vec![1], true, 0, 0));
    check(&[Hole, Whole(2)], 0, (vec![], true, 0, 0));
}

#[test]
fn damage_in_synced_groups_is_a_loss_and_what_follows_is_kept() {
    check(&[Whole(1), Damaged(2), Whole(3)], 2, (vec![1, 2, 3], false, 1, 1));
    check(&[Whole(1), Hole, Whole(4)], 3, (vec![1, 4], false, 1, 2));
    check(&[Hole, Whole(2)], 1, (vec![2], false, 1, 1));
}

#[test]
fn a_hole_that_held_synced_and_unsynced_groups_is_a_loss_and_the_end() {
    check(&[Whole(1), Hole, Whole(4)], 2, (vec![1], true, 1, 2));
}

#[test]
fn synced_groups_that_are_missing_at_the_end_are_a_loss() {
    check(&[Whole(1), Whole(2)], 4, (vec![1, 2], false, 1, 0));
}
