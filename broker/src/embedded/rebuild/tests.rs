//! A view is rebuilt from the newest snapshot that is whole, and what cannot be found comes again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::embedded::records::STATE;
use crate::embedded::tests::*;
use crate::embedded::{Embedded, Opened, Options, Retain};
use crate::{Engine, Settlement, SourceState, Subscription};

/// Waits until a snapshot reflects everything that is stored now.
async fn snapshot(engine: &Embedded) -> u64 {
    engine.shared.drain_settlements().await;
    let stored = engine.shared.last(STATE.0);
    let applied = engine.shared.wait_for(|| {
        let applied = engine.shared.applied();
        (applied >= stored).then_some(applied)
    });
    let applied = applied.await.expect("what is stored is applied");
    assert!(engine.snapshot().await);
    applied
}

async fn reopen(directory: &Path) -> (Embedded, Opened) {
    let options = Options {
        clock: Arc::new(ManualClock::default()),
        segment_bytes: 4 * 1024 * 1024,
        ..Options::new(directory)
    };
    Embedded::open(options).await.unwrap()
}

async fn settle(subscription: &Arc<dyn Subscription>, settlement: Settlement) {
    next(subscription).await.settle(settlement).await.unwrap();
}

async fn produce(engine: &Embedded, ids: std::ops::RangeInclusive<u64>) {
    let events = ids.map(event).collect();
    engine.append(&name("b"), batch(events)).await.unwrap();
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("journal")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    files.sort();
    files
}

/// Flips a bit in the last place where the journal has these bytes.
fn damage(directory: &Path, bytes: &[u8]) {
    for path in segments(directory).into_iter().rev() {
        let mut content = fs::read(&path).unwrap();
        let found = content.windows(bytes.len()).rposition(|window| window == bytes);
        if let Some(at) = found {
            content[at] ^= 1;
            fs::write(&path, content).unwrap();
            return;
        }
    }
    panic!("the journal does not have {}", bytes.escape_ascii());
}

#[tokio::test]
async fn a_lost_view_is_rebuilt_from_the_snapshot_and_what_came_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    produce(&engine, 1..=6).await;
    settle(&subscription, delivered()).await;
    settle(&subscription, retry_at(7_000, 1)).await;
    let covered = snapshot(&engine).await;
    assert!(covered > 0);
    settle(&subscription, delivered()).await;
    settle(&subscription, retry_at(8_000, 2)).await;
    drop(subscription);
    engine.close().await;
    drop(engine);
    fs::remove_dir_all(directory.path().join("view")).unwrap();

    let (engine, opened) = reopen(directory.path()).await;
    assert!(opened.view_rebuilt.is_some());
    assert_eq!(engine.warnings(), Vec::<String>::new());
    assert!(
        engine.shared.snapshot_covers(covered),
        "the snapshot is known again"
    );
    let subscription = attach(&engine, "b", "t").await;
    let status = subscription.status();
    assert_eq!(
        (status.delivered, status.retries, status.waiting_retry),
        (2, 2, 2)
    );
    assert_eq!(
        ids(&subscription, 2).await,
        ["5", "6"],
        "nothing that was settled comes again"
    );
    let view = engine.shared.view();
    let due: Vec<_> = view
        .due(subscription.id(), crate::Timestamp(0))
        .map(Result::unwrap)
        .collect();
    assert_eq!(due.iter().map(|due| due.at.0).collect::<Vec<_>>(), [7_000, 8_000]);
    drop(view);
    engine.close().await;
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_is_passed_over_for_an_older_one_and_a_new_one_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    produce(&engine, 1..=4).await;
    settle(&subscription, retry_at(7_000, 1)).await;
    snapshot(&engine).await;
    settle(&subscription, delivered()).await;
    let newest = snapshot(&engine).await;
    drop(subscription);
    engine.close().await;
    drop(engine);
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    // The accounted range is in the state that the last snapshot has of the subscription.
    damage(directory.path(), br#""accounted":[[1,2]]"#);

    let (engine, opened) = reopen(directory.path()).await;
    assert!(opened.view_rebuilt.is_some());
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(ids(&subscription, 2).await, ["3", "4"]);
    assert_eq!(subscription.status().waiting_retry, 1);
    let covered = engine
        .shared
        .wait_for(|| engine.shared.snapshot_covers(newest).then_some(()));
    covered.await.expect("a new snapshot");
    engine.close().await;
}

/// Events that wait for a retry: more than one part of a snapshot says so.
const WAITING: u64 = 300;

fn small(directory: &Path) -> Options {
    let segment_bytes = 64 << 10;
    Options {
        clock: Arc::new(ManualClock::default()),
        segment_bytes,
        retain: Retain {
            bytes: 4 * segment_bytes,
            ..Retain::default()
        },
        ..Options::new(directory)
    }
}

/// A directory whose state stream has lost its beginning to retention, as it should: a snapshot has what it said.
async fn without_a_beginning(directory: &Path) {
    let (engine, _) = Embedded::open(small(directory)).await.unwrap();
    let subscription = attach(&engine, "b", "t").await;
    let mut first = batch((1..=WAITING).map(event).collect());
    first.source_state = Some(SourceState {
        key: "ping/default/daily".into(),
        state: b"tick 17".to_vec(),
    });
    engine.append(&name("b"), first).await.unwrap();
    for id in 1..=WAITING {
        let attempts = 1_000 + u32::try_from(id).unwrap();
        settle(&subscription, retry_at(5_000_000_000_000, attempts)).await;
    }
    let mut id = WAITING;
    while engine.shared.journal.bounds(STATE).unwrap().first <= 2 * WAITING {
        produce(&engine, id + 1..=id + 20).await;
        ids(&subscription, 20).await;
        engine.shared.drain_settlements().await;
        id += 20;
    }
    drop(subscription);
    engine.close().await;
}

/// Flips a bit wherever the journal has these bytes.
fn damage_all(directory: &Path, bytes: &[u8]) {
    let mut damaged = 0;
    for path in segments(directory) {
        let mut content = fs::read(&path).unwrap();
        let found: Vec<_> = content
            .windows(bytes.len())
            .enumerate()
            .filter_map(|(at, window)| (window == bytes).then_some(at))
            .collect();
        found.iter().for_each(|at| content[*at] ^= 1);
        damaged += found.len();
        fs::write(&path, content).unwrap();
    }
    assert!(damaged > 0, "the journal does not have {}", bytes.escape_ascii());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_whole_snapshot_and_a_beginning_what_can_be_saved_is_and_unsettled_events_come_again() {
    let directory = tempfile::tempdir().unwrap();
    without_a_beginning(directory.path()).await;
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    damage_all(directory.path(), br#""attempts":1150"#);

    let (engine, _) = Embedded::open(small(directory.path())).await.unwrap();
    let warnings = engine.warnings().join("; ");
    assert!(
        warnings.contains("the beginning of the engine's state"),
        "{warnings}"
    );
    assert_eq!(
        engine.source_state("ping/default/daily").as_deref(),
        Some(&b"tick 17"[..]),
        "where a source was is not what was damaged"
    );
    assert_eq!(engine.event_types().len(), 1);
    assert_eq!(engine.brokers().len(), 1);
    let before = engine.subscriptions().remove(0).status;
    assert!(before.delivered > 0, "{before:?}");
    let subscription = attach(&engine, "b", "t").await;
    let mut came = std::collections::BTreeSet::new();
    loop {
        let claim = tokio::select! {
            claim = subscription.next() => claim.expect("the engine runs"),
            () = subscription.idle() => break,
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("{:?}", subscription.status()),
        };
        let id: u64 = claim.event().id().parse().unwrap();
        assert!(came.insert(id), "{id} comes twice");
        claim.settle(delivered()).await.unwrap();
    }
    let missing: Vec<_> = (1..=WAITING).filter(|id| !came.contains(id)).collect();
    assert_eq!(missing, Vec::<u64>::new(), "nothing that waited is lost");
    let status = subscription.status();
    assert_eq!(
        status.matched,
        status.delivered + status.unreadable,
        "the counts add up again: {status:?}"
    );
    produce(&engine, 90_001..=90_001).await;
    assert_eq!(ids(&subscription, 1).await, ["90001"]);
    snapshot(&engine).await;
    drop(subscription);
    engine.close().await;
    drop(engine);

    // What was saved is in the journal again.
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    let (engine, _) = Embedded::open(small(directory.path())).await.unwrap();
    assert_eq!(
        engine.source_state("ping/default/daily").as_deref(),
        Some(&b"tick 17"[..])
    );
    let subscription = attach(&engine, "b", "t").await;
    assert!(is_quiet(&subscription).await, "nothing comes a third time");
    engine.close().await;
}
