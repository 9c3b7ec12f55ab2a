//! Appending, reading, closing and opening on the real file system.

use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use journal::sim::SimFs;
use journal::{
    AppendError, Bounds, CommitListener, Committed, Entry, FileSystem, Frame, Health, Journal, OpenError,
    Options, Purpose, ReadLimit, RealFs, Record, StreamId,
};

use crate::support::{append, entry, frame, open, read_all, small, submit, texts};

fn real() -> Arc<dyn FileSystem> {
    Arc::new(RealFs)
}

#[test]
fn a_record_is_read_back_as_it_was_appended() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, recovery) = open(&real(), &small(&directory));
    assert!(recovery.created);
    let entry = Entry {
        stream: StreamId(9),
        kind: 3,
        head: Bytes::from("he"),
        body: Bytes::from("ad and body"),
        kept: None,
    };
    let committed = append(
        &journal,
        Frame {
            purpose: Purpose::Upkeep,
            entries: [entry].into_iter().collect(),
        },
    );
    assert_eq!(committed.unwrap().sequences[..], [1]);
    let record = journal.get(StreamId(9), 1).unwrap().unwrap();
    assert_eq!((record.stream, record.sequence, record.kind), (StreamId(9), 1, 3));
    assert_eq!(texts(&[record]), ["head and body"]);
    assert!(journal.get(StreamId(9), 2).unwrap().is_none());
    assert!(journal.get(StreamId(8), 1).unwrap().is_none());
}

#[test]
fn each_stream_counts_its_own_records() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(&real(), &small(&directory));
    let first = append(&journal, frame([entry(1, "a"), entry(2, "b"), entry(1, "c")])).unwrap();
    let second = append(&journal, frame([entry(2, "d")])).unwrap();
    assert_eq!(first.sequences[..], [1, 1, 2]);
    assert_eq!(second.sequences[..], [2]);
    assert!(second.group > first.group);
    assert_eq!(journal.bounds(StreamId(1)), Some(Bounds { first: 1, last: 2 }));
    assert_eq!(journal.bounds(StreamId(3)), None);
    assert_eq!(texts(&read_all(&journal, 2)), ["b", "d"]);
    assert_eq!(journal.streams().len(), 2);
}

#[test]
fn many_segments_are_read_through_their_footers_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(&directory);
    let (journal, _) = open(&real(), &options);
    let text = |n: u64| format!("record {n} {:>1$}", "x", usize::try_from(n % 700).unwrap());
    for n in 0..400 {
        append(
            &journal,
            frame([entry(n % 3, text(n)), entry(100, n.to_string())]),
        )
        .unwrap();
    }
    let check = |journal: &Journal| {
        for stream in 0..3 {
            let expected: Vec<_> = (0..400).filter(|n| n % 3 == stream).map(text).collect();
            assert_eq!(texts(&read_all(journal, stream)), expected);
        }
        assert_eq!(read_all(journal, 100).len(), 400);
        let some = journal
            .read(
                StreamId(100),
                250,
                ReadLimit {
                    records_max: 7,
                    bytes_max: 10_000,
                },
            )
            .unwrap();
        assert_eq!(
            texts(&some),
            (249..256).map(|n| n.to_string()).collect::<Vec<_>>()
        );
    };
    check(&journal);
    let segments = journal.stats().segments;
    assert!(segments > 8, "{segments}");
    journal.close();
    assert_eq!(
        append(&journal, frame([entry(1, "late")])),
        Err(AppendError::Closed)
    );
    let (journal, recovery) = open(&real(), &options);
    assert!(recovery.clean, "{recovery:?}");
    assert_eq!((recovery.segments, recovery.cut_bytes), (segments, 0));
    assert!(
        recovery.records < 60,
        "only the unsealed segment is scanned: {recovery:?}"
    );
    check(&journal);
    assert_eq!(
        append(&journal, frame([entry(100, "next")])).unwrap().sequences[..],
        [401]
    );
}

#[test]
fn a_read_stops_at_its_limits_and_gives_at_least_one_record() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(&real(), &small(&directory));
    for _ in 0..10 {
        append(&journal, frame([entry(1, vec![b'x'; 3000])])).unwrap();
    }
    let count = |records_max, bytes_max| {
        journal
            .read(
                StreamId(1),
                2,
                ReadLimit {
                    records_max,
                    bytes_max,
                },
            )
            .unwrap()
            .len()
    };
    assert_eq!(count(100, 1), 1);
    assert_eq!(count(100, 3000), 1);
    assert_eq!(count(100, 6000), 2);
    assert_eq!(count(100, 20_999), 6);
    assert_eq!(count(3, 1 << 20), 3);
    assert_eq!(count(0, 1 << 20), 0);
    assert_eq!(count(100, 1 << 20), 9);
}

#[test]
fn a_second_opening_of_the_directory_is_refused_by_name_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(&directory);
    let (journal, _) = open(&real(), &options);
    let refused = Journal::open(real(), options.clone(), None).expect_err("the directory is locked");
    assert!(
        matches!(&refused, OpenError::Locked { directory: named, holder: Some(holder) }
        if *named == options.directory && *holder == std::process::id())
    );
    assert!(
        refused
            .to_string()
            .contains(&options.directory.display().to_string())
    );
    journal.close();
    let (again, _) = open(&real(), &options);
    assert_eq!(again.id(), journal.id());
    assert_eq!(
        (journal.health(), again.health()),
        (Health::Closed, Health::Writing)
    );
}

#[test]
fn a_frame_that_fits_no_segment_is_refused_and_one_that_just_fits_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(&directory);
    let (journal, _) = open(&real(), &options);
    let too_large = append(&journal, frame([entry(1, vec![0; 16 << 10])]));
    let Err(AppendError::TooLarge { bytes, bytes_max }) = too_large else {
        panic!("{too_large:?}")
    };
    let overhead = bytes - (16 << 10);
    let largest = usize::try_from(bytes_max - overhead).unwrap();
    for n in 1..=3 {
        assert_eq!(
            append(&journal, frame([entry(1, vec![1; largest])]))
                .unwrap()
                .sequences[..],
            [n]
        );
    }
    assert!(matches!(
        append(&journal, frame([entry(1, vec![1; largest + 1])])),
        Err(AppendError::TooLarge { .. })
    ));
    assert_eq!(read_all(&journal, 1).len(), 3);
}

struct Sender(mpsc::Sender<Vec<Record>>);

impl CommitListener for Sender {
    fn committed(&mut self, records: Vec<Record>) {
        self.0.send(records).expect("the test receives");
    }
}

#[test]
fn the_listener_sees_every_group_before_its_appends_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, seen) = mpsc::channel();
    let (journal, _) = Journal::open(real(), small(&directory), Some(Box::new(Sender(sender)))).unwrap();
    for n in 1..=50 {
        append(&journal, frame([entry(1, n.to_string()), entry(2, "other")])).unwrap();
        let records: Vec<Record> = seen.try_iter().flatten().collect();
        let seen: Vec<_> = records
            .iter()
            .map(|record| (record.stream.0, record.sequence))
            .collect();
        assert_eq!(seen, [(1, n), (2, n)]);
    }
}

#[test]
fn closing_commits_what_is_queued() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(&directory);
    let (journal, _) = open(&real(), &options);
    let answers: Vec<_> = (0..500)
        .map(|n: u64| submit(&journal, frame([entry(1, n.to_string())])))
        .collect();
    journal.close();
    journal.close();
    let sequences: Vec<_> = answers
        .iter()
        .map(|answer| answer.recv().unwrap().unwrap().sequences[0])
        .collect();
    assert_eq!(sequences, (1..=500).collect::<Vec<_>>());
    drop(journal);
    let (journal, recovery) = open(&real(), &options);
    assert!(recovery.clean);
    assert_eq!(read_all(&journal, 1).len(), 500);
}

#[test]
fn a_frame_without_records_is_committed_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(&real(), &small(&directory));
    assert_eq!(append(&journal, frame([])).unwrap().sequences.len(), 0);
    drop(journal);
    let (_, recovery) = open(&real(), &small(&directory));
    assert_eq!((recovery.clean, recovery.records), (true, 0));
}

#[test]
fn opening_reads_the_directories_of_sealed_segments_and_not_their_records() {
    let sim = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(sim.clone());
    let (journal, _) = open(&fs, &small("/journal"));
    while journal.stats().segments < 100 {
        append(
            &journal,
            frame([entry(1, vec![0; 3000]), entry(2, vec![0; 3000])]),
        )
        .unwrap();
    }
    journal.close();
    let before = sim.counts().reads;
    let (_, recovery) = open(&fs, &small("/journal"));
    assert_eq!(recovery.segments, 100);
    let reads = sim.counts().reads - before;
    assert!(
        reads <= 3 * 100 + 20,
        "header, trailer and directory of each: {reads}"
    );
}

#[test]
fn a_batch_that_is_as_large_as_a_group_may_be_is_one_group() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let options = Options {
        group_bytes_max: 10 * 137,
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &options);
    // The callback of the first queues the others, so that the writer finds them together.
    let handle = journal.clone();
    let (sender, groups) = mpsc::channel();
    let queue_more = move |_| {
        for _ in 0..20 {
            let sender = sender.clone();
            // 12 bytes of a frame, 25 of a record, 100 of payload.
            let done = move |outcome: Result<Committed, AppendError>| {
                sender
                    .send(outcome.expect("committed").group)
                    .expect("the test receives");
            };
            handle.append(frame([entry(1, vec![0; 100])]), Box::new(done));
        }
        drop(handle);
    };
    journal.append(frame([entry(1, "first")]), Box::new(queue_more));
    let groups: Vec<u64> = groups.iter().collect();
    assert_eq!(groups, [[3; 10], [4; 10]].concat());
}
