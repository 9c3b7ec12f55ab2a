//! What is over age leaves its key, wherever it waits, and the key goes on in order.

use super::*;
use crate::embedded::key::Key;
use crate::embedded::records::Fate;
use crate::embedded::retention::Expiry;
use crate::embedded::subscription::Old;

const AGE: u64 = 10_000;

struct Aging {
    engine: Embedded,
    clock: Arc<ManualClock>,
    subscription: Arc<dyn Subscription>,
    expiry: Expiry,
    _directory: tempfile::TempDir,
}

impl Aging {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        clock.0.store(1_000, Ordering::SeqCst);
        let engine = open_at(directory.path(), Arc::clone(&clock)).await;
        Self {
            subscription: attach_ordered(&engine).await,
            expiry: Expiry::new(Arc::clone(&engine.shared)),
            clock,
            engine,
            _directory: directory,
        }
    }

    fn at(&self, millis: u64) {
        self.clock.0.store(millis, Ordering::SeqCst);
    }

    fn set_rule(&self) {
        self.engine.set_expiry(ExpiryRules {
            brokers: [(name("b"), Duration::from_millis(AGE))].into(),
            ..ExpiryRules::default()
        });
    }

    /// Has what is over age expire, as retention has it.
    async fn expire(&mut self, events: u64) {
        self.set_rule();
        while self.expiry.round().unwrap() == crate::embedded::retention::Look::Again {}
        until(&self.engine, |status| status.expired == events).await;
    }

    async fn end(self) {
        let status = self.subscription.status();
        assert!(status.is_idle(), "{status:?}");
        let ended = status.delivered + status.expired;
        assert_eq!(ended, status.matched, "{status:?}");
        self.engine.close().await;
    }
}

#[tokio::test]
async fn a_key_that_is_held_up_goes_on_when_what_holds_it_expires() {
    for hold in [retry_at(1 << 40, 1), block_until(1 << 40), park()] {
        let mut aging = Aging::new().await;
        store(&aging.engine, &[(1, "a"), (2, "a"), (3, "b"), (4, "a")]).await;
        next(&aging.subscription).await.settle(hold).await.unwrap();
        assert_eq!(ids(&aging.subscription, 1).await, ["3"]);
        nothing_comes(&aging.engine, &aging.subscription).await;
        until(&aging.engine, |status| status.behind == 2).await;
        aging.at(9_000);
        store(&aging.engine, &[(5, "a"), (6, "a")]).await;
        nothing_comes(&aging.engine, &aging.subscription).await;
        until(&aging.engine, |status| status.behind == 4).await;
        aging.at(1_000 + AGE);
        aging.expire(0).await;
        nothing_comes(&aging.engine, &aging.subscription).await;
        aging.at(1_001 + AGE);
        aging.expire(3).await;
        assert_eq!(ids(&aging.subscription, 2).await, ["5", "6"]);
        assert!(is_quiet(&aging.subscription).await);
        assert_eq!(aging.engine.held_keys(&name("t"), 10).unwrap(), []);
        aging.end().await;
    }
}

#[tokio::test]
async fn what_waits_in_memory_behind_one_in_hand_expires_and_the_one_in_hand_does_not() {
    let mut aging = Aging::new().await;
    store(&aging.engine, &[(1, "a"), (2, "a"), (3, "a")]).await;
    let in_hand = next(&aging.subscription).await;
    nothing_comes(&aging.engine, &aging.subscription).await;
    aging.at(9_000);
    store(&aging.engine, &[(4, "a")]).await;
    nothing_comes(&aging.engine, &aging.subscription).await;
    assert_eq!(aging.subscription.status().ready, 3);
    aging.at(1_001 + AGE);
    aging.expire(2).await;
    nothing_comes(&aging.engine, &aging.subscription).await;
    in_hand.settle(delivered()).await.unwrap();
    assert_eq!(ids(&aging.subscription, 1).await, ["4"]);
    assert!(is_quiet(&aging.subscription).await);
    aging.end().await;
}

#[tokio::test]
async fn a_consumer_that_comes_to_what_is_over_age_gets_the_next_of_its_key_instead() {
    let aging = Aging::new().await;
    store(&aging.engine, &[(1, "a"), (2, "a")]).await;
    next(&aging.subscription)
        .await
        .settle(retry_at(12_000, 1))
        .await
        .unwrap();
    until(&aging.engine, |status| status.waiting_retry == 1).await;
    aging.at(9_000);
    store(&aging.engine, &[(3, "a"), (4, "b")]).await;
    aging.at(12_000);
    aging.set_rule();
    let came: BTreeSet<_> = ids(&aging.subscription, 2).await.into_iter().collect();
    assert_eq!(came, ["3", "4"].map(String::from).into());
    assert!(is_quiet(&aging.subscription).await);
    assert_eq!(aging.subscription.status().expired, 2);
    aging.end().await;
}

/// The event of this sequence, as it is found by who looks for what is over age.
fn old(sequence: u64, key: &str) -> Old {
    Old {
        sequence,
        covers: 0,
        is_waiting: false,
        key: Some(Key::named(Some(key))),
        fate: Fate::Expired,
    }
}

#[tokio::test]
async fn a_key_waits_until_the_expiry_before_it_is_recorded_and_has_the_event_back_when_it_is_not() {
    let aging = Aging::new().await;
    let sub = aging.engine.shared.subscription_named(&name("t")).unwrap();
    store(&aging.engine, &[(1, "a"), (2, "a"), (3, "b")]).await;
    let taken = sub.take_old(&sub.glance(), vec![old(1, "a")]).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(ids(&aging.subscription, 1).await, ["3"]);
    nothing_comes(&aging.engine, &aging.subscription).await;
    assert_eq!(
        sub.take_old(&sub.glance(), vec![old(1, "a")]),
        Some(vec![]),
        "it is taken once"
    );

    // A new holder does not get it either, and still waits for it.
    let Aging {
        engine, subscription, ..
    } = aging;
    drop(subscription);
    for order in [Order::Unordered, Order::ByKey] {
        drop(attach_with(&engine, order).await);
    }
    let subscription = attach_ordered(&engine).await;
    nothing_comes(&engine, &subscription).await;
    sub.give_back_old(&taken);
    assert_eq!(ids(&subscription, 2).await, ["1", "2"]);
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn what_was_settled_after_it_was_found_to_be_over_age_does_not_expire_as_well() {
    let aging = Aging::new().await;
    let sub = aging.engine.shared.subscription_named(&name("t")).unwrap();
    store(&aging.engine, &[(1, "a"), (2, "b")]).await;
    for _ in 0..2 {
        next(&aging.subscription)
            .await
            .settle(retry_at(5_000, 1))
            .await
            .unwrap();
    }
    until(&aging.engine, |status| status.waiting_retry == 2).await;
    let (glance, found) = (sub.glance(), [(1, "a"), (2, "b")]);
    let found = found.map(|(sequence, key)| Old {
        is_waiting: true,
        ..old(sequence, key)
    });
    aging.at(5_000);
    assert_eq!(ids(&aging.subscription, 1).await, ["1"]);
    until(&aging.engine, |status| status.waiting_retry == 1).await;
    let taken = sub.take_old(&glance, found.to_vec()).unwrap();
    let kept = sub.keep_waiting(taken, &aging.engine.shared.view()).unwrap();
    let kept: Vec<_> = kept.iter().map(|item| item.sequence).collect();
    assert_eq!(kept, [2]);
    assert!(!sub.is_claimed(1) && sub.is_claimed(2));
    aging.engine.close().await;
}

#[tokio::test]
async fn nothing_expires_by_what_was_seen_before_the_place_was_moved() {
    let aging = Aging::new().await;
    let sub = aging.engine.shared.subscription_named(&name("t")).unwrap();
    store(&aging.engine, &[(1, "a"), (2, "a"), (3, "b")]).await;
    assert_eq!(ids(&aging.subscription, 3).await.len(), 3);
    store(&aging.engine, &[(4, "a")]).await;
    let glance = sub.glance();
    let held = sub.hold();
    assert_eq!(sub.take_old(&glance, vec![old(4, "a")]), None);
    drop(held);
    aging.engine.seek(&name("t"), Start::Earliest).await.unwrap();
    let covering = Old {
        covers: 3,
        ..old(4, "a")
    };
    assert_eq!(sub.take_old(&glance, vec![covering]), None);
    let came = ids(&aging.subscription, 4).await;
    assert_eq!(came.len(), 4, "{came:?}");
    aging.engine.close().await;
}
