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
