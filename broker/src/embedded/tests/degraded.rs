//! sled fails, and nothing is lost, delivered early, or stopped that need not be.

use super::*;
use crate::embedded::view::View;

async fn letters(engine: &Embedded) -> usize {
    let query = DeadLetterQuery {
        limit: 9,
        ..DeadLetterQuery::default()
    };
    engine.dead_letters(&query).unwrap().letters.len()
}

async fn dead_letter(subscription: &Arc<dyn Subscription>) {
    let claim = next(subscription).await;
    let letter = DeadLetter {
        reason: DeadLetterReason::Refused,
        event: claim.event().clone(),
        failure: None,
        attempts: 1,
    };
    claim.settle(Settlement::DeadLettered(letter)).await.unwrap();
}

/// Waits until everything that is stored is applied.
async fn is_applied(engine: &Embedded) {
    engine.shared.drain_settlements().await;
    let last = engine.shared.last(0);
    let applied = || (engine.shared.applied() >= last).then_some(());
    engine.shared.wait_for(applied).await.expect("the engine runs");
}

#[tokio::test]
async fn when_sled_fails_the_view_goes_on_in_memory_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    engine
        .append(&name("b"), batch((1..=6).map(event).collect()))
        .await
        .unwrap();
    next(&subscription)
        .await
        .settle(retry_at(5_000, 1))
        .await
        .unwrap();
    dead_letter(&subscription).await;
    is_applied(&engine).await;
    assert_eq!(engine.warnings(), Vec::<String>::new());

    engine.shared.view().break_down();
    next(&subscription)
        .await
        .settle(retry_at(6_000, 2))
        .await
        .unwrap();
    dead_letter(&subscription).await;
    is_applied(&engine).await;
    assert!(
        engine.warnings()[0].contains("No space left"),
        "{:?}",
        engine.warnings()
    );
    assert_eq!(engine.health(), Health::Ready);
    assert_eq!(letters(&engine).await, 2, "the index is filled from the journal");
    assert_eq!(subscription.status().waiting_retry, 2);
    assert_eq!(ids(&subscription, 1).await, ["5"]);
    clock.0.store(5_000, Ordering::SeqCst);
    engine.append(&name("b"), batch(vec![event(7)])).await.unwrap();
    let mut came = ids(&subscription, 3).await;
    came.sort();
    assert_eq!(came, ["1", "6", "7"], "and the one that is not due is not there");

    engine.shared.return_to_disk().unwrap();
    assert_eq!(engine.warnings(), Vec::<String>::new());
    drop(subscription);
    engine.close().await;
    drop(engine);
    clock.0.store(6_000, Ordering::SeqCst);
    let options = Options {
        clock,
        segment_bytes: 4 * 1024 * 1024,
        ..Options::new(directory.path())
    };
    let (engine, opened) = Embedded::open(options).await.unwrap();
    assert_eq!(
        opened.view_rebuilt, None,
        "what came back to the disk is believed"
    );
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    assert!(is_quiet(&subscription).await);
    assert_eq!((subscription.status().delivered, letters(&engine).await), (5, 2));
    engine.close().await;
}

#[tokio::test]
async fn a_view_that_outgrows_its_memory_stops_deliveries_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let small = View::in_memory_up_to(engine.shared.view().directory(), 2_000);
    engine.shared.set_view(Arc::new(small));
    engine
        .append(&name("b"), batch((1..=20).map(event).collect()))
        .await
        .unwrap();
    let mut claims = Vec::new();
    for _ in 0..15 {
        claims.push(next(&subscription).await);
    }
    for claim in claims {
        claim.settle(retry_at(0, 1)).await.unwrap();
    }
    is_applied(&engine).await;
    assert!(engine.shared.view().is_incomplete());
    let early = tokio::time::timeout(Duration::from_millis(50), subscription.next()).await;
    assert!(early.is_err(), "nothing is handed out");
    engine.append(&name("b"), batch(vec![event(21)])).await.unwrap();
    engine.declare(&name("c")).await.unwrap();

    engine.shared.return_to_disk().unwrap();
    let came: BTreeSet<_> = ids(&subscription, 21).await.into_iter().collect();
    assert_eq!(came.len(), 21, "each retry is there");
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_start_needs_no_view_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let view = directory.path().join("view");
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine
        .append(&name("b"), batch((1..=3).map(event).collect()))
        .await
        .unwrap();
    assert_eq!(ids(&subscription, 1).await, ["1"]);
    next(&subscription).await.settle(retry_at(0, 1)).await.unwrap();
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(&view).unwrap();
    // A link to nowhere can be neither opened nor made.
    std::os::unix::fs::symlink(directory.path().join("nowhere/view"), &view).unwrap();

    let engine = open(directory.path()).await;
    assert!(
        engine.warnings()[0].contains("degraded"),
        "{:?}",
        engine.warnings()
    );
    let subscription = attach(&engine, "b", "t").await;
    let mut came = ids(&subscription, 2).await;
    came.sort();
    assert_eq!(came, ["2", "3"]);
    assert!(engine.shared.return_to_disk().is_err());
    std::fs::remove_file(&view).unwrap();
    engine.shared.return_to_disk().unwrap();
    assert_eq!(engine.warnings(), Vec::<String>::new());
    engine.close().await;
}
