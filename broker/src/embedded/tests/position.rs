//! Pauses: durable, and nothing is handed out or lost while one is in force.

use super::*;
use crate::{Pause, PausedBy};

fn operator() -> Pause {
    Pause {
        by: PausedBy::Operator,
        reason: "maintenance".into(),
        at: Timestamp(7),
    }
}

/// Nothing can be claimed: said by a claim that is still waiting after the engine has done something else.
async fn hands_out_nothing(engine: &Embedded, subscription: &Arc<dyn Subscription>) {
    let mut claim = subscription.next();
    assert!(futures_util::poll!(&mut claim).is_pending());
    engine.declare(&name("other")).await.unwrap();
    assert!(futures_util::poll!(&mut claim).is_pending());
}

#[tokio::test]
async fn a_paused_subscription_hands_out_nothing_until_it_is_resumed_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let events = batch((1..=3).map(event).collect());
    engine.append(&name("b"), events).await.unwrap();
    let open_claim = next(&subscription).await;
    subscription.pause(operator()).await.unwrap();
    assert_eq!(subscription.paused(), Some(operator()));
    open_claim.settle(delivered()).await.unwrap();
    engine.append(&name("b"), batch(vec![event(4)])).await.unwrap();
    hands_out_nothing(&engine, &subscription).await;
    assert_eq!(subscription.status().delivered, 1);
    assert_eq!(subscription.status().ready, 0, "what is paused takes no memory");
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(subscription.status().paused, Some(operator()));
    hands_out_nothing(&engine, &subscription).await;
    assert!(engine.resume(&name("t")).await.unwrap());
    assert!(
        !engine.resume(&name("t")).await.unwrap(),
        "it was not paused any more"
    );
    assert_eq!(ids(&subscription, 3).await, ["2", "3", "4"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_retry_waits_while_its_subscription_is_paused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    next(&subscription).await.settle(retry_at(0, 1)).await.unwrap();
    engine.pause(&name("t"), operator()).await.unwrap();
    hands_out_nothing(&engine, &subscription).await;
    assert_eq!(subscription.status().waiting_retry, 1);
    engine.resume(&name("t")).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["1"]);
    engine.close().await;
}

fn filtered(kind: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        name: name("t"),
        broker: name("b"),
        start: Start::Latest,
        filter: Filter::Exact("id".into(), kind.into()),
        order: Order::Unordered,
    }
}

async fn stored(engine: &Embedded, count: u64) {
    let events = batch((1..=count).map(event).collect());
    engine.append(&name("b"), events).await.unwrap();
}

#[tokio::test]
async fn a_seek_back_brings_everything_again_and_survives_a_restart_without_the_view() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    stored(&engine, 6).await;
    ids(&subscription, 6).await;
    assert!(is_quiet(&subscription).await);
    let planned = engine.plan_seek(&name("t"), Start::Position(3)).await.unwrap();
    assert_eq!((planned.from, planned.to, planned.between()), (7, 3, 4));
    assert_eq!(subscription.status().cursor, 6, "a plan moves nothing");
    let sought = engine.seek(&name("t"), Start::Position(3)).await.unwrap();
    assert_eq!((sought.from, sought.to, sought.skipped), (7, 3, 0));
    assert_eq!(ids(&subscription, 2).await, ["3", "4"]);
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(ids(&subscription, 2).await, ["5", "6"]);
    assert!(is_quiet(&subscription).await);
    assert_eq!(subscription.status().delivered, 10);
    engine.close().await;
}

#[tokio::test]
async fn a_seek_forward_counts_what_it_skips_and_takes_the_retries_along() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    stored(&engine, 10).await;
    next(&subscription)
        .await
        .settle(retry_at(1_000_000, 1))
        .await
        .unwrap();
    assert_eq!(ids(&subscription, 2).await, ["2", "3"]);
    let sought = engine.seek(&name("t"), Start::Position(9)).await.unwrap();
    assert_eq!(
        (sought.to, sought.skipped),
        (9, 6),
        "one waited for a retry, five were to come"
    );
    let status = subscription.status();
    assert_eq!((status.skipped, status.waiting_retry), (6, 0));
    assert_eq!(ids(&subscription, 2).await, ["9", "10"]);
    assert!(is_quiet(&subscription).await);
    let status = subscription.status();
    assert_eq!(status.delivered + status.skipped, 10, "all are accounted for");
    engine.close().await;
}

#[tokio::test]
async fn only_what_matches_is_skipped_by_a_seek() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    let subscription = engine.subscribe(filtered("4")).await.unwrap();
    engine.pause(&name("t"), operator()).await.unwrap();
    stored(&engine, 10).await;
    let sought = engine.seek(&name("t"), Start::Latest).await.unwrap();
    assert_eq!((sought.from, sought.to, sought.skipped), (1, 11, 1));
    assert_eq!(subscription.status().backlog, 0);
    engine.close().await;
}

#[tokio::test]
async fn a_seek_waits_for_what_is_in_flight_and_hands_out_nothing_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    stored(&engine, 5).await;
    let (first, second) = (next(&subscription).await, next(&subscription).await);
    let to = name("t");
    let mut seek = Box::pin(engine.seek(&to, Start::Position(5)));
    assert!(futures_util::poll!(&mut seek).is_pending());
    hands_out_nothing(&engine, &subscription).await;
    first.settle(delivered()).await.unwrap();
    second.settle(retry_at(0, 1)).await.unwrap();
    let sought = seek.await.unwrap();
    assert_eq!(sought.skipped, 3, "the retry, and two that were to come");
    assert_eq!(ids(&subscription, 1).await, ["5"]);
    assert!(is_quiet(&subscription).await);
    let status = subscription.status();
    assert_eq!((status.delivered, status.skipped, status.cursor), (2, 3, 5));
    engine.close().await;
}

#[tokio::test]
async fn a_seek_that_is_given_up_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    stored(&engine, 3).await;
    let claim = next(&subscription).await;
    let to = name("t");
    let mut seek = Box::pin(engine.seek(&to, Start::Latest));
    assert!(futures_util::poll!(&mut seek).is_pending());
    drop(seek);
    claim.settle(delivered()).await.unwrap();
    assert_eq!(ids(&subscription, 2).await, ["2", "3"]);
    let beyond = engine.seek(&to, Start::Position(9)).await;
    assert_eq!(beyond, Err(PositionError::BeyondEnd { asked: 9, last: 3 }));
    engine.append(&name("b"), batch(vec![event(4)])).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["4"]);
    engine.close().await;
}

#[tokio::test]
async fn only_a_trigger_that_nobody_runs_is_forgotten_and_its_name_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    stored(&engine, 3).await;
    next(&subscription).await.settle(retry_at(0, 1)).await.unwrap();
    let waits = || (subscription.status().waiting_retry == 1).then_some(());
    engine.shared.wait_for(waits).await.unwrap();
    let running = engine.forget(&name("t")).await;
    assert_eq!(running, Err(PositionError::Running { name: name("t") }));
    let id = subscription.id();
    drop(subscription);
    let forgotten = engine.forget(&name("t")).await.unwrap();
    assert_eq!(forgotten.waiting_retry, 1);
    assert!(engine.subscriptions().is_empty());
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    assert!(engine.subscriptions().is_empty(), "it stays forgotten");
    let subscription = attach(&engine, "b", "t").await;
    assert_ne!(subscription.id(), id, "an id is never given twice");
    let status = subscription.status();
    assert_eq!((status.backlog, status.waiting_retry, status.retries), (0, 0, 0));
    engine.close().await;
}

#[tokio::test]
async fn a_pause_outlives_the_view() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.pause(&name("t"), operator()).await.unwrap();
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(subscription.paused(), Some(operator()));
    engine.close().await;
}

#[tokio::test]
async fn a_subscription_that_never_was_cannot_be_paused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let refused = engine.pause(&name("nobody"), operator()).await;
    assert_eq!(refused, Err(PositionError::Unknown { name: name("nobody") }));
    engine.close().await;
}

#[tokio::test]
async fn what_was_given_back_before_a_pause_is_not_passed_over_while_a_later_one_is_in_flight() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let events = batch((1..=3).map(event).collect());
    engine.append(&name("b"), events).await.unwrap();
    let (first, second) = (next(&subscription).await, next(&subscription).await);
    drop(first);
    subscription.pause(operator()).await.unwrap();
    assert_eq!(subscription.status().cursor, 0, "1 is neither claimed nor ready");
    checkpoint::store_progress(&engine.shared);
    second.settle(delivered()).await.unwrap();
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert!(engine.resume(&name("t")).await.unwrap());
    assert_eq!(ids(&subscription, 2).await, ["1", "3"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}
