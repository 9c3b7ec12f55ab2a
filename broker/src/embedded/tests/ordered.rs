//! Ordered subscriptions: in order by key, whatever fails, and no key holds up another.

mod beside;
mod expiry;
mod histories;
mod many;

use super::*;
use crate::limits::{KEY_PATIENCE_MS, READY_EVENTS_MAX};

fn keyed(id: u64, key: &str) -> Event {
    let event = Event::builder().id(&id.to_string()).source("/test").ty("demo.n");
    match key {
        "" => event.build().unwrap(),
        key => event.attribute("partitionkey", key).unwrap().build().unwrap(),
    }
}

async fn attach_with(engine: &Embedded, order: Order) -> Arc<dyn Subscription> {
    engine.declare(&name("b")).await.unwrap();
    let spec = SubscriptionSpec {
        name: name("t"),
        broker: name("b"),
        start: Start::Latest,
        filter: Filter::everything(),
        order,
    };
    let subscription = engine.subscribe(spec).await.unwrap();
    engine.set_matcher(Arc::new(Rules {
        of: vec![(name("b"), subscription.id())],
        rule: Box::new(|_, _| true),
    }));
    subscription
}

async fn attach_ordered(engine: &Embedded) -> Arc<dyn Subscription> {
    attach_with(engine, Order::ByKey).await
}

async fn store(engine: &Embedded, events: &[(u64, &str)]) {
    let events = events.iter().map(|(id, key)| keyed(*id, key)).collect();
    engine.append(&name("b"), batch(events)).await.unwrap();
}

/// Waits until the counts are so.
async fn until(engine: &Embedded, is_so: impl Fn(&SubscriptionStatus) -> bool) {
    let so = engine.shared.wait_for(|| {
        let all = engine.subscriptions();
        let found = all.iter().find(|info| info.name == name("t"))?;
        is_so(&found.status).then_some(())
    });
    let so = tokio::time::timeout(Duration::from_secs(30), so).await;
    assert_eq!(so, Ok(Some(())), "never so: {:?}", engine.subscriptions());
}

/// Asks for a claim until nothing changes any more: nothing comes.
async fn nothing_comes(engine: &Embedded, subscription: &Arc<dyn Subscription>) {
    let mut claim = subscription.next();
    for round in 0..3 {
        assert!(futures_util::poll!(&mut claim).is_pending());
        engine.declare(&name(&format!("other-{round}"))).await.unwrap();
    }
    let none = tokio::time::timeout(Duration::from_millis(20), claim).await;
    assert!(none.is_err(), "something came: {none:?}");
}

fn park() -> Settlement {
    Settlement::Park {
        progress: Progress {
            attempts: 3,
            failure: Some(Failure {
                destination: "http://e/".into(),
                code: Some(500),
                data: vec![],
                message: "it said 500".into(),
            }),
            ..Progress::default()
        },
    }
}

fn block_until(at: u64) -> Settlement {
    Settlement::Block {
        at: Timestamp(at),
        progress: Progress {
            attempts: 4,
            ..Progress::default()
        },
    }
}

#[tokio::test]
async fn of_one_key_one_event_is_out_at_a_time_and_other_keys_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(
        &engine,
        &[(1, "a"), (2, "a"), (3, "b"), (4, ""), (5, ""), (6, "a")],
    )
    .await;
    let (a, b, none) = (
        next(&subscription).await,
        next(&subscription).await,
        next(&subscription).await,
    );
    let out = [a.event().id(), b.event().id(), none.event().id()];
    assert_eq!(out, ["1", "3", "4"], "events without a key are of one key");
    nothing_comes(&engine, &subscription).await;
    a.settle(delivered()).await.unwrap();
    let a = next(&subscription).await;
    assert_eq!(a.event().id(), "2");
    nothing_comes(&engine, &subscription).await;
    for claim in [a, b, none] {
        claim.settle(delivered()).await.unwrap();
    }
    let rest: BTreeSet<_> = ids(&subscription, 2).await.into_iter().collect();
    assert_eq!(rest, ["5", "6"].map(String::from).into());
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn the_next_of_a_key_comes_when_the_settlement_before_it_is_durable_and_not_before() {
    let disk = sim::SimFs::new();
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        file_system: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::default()),
        ..Options::new(directory.path())
    };
    let (engine, _) = Embedded::open(options).await.unwrap();
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a")]).await;
    let first = next(&subscription).await;
    disk.fail(sim::Operation::Sync, ".seg", 1);
    first.settle(delivered()).await.unwrap();
    let second = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
    assert!(second.is_err(), "the settlement is not on disk: {second:?}");
    engine.close().await;
}

#[tokio::test]
async fn what_waits_behind_a_failing_event_waits_on_disk_in_order_over_restarts_and_without_the_view() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "b"), (3, "a"), (4, "a")]).await;
    next(&subscription)
        .await
        .settle(retry_at(5_000, 1))
        .await
        .unwrap();
    assert_eq!(ids(&subscription, 1).await, ["2"]);
    until(&engine, |status| status.waiting_retry == 1).await;
    nothing_comes(&engine, &subscription).await;
    until(&engine, |status| (status.behind, status.ready) == (2, 0)).await;
    store(&engine, &[(5, "a"), (6, "b")]).await;
    assert_eq!(ids(&subscription, 1).await, ["6"]);
    nothing_comes(&engine, &subscription).await;
    until(&engine, |status| status.behind == 3).await;
    drop(subscription);
    engine.close().await;
    drop(engine);

    for remove_view in [false, true] {
        if remove_view {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }
        let engine = open_at(directory.path(), Arc::clone(&clock)).await;
        let subscription = attach_ordered(&engine).await;
        nothing_comes(&engine, &subscription).await;
        let status = subscription.status();
        assert_eq!((status.waiting_retry, status.behind, status.cursor), (1, 3, 6));
        drop(subscription);
        engine.close().await;
    }
    clock.0.store(5_000, Ordering::SeqCst);
    let engine = open_at(directory.path(), clock).await;
    let subscription = attach_ordered(&engine).await;
    let again = next(&subscription).await;
    assert_eq!((again.event().id(), again.progress().attempts), ("1", 1));
    nothing_comes(&engine, &subscription).await;
    again.settle(delivered()).await.unwrap();
    assert_eq!(ids(&subscription, 3).await, ["3", "4", "5"]);
    store(&engine, &[(7, "a")]).await;
    assert_eq!(ids(&subscription, 1).await, ["7"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_blocked_key_with_more_behind_it_than_memory_holds_keeps_no_other_from_coming() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(0, "a")]).await;
    next(&subscription)
        .await
        .settle(retry_at(5_000, 1))
        .await
        .unwrap();
    let many = 3 * READY_EVENTS_MAX as u64;
    let events: Vec<_> = (1..=many).map(|id| (id, "a")).collect();
    store(&engine, &events).await;
    store(&engine, &[(many + 1, "b")]).await;
    assert_eq!(ids(&subscription, 1).await, [(many + 1).to_string()]);
    nothing_comes(&engine, &subscription).await;
    until(&engine, |status| {
        (status.behind, status.ready, status.backlog) == (many, 0, 0)
    })
    .await;
    let pairs = engine.shared.subscription_named(&name("t")).unwrap();
    assert_eq!(
        pairs.state().accounted,
        [(1, many + 2)],
        "what waits on disk leaves no gaps"
    );
    engine.close().await;
}

#[tokio::test]
async fn a_slow_delivery_with_more_behind_it_than_memory_holds_keeps_others_only_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    let many = 2 * READY_EVENTS_MAX as u64;
    store(&engine, &[(0, "a")]).await;
    let slow = next(&subscription).await;
    let events: Vec<_> = (1..=many).map(|id| (id, "a")).collect();
    store(&engine, &events).await;
    store(&engine, &[(many + 1, "b")]).await;
    nothing_comes(&engine, &subscription).await;
    assert_eq!(
        subscription.status().behind,
        0,
        "no record is spent before the time"
    );
    clock.0.store(KEY_PATIENCE_MS, Ordering::SeqCst);
    store(&engine, &[(many + 2, "b")]).await;
    assert_eq!(
        ids(&subscription, 2).await,
        [(many + 1).to_string(), (many + 2).to_string()]
    );
    slow.settle(delivered()).await.unwrap();
    let expected: Vec<_> = (1..=many).map(|id| id.to_string()).collect();
    assert_eq!(ids(&subscription, expected.len()).await, expected);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn an_event_that_went_to_disk_behind_one_that_is_forgotten_in_a_crash_still_comes_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    let many = READY_EVENTS_MAX as u64;
    let events: Vec<_> = (0..=many + 5).map(|id| (id, "a")).collect();
    store(&engine, &events).await;
    let slow = next(&subscription).await;
    nothing_comes(&engine, &subscription).await;
    clock.0.store(KEY_PATIENCE_MS, Ordering::SeqCst);
    store(&engine, &[(9_999, "b")]).await;
    assert_eq!(ids(&subscription, 1).await, ["9999"]);
    until(&engine, |status| status.behind > 0).await;
    drop(subscription);
    engine.close().await;
    // Given up after the end: of the first event nothing is stored.
    drop((slow, engine));

    let engine = open_at(directory.path(), clock).await;
    let subscription = attach_ordered(&engine).await;
    assert_eq!(ids(&subscription, 3).await, ["0", "1", "2"]);
    engine.close().await;
}

#[tokio::test]
async fn a_dropped_claim_comes_again_before_the_rest_of_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a"), (3, "a")]).await;
    drop(next(&subscription).await);
    assert_eq!(ids(&subscription, 3).await, ["1", "2", "3"]);
    engine.close().await;
}

#[tokio::test]
async fn a_claim_that_outlives_its_subscription_holds_its_key_for_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a"), (3, "b")]).await;
    let open_claim = next(&subscription).await;
    drop(subscription);
    let subscription = attach_ordered(&engine).await;
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    nothing_comes(&engine, &subscription).await;
    open_claim.settle(delivered()).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["2"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_pause_in_the_middle_keeps_the_order() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "b")]).await;
    let (a, b) = (next(&subscription).await, next(&subscription).await);
    assert_eq!((a.event().id(), b.event().id()), ("1", "4"));
    let pause = crate::Pause {
        by: crate::PausedBy::Operator,
        reason: "maintenance".into(),
        at: Timestamp(0),
    };
    engine.pause(&name("t"), pause).await.unwrap();
    assert_eq!(subscription.status().ready, 0, "what is paused takes no memory");
    drop(a);
    b.settle(delivered()).await.unwrap();
    engine.resume(&name("t")).await.unwrap();
    let came = ids(&subscription, 4).await;
    let of_a: Vec<_> = came.iter().filter(|id| *id != "5").collect();
    assert_eq!(of_a, ["1", "2", "3"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_parked_key_waits_for_its_release_over_restarts_and_is_tried_afresh_then() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    clock.0.store(77, Ordering::SeqCst);
    store(&engine, &[(1, "a"), (2, "a"), (3, "b")]).await;
    next(&subscription).await.settle(park()).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    nothing_comes(&engine, &subscription).await;
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();

    clock.0.store(1_000_000_000, Ordering::SeqCst);
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    nothing_comes(&engine, &subscription).await;
    let status = subscription.status();
    assert_eq!((status.parked_keys, status.behind), (1, 1));
    assert!(!status.is_idle(), "a person has something to do");
    let held = engine.held_keys(&name("t"), 10).unwrap();
    let [held] = held.as_slice() else {
        panic!("one key is held: {held:?}")
    };
    assert_eq!(
        (
            held.key.as_deref(),
            held.state,
            held.event_id.as_deref(),
            held.behind
        ),
        (Some("a"), HeldState::Parked, Some("1"), 1)
    );
    assert_eq!((held.since, held.next_attempt), (Some(Timestamp(77)), None));
    assert_eq!(held.failure.as_ref().map(|failure| failure.code), Some(Some(500)));

    let released = engine.release(&name("t"), Some("a"), false).await.unwrap();
    assert_eq!((released.sequence, released.skipped), (1, false));
    let again = next(&subscription).await;
    assert_eq!(
        (again.event().id(), again.progress()),
        ("1", &Progress::default())
    );
    let refused = engine.release(&name("t"), Some("a"), false).await;
    assert!(matches!(refused, Err(KeyError::BeingTried { .. })), "{refused:?}");
    again.settle(delivered()).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["2"]);
    assert!(is_quiet(&subscription).await);
    let refused = engine.release(&name("t"), Some("a"), false).await;
    assert!(matches!(refused, Err(KeyError::NotHeld { .. })), "{refused:?}");
    engine.close().await;
}

#[tokio::test]
async fn a_skipped_event_is_in_the_dead_letter_store_and_its_key_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, ""), (2, "")]).await;
    next(&subscription).await.settle(park()).await.unwrap();
    until(&engine, |status| status.parked_keys == 1).await;
    let released = engine.release(&name("t"), None, true).await.unwrap();
    assert!(released.skipped);
    assert_eq!(ids(&subscription, 1).await, ["2"]);
    assert!(is_quiet(&subscription).await);
    let query = DeadLetterQuery {
        limit: 10,
        ..DeadLetterQuery::default()
    };
    let letters = engine.dead_letters(&query).unwrap().letters;
    assert_eq!(letters.len(), 1);
    let copy = letters[0].copy.as_ref().unwrap();
    let code = copy.failure.as_ref().unwrap().code;
    assert_eq!(
        (copy.event_id.as_str(), letters[0].reason, code),
        ("1", DeadLetterReason::Skipped, Some(500))
    );
    engine.close().await;
}

#[tokio::test]
async fn a_blocked_key_is_tried_on_and_seen_as_blocked_since_the_first_time() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a")]).await;
    for at in [10, 20, 30] {
        next(&subscription).await.settle(block_until(at)).await.unwrap();
        until(&engine, |status| status.retries == at / 10).await;
        clock.0.store(at, Ordering::SeqCst);
    }
    let status = subscription.status();
    assert_eq!((status.blocked_keys, status.waiting_retry), (1, 1));
    let held = engine.held_keys(&name("t"), 10).unwrap();
    assert_eq!(
        (held[0].state, held[0].since, held[0].next_attempt),
        (HeldState::Blocked, Some(Timestamp(0)), Some(Timestamp(30)))
    );
    assert_eq!(ids(&subscription, 2).await, ["1", "2"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn what_waited_in_order_is_delivered_when_the_subscription_is_ordered_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a"), (3, "a")]).await;
    next(&subscription).await.settle(retry_at(0, 1)).await.unwrap();
    until(&engine, |status| status.waiting_retry == 1).await;
    let head = next(&subscription).await;
    drop(subscription);
    until(&engine, |status| status.behind == 2 || status.backlog == 2).await;
    drop(head);
    let subscription = attach_with(&engine, Order::Unordered).await;
    let came: BTreeSet<_> = ids(&subscription, 3).await.into_iter().collect();
    assert_eq!(came, ["1", "2", "3"].map(String::from).into());
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_retry_that_holds_no_key_holds_it_after_its_next_failure() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_with(&engine, Order::Unordered).await;
    store(&engine, &[(1, "a")]).await;
    next(&subscription).await.settle(retry_at(0, 1)).await.unwrap();
    until(&engine, |status| status.waiting_retry == 1).await;
    drop(subscription);
    let subscription = attach_ordered(&engine).await;
    let old = next(&subscription).await;
    old.settle(retry_at(5_000, 2)).await.unwrap();
    until(&engine, |status| status.retries == 2).await;
    store(&engine, &[(2, "a"), (3, "b")]).await;
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    nothing_comes(&engine, &subscription).await;
    engine.close().await;
}

#[tokio::test]
async fn a_seek_leaves_no_key_held_and_starts_each_in_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "a"), (3, "b"), (4, "a")]).await;
    next(&subscription).await.settle(park()).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    nothing_comes(&engine, &subscription).await;
    until(&engine, |status| (status.parked_keys, status.behind) == (1, 2)).await;
    engine.seek(&name("t"), Start::Earliest).await.unwrap();
    let status = subscription.status();
    assert_eq!((status.parked_keys, status.behind), (0, 0));
    assert_eq!(engine.held_keys(&name("t"), 10).unwrap(), []);
    let came = ids(&subscription, 4).await;
    let of_a: Vec<_> = came.iter().filter(|id| *id != "3").collect();
    assert_eq!(of_a, ["1", "2", "4"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn no_key_is_released_while_the_place_is_moved() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a")]).await;
    next(&subscription).await.settle(park()).await.unwrap();
    until(&engine, |status| status.parked_keys == 1).await;
    let held = engine.shared.subscription_named(&name("t")).unwrap().hold();
    let refused = engine.release(&name("t"), Some("a"), false).await;
    assert!(matches!(refused, Err(KeyError::BeingTried { .. })), "{refused:?}");
    drop(held);
    engine.release(&name("t"), Some("a"), false).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["1"]);
    engine.close().await;
}
