//! Torn tails, zeroed tails, stale bytes, flipped bits: cut what was never acknowledged, report what was lost, serve the
//! rest, invent nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::sim::SimFs;
use journal::{FileSystem, Journal, Options, ReadError, ReadLimit, Recovery, StreamId};

use crate::support::{append, entry, frame, open, read_all, texts};

const DIRECTORY: &str = "/journal";

fn options() -> Options {
    Options {
        segment_bytes: 8 << 10,
        ..Options::new(DIRECTORY)
    }
}

fn segment(number: u64) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{number:012}.seg"))
}

fn reopen(sim: &SimFs) -> (Journal, Recovery) {
    open(&(Arc::new(sim.clone()) as Arc<dyn FileSystem>), &options())
}

/// A journal of single-record frames, ended by a kill: what it held and where its bytes end.
fn journal_with(records: u64) -> (SimFs, usize) {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    for n in 0..records {
        append(&journal, frame([entry(n % 3, format!("record {n}"))])).unwrap();
    }
    sim.kill();
    drop(journal);
    let bytes = sim.contents(&segment(1)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (sim, end)
}

fn group_start(bytes: &[u8], before: usize) -> usize {
    (0..before)
        .rev()
        .find(|at| bytes[*at..].starts_with(b"HGRP"))
        .unwrap()
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_group_is_cut_and_the_rest_is_kept() {
    let (sim, end) = journal_with(7);
    let whole = sim.contents(&segment(1)).unwrap();
    let start = group_start(&whole, end);
    for length in start..end {
        for truncated in [false, true] {
            let sim = sim.fork();
            let mut bytes = whole.clone();
            bytes[length..].fill(0);
            if truncated {
                bytes.truncate(length);
            }
            // A tear that only takes zeros takes nothing.
            let unharmed = bytes
                .iter()
                .chain(std::iter::repeat(&0))
                .take(end)
                .eq(&whole[..end]);
            sim.put(&segment(1), &bytes);
            let (journal, recovery) = reopen(&sim);
            assert_eq!(recovery.quarantined, [], "torn at {length}");
            assert_eq!(
                read_all(&journal, 0).len(),
                if unharmed { 3 } else { 2 },
                "torn at {length}"
            );
            assert_eq!((read_all(&journal, 1).len(), read_all(&journal, 2).len()), (2, 2));
            if !unharmed {
                let left = bytes[start..]
                    .iter()
                    .rposition(|byte| *byte != 0)
                    .map_or(0, |last| last as u64 + 1);
                assert_eq!(recovery.cut_bytes, left, "torn at {length}");
                assert_eq!(
                    append(&journal, frame([entry(0, "next")])).unwrap().sequences[..],
                    [3]
                );
            }
        }
    }
}

#[test]
fn garbage_behind_the_last_group_is_cut() {
    let (sim, end) = journal_with(7);
    let mut bytes = sim.contents(&segment(1)).unwrap();
    let last = group_start(&bytes, end);
    let repeated = bytes[last..end].to_vec();
    let at = end.next_multiple_of(16);
    bytes[at..at + repeated.len()].copy_from_slice(&repeated);
    sim.put(&segment(1), &bytes);
    let (journal, recovery) = reopen(&sim);
    assert_eq!(
        recovery.cut_bytes,
        repeated.len() as u64,
        "a group that was moved is no group"
    );
    assert_eq!(read_all(&journal, 0).len(), 3);
}

#[test]
fn bytes_from_before_a_cut_are_never_records_again() {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(1, "kept")])).unwrap();
    let before = sim.contents(&segment(1)).unwrap();
    for old in ["the old 2nd", "the old 3rd", "the old 4th"] {
        append(&journal, frame([entry(1, old)])).unwrap();
    }
    let after = sim.contents(&segment(1)).unwrap();
    sim.kill();
    drop(journal);
    // All but the first were lost. An opening group and a new record take the place and the numbers of two of them.
    sim.put(&segment(1), &before);
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(1, vec![b'n'; 59])])).unwrap();
    sim.kill();
    drop(journal);
    // Put the third back behind them, as if the cut had not cleared it: its number follows, its checksums are right.
    let mut bytes = sim.contents(&segment(1)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let end = end.next_multiple_of(16);
    assert!(
        after[end..].starts_with(b"HGRP"),
        "the old group must start where the new one ends"
    );
    bytes[end..].copy_from_slice(&after[end..]);
    sim.put(&segment(1), &bytes);
    let (journal, recovery) = reopen(&sim);
    assert_eq!(texts(&read_all(&journal, 1)), ["kept".to_owned(), "n".repeat(59)]);
    assert!(recovery.cut_bytes > 0);
}

#[test]
fn a_cut_clears_the_bytes() {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(1, "kept")])).unwrap();
    append(&journal, frame([entry(1, "torn ".repeat(100))])).unwrap();
    sim.kill();
    drop(journal);
    let mut bytes = sim.contents(&segment(1)).unwrap();
    let start = group_start(&bytes, bytes.len());
    bytes[start] ^= 1;
    sim.put(&segment(1), &bytes);
    drop(reopen(&sim));
    let bytes = sim.contents(&segment(1)).unwrap();
    assert!(
        !String::from_utf8_lossy(&bytes).contains("torn"),
        "the cut record is still there"
    );
}

/// What a damaged journal still says, compared with what it held.
pub(crate) struct Seen {
    pub(crate) read: BTreeMap<(u64, u64), String>,
    pub(crate) damaged: BTreeSet<(u64, u64)>,
}

/// Reads all that can be read, going on behind damage.
pub(crate) fn read_around_damage(journal: &Journal) -> Seen {
    let mut seen = Seen {
        read: BTreeMap::new(),
        damaged: BTreeSet::new(),
    };
    for (stream, bounds) in journal.streams() {
        let mut next = bounds.first;
        while next <= bounds.last {
            match journal.read(
                stream,
                next,
                ReadLimit {
                    records_max: 3,
                    bytes_max: 1 << 20,
                },
            ) {
                Ok(records) => {
                    assert!(!records.is_empty());
                    for record in records {
                        assert_eq!(record.sequence, next, "a record is missing and nobody said so");
                        next += 1;
                        let text = String::from_utf8_lossy(&record.head).into_owned();
                        seen.read.insert((stream.0, record.sequence), text);
                    }
                }
                Err(ReadError::Damaged { stream, from, to, .. }) => {
                    assert_eq!(from, next);
                    seen.damaged
                        .extend((from..=to).map(|sequence| (stream.0, sequence)));
                    next = to + 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    seen
}

/// Two sealed segments and an unsealed one, frames of one to three records.
fn three_segments(clean: bool) -> (SimFs, BTreeMap<(u64, u64), String>) {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    let mut held = BTreeMap::new();
    let mut n = 0;
    while journal.stats().segments < 3 || n % 7 != 6 {
        let entries: Vec<_> = (0..=n % 3)
            .map(|i| (i, format!("{n}.{i} {}", "x".repeat(120))))
            .collect();
        let given = entries.iter().map(|(stream, text)| entry(*stream, text.clone()));
        let committed = append(&journal, frame(given)).unwrap();
        for ((stream, text), sequence) in entries.into_iter().zip(committed.sequences) {
            held.insert((stream, sequence), text);
        }
        n += 1;
    }
    if clean {
        journal.close();
    } else {
        sim.kill();
    }
    (sim, held)
}

/// Opens a damaged copy and checks that nothing is invented, nothing is silently missing, and no sequence is reused.
/// `tail`: the damage may have hit groups that nobody knows to be synced, which may go without a word but "cut".
fn check_damaged(sim: &SimFs, held: &BTreeMap<(u64, u64), String>, tail: bool, what: &str) {
    let (journal, recovery) = reopen(sim);
    let seen = read_around_damage(&journal);
    for (place, text) in &seen.read {
        assert_eq!(held.get(place), Some(text), "{what}: {place:?} was never written");
    }
    let missing: Vec<_> = held
        .keys()
        .filter(|place| !seen.read.contains_key(place))
        .collect();
    let unsaid = missing
        .iter()
        .filter(|place| !seen.damaged.contains(place))
        .count();
    let reported = !recovery.quarantined.is_empty();
    assert!(
        unsaid == 0 || reported || (tail && recovery.cut_bytes > 0),
        "{what}: {missing:?} {recovery:?}"
    );
    assert!(
        missing.len() <= 12,
        "{what}: one flipped bit took {} of {} records",
        missing.len(),
        held.len()
    );
    for stream in 0..3 {
        let last = held
            .range((stream, 0)..(stream + 1, 0))
            .next_back()
            .map_or(0, |((_, last), _)| *last);
        let next = append(&journal, frame([entry(stream, "next")]))
            .unwrap()
            .sequences[0];
        assert!(
            next > last || (tail && !reported),
            "{what}: {stream} gave out {next} again, {last} was the last"
        );
        assert_eq!(
            texts(
                &journal
                    .get(StreamId(stream), next)
                    .unwrap()
                    .into_iter()
                    .collect::<Vec<_>>()
            ),
            ["next"]
        );
    }
    // What recovery decided holds: opened once more, the same can be read.
    journal.close();
    let (journal, _) = reopen(sim);
    let again = read_around_damage(&journal);
    assert!(
        seen.read
            .iter()
            .all(|(place, text)| again.read.get(place) == Some(text)),
        "{what}: lost later"
    );
}

fn flip_everywhere(number: u64, clean: bool) {
    let (sim, held) = three_segments(clean);
    let bytes = sim.contents(&segment(number)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // The header's unused part is long and all alike.
    for at in (0..96).chain((4096 - 16..end).step_by(3)) {
        let sim = sim.fork();
        let bit = u8::try_from(at % 8).unwrap();
        sim.flip_bit(&segment(number), at as u64, bit).unwrap();
        let tail = number == 3 && !clean;
        check_damaged(
            &sim,
            &held,
            tail,
            &format!("bit {bit} of byte {at} of {end} in segment {number}"),
        );
    }
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_is_noticed_and_takes_nothing_else_with_it() {
    flip_everywhere(1, true);
}

#[test]
fn a_flipped_bit_in_the_unsealed_segment_is_noticed_and_takes_nothing_else_with_it() {
    flip_everywhere(3, true);
    flip_everywhere(3, false);
}

#[test]
fn a_sealed_segment_without_its_footer_is_scanned_and_gets_a_new_one() {
    let (sim, held) = three_segments(true);
    let bytes = sim.contents(&segment(2)).unwrap();
    for cut in [1, 50, 96, 200, 400] {
        let sim = sim.fork();
        sim.put(&segment(2), &bytes[..bytes.len() - cut]);
        let (journal, recovery) = reopen(&sim);
        assert_eq!(recovery.quarantined, [], "{cut}");
        assert_eq!(read_around_damage(&journal).read, held);
        journal.close();
        assert_eq!(
            sim.contents(&segment(2)).unwrap(),
            bytes,
            "the rebuilt footer is the one that was lost"
        );
        let (_, again) = reopen(&sim);
        assert!(again.records < recovery.records, "it is not scanned again");
    }
}

#[test]
fn a_missing_segment_is_named_and_its_sequences_are_reported_as_lost() {
    for number in [1, 2] {
        let (sim, held) = three_segments(true);
        FileSystem::remove(&sim, &segment(number)).unwrap();
        let (journal, recovery) = reopen(&sim);
        let seen = read_around_damage(&journal);
        assert!(
            seen.read
                .iter()
                .all(|(place, text)| held.get(place) == Some(text))
        );
        assert!(seen.read.len() < held.len());
        assert_eq!(recovery.quarantined[0].file, format!("{number:012}.seg"));
        for place in held.keys() {
            let stream = StreamId(place.0);
            assert!(journal.next(stream) > place.1, "{place:?} is given out again");
        }
        if number == 2 {
            assert!(
                held.keys()
                    .all(|place| seen.read.contains_key(place) || seen.damaged.contains(place))
            );
        }
    }
}

#[test]
fn damage_before_a_synced_group_is_a_loss_and_damage_behind_it_is_a_tail() {
    let (sim, end) = journal_with(7);
    let mut bytes = sim.contents(&segment(1)).unwrap();
    let last = group_start(&bytes, end);
    let before = group_start(&bytes, last);
    bytes[before + 70] ^= 4;
    sim.put(&segment(1), &bytes);
    let (journal, recovery) = reopen(&sim);
    assert_eq!(recovery.cut_bytes, 0);
    assert_eq!(recovery.quarantined.len(), 1, "{recovery:?}");
    assert_eq!(
        read_all(&journal, 0).len(),
        3,
        "the group behind the damage is kept"
    );
    let next = append(&journal, frame([entry(2, "next")])).unwrap().sequences[0];
    assert_eq!(next, 3, "the lost record may have been any stream's");
    assert!(matches!(
        journal.read(
            StreamId(2),
            2,
            ReadLimit {
                records_max: 1,
                bytes_max: 1
            }
        ),
        Err(ReadError::Damaged { from: 2, to: 2, .. })
    ));
}

#[test]
fn a_repair_that_is_interrupted_anywhere_is_done_again() {
    let (sim, held) = three_segments(true);
    for (number, at) in [(1, 5000), (2, 4100), (3, 4200)] {
        for nth in 1..20 {
            let sim = sim.fork();
            sim.flip_bit(&segment(number), at, 3).unwrap();
            // Without its footer a sealed segment has to be scanned, and meets the damage.
            if number < 3 {
                let bytes = sim.contents(&segment(number)).unwrap();
                sim.put(&segment(number), &bytes[..bytes.len() - 1]);
            }
            sim.die_before(nth, ".seg");
            let interrupted = Journal::open(Arc::new(sim.clone()), options(), None);
            sim.power_cut(nth);
            drop(interrupted);
            check_damaged(
                &sim,
                &held,
                false,
                &format!("segment {number}, interrupted before change {nth}"),
            );
        }
    }
}

#[test]
fn sequences_that_may_have_been_lost_stay_unused_after_the_loss_was_repaired() {
    let (sim, end) = journal_with(7);
    let bytes = sim.contents(&segment(1)).unwrap();
    let lost = group_start(&bytes, group_start(&bytes, end));
    sim.flip_bit(&segment(1), lost as u64 + 70, 2).unwrap();
    for _ in 0..3 {
        let (journal, recovery) = reopen(&sim);
        assert_eq!(
            recovery.quarantined.len(),
            1,
            "the damage is named at each opening"
        );
        journal.close();
    }
    let (journal, _) = reopen(&sim);
    // Stream 0 was seen behind the loss; the others, and new ones, may have had the lost record.
    let next = |stream| {
        append(&journal, frame([entry(stream, "next")]))
            .unwrap()
            .sequences[0]
    };
    assert_eq!([0, 1, 2, 9].map(next), [4, 4, 3, 2]);
}

#[test]
fn a_loss_is_remembered_for_streams_that_have_no_record_in_the_damaged_segment() {
    let sim = SimFs::new();
    let (journal, _) = reopen(&sim);
    append(&journal, frame([entry(5, "early")])).unwrap();
    while journal.stats().segments < 2 {
        append(&journal, frame([entry(1, "x".repeat(500))])).unwrap();
    }
    for stream in [2, 3] {
        append(&journal, frame([entry(stream, "x")])).unwrap();
    }
    sim.kill();
    drop(journal);
    let bytes = sim.contents(&segment(2)).unwrap();
    let lost = group_start(&bytes, group_start(&bytes, bytes.len()));
    sim.flip_bit(&segment(2), lost as u64 + 70, 2).unwrap();
    for _ in 0..2 {
        drop(reopen(&sim));
    }
    let (journal, _) = reopen(&sim);
    assert_eq!(
        append(&journal, frame([entry(5, "next")])).unwrap().sequences[..],
        [3]
    );
}
