//! A view is rebuilt from the newest snapshot that is whole, and what cannot be found comes again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::embedded::records::STATE;
use crate::embedded::tests::*;
use crate::embedded::{Embedded, Opened, Options};
use crate::{Engine, Settlement, Subscription};

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
