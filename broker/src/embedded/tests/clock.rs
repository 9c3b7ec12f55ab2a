//! Restarts at which the machine's clock says something else than before.

use super::*;

const HOUR: u64 = 3_600_000;
/// What the clock says when the retry is scheduled.
const THEN: u64 = 100 * HOUR;

fn at(now: u64) -> Arc<ManualClock> {
    Arc::new(ManualClock(AtomicU64::new(now)))
}

/// Schedules a retry ten seconds ahead at [`THEN`] and ends.
async fn scheduled(directory: &Path) {
    let engine = open_at(directory, at(THEN)).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    let claim = next(&subscription).await;
    claim.settle(retry_at(THEN + 10_000, 1)).await.unwrap();
    engine.close().await;
}

/// Opens at `now` and asserts that the retry comes ten seconds later and not a millisecond before.
async fn comes_after_ten_seconds(directory: &Path, now: u64) {
    let clock = at(now);
    let engine = open_at(directory, Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    // A retry that is due goes before a first attempt: what comes first says whether it is.
    for (then, id) in [(now + 9_999, "2"), (now + 10_000, "1")] {
        engine.append(&name("b"), batch(vec![event(2)])).await.unwrap();
        clock.0.store(then, Ordering::SeqCst);
        let claim = next(&subscription).await;
        assert_eq!(claim.event().id(), id, "at {then}, opened at {now}");
        claim.settle(delivered()).await.unwrap();
    }
    engine.close().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_retry_up() {
    for back in [1, HOUR, 99 * HOUR] {
        let directory = tempfile::tempdir().unwrap();
        scheduled(directory.path()).await;
        comes_after_ten_seconds(directory.path(), THEN - back).await;
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_retry_up_when_the_view_is_gone_too() {
    let directory = tempfile::tempdir().unwrap();
    scheduled(directory.path()).await;
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    comes_after_ten_seconds(directory.path(), THEN - HOUR).await;
}

#[tokio::test]
async fn a_second_start_does_not_bring_a_retry_nearer_again() {
    let directory = tempfile::tempdir().unwrap();
    scheduled(directory.path()).await;
    for _ in 0..2 {
        let engine = open_at(directory.path(), at(THEN - HOUR)).await;
        engine.close().await;
    }
    comes_after_ten_seconds(directory.path(), THEN - HOUR).await;
}

#[tokio::test]
async fn a_clock_that_was_set_forward_loses_no_retry() {
    let directory = tempfile::tempdir().unwrap();
    scheduled(directory.path()).await;
    let engine = open_at(directory.path(), at(THEN + HOUR)).await;
    let subscription = attach(&engine, "b", "t").await;
    let claim = next(&subscription).await;
    assert_eq!((claim.event().id(), claim.progress().attempts), ("1", 1));
    claim.settle(delivered()).await.unwrap();
    assert!(is_quiet(&subscription).await);
    assert_eq!(subscription.status().delivered, 1);
    engine.close().await;
}
