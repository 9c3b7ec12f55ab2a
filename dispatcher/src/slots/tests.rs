use std::time::Duration;

use super::*;
use crate::testing::TokioClock;

/// Slots under this bound over all.
fn slots(in_flight_max: usize) -> Slots {
    Slots::new(in_flight_max, Arc::new(TokioClock::new()))
}

/// So many at once, and nothing else in the way.
fn at_once(concurrency: usize) -> GatePolicy {
    GatePolicy {
        concurrency,
        ..GatePolicy::default()
    }
}

/// Whether a slot comes without anyone giving one back. Time is paused: the timeout elapses only when nothing else
/// can happen.
async fn is_free(slots: &EndpointSlots) -> bool {
    tokio::time::timeout(Duration::from_secs(1), slots.acquire())
        .await
        .is_ok()
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_no_more_than_its_own_slots() {
    let mut all = slots(100);
    let endpoint = all.endpoint("a", at_once(2));
    let first = endpoint.acquire().await;
    let _second = endpoint.acquire().await;
    assert!(!is_free(&endpoint).await);
    drop(first);
    assert!(is_free(&endpoint).await);
}

#[tokio::test(start_paused = true)]
async fn triggers_that_name_one_endpoint_share_its_slots() {
    let mut all = slots(100);
    let (one, other) = (all.endpoint("a", at_once(1)), all.endpoint("a", at_once(1)));
    let _held = one.acquire().await;
    assert!(!is_free(&other).await);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_hang_cannot_take_the_slot_reserved_for_another() {
    let mut all = slots(4);
    let sick = all.endpoint("sick", at_once(64));
    let mut held = Vec::new();
    while let Ok(slot) = tokio::time::timeout(Duration::from_secs(1), sick.acquire()).await {
        held.push(slot);
    }
    assert_eq!(held.len(), 4 + ENDPOINT_SLOTS_RESERVED);
    let healthy = all.endpoint("healthy", at_once(64));
    for _ in 0..10 {
        assert!(is_free(&healthy).await);
    }
    let _one = healthy.acquire().await;
    assert!(!is_free(&healthy).await, "the bound over all holds for the rest");
    held.clear();
    assert!(is_free(&healthy).await);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_rate_holds_nothing_of_others() {
    let mut all = slots(1);
    let slow = GatePolicy {
        rate: Some(crate::Rate {
            requests: 1,
            per: Duration::from_secs(1000),
        }),
        ..at_once(64)
    };
    let limited = all.endpoint("limited", slow);
    let first = limited.acquire().await;
    drop(first);
    let waiting = limited.acquire();
    tokio::pin!(waiting);
    assert!(
        tokio::time::timeout(Duration::from_secs(1), &mut waiting)
            .await
            .is_err()
    );
    assert_eq!(limited.glance().1, 1);
    // The one shared place, and its own.
    let other = all.endpoint("other", at_once(64));
    let _both = (other.acquire().await, other.acquire().await);
    drop(waiting.await);
    assert_eq!(limited.glance().1, 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_in_turn() {
    let mut all = slots(100);
    let endpoint = all.endpoint("a", at_once(1));
    let held = endpoint.acquire().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..10 {
        let (endpoint, order) = (endpoint.clone(), Arc::clone(&order));
        waiting.spawn(async move {
            let slot = endpoint.acquire().await;
            order.lock().push(n);
            drop(slot);
        });
        tokio::task::yield_now().await;
    }
    drop(held);
    waiting.join_all().await;
    assert_eq!(*order.lock(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_lets_the_next_one_go() {
    let mut all = slots(100);
    let policy = GatePolicy {
        breaker: Some(crate::BreakerPolicy {
            failures: 1,
            ..crate::BreakerPolicy::default()
        }),
        ..at_once(64)
    };
    let endpoint = all.endpoint("a", policy);
    let mut random = Rng::with_seed(1);
    let change = endpoint.acquire().await.ended(Ended::Down, &mut random);
    assert!(matches!(change, Some(Change::Opened { .. })));
    let probe = endpoint.acquire().await;
    assert!(!is_free(&endpoint).await, "one probe at a time");
    drop(probe);
    assert!(is_free(&endpoint).await);
}
