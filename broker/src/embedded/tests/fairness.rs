//! First attempts and retries of one subscription take turns: neither keeps the other waiting, whatever their numbers.

use super::*;
use crate::limits::READY_EVENTS_MAX;

/// Events that fail, and fail again.
const SICK: u64 = 4_000;

/// A subscription of which everything so far waits for a retry that is due.
async fn with_due_retries(directory: &Path) -> (Embedded, Arc<dyn Subscription>) {
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory, Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    for first in (1..=SICK).step_by(1_000) {
        let events = (first..first + 1_000).map(event).collect();
        engine.append(&name("b"), batch(events)).await.unwrap();
    }
    for _ in 0..SICK {
        next(&subscription)
            .await
            .settle(retry_at(1_000, 1))
            .await
            .unwrap();
    }
    let all_wait = || (subscription.status().waiting_retry == SICK).then_some(());
    engine
        .shared
        .wait_for(all_wait)
        .await
        .expect("the engine is open");
    clock.0.store(5_000, Ordering::SeqCst);
    (engine, subscription)
}

/// Takes so many and has what failed before fail again, due at once; everything else is delivered. Answers how many were
/// first attempts.
async fn first_attempts_among(subscription: &Arc<dyn Subscription>, count: usize) -> usize {
    let mut first_attempts = 0;
    for _ in 0..count {
        let claim = next(subscription).await;
        let attempts = claim.progress().attempts;
        if attempts == 0 {
            first_attempts += 1;
            claim.settle(delivered()).await.unwrap();
        } else {
            claim.settle(retry_at(5_000, attempts + 1)).await.unwrap();
        }
    }
    first_attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_event_is_handed_out_at_once_however_many_retries_are_due() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_due_retries(directory.path()).await;
    for n in 1..=200 {
        engine
            .append(&name("b"), batch(vec![event(SICK + n)]))
            .await
            .unwrap();
        // At the tail the pump brings it in a moment of its own; behind it, it is read when it is asked for.
        let may_come = || {
            let status = subscription.status();
            (status.ready > 0 || status.lagging).then_some(())
        };
        engine
            .shared
            .wait_for(may_come)
            .await
            .expect("the engine is open");
        let mut retries = 0;
        while first_attempts_among(&subscription, 1).await == 0 {
            retries += 1;
            assert!(retries <= 3, "live event {n} does not come");
        }
    }
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_first_attempts_and_one_of_retries_get_half_of_the_turns_each() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_due_retries(directory.path()).await;
    // More than fits in memory: most is read from disk, while retries go on.
    let live = 2 * READY_EVENTS_MAX as u64;
    for first in (0..live).step_by(500) {
        let events = (first..live.min(first + 500))
            .map(|n| event(SICK + 1 + n))
            .collect();
        engine.append(&name("b"), batch(events)).await.unwrap();
    }
    for round in 0..10 {
        let first_attempts = first_attempts_among(&subscription, 200).await;
        assert!(
            (90..=110).contains(&first_attempts),
            "round {round}: {first_attempts} of 200 were first attempts"
        );
    }
    engine.close().await;
}
