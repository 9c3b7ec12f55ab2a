//! A full disk: what is refused, what goes on out of the reserve, and how it ends.

use std::path::Path;
use std::sync::Arc;

use journal::sim::SimFs;
use journal::{AppendError, FileSystem, Frame, Health, Journal, OpenError, Options, Purpose};

use crate::support::{append, entry, frame, open, read_all, small};

const SEGMENT: u64 = 16 << 10;

fn simulated() -> (SimFs, Arc<dyn FileSystem>) {
    let fs = SimFs::new();
    (fs.clone(), Arc::new(fs))
}

fn upkeep(bytes: usize) -> Frame {
    Frame {
        purpose: Purpose::Upkeep,
        ..frame([entry(2, vec![0; bytes])])
    }
}

/// Appends new events until the first is refused.
fn fill(journal: &Journal) -> usize {
    let appended = (0..1000).map(|_| append(journal, frame([entry(1, vec![0; 1000])])));
    let count = appended.take_while(Result::is_ok).count();
    assert!(count < 1000, "the disk is never full");
    count
}

/// Waits until what the journal prepares by itself is as it should be.
fn wait_until(journal: &Journal, condition: impl Fn(&Journal) -> bool) {
    while !condition(journal) {
        std::thread::yield_now();
    }
}

fn has_reserve(journal: &Journal, segments: u64) -> bool {
    journal.space().reserve_bytes == segments * SEGMENT
}

#[test]
fn upkeep_goes_on_out_of_the_reserve_when_new_events_are_refused() {
    let (sim, fs) = simulated();
    let options = Options {
        reserve_segments: 3,
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &options);
    wait_until(&journal, |journal| has_reserve(journal, 3));
    sim.set_quota(Some(sim.used_bytes()));
    fill(&journal);
    assert_eq!(journal.health(), Health::NoSpace);
    assert!(has_reserve(&journal, 3), "new events leave the reserve alone");
    let served = (0..1000)
        .map(|_| append(&journal, upkeep(1000)))
        .take_while(Result::is_ok)
        .count();
    assert!(
        served as u64 >= 3 * (SEGMENT - 4096 - 1500) / 1100,
        "three segments serve more than {served} records of 1,000 bytes"
    );
    assert_eq!(append(&journal, upkeep(1000)), Err(AppendError::NoSpace));
    assert_eq!(journal.health(), Health::ReserveLow);
    assert_eq!(read_all(&journal, 2).len(), served);
}

#[test]
fn the_reserve_is_said_to_be_low_while_there_is_still_room_for_what_is_in_hand() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    wait_until(&journal, |journal| has_reserve(journal, 2));
    sim.set_quota(Some(sim.used_bytes()));
    fill(&journal);
    while !journal.space().is_reserve_low {
        append(&journal, upkeep(500)).expect("it is said before it happens");
    }
    for _ in 0..5 {
        append(&journal, upkeep(500)).expect("half a segment, less what its footer takes, is left");
    }
}

#[test]
fn the_reserve_is_filled_up_before_new_events_are_taken_again() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    wait_until(&journal, |journal| has_reserve(journal, 2));
    sim.set_quota(Some(sim.used_bytes()));
    fill(&journal);
    while !journal.space().is_reserve_low {
        append(&journal, upkeep(500)).unwrap();
    }
    for (room, reserve) in [(1, 1), (2, 2)] {
        sim.set_quota(Some(sim.used_bytes() + SEGMENT));
        let refused = append(&journal, frame([entry(1, "x")]));
        assert_eq!(
            refused,
            Err(AppendError::NoSpace),
            "with room for {room} segments"
        );
        assert!(has_reserve(&journal, reserve));
        assert_eq!(journal.health(), Health::NoSpace);
    }
    sim.set_quota(Some(sim.used_bytes() + SEGMENT));
    append(&journal, frame([entry(1, "x")])).expect("the reserve is whole and a next segment is there");
    assert_eq!(journal.health(), Health::Writing);
}

#[test]
fn room_is_found_without_an_append() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    sim.set_quota(Some(0));
    fill(&journal);
    sim.set_quota(None);
    wait_until(&journal, |journal| journal.health() == Health::Writing);
}

#[test]
fn the_journal_leaves_to_others_what_it_was_told_to() {
    let (sim, fs) = simulated();
    let options = Options {
        free_bytes_min: 100_000,
        ..small("/journal")
    };
    sim.set_quota(Some(400_000));
    let (journal, _) = open(&fs, &options);
    fill(&journal);
    let free = 400_000 - sim.used_bytes();
    assert!(
        (100_000..100_000 + SEGMENT).contains(&free),
        "{free} bytes are free"
    );
    // Somebody else takes what is left: noticed without a need for a segment, and over when it is given back.
    sim.set_quota(None);
    append(&journal, frame([entry(1, "x")])).unwrap();
    sim.put(Path::new("/other"), &[0; 150_000]);
    sim.set_quota(Some(sim.used_bytes() + 50_000));
    wait_until(&journal, |journal| journal.health() == Health::NoSpace);
    assert_eq!(
        append(&journal, frame([entry(1, "x")])),
        Err(AppendError::NoSpace)
    );
    append(&journal, upkeep(10)).expect("upkeep goes on");
    sim.put(Path::new("/other"), &[]);
    append(&journal, frame([entry(1, "x")])).expect("there is room again");
    assert_eq!(journal.space().free_bytes_min, 100_000);
    assert_eq!(journal.space().free_bytes, Some(200_000));
}

#[test]
fn the_reserve_outlives_the_process_so_that_nobody_takes_its_room() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    wait_until(&journal, |journal| has_reserve(journal, 2));
    for end in ["close", "kill", "power cut"] {
        sim.set_quota(Some(sim.used_bytes()));
        let spares = || {
            sim.files()
                .iter()
                .filter(|path| path.extension() == Some("spare".as_ref()))
                .count()
        };
        let before = spares();
        match end {
            "close" => journal.close(),
            "kill" => sim.kill(),
            _ => sim.power_cut(7),
        }
        let (journal, _) = open(&fs, &small("/journal"));
        wait_until(&journal, |journal| has_reserve(journal, 2));
        assert_eq!(spares(), before, "after {end}");
        append(&journal, upkeep(10)).unwrap();
    }
}

#[test]
fn prepared_files_of_another_size_or_beyond_the_reserve_go() {
    let (sim, fs) = simulated();
    let (journal, _) = open(&fs, &small("/journal"));
    wait_until(&journal, |journal| has_reserve(journal, 2));
    journal.close();
    drop(journal);
    sim.put(Path::new("/journal/next.spare"), &[0; 100]);
    let none = Options {
        reserve_segments: 0,
        ..small("/journal")
    };
    let (journal, _) = open(&fs, &none);
    journal.close();
    drop(journal);
    let spares: Vec<_> = sim
        .files()
        .into_iter()
        .filter(|path| path.extension() == Some("spare".as_ref()))
        .collect();
    assert_eq!(spares.len(), 1, "{spares:?}");
}

#[test]
fn a_reserve_out_of_range_is_refused() {
    let (_, fs) = simulated();
    let options = Options {
        reserve_segments: 65,
        ..small("/journal")
    };
    let refused = Journal::open(fs, options, None).expect_err("refused");
    assert!(matches!(
        refused,
        OpenError::ReserveSegments { found: 65, max: 64 }
    ));
}
