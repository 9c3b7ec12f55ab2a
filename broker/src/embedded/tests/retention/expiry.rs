//! What is older than a rule allows leaves, is counted and stays gone; without a rule nothing ever does.

use super::*;
use crate::{Pause, PausedBy};

/// Ten seconds, for the broker's triggers.
fn of_broker() -> ExpiryRules {
    ExpiryRules {
        brokers: [(name("b"), Duration::from_secs(10))].into(),
        ..ExpiryRules::default()
    }
}

fn on_simulated_disk() -> Small {
    let small = Small {
        disk: Some(SimFs::new()),
        ..Small::new()
    };
    small.at(1_000);
    small
}

impl Small {
    fn at(&self, millis: u64) {
        self.clock.0.store(millis, Ordering::SeqCst);
    }

    /// The power fails, and the view is gone.
    async fn crash(&self, engine: Embedded) -> Embedded {
        self.disk.as_ref().unwrap().power_cut(7);
        engine.close().await;
        drop(engine);
        self.lose_view();
        self.open().await
    }
}

fn status(engine: &Embedded, trigger: &str) -> SubscriptionStatus {
    let mut all = engine.subscriptions().into_iter();
    all.find(|info| info.name == name(trigger)).unwrap().status
}

async fn eventually(engine: &Embedded, what: &str, mut holds: impl FnMut() -> bool) {
    let held = engine.shared.wait_for(|| holds().then_some(()));
    let held = tokio::time::timeout(Duration::from_secs(30), held).await;
    assert!(
        matches!(held, Ok(Some(()))),
        "{what}: {:?}",
        engine.subscriptions()
    );
}

async fn two_looks() {
    tokio::time::sleep(Duration::from_millis(2_200)).await;
}

fn all_of(status: &SubscriptionStatus) -> u64 {
    status.delivered
        + status.dead_letter_sink
        + status.dead_lettered
        + status.expired
        + status.unreadable
        + status.ready
        + status.in_flight
        + status.waiting_retry
}

#[tokio::test]
async fn what_nobody_asks_for_expires_and_stays_gone_over_a_crash_and_a_rebuilt_view() {
    let small = on_simulated_disk();
    let engine = small.open().await;
    let triggers = [
        ("absent", only("demo.odd")),
        ("paused", Filter::everything()),
        ("kept", Filter::everything()),
    ];
    let mut all = attach_all(&engine, &triggers).await;
    all[1]
        .pause(Pause {
            by: PausedBy::Operator,
            reason: String::new(),
            at: Timestamp(0),
        })
        .await
        .unwrap();
    all.remove(0);
    engine.set_expiry(ExpiryRules {
        triggers: [(name("kept"), Duration::from_secs(1_000))].into(),
        ..of_broker()
    });
    produce(&engine, 1..=9).await;
    small.at(11_000);
    two_looks().await;
    assert_eq!(
        (
            status(&engine, "absent").expired,
            status(&engine, "paused").expired
        ),
        (0, 0),
        "ten seconds are not over ten seconds"
    );
    small.at(11_001);
    produce(&engine, 10..=11).await;
    eventually(&engine, "they expire", || {
        (
            status(&engine, "absent").expired,
            status(&engine, "paused").expired,
        ) == (5, 9)
    })
    .await;
    for trigger in ["absent", "paused"] {
        let status = status(&engine, trigger);
        assert_eq!((status.cursor, status.backlog), (9, 2), "{trigger}: {status:?}");
        assert_eq!(all_of(&status), status.matched, "{trigger}: {status:?}");
    }
    assert_eq!(status(&engine, "kept").expired, 0, "the trigger's own rule wins");
    drop(all);

    // What expired is in the journal; the rules are not needed for it.
    let engine = small.crash(engine).await;
    assert_eq!(engine.subscriptions()[0].retain_unsettled, None);
    let all = attach_all(&engine, &triggers).await;
    assert_eq!(ids(&all[0], 1).await, ["11"]);
    engine.resume(&name("paused")).await.unwrap();
    assert_eq!(ids(&all[1], 2).await, ["10", "11"]);
    assert_eq!(ids(&all[2], 11).await.len(), 11);
    for subscription in &all {
        nothing_more(subscription).await;
        let status = subscription.status();
        assert_eq!(all_of(&status), status.matched, "{status:?}");
    }
    assert_eq!((all[0].status().expired, all[1].status().expired), (5, 9));
    engine.close().await;
}

#[tokio::test]
async fn a_consumer_is_not_handed_what_is_over_age_and_keeps_what_it_has_in_hand() {
    let small = on_simulated_disk();
    let engine = small.open().await;
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    engine.set_expiry(of_broker());
    produce(&engine, 1..=4).await;
    let in_hand = next(&all[0]).await;
    next(&all[0]).await.settle(retry_at(2_000_000, 1)).await.unwrap();
    next(&all[0]).await.settle(retry_at(12_000, 1)).await.unwrap();
    small.at(12_000);
    produce(&engine, 5..=5).await;
    assert_eq!(
        ids(&all[0], 1).await,
        ["5"],
        "neither the fourth nor the third's retry"
    );
    eventually(&engine, "also the retry that is far off", || {
        status(&engine, "t").expired == 3
    })
    .await;
    two_looks().await;
    in_hand.settle(delivered()).await.unwrap();
    nothing_more(&all[0]).await;
    let before = all[0].status();
    assert_eq!((before.expired, before.delivered, before.matched), (3, 2, 5));
    engine.shared.drain_settlements().await;
    drop(all);

    small.at(3_000_000);
    let engine = small.crash(engine).await;
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    nothing_more(&all[0]).await;
    let after = all[0].status();
    assert_eq!((after.expired, after.delivered, after.waiting_retry), (3, 2, 0));
    engine.close().await;
}

#[tokio::test]
async fn without_a_rule_nothing_ever_expires() {
    let small = on_simulated_disk();
    let engine = small.open().await;
    let mut all = attach_all(&engine, &[("t", Filter::everything())]).await;
    engine.set_expiry(ExpiryRules {
        triggers: [(name("other"), Duration::from_secs(1))].into(),
        brokers: [(name("c"), Duration::from_secs(1))].into(),
        dead_letters: [(name("c"), Duration::from_secs(1))].into(),
    });
    produce(&engine, 1..=3).await;
    dead_letter(&all[0]).await;
    next(&all[0]).await.settle(retry_at(5_000, 1)).await.unwrap();
    all.clear();
    small.at(1 << 45);
    two_looks().await;
    assert_eq!(status(&engine, "t").expired, 0);
    assert_eq!(
        engine.count_dead_letters(&DeadLetterFilter::default()).unwrap(),
        1
    );
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    let got: BTreeSet<_> = ids(&all[0], 2).await.into_iter().collect();
    assert_eq!(got, BTreeSet::from(["2".to_owned(), "3".to_owned()]));
    engine.close().await;
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

#[tokio::test]
async fn dead_letters_over_age_leave_the_store_for_good() {
    let small = on_simulated_disk();
    let engine = small.open().await;
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    produce(&engine, 1..=3).await;
    dead_letter(&all[0]).await;
    dead_letter(&all[0]).await;
    small.at(5_000);
    dead_letter(&all[0]).await;
    let letters = |engine: &Embedded| engine.count_dead_letters(&DeadLetterFilter::default()).unwrap();
    engine.set_expiry(ExpiryRules {
        dead_letters: [(name("b"), Duration::from_secs(10))].into(),
        ..ExpiryRules::default()
    });
    small.at(11_000);
    two_looks().await;
    assert_eq!(letters(&engine), 3);
    small.at(11_001);
    eventually(&engine, "two leave", || letters(&engine) == 1).await;
    assert_eq!(all[0].status().letters_expired, 2);
    drop(all);
    let engine = small.crash(engine).await;
    assert_eq!(letters(&engine), 1, "they do not come back");
    let status = status(&engine, "t");
    assert_eq!(
        (status.letters_expired, status.dead_lettered, status.purged),
        (2, 3, 0)
    );
    engine.close().await;
}

#[tokio::test]
async fn what_has_expired_is_not_copied_when_its_segment_leaves() {
    let small = Small::new();
    small.at(1_000);
    let engine = small.open().await;
    let triggers = [("fast", Filter::everything()), ("away", Filter::everything())];
    let mut all = attach_all(&engine, &triggers).await;
    all.pop();
    engine.set_expiry(ExpiryRules {
        triggers: [(name("away"), Duration::from_secs(10))].into(),
        ..ExpiryRules::default()
    });
    for round in 0..10 {
        small.at(1_000 + 20_000 * round);
        eventually(&engine, "the round before expires", || {
            status(&engine, "away").expired == round * 100
        })
        .await;
        produce(&engine, round * 100 + 1..=round * 100 + 100).await;
        ids(&all[0], 100).await;
    }
    small.at(1_000_000);
    left(&engine, 8).await;
    settled_down(&engine).await;
    eventually(&engine, "all expires", || {
        status(&engine, "away").expired == 1_000
    })
    .await;
    let retention = engine.retention();
    assert!(
        retention.copied_records <= 200,
        "no more than what was young then: {retention:?}"
    );
    assert_eq!(status(&engine, "away").backlog, 0);
    engine.close().await;
}
