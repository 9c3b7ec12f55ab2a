use std::time::Duration;

use super::*;

/// Whether a slot comes without anyone giving one back. Time is paused: the timeout elapses only when nothing else
/// can happen.
async fn is_free(slots: &EndpointSlots) -> bool {
    tokio::time::timeout(Duration::from_secs(1), slots.acquire())
        .await
        .is_ok()
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_no_more_than_its_own_slots() {
    let mut all = Slots::new(100);
    let endpoint = all.endpoint("a", 2);
    let first = endpoint.acquire().await;
    let _second = endpoint.acquire().await;
    assert!(!is_free(&endpoint).await);
    drop(first);
    assert!(is_free(&endpoint).await);
}

#[tokio::test(start_paused = true)]
async fn triggers_that_name_one_endpoint_share_its_slots() {
    let mut all = Slots::new(100);
    let (one, other) = (all.endpoint("a", 1), all.endpoint("a", 1));
    let _held = one.acquire().await;
    assert!(!is_free(&other).await);
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_hang_cannot_take_the_slot_reserved_for_another() {
    let mut all = Slots::new(4);
    let sick = all.endpoint("sick", 64);
    let mut held = Vec::new();
    while let Ok(slot) = tokio::time::timeout(Duration::from_secs(1), sick.acquire()).await {
        held.push(slot);
    }
    assert_eq!(held.len(), 4 + ENDPOINT_SLOTS_RESERVED);
    let healthy = all.endpoint("healthy", 64);
    for _ in 0..10 {
        assert!(is_free(&healthy).await);
    }
    let _one = healthy.acquire().await;
    assert!(!is_free(&healthy).await, "the bound over all holds for the rest");
    held.clear();
    assert!(is_free(&healthy).await);
}
