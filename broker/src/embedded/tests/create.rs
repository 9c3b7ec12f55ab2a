//! New subscriptions that are made together: a few frames, and each as if it had been made alone.

use journal::sim::SimFs;

use super::*;
use crate::limits::SUBSCRIPTIONS_PER_FRAME_MAX;

fn spec(trigger: &str, start: Start) -> SubscriptionSpec {
    SubscriptionSpec {
        name: name(trigger),
        broker: name("b"),
        start,
        filter: Filter::Exact("type".into(), trigger.into()),
        order: Order::Unordered,
    }
}

async fn open_on(disk: &SimFs, directory: &Path) -> Embedded {
    let options = Options {
        clock: Arc::new(ManualClock::default()),
        file_system: Arc::new(disk.clone()),
        segment_bytes: 4 * 1024 * 1024,
        ..Options::new(directory)
    };
    Embedded::open(options).await.unwrap().0
}

#[tokio::test]
async fn new_subscriptions_are_made_together_and_are_there_after_a_power_cut() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SimFs::new();
    let engine = open_on(&disk, directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    engine
        .append(&name("b"), batch(vec![event(1), event(2)]))
        .await
        .unwrap();
    drop(engine.subscribe(spec("known", Start::Earliest)).await.unwrap());
    let known = engine.shared.subscription_named(&name("known")).unwrap().id;

    let many = 2 * SUBSCRIPTIONS_PER_FRAME_MAX;
    let mut specs: Vec<_> = (0..many).map(|n| spec(&format!("t{n}"), Start::Latest)).collect();
    specs.push(spec("early", Start::Earliest));
    specs.extend([spec("known", Start::Latest), spec("early", Start::Latest)]);
    let strange = SubscriptionSpec {
        broker: name("unknown"),
        ..spec("strange", Start::Latest)
    };
    specs.push(strange.clone());
    let frames = engine.stats().frames;
    engine.create(&specs).await.unwrap();
    assert_eq!(engine.stats().frames - frames, 3);
    let refused = engine.subscribe(strange).await.map(drop);
    assert!(
        matches!(refused, Err(SubscribeError::UnknownBroker { .. })),
        "{refused:?}"
    );

    disk.power_cut(5);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    let engine = open_on(&disk, directory.path()).await;
    let frames = engine.stats().frames;
    engine.create(&specs).await.unwrap();
    let mut ids = BTreeSet::from([known]);
    for spec in &specs[..=many] {
        let subscription = engine.subscribe(spec.clone()).await.unwrap();
        assert!(
            ids.insert(subscription.id()),
            "{} has an id of its own",
            spec.name
        );
        let sub = engine.shared.subscription_named(&spec.name).unwrap();
        let after = if spec.start == Start::Earliest { 0 } else { 2 };
        assert_eq!(sub.floor(), after, "{}", spec.name);
        assert_eq!(sub.filters()[..], [(after, spec.filter.clone())]);
    }
    assert_eq!(engine.stats().frames, frames, "nothing was new");
    engine.close().await;
}

#[tokio::test]
async fn what_is_made_together_is_made_or_an_error_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SimFs::new();
    let engine = open_on(&disk, directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    disk.fail(sim::Operation::Sync, ".seg", 1);
    let made = engine.create(&[spec("t", Start::Latest)]).await;
    assert!(matches!(made, Err(AppendError::Failed { .. })), "{made:?}");
    assert!(engine.shared.subscription_named(&name("t")).is_none());
    engine.close().await;
}
