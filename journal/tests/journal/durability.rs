//! What each mode loses in a power cut, at most: measured on copies of the disk whose power is cut while appends go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::sim::SimFs;
use journal::{Durability, FileSystem, Options, StreamId};

use crate::support::{append, entry, frame, open, small};

/// How late a busy machine may be: the writer is a thread like any other.
const GRACE: Duration = Duration::from_secs(1);
const CUTS: usize = 12;
const BETWEEN_CUTS: Duration = Duration::from_millis(150);

/// A copy of the disk at one moment, right after an append was acknowledged.
struct Moment {
    disk: SimFs,
    at: Instant,
    /// How many appends had been acknowledged.
    acknowledged: usize,
    /// How many of them were in segments that are sealed.
    sealed: usize,
}

/// Appends without a pause, and copies the disk now and then. Also answers when each append was acknowledged.
fn run(options: &Options) -> (Vec<Moment>, Vec<Instant>) {
    let disk = SimFs::new();
    let fs: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let (journal, _) = open(&fs, options);
    let (mut moments, mut acknowledged) = (Vec::new(), Vec::new());
    let (mut segments, mut sealed) = (1, 0);
    let mut next = Instant::now() + BETWEEN_CUTS;
    while moments.len() < CUTS {
        append(&journal, frame([entry(1, vec![b'x'; 100])])).unwrap();
        acknowledged.push(Instant::now());
        if journal.stats().segments > segments {
            segments = journal.stats().segments;
            sealed = acknowledged.len() - 1;
        }
        let at = Instant::now();
        if at >= next {
            moments.push(Moment {
                disk: disk.fork(),
                at,
                acknowledged: acknowledged.len(),
                sealed,
            });
            next = Instant::now() + BETWEEN_CUTS;
        }
    }
    (moments, acknowledged)
}

/// How many of the appends are left when the power is cut at this moment.
fn kept(moment: &Moment, options: &Options, seed: u64) -> usize {
    let disk = moment.disk.fork();
    disk.power_cut(seed);
    let fs: Arc<dyn FileSystem> = Arc::new(disk);
    let (journal, recovery) = open(&fs, options);
    assert_eq!(recovery.quarantined, []);
    let last = journal.bounds(StreamId(1)).map_or(0, |bounds| bounds.last);
    usize::try_from(last).unwrap()
}

#[test]
fn always_loses_nothing_that_was_acknowledged() {
    let options = small("/journal");
    let (moments, _) = run(&options);
    for (moment, seed) in moments.iter().zip(0..) {
        assert!(kept(moment, &options, seed) >= moment.acknowledged);
    }
}

#[test]
fn interval_loses_what_was_acknowledged_within_its_window_and_nothing_older() {
    let window = Duration::from_millis(100);
    let options = Options {
        durability: Durability::Interval(window),
        segment_bytes: 8 << 20,
        reserve_segments: 0,
        ..Options::new("/journal")
    };
    let (moments, acknowledged) = run(&options);
    let mut lost = 0;
    for (moment, seed) in moments
        .iter()
        .flat_map(|moment| (0..2).map(move |seed| (moment, seed)))
    {
        let kept = kept(moment, &options, seed);
        if kept < moment.acknowledged {
            lost += moment.acknowledged - kept;
            let age = moment.at - acknowledged[kept];
            assert!(
                age <= window + GRACE,
                "lost what was acknowledged {age:?} before the power went, the window is {window:?}"
            );
        }
    }
    assert!(lost > 0, "the mode is relaxed: something is lost");
}

#[test]
fn os_loses_what_was_not_written_back_and_nothing_of_a_sealed_segment() {
    let options = Options {
        durability: Durability::Os,
        segment_bytes: 256 << 10,
        ..small("/journal")
    };
    let (moments, _) = run(&options);
    let mut lost = 0;
    for (moment, seed) in moments.iter().zip(0..) {
        let kept = kept(moment, &options, seed);
        assert!(
            kept >= moment.sealed,
            "{kept} of {} in sealed segments are left",
            moment.sealed
        );
        lost += moment.acknowledged.saturating_sub(kept);
    }
    assert!(lost > 0, "the mode is relaxed: something is lost");
}
