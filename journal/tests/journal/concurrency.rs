//! Many threads at once: group commit, readers at the tail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use journal::sim::SimFs;
use journal::{
    AppendError, CommitListener, Committed, Durability, FileSystem, Health, Journal, Options, ReadLimit,
    RealFs, Record, StreamId,
};

use crate::support::{append, entry, frame, open, read_all, small, submit};

#[test]
fn appends_of_many_threads_share_their_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let (journal, _) = open(&fs, &Options::new(directory.path()));
    thread::scope(|scope| {
        for stream in 0..64 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 1..=200 {
                    let committed = append(journal, frame([entry(stream, vec![0; 1024])])).unwrap();
                    assert_eq!(committed.sequences[..], [n]);
                }
            });
        }
    });
    let stats = journal.stats();
    assert_eq!((stats.frames, stats.records), (12_800, 12_800));
    assert!(stats.syncs < 12_800 / 4, "{stats:?}");
    assert!((0..64).all(|stream| read_all(&journal, stream).len() == 200));
}

#[test]
fn readers_at_the_tail_see_every_record_once_and_in_order_while_segments_roll() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = open(&fs, &small("/journal"));
    let written = AtomicU64::new(0);
    const LAST: u64 = 2000;
    thread::scope(|scope| {
        for stream in 0..2 {
            let (journal, written) = (&journal, &written);
            scope.spawn(move || follow(journal, stream, LAST, written));
        }
        for n in 1..=LAST {
            let payload = n.to_string();
            append(&journal, frame([entry(0, payload.clone()), entry(1, payload)])).unwrap();
            written.store(n, Ordering::Release);
        }
    });
    assert!(journal.stats().segments > 5);
}

fn follow(journal: &Journal, stream: u64, last: u64, written: &AtomicU64) {
    let mut next = 1;
    while next <= last {
        let at_least = written.load(Ordering::Acquire);
        let limit = ReadLimit {
            records_max: 50,
            bytes_max: 1 << 20,
        };
        let records = journal.read(StreamId(stream), next, limit).unwrap();
        assert!(
            !records.is_empty() || next > at_least,
            "an acknowledged record is readable at once"
        );
        for record in records {
            assert_eq!(
                (record.sequence, &record.head[..]),
                (next, next.to_string().as_bytes())
            );
            next += 1;
        }
        thread::yield_now();
    }
}

struct Panics;

impl CommitListener for Panics {
    fn committed(&mut self, _records: Vec<Record>) {
        panic!("the listener is broken");
    }
}

#[test]
fn a_panicking_listener_poisons_and_leaves_nobody_waiting() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = Journal::open(fs.clone(), small("/journal"), Some(Box::new(Panics))).unwrap();
    let answers: Vec<_> = (0..20)
        .map(|_| submit(&journal, frame([entry(1, "x")])))
        .collect();
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.recv().unwrap()).collect();
    assert!(outcomes[0].is_ok(), "its group was durable: {:?}", outcomes[0]);
    assert!(matches!(
        append(&journal, frame([entry(1, "x")])),
        Err(AppendError::Poisoned { .. })
    ));
    let Health::Poisoned { reason } = journal.health() else {
        panic!("{:?}", journal.health())
    };
    assert!(reason.contains("listener panicked"), "{reason}");
    let committed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    drop(journal);
    let (journal, _) = open(&fs, &small("/journal"));
    assert_eq!(read_all(&journal, 1).len(), committed);
}

#[test]
fn a_panicking_callback_poisons_and_leaves_nobody_waiting() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = open(&fs, &small("/journal"));
    journal.append(
        frame([entry(1, "x")]),
        Box::new(|_| panic!("the callback is broken")),
    );
    let answers: Vec<_> = (0..20)
        .map(|_| submit(&journal, frame([entry(1, "x")])))
        .collect();
    assert!(answers.iter().all(|answer| answer.recv().is_ok()));
    assert!(matches!(
        append(&journal, frame([entry(1, "x")])),
        Err(AppendError::Poisoned { .. })
    ));
}

#[test]
fn what_waits_is_bounded_by_bytes() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let options = Options {
        queue_bytes_max: 10_000,
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &options);
    // The writer is held in a callback while the queue fills.
    let (release, held) = mpsc::sync_channel::<()>(0);
    let (entered, holding) = mpsc::sync_channel(1);
    let hold = move |_| {
        entered.send(()).expect("the test waits");
        held.recv().expect("the test releases");
    };
    journal.append(frame([entry(1, "first")]), Box::new(hold));
    holding.recv().unwrap();
    let answers: Vec<_> = (0..20)
        .map(|_| submit(&journal, frame([entry(1, vec![0; 1000])])))
        .collect();
    release.send(()).unwrap();
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.recv().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 9);
    assert!(
        outcomes[9..]
            .iter()
            .all(|outcome| *outcome == Err(AppendError::QueueFull))
    );
    assert!(append(&journal, frame([entry(1, "room again")])).is_ok());
}

#[test]
fn closing_from_a_callback_does_not_wait_for_itself() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = open(&fs, &small("/journal"));
    let handle = journal.clone();
    let (sender, closed) = mpsc::sync_channel(1);
    let close = move |_| {
        handle.close();
        drop(handle);
        sender.send(()).expect("the test waits");
    };
    journal.append(frame([entry(1, "x")]), Box::new(close));
    closed.recv().unwrap();
    journal.close();
    let (_, recovery) = open(&fs, &small("/journal"));
    assert!(recovery.clean);
}

/// A frame of stream 9 that may wait so long for others, and what comes of it.
fn patient(journal: &Journal, patience: Duration) -> mpsc::Receiver<Result<Committed, AppendError>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let done = Box::new(move |outcome| sender.send(outcome).unwrap());
    journal.append_within(patience, frame([entry(9, "patient")]), done);
    receiver
}

const FOR_EVER: Duration = Duration::from_secs(3600);

#[test]
fn a_patient_frame_goes_with_the_next_one_and_shares_its_sync() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = open(&fs, &small("/journal"));
    let before = journal.stats();
    let first = patient(&journal, FOR_EVER);
    let second = patient(&journal, FOR_EVER);
    append(&journal, frame([entry(1, "urgent")])).unwrap();
    let [first, second] = [first, second].map(|answered| answered.recv().unwrap().unwrap());
    assert_eq!(
        (&first.sequences[..], &second.sequences[..]),
        (&[1][..], &[2][..])
    );
    let after = journal.stats();
    assert_eq!((after.syncs - before.syncs, after.frames - before.frames), (1, 3));
}

#[test]
fn a_patient_frame_waits_no_longer_than_it_may_nor_when_told_to_hurry_nor_at_the_end() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let (journal, _) = open(&fs, &small("/journal"));
    let alone = patient(&journal, Duration::from_millis(1));
    alone.recv().unwrap().unwrap();
    let told = patient(&journal, FOR_EVER);
    assert!(told.try_recv().is_err());
    journal.hurry();
    told.recv().unwrap().unwrap();
    // The shortest patience of what is queued counts.
    let long = patient(&journal, FOR_EVER);
    patient(&journal, Duration::from_millis(1))
        .recv()
        .unwrap()
        .unwrap();
    long.recv().unwrap().unwrap();
    let last = patient(&journal, FOR_EVER);
    journal.close();
    last.recv().unwrap().unwrap();
    assert_eq!(read_all(&journal, 9).len(), 5);
}

#[test]
fn a_patient_frame_does_not_put_off_the_sync_of_a_journal_that_syncs_by_the_clock() {
    let fs: Arc<dyn FileSystem> = Arc::new(SimFs::new());
    let options = Options {
        durability: Durability::Interval(Duration::from_millis(1)),
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &options);
    let group = append(&journal, frame([entry(1, "to be synced")])).unwrap().group;
    let waits = patient(&journal, FOR_EVER);
    while journal.synced() < group {
        thread::yield_now();
    }
    assert!(waits.try_recv().is_err());
    journal.close();
}

#[test]
fn who_reads_a_segment_while_it_leaves_meets_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
    let options = Options {
        // Some steps until its bytes are gone.
        segment_bytes: 4 << 20,
        ..Options::new(directory.path())
    };
    let (journal, _) = open(&fs, &options);
    while journal.stats().segments < 40 {
        append(&journal, frame([entry(1, vec![7; 64 << 10])])).unwrap();
    }
    let is_done = AtomicBool::new(false);
    let limit = ReadLimit {
        records_max: 64,
        bytes_max: 4 << 20,
    };
    thread::scope(|scope| {
        let (journal, is_done) = (&journal, &is_done);
        for _ in 0..3 {
            scope.spawn(move || {
                while !is_done.load(Ordering::Acquire) {
                    // The end of a segment goes first.
                    let first = journal.bounds(StreamId(1)).unwrap().first;
                    let records = journal.read(StreamId(1), first + 30, limit).unwrap();
                    assert!(records.iter().all(|record| record.head.len() == 64 << 10));
                }
            });
        }
        while journal.stats().segments > 2 {
            journal.retire_oldest().unwrap();
        }
        is_done.store(true, Ordering::Release);
    });
}
