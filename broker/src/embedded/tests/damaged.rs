//! The journal loses its oldest segment, which says whose the streams are: what is left is delivered, and what is missing
//! is said.

use std::path::PathBuf;

use journal::FileSystem;
use journal::sim::SimFs;

use super::*;

/// Events in a journal of several segments; the first two are settled, the third waits for a retry.
const EVENTS: u64 = 6_000;

/// How a segment is lost.
type Loss = fn(&SimFs, &Path);

fn empty(disk: &SimFs, segment: &Path) {
    disk.put(segment, &[]);
}

fn remove(disk: &SimFs, segment: &Path) {
    FileSystem::remove(disk, segment).unwrap();
}

fn segments(disk: &SimFs) -> Vec<PathBuf> {
    let mut segments = disk.files();
    segments.retain(|path| path.extension() == Some("seg".as_ref()));
    segments.sort();
    segments
}

async fn open_on(disk: &SimFs, directory: &Path) -> Embedded {
    let options = Options {
        clock: Arc::new(ManualClock::default()),
        segment_bytes: 256 * 1024,
        file_system: Arc::new(disk.clone()),
        ..Options::new(directory)
    };
    Embedded::open(options).await.unwrap().0
}

/// Takes and settles everything that comes without waiting, and says what it was.
async fn drain(subscription: &Arc<dyn Subscription>) -> BTreeSet<u64> {
    let mut seen = BTreeSet::new();
    while !subscription.status().is_idle() {
        let Ok(Some(claim)) = tokio::time::timeout(Duration::from_secs(2), subscription.next()).await else {
            break;
        };
        assert!(seen.insert(claim.event().id().parse().unwrap()), "twice");
        claim.settle(delivered()).await.unwrap();
    }
    seen
}

async fn make(disk: &SimFs, directory: &Path) {
    let engine = open_on(disk, directory).await;
    let subscription = attach(&engine, "b", "t").await;
    for first in (1..=EVENTS).step_by(500) {
        let events = (first..first + 500).map(event).collect();
        engine.append(&name("b"), batch(events)).await.unwrap();
        if first == 1 {
            for settlement in [delivered(), delivered(), retry_at(5_000_000_000_000, 1)] {
                next(&subscription).await.settle(settlement).await.unwrap();
            }
        }
    }
    drop(subscription);
    engine.close().await;
    assert!(segments(disk).len() >= 3, "{:?}", segments(disk));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_oldest_segment_the_view_is_the_best_truth_there_is_and_is_kept_and_stored_anew() {
    for (how, lose) in [("emptied", empty as Loss), ("deleted", remove)] {
        let (disk, directory) = (SimFs::new(), tempfile::tempdir().unwrap());
        make(&disk, directory.path()).await;
        lose(&disk, &segments(&disk)[0]);

        let engine = open_on(&disk, directory.path()).await;
        let warnings = engine.warnings().join("; ");
        assert!(warnings.contains("000000000001.seg"), "{how}: {warnings}");
        let subscription = attach(&engine, "b", "t").await;
        let status = subscription.status();
        assert_eq!((status.delivered, status.waiting_retry), (2, 1), "{how}");
        let seen = drain(&subscription).await;
        let first = *seen.first().expect("something is left");
        assert!(
            seen.iter().copied().eq(first..=EVENTS),
            "{how}: all that is left comes"
        );
        engine
            .append(&name("b"), batch(vec![event(EVENTS + 1)]))
            .await
            .unwrap();
        assert_eq!(ids(&subscription, 1).await, [(EVENTS + 1).to_string()], "{how}");
        engine.shared.drain_settlements().await;
        let status = subscription.status();
        assert!(status.unreadable <= first - 1 - 2, "{how}: {status:?}, {first}");
        if how == "emptied" {
            // The retry is not due, and counts when it is.
            assert_eq!(status.unreadable, first - 1 - 3, "{how}");
        }
        assert!(engine.snapshot().await, "{how}");
        drop(subscription);
        engine.close().await;
        drop(engine);

        // What the view knew is in the journal again.
        std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        let engine = open_on(&disk, directory.path()).await;
        let subscription = attach(&engine, "b", "t").await;
        let status = subscription.status();
        assert_eq!(status.waiting_retry, 1, "{how}");
        assert!(status.delivered >= 2 + seen.len() as u64, "{how}: {status:?}");
        assert!(
            drain(&subscription).await.len() <= 1,
            "{how}: settled events come again"
        );
        engine.close().await;
    }
}

#[tokio::test]
async fn events_of_which_nothing_says_whose_they_are_are_named_and_stay() {
    for (how, lose) in [("emptied", empty as Loss), ("deleted", remove)] {
        let (disk, directory) = (SimFs::new(), tempfile::tempdir().unwrap());
        make(&disk, directory.path()).await;
        lose(&disk, &segments(&disk)[0]);
        std::fs::remove_dir_all(directory.path().join("view")).unwrap();

        for life in 0..2 {
            let engine = open_on(&disk, directory.path()).await;
            let warnings = engine.warnings().join("; ");
            assert!(
                warnings.contains("whose stream 16 is"),
                "{how}, {life}: {warnings}"
            );
            let subscription = attach(&engine, "b", "t").await;
            engine.append(&name("b"), batch(vec![event(life)])).await.unwrap();
            assert_eq!(ids(&subscription, 1).await, [life.to_string()], "{how}");
            assert!(engine.shared.last(16) >= EVENTS, "{how}: they are there");
            drop(subscription);
            engine.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_only_reading_meets_is_told_then_and_once() {
    let (disk, directory) = (SimFs::new(), tempfile::tempdir().unwrap());
    make(&disk, directory.path()).await;
    let sealed = &segments(&disk)[0];
    let bytes = disk.contents(sealed).unwrap();
    let of_event = bytes.windows(6).rposition(|part| part == b"demo.n").unwrap();
    disk.flip_bit(sealed, of_event as u64, 3).unwrap();

    let engine = open_on(&disk, directory.path()).await;
    assert_eq!(
        engine.warnings(),
        [""; 0],
        "opening believes what the segment says of itself"
    );
    let subscription = attach(&engine, "b", "t").await;
    let other = attach(&engine, "b", "other").await;
    engine.seek(&name("other"), Start::Earliest).await.unwrap();
    drop(subscription);
    let (first, second) = (attach(&engine, "b", "t").await, other);
    engine.set_matcher(Arc::new(Rules {
        of: vec![(name("b"), first.id()), (name("b"), second.id())],
        rule: Box::new(|_, _| true),
    }));
    assert_eq!(drain(&first).await.len() as u64, EVENTS - 4);
    assert_eq!(drain(&second).await.len() as u64, EVENTS - 1);
    engine.shared.drain_settlements().await;
    assert_eq!((first.status().unreadable, second.status().unreadable), (1, 1));
    let warnings = engine.warnings();
    let words = "the data directory is damaged: events of default/b ";
    assert!(
        warnings.len() == 1 && warnings[0].starts_with(words),
        "of two that met it one told: {warnings:?}"
    );
    engine.close().await;
}
