//! Segments leave, what was copied forward stays, and no stream ever counts backwards.

use std::sync::{Arc, mpsc};

use bytes::Bytes;
use journal::sim::{Operation, SimFs};
use journal::{
    AppendError, Bounds, CommitListener, Durability, Entry, FileSystem, Journal, Options, ReadLimit, Record,
    RetireError, StreamId,
};

use crate::retiring::{Retired, is_live, kept, retire_one};
use crate::support::{ALL, append, entry, frame, open, read_all, small};

fn sim() -> (SimFs, Arc<dyn FileSystem>) {
    let disk = SimFs::new();
    (disk.clone(), Arc::new(disk))
}

fn text(n: u64) -> String {
    format!("r{n} {:>300}", "x")
}

/// `count` more records in stream 1, which has `before` of them.
fn fill(journal: &Journal, before: u64, count: u64) {
    for n in before + 1..=before + count {
        append(journal, frame([entry(1, text(n))])).unwrap();
    }
}

/// Sequences and names of what a read of stream 1 gives.
fn held(journal: &Journal) -> Vec<(u64, String)> {
    let name = |record: Record| {
        let text = String::from_utf8(record.head.to_vec()).unwrap();
        (record.sequence, text.split(' ').next().unwrap().to_owned())
    };
    read_all(journal, 1).into_iter().map(name).collect()
}

fn expected(first: u64, last: u64) -> Vec<(u64, String)> {
    (1..=last)
        .filter(|n| *n >= first || is_live(text(*n).as_bytes()))
        .map(|n| (n, format!("r{n}")))
        .collect()
}

/// Every segment that is sealed now leaves.
fn retire_all(journal: &Journal) {
    let sealed = journal.segments().len() - 1;
    assert!(sealed >= 3, "{sealed}");
    for _ in 0..sealed {
        let retired = retire_one(journal, |_, _| {});
        assert!(matches!(retired, Retired::Left(_)), "{retired:?}");
    }
}

#[test]
fn what_is_copied_forward_keeps_its_place_and_the_rest_leaves_without_a_word() {
    let (_, fs) = sim();
    let options = small("/journal");
    let (journal, _) = open(&fs, &options);
    fill(&journal, 0, 200);
    let before = journal.stats();
    retire_all(&journal);
    let first = journal.bounds(StreamId(1)).unwrap().first;
    assert!(first > 100, "{first}");
    let after = journal.stats();
    assert!(after.retired >= 3 && after.bytes_on_disk < before.bytes_on_disk);
    let check = |journal: &Journal| {
        assert_eq!(journal.bounds(StreamId(1)), Some(Bounds { first, last: 200 }));
        assert_eq!(held(journal), expected(first, 200));
        for n in 1..=200 {
            let found = journal.get(StreamId(1), n).unwrap();
            assert_eq!(found.is_some(), n >= first || is_live(text(n).as_bytes()), "{n}");
        }
    };
    check(&journal);
    journal.close();
    let (journal, recovery) = open(&fs, &options);
    assert!(recovery.clean && recovery.quarantined.is_empty(), "{recovery:?}");
    assert_eq!(journal.stats().bytes_on_disk, after.bytes_on_disk);
    check(&journal);
}

#[test]
fn small_reads_walk_the_kept_records_of_many_segments_in_order() {
    let (_, fs) = sim();
    let (journal, _) = open(&fs, &small("/journal"));
    let mut stored = 0;
    for _ in 0..12 {
        fill(&journal, stored, 40);
        stored += 40;
        retire_one(&journal, |_, _| {});
    }
    let first = journal.bounds(StreamId(1)).unwrap().first;
    let limit = ReadLimit {
        records_max: 3,
        bytes_max: 700,
    };
    let (mut from, mut found) = (0, Vec::new());
    loop {
        let records = journal.read(StreamId(1), from, limit).unwrap();
        let Some(last) = records.last() else { break };
        assert!(records.len() <= 3);
        from = last.sequence + 1;
        found.extend(records.iter().map(|record| record.sequence));
    }
    let expected: Vec<_> = expected(first, stored).into_iter().map(|(n, _)| n).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_stream_never_counts_backwards_also_when_all_of_it_has_left() {
    let (_, fs) = sim();
    let options = small("/journal");
    let (journal, _) = open(&fs, &options);
    for n in 0..5 {
        append(&journal, frame([entry(9, format!("gone {n}"))])).unwrap();
    }
    fill(&journal, 0, 120);
    while journal.retire_oldest().unwrap().is_some() {}
    assert_eq!(journal.segments().len(), 1);
    let gone = Some(Bounds { first: 6, last: 5 });
    assert_eq!(journal.bounds(StreamId(9)), gone);
    assert!(read_all(&journal, 9).is_empty());
    drop(journal);
    for round in 0..3 {
        let (journal, recovery) = open(&fs, &options);
        assert!(recovery.quarantined.is_empty(), "{recovery:?}");
        assert_eq!(journal.bounds(StreamId(9)), gone);
        // The mark itself goes on with the segments that come.
        fill(&journal, 120 + round * 60, 60);
        while journal.retire_oldest().unwrap().is_some() {}
    }
    let (journal, _) = open(&fs, &options);
    let next = append(
        &journal,
        frame([entry(9, "again"), entry(1, "too"), entry(7, "new")]),
    )
    .unwrap();
    assert_eq!(next.sequences[..], [6, 301, 1]);
    assert_eq!(read_all(&journal, 9).len(), 1);
}

#[test]
fn the_unsealed_segment_stays() {
    let (_, fs) = sim();
    let (journal, _) = open(&fs, &small("/journal"));
    fill(&journal, 0, 3);
    assert!(journal.retire_oldest().unwrap().is_none());
    assert_eq!(held(&journal).len(), 3);
}

#[test]
fn only_a_sequence_that_was_given_out_can_be_kept() {
    let (_, fs) = sim();
    let (journal, _) = open(&fs, &small("/journal"));
    fill(&journal, 0, 2);
    for (stream, sequence) in [(1, 3), (1, 0), (2, 1)] {
        let copy = Entry {
            kept: Some(sequence),
            ..entry(stream, "copy")
        };
        let refused = append(&journal, frame([copy]));
        assert!(
            matches!(refused, Err(AppendError::Misplaced { sequence: s, .. }) if s == sequence),
            "{refused:?}"
        );
    }
    let refused = append(&journal, frame([entry(u64::MAX, "the journal's own")]));
    assert!(
        matches!(refused, Err(AppendError::Misplaced { .. })),
        "{refused:?}"
    );
    assert_eq!(
        append(&journal, frame([entry(1, "next")])).unwrap().sequences[..],
        [3]
    );
}

#[test]
fn copies_are_not_announced_and_take_no_sequence() {
    struct Seen(mpsc::Sender<Vec<Record>>);
    impl CommitListener for Seen {
        fn committed(&mut self, records: Vec<Record>) {
            self.0.send(records).unwrap();
        }
    }
    let (_, fs) = sim();
    let (sender, seen) = mpsc::channel();
    let (journal, _) = Journal::open(fs, small("/journal"), Some(Box::new(Seen(sender)))).unwrap();
    fill(&journal, 0, 1);
    let copy = kept(journal.get(StreamId(1), 1).unwrap().unwrap());
    let committed = append(&journal, frame([copy, entry(1, "new")])).unwrap();
    assert_eq!(committed.sequences[..], [1, 2]);
    let announced: Vec<u64> = seen.try_iter().flatten().map(|record| record.sequence).collect();
    assert_eq!(announced, [1, 2]);
    assert_eq!(held(&journal).len(), 2);
}

/// The process dies before its `nth` change, and the power goes with it. Answers whether the segment had left.
fn retire_and_die(beginning: &SimFs, options: &Options, nth: u64, seed: u64) -> bool {
    let disk = beginning.fork();
    let fs: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let (journal, _) = open(&fs, options);
    disk.die_before(nth, ".seg");
    let has_left = matches!(retire_one(&journal, |_, _| {}), Retired::Left(_));
    drop(journal);
    disk.power_cut(seed);
    let (journal, recovery) = open(&fs, options);
    assert!(recovery.quarantined.is_empty(), "{nth} {seed}: {recovery:?}");
    let bounds = journal.bounds(StreamId(1)).unwrap();
    assert_eq!(bounds.last, 150);
    assert!(!has_left || bounds.first > 1);
    assert_eq!(held(&journal), expected(bounds.first, 150), "{nth} {seed}");
    retire_one(&journal, |_, _| {});
    let first = journal.bounds(StreamId(1)).unwrap().first;
    assert!(first > 1);
    assert_eq!(held(&journal), expected(first, 150), "{nth} {seed}");
    has_left
}

#[test]
fn a_segment_leaves_whole_or_stays_wherever_the_power_goes() {
    for durability in [Durability::Always, Durability::Os] {
        let (disk, fs) = sim();
        let options = Options {
            durability,
            ..small("/journal")
        };
        let (journal, _) = open(&fs, &options);
        fill(&journal, 0, 150);
        drop(journal);
        let dies = |nth: &u64| (0..12).any(|seed| !retire_and_die(&disk, &options, *nth, seed));
        let deaths = (1..).take_while(dies).count();
        assert!(deaths >= 4, "it died at {deaths} places only");
    }
}

#[test]
fn a_mark_is_synced_before_its_segment_goes_in_every_mode() {
    for durability in [Durability::Os, Durability::Always] {
        let (disk, fs) = sim();
        let options = Options {
            durability,
            ..small("/journal")
        };
        let (journal, _) = open(&fs, &options);
        fill(&journal, 0, 150);
        assert!(matches!(retire_one(&journal, |_, _| {}), Retired::Left(_)));
        disk.power_cut(5);
        let (journal, _) = open(&fs, &options);
        let first = journal.bounds(StreamId(1)).unwrap().first;
        assert!(first > 1);
        assert_eq!(held(&journal), expected(first, 150));
    }
}

#[test]
fn a_directory_that_cannot_be_synced_lets_no_second_segment_go() {
    let (disk, fs) = sim();
    let (journal, _) = open(&fs, &small("/journal"));
    fill(&journal, 0, 150);
    disk.fail(Operation::SyncDir, "", 1);
    let failed = journal.retire_oldest();
    assert!(matches!(failed, Err(RetireError::Io { .. })), "{failed:?}");
    disk.fail(Operation::SyncDir, "", 1);
    assert!(journal.retire_oldest().is_err());
    assert_eq!((journal.stats().retired, journal.segments()[0].number), (0, 2));
    assert_eq!(journal.retire_oldest().unwrap().map(|info| info.number), Some(2));
    assert_eq!(journal.stats().retired, 2);
}

#[test]
fn a_reader_in_the_segment_that_leaves_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(journal::RealFs);
    let (journal, _) = open(&fs, &small(&directory));
    fill(&journal, 0, 150);
    let limit = ReadLimit {
        records_max: 5,
        ..ALL
    };
    let (mut from, mut found) = (1, Vec::new());
    loop {
        let records = journal.read(StreamId(1), from, limit).unwrap();
        let Some(last) = records.last() else { break };
        from = last.sequence + 1;
        found.extend(records.iter().map(|record| record.sequence));
        if found.len() == 10 {
            retire_all(&journal);
        }
    }
    let first = journal.bounds(StreamId(1)).unwrap().first;
    let expected: Vec<_> = (1..=150)
        .filter(|n| *n <= 10 || *n >= first || is_live(text(*n).as_bytes()))
        .collect();
    assert_eq!(found, expected);
    let files = std::fs::read_dir(directory.path()).unwrap();
    let segments = files.filter(|file| file.as_ref().unwrap().path().extension() == Some("seg".as_ref()));
    assert_eq!(segments.count() as u64, journal.stats().segments);
}

#[test]
fn records_that_were_lost_to_damage_are_still_told_when_those_before_have_left() {
    let (disk, fs) = sim();
    let options = small("/journal");
    let (journal, _) = open(&fs, &options);
    fill(&journal, 0, 150);
    let second = journal.segments()[1].clone();
    let hit = second.parts[0];
    drop(journal);
    // The middle of the second segment and its tables: what stands there is lost.
    let path = std::path::Path::new("/journal").join("000000000002.seg");
    let mut bytes = disk.contents(&path).unwrap();
    let end = bytes.len();
    bytes[8000..9000].fill(0xaa);
    bytes[end - 96..].fill(0);
    disk.put(&path, &bytes);
    let (journal, recovery) = open(&fs, &options);
    assert_eq!(recovery.quarantined.len(), 1);
    journal.retire_oldest().unwrap().unwrap();
    drop(journal);
    let (journal, recovery) = open(&fs, &options);
    assert_eq!(recovery.quarantined.len(), 1, "{recovery:?}");
    let bounds = journal.bounds(StreamId(1)).unwrap();
    assert_eq!(bounds.first, hit.first);
    let read = journal.read(StreamId(1), 1, ALL).unwrap();
    let next = read.last().unwrap().sequence + 1;
    assert!(journal.read(StreamId(1), next, ALL).is_err(), "the hole is told");
}

#[test]
fn a_kept_record_whose_copy_is_damaged_is_told_and_no_other() {
    let (disk, fs) = sim();
    let options = small("/journal");
    let (journal, _) = open(&fs, &options);
    let marker = Bytes::from("r3 here it is, live and then hit");
    append(&journal, frame([entry(1, text(1)), entry(1, marker.clone())])).unwrap();
    fill(&journal, 2, 100);
    let copies: Vec<_> = [1, 2]
        .map(|n| kept(journal.get(StreamId(1), n).unwrap().unwrap()))
        .into();
    append(&journal, frame(copies)).unwrap();
    journal.retire_oldest().unwrap().unwrap();
    for path in disk.files() {
        let bytes = disk.contents(&path).unwrap();
        if let Some(at) = bytes.windows(marker.len()).position(|window| window == marker) {
            disk.flip_bit(&path, at as u64, 1).unwrap();
        }
    }
    assert_eq!(journal.read(StreamId(1), 1, ALL).unwrap()[0].sequence, 1);
    let told = journal.get(StreamId(1), 2).unwrap_err();
    assert!(
        told.to_string().contains("records 2 to 2 of journal stream 1"),
        "{told}"
    );
    assert!(journal.get(StreamId(1), 3).unwrap().is_none());
}
