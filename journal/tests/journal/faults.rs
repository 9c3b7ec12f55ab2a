//! A disk that fails or is full.

use std::sync::Arc;
use std::time::Duration;

use journal::sim::{Operation, SimFs};
use journal::{
    AppendError, Durability, FileSystem, Frame, Health, Journal, OpenError, Options, Purpose, ReadError,
    StreamId,
};

use crate::support::{append, entry, frame, open, read_all, small};

fn simulated() -> (SimFs, Arc<dyn FileSystem>) {
    let fs = SimFs::new();
    (fs.clone(), Arc::new(fs))
}

fn upkeep(stream: u64, bytes: usize) -> Frame {
    Frame {
        purpose: Purpose::Upkeep,
        ..frame([entry(stream, vec![0; bytes])])
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_no_sync_is_tried_again() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    append(&journal, frame([entry(1, "kept")])).unwrap();
    sim.fail(Operation::Sync, ".seg", 1);
    let first = append(&journal, frame([entry(1, "lost")]));
    let Err(AppendError::Poisoned { reason }) = &first else {
        panic!("{first:?}")
    };
    assert!(
        reason.contains("sync") && reason.contains("000000000001.seg"),
        "{reason}"
    );
    assert_eq!(
        journal.health(),
        Health::Poisoned {
            reason: reason.clone()
        }
    );
    let syncs = journal.stats().syncs;
    assert_eq!(append(&journal, frame([entry(1, "later")])), first);
    assert_eq!(read_all(&journal, 1).len(), 1, "reading goes on");
    journal.close();
    assert_eq!(journal.stats().syncs, syncs);
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    append(&journal, frame([entry(1, "kept")])).unwrap();
    sim.fail(Operation::Write, ".seg", 1);
    assert!(matches!(
        append(&journal, frame([entry(1, "lost")])),
        Err(AppendError::Poisoned { .. })
    ));
    drop(journal);
    let (journal, recovery) = open(&fs, &small("/journal"));
    assert!(
        recovery.cut_bytes > 0,
        "half of the group was written: {recovery:?}"
    );
    assert_eq!(read_all(&journal, 1).len(), 1);
    assert_eq!(
        append(&journal, frame([entry(1, "again")])).unwrap().sequences[..],
        [2]
    );
}

#[test]
fn bytes_that_only_the_page_cache_has_are_written_again_before_they_are_served() {
    for seed in 0..40 {
        let (sim, fs) = simulated();
        let (journal, _) = open(&fs, &small("/journal"));
        append(&journal, frame([entry(1, "first")])).unwrap();
        sim.fail(Operation::Sync, ".seg", 1);
        assert!(append(&journal, frame([entry(1, "second")])).is_err());
        sim.kill();
        drop(journal);
        let (journal, _) = open(&fs, &small("/journal"));
        let served = read_all(&journal, 1).len();
        sim.power_cut(seed);
        drop(journal);
        let (journal, recovery) = open(&fs, &small("/journal"));
        assert_eq!(recovery.quarantined, []);
        assert_eq!(read_all(&journal, 1).len(), served);
    }
}

#[test]
fn a_full_disk_refuses_new_events_lets_upkeep_finish_and_recovers_by_itself() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    append(&journal, frame([entry(1, "first")])).unwrap();
    sim.set_quota(Some(0));
    let until_refused = (0..100).map(|_| append(&journal, frame([entry(1, vec![0; 3000])])));
    let refused = until_refused.take_while(Result::is_ok).count();
    assert!(refused < 100);
    // How much is left for upkeep depends on whether the next segment was prepared before the disk was full.
    assert!(matches!(journal.health(), Health::NoSpace | Health::ReserveLow));
    assert_eq!(
        append(&journal, frame([entry(1, "x")])),
        Err(AppendError::NoSpace)
    );
    append(&journal, upkeep(2, 10)).expect("there is room in the segment in hand");
    let upkeeps = (0..100)
        .map(|_| append(&journal, upkeep(2, 3000)))
        .take_while(Result::is_ok)
        .count();
    assert!(upkeeps < 100, "no segment can be made for upkeep either");
    sim.set_quota(None);
    append(&journal, frame([entry(1, "room again")])).expect("each append tries again");
    assert_eq!(journal.health(), Health::Writing);
    let count = read_all(&journal, 1).len();
    journal.close();
    let (journal, _) = open(&fs, &small("/journal"));
    assert_eq!(read_all(&journal, 1).len(), count);
    assert_eq!(read_all(&journal, 2).len(), upkeeps + 1);
}

#[test]
fn a_full_disk_recovers_without_an_append() {
    let (sim, fs) = simulated();
    sim.set_quota(Some(5000));
    let (journal, _) = open(&fs, &small("/journal"));
    assert_eq!(journal.health(), Health::ReserveLow);
    assert_eq!(append(&journal, upkeep(1, 10)), Err(AppendError::NoSpace));
    sim.set_quota(None);
    while journal.health() != Health::Writing {
        std::thread::yield_now();
    }
    append(&journal, frame([entry(1, "x")])).unwrap();
}

#[test]
fn a_full_disk_does_not_keep_a_journal_from_being_opened_and_read() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    for _ in 0..30 {
        append(&journal, frame([entry(1, vec![0; 1000])])).unwrap();
    }
    sim.power_cut(3);
    drop(journal);
    sim.set_quota(Some(0));
    let (journal, _) = open(&fs, &small("/journal"));
    assert_eq!(read_all(&journal, 1).len(), 30);
}

#[test]
fn interval_mode_acknowledges_before_the_sync_and_syncs_within_the_window() {
    let (sim, fs) = simulated();
    let window = Duration::from_millis(20);
    let (journal, _) = open(
        &fs,
        &Options {
            durability: Durability::Interval(window),
            ..small("/journal")
        },
    );
    let before = journal.stats().syncs;
    append(&journal, frame([entry(1, "x")])).unwrap();
    while journal.stats().syncs == before {
        std::thread::yield_now();
    }
    sim.power_cut(5);
    drop(journal);
    let (journal, _) = open(&fs, &small("/journal"));
    assert_eq!(read_all(&journal, 1).len(), 1);
}

#[test]
fn os_mode_syncs_at_close_only() {
    let (_, fs) = simulated();
    let (journal, _) = open(
        &fs,
        &Options {
            durability: Durability::Os,
            ..small("/journal")
        },
    );
    let before = journal.stats().syncs;
    for _ in 0..5 {
        append(&journal, frame([entry(1, "x")])).unwrap();
    }
    assert_eq!(journal.stats().syncs, before);
    journal.close();
    assert!(journal.stats().syncs > before);
}

#[test]
fn a_failed_read_is_an_error_and_not_damage() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    append(&journal, frame([entry(1, "x")])).unwrap();
    sim.fail(Operation::Read, ".seg", 1);
    assert!(matches!(journal.get(StreamId(1), 1), Err(ReadError::Io { .. })));
    assert!(journal.get(StreamId(1), 1).unwrap().is_some());
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (sim, fs) = simulated();
    drop(open(&fs, &small("/journal")));
    let newer = "heddle journal\nformat 2\nid new ways\n";
    let newer = format!("{newer}sum {:08x}\n", crc_fast::crc32_iscsi(newer.as_bytes()));
    sim.put("/journal/FORMAT".as_ref(), newer.as_bytes());
    let refused = Journal::open(fs, small("/journal"), None).expect_err("refused");
    assert!(
        matches!(
            refused,
            OpenError::NewerFormat {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{refused}"
    );
    assert!(refused.to_string().contains("/journal/FORMAT"), "{refused}");
}

#[test]
fn a_lost_format_file_is_restored_from_a_segment() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    append(&journal, frame([entry(1, "x")])).unwrap();
    journal.close();
    let before = sim.contents("/journal/FORMAT".as_ref()).unwrap();
    for damaged in [
        &b""[..],
        b"heddle journal\nformat 7\nid x\nsum 00000000\n",
        b"\xff\xff\xff",
    ] {
        sim.put("/journal/FORMAT".as_ref(), damaged);
        let (journal, _) = open(&fs, &small("/journal"));
        assert_eq!(read_all(&journal, 1).len(), 1);
        journal.close();
        assert_eq!(sim.contents("/journal/FORMAT".as_ref()).unwrap(), before);
    }
}

#[test]
fn a_segment_size_out_of_range_is_refused() {
    let (_, fs) = simulated();
    for segment_bytes in [0, 4096, 4 << 30] {
        let options = Options {
            segment_bytes,
            ..small("/journal")
        };
        assert!(matches!(
            Journal::open(fs.clone(), options, None),
            Err(OpenError::SegmentBytes { .. })
        ));
    }
}

#[test]
fn a_segment_that_had_no_room_for_its_footer_is_read_without_one_and_gets_one_at_the_next_opening() {
    let (sim, fs) = simulated();
    let options = Options {
        reserve_segments: 0,
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &options);
    for n in 0..20 {
        append(&journal, frame([entry(n % 2, n.to_string())])).unwrap();
    }
    sim.fail(Operation::Write, ".seg", 1);
    assert!(append(&journal, frame([entry(0, "torn")])).is_err());
    sim.kill();
    drop(journal);
    for spare in sim
        .files()
        .iter()
        .filter(|path| path.extension() == Some("spare".as_ref()))
    {
        fs.remove(spare).unwrap();
    }
    // The torn tail is cut, and its room cannot be had again.
    sim.set_quota(Some(0));
    let (journal, recovery) = open(&fs, &options);
    assert!(recovery.cut_bytes > 0);
    assert_eq!(
        append(&journal, frame([entry(0, "x")])),
        Err(AppendError::NoSpace)
    );
    // Now there is room for a segment, and for nothing else.
    sim.set_quota(Some(sim.used_bytes() + (16 << 10)));
    assert_eq!(
        append(&journal, frame([entry(0, "10")])).unwrap().sequences[..],
        [11]
    );
    let check = |journal: &Journal| {
        assert_eq!((read_all(journal, 0).len(), read_all(journal, 1).len()), (11, 10));
        assert_eq!(journal.stats().segments, 2);
    };
    check(&journal);
    sim.kill();
    drop(journal);
    sim.set_quota(None);
    for scanned in [20 + 1, 1] {
        let (journal, recovery) = open(&fs, &options);
        assert_eq!((recovery.quarantined.len(), recovery.records), (0, scanned));
        check(&journal);
    }
}

#[test]
fn what_opening_and_closing_wrote_is_durable_when_they_return() {
    let check = |sim: &SimFs, path: &str| {
        for seed in 0..20 {
            let cut = sim.fork();
            cut.power_cut(seed);
            assert_eq!(
                cut.contents(path.as_ref()).unwrap(),
                sim.contents(path.as_ref()).unwrap(),
                "{path}"
            );
        }
    };
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    check(&sim, "/journal/FORMAT");
    check(&sim, "/journal/000000000001.seg");
    append(&journal, frame([entry(1, "x")])).unwrap();
    journal.close();
    check(&sim, "/journal/000000000001.seg");
    let (journal, recovery) = open(&fs, &small("/journal"));
    assert!(recovery.clean);
    check(&sim, "/journal/000000000001.seg");
    drop(journal);
}
