//! Segments leave, what somebody has yet to get stays, on a real directory and on one that loses power.

mod expiry;

use journal::sim::SimFs;

use super::*;

const SEGMENT: u64 = 64 << 10;

/// A directory whose journal holds a few segments of what is settled.
struct Small {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    disk: Option<SimFs>,
    retain: Retain,
}

impl Small {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::default()),
            disk: None,
            retain: Retain {
                bytes: 4 * SEGMENT,
                ..Retain::default()
            },
        }
    }

    async fn open(&self) -> Embedded {
        let mut options = Options {
            clock: self.clock.clone(),
            segment_bytes: SEGMENT,
            retain: self.retain,
            ..Options::new(self.directory.path())
        };
        if let Some(disk) = &self.disk {
            options.file_system = Arc::new(disk.clone());
        }
        Embedded::open(options).await.unwrap().0
    }

    fn lose_view(&self) {
        std::fs::remove_dir_all(self.directory.path().join("view")).unwrap();
    }
}

/// About a kilobyte, of one of two types.
fn large(id: u64) -> Event {
    Event::builder()
        .id(&id.to_string())
        .source("/test")
        .ty(if id.is_multiple_of(2) {
            "demo.even"
        } else {
            "demo.odd"
        })
        .data(schemas::event::DataForm::Binary, vec![b'x'; 900])
        .build()
        .unwrap()
}

fn only(ty: &str) -> Filter {
    Filter::Exact("type".into(), ty.into())
}

async fn produce(engine: &Embedded, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        engine.append(&name("b"), batch(vec![large(id)])).await.unwrap();
    }
}

/// Attaches these triggers to the broker, each with its filter, and matches by the filters.
async fn attach_all(engine: &Embedded, triggers: &[(&str, Filter)]) -> Vec<Arc<dyn Subscription>> {
    engine.declare(&name("b")).await.unwrap();
    let mut subscriptions = Vec::new();
    for (trigger, filter) in triggers {
        let spec = SubscriptionSpec {
            name: name(trigger),
            broker: name("b"),
            start: Start::Latest,
            filter: filter.clone(),
            order: Order::Unordered,
        };
        subscriptions.push(engine.subscribe(spec).await.unwrap());
    }
    let filters: Vec<_> = subscriptions
        .iter()
        .zip(triggers)
        .map(|(subscription, (_, filter))| (subscription.id(), filter.clone()))
        .collect();
    engine.set_matcher(Arc::new(Rules {
        of: filters.iter().map(|(id, _)| (name("b"), *id)).collect(),
        rule: Box::new(move |id, event| {
            filters
                .iter()
                .any(|(of, filter)| *of == id && filter.matches(event))
        }),
    }));
    subscriptions
}

/// There is nothing more to deliver, also of what was not read yet.
async fn nothing_more(subscription: &Arc<dyn Subscription>) {
    let idle = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::select! {
            claim = subscription.next() => panic!("{claim:?}"),
            () = subscription.idle() => {}
        }
    });
    assert!(idle.await.is_ok(), "{:?}", subscription.status());
}

/// Waits until so many segments have left since the start.
async fn left(engine: &Embedded, segments: u64) {
    let gone = engine
        .shared
        .wait_for(|| (engine.stats().retired >= segments).then_some(()));
    let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(
        matches!(gone, Ok(Some(()))),
        "{segments} segments are to leave: {:?} {:?}",
        engine.stats(),
        engine.retention()
    );
}

/// Waits until the journal is within its limit.
async fn settled_down(engine: &Embedded) {
    let within = engine.shared.wait_for(|| {
        let (stats, retention) = (engine.stats(), engine.retention());
        (stats.bytes_on_disk <= retention.bytes_limit).then_some(())
    });
    tokio::time::timeout(Duration::from_secs(60), within)
        .await
        .expect("the journal comes to rest")
        .unwrap();
}

#[tokio::test]
async fn settled_events_leave_and_the_disk_stays_bounded() {
    let small = Small::new();
    let engine = small.open().await;
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    for round in 0..10 {
        produce(&engine, round * 100 + 1..=round * 100 + 100).await;
        assert_eq!(ids(&all[0], 100).await.len(), 100);
    }
    left(&engine, 10).await;
    settled_down(&engine).await;
    let (stats, retention) = (engine.stats(), engine.retention());
    assert!(stats.bytes_on_disk <= 6 * SEGMENT, "{stats:?}");
    assert_eq!(
        retention.copied_records, 0,
        "all of it was settled: {retention:?}"
    );
    let broker = engine.brokers().remove(0);
    assert!(broker.first_sequence > 700, "{broker:?}");
    assert_eq!(broker.last_sequence, 1000);
    let status = all[0].status();
    drop(all);
    engine.close().await;
    drop(engine);
    small.lose_view();
    let engine = small.open().await;
    assert_eq!(engine.warnings(), Vec::<String>::new());
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    produce(&engine, 1001..=1001).await;
    assert_eq!(
        ids(&all[0], 1).await,
        ["1001"],
        "what was settled is not delivered again"
    );
    nothing_more(&all[0]).await;
    assert_eq!(all[0].status().delivered, status.delivered + 1);
    engine.close().await;
}

#[tokio::test]
async fn what_a_trigger_has_not_got_stays_for_it_and_pins_nothing_else() {
    let small = Small::new();
    let engine = small.open().await;
    let triggers = [("fast", Filter::everything()), ("away", only("demo.odd"))];
    let all = attach_all(&engine, &triggers).await;
    produce(&engine, 1..=40).await;
    ids(&all[0], 40).await;
    drop(all);
    engine.close().await;
    drop(engine);

    // `away` is not in the configuration any more: nobody matches for it.
    let engine = small.open().await;
    let all = attach_all(&engine, &triggers[..1]).await;
    for round in 0..6 {
        produce(&engine, round * 100 + 101..=round * 100 + 200).await;
        ids(&all[0], 100).await;
    }
    left(&engine, 5).await;
    settled_down(&engine).await;
    let retention = engine.retention();
    assert!(retention.copied_records >= 20, "{retention:?}");
    drop(all);
    engine.close().await;
    drop(engine);
    small.lose_view();

    let engine = small.open().await;
    let all = attach_all(&engine, &[triggers[1].clone()]).await;
    let expected: Vec<_> = (1..=40)
        .chain(101..=700)
        .filter(|id| id % 2 == 1)
        .map(|id: u64| id.to_string())
        .collect();
    assert_eq!(ids(&all[0], expected.len()).await, expected);
    nothing_more(&all[0]).await;
    assert_eq!(all[0].status().unreadable, 0);
    engine.close().await;
}

#[tokio::test]
async fn what_the_filter_of_an_absent_trigger_does_not_want_is_not_kept() {
    let small = Small::new();
    let engine = small.open().await;
    let triggers = [("fast", Filter::everything()), ("away", only("demo.other"))];
    let mut all = attach_all(&engine, &triggers).await;
    drop(all.pop());
    for round in 0..6 {
        produce(&engine, round * 100 + 1..=round * 100 + 100).await;
        ids(&all[0], 100).await;
    }
    left(&engine, 5).await;
    assert_eq!(engine.retention().copied_records, 0);
    let away = attach_all(&engine, &[triggers[1].clone()]).await;
    nothing_more(&away[0]).await;
    engine.close().await;
}

#[tokio::test]
async fn retries_and_dead_letters_outlive_the_segments_they_were_in() {
    let small = Small::new();
    let engine = small.open().await;
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    produce(&engine, 1..=2).await;
    next(&all[0]).await.settle(retry_at(5_000, 3)).await.unwrap();
    let claim = next(&all[0]).await;
    let letter = DeadLetter {
        reason: DeadLetterReason::Refused,
        event: claim.event().clone(),
        failure: None,
        attempts: 1,
    };
    claim.settle(Settlement::DeadLettered(letter)).await.unwrap();
    for round in 0..8 {
        produce(&engine, round * 100 + 101..=round * 100 + 200).await;
        ids(&all[0], 100).await;
    }
    left(&engine, 8).await;
    drop(all);
    engine.close().await;
    drop(engine);
    small.lose_view();

    let engine = small.open().await;
    let listed = engine
        .dead_letters(&DeadLetterQuery {
            limit: 10,
            ..DeadLetterQuery::default()
        })
        .unwrap();
    assert_eq!(listed.letters.len(), 1);
    let (_, event) = engine
        .dead_letter(&listed.letters[0].id)
        .unwrap()
        .expect("its copy");
    assert_eq!(event, Some(large(2)));
    small.clock.0.store(6_000, Ordering::SeqCst);
    let all = attach_all(&engine, &[("t", Filter::everything())]).await;
    let claim = next(&all[0]).await;
    assert_eq!((claim.event().id(), claim.progress().attempts), ("1", 3));
    claim.settle(delivered()).await.unwrap();
    nothing_more(&all[0]).await;
    engine.close().await;
}

#[tokio::test]
async fn a_segment_over_age_leaves_and_one_of_copies_waits_its_time() {
    let mut small = Small::new();
    small.retain = Retain {
        age: Duration::from_secs(100),
        bytes: u64::MAX / 4,
    };
    let engine = small.open().await;
    let triggers = [("fast", Filter::everything()), ("away", Filter::everything())];
    let mut all = attach_all(&engine, &triggers).await;
    drop(all.pop());
    produce(&engine, 1..=300).await;
    ids(&all[0], 300).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(engine.stats().retired, 0, "it is young");
    small.clock.0.store(101_000, Ordering::SeqCst);
    left(&engine, 4).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let copied = engine.retention().copied_records;
    assert!(
        (200..=370).contains(&copied),
        "each is copied once, those that came into the last segment twice: {:?}",
        engine.retention()
    );
    let away = attach_all(&engine, &[triggers[1].clone()]).await;
    let expected: Vec<_> = (1..=300).map(|id: u64| id.to_string()).collect();
    assert_eq!(ids(&away[0], 300).await, expected);
    engine.close().await;
}

#[tokio::test]
async fn when_nothing_is_settled_copying_comes_to_rest() {
    let small = Small::new();
    let engine = small.open().await;
    drop(attach_all(&engine, &[("away", Filter::everything())]).await);
    produce(&engine, 1..=1200).await;
    left(&engine, 3).await;
    settled_down(&engine).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let copied = engine.retention().copied_records;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(
        engine.retention().copied_records,
        copied,
        "{:?}",
        engine.retention()
    );
    assert!(copied <= 2400, "{copied}");
    let away = attach_all(&engine, &[("away", Filter::everything())]).await;
    assert_eq!(ids(&away[0], 1200).await.len(), 1200);
    settled_down(&engine).await;
    engine.close().await;
}

/// One life on a disk that loses power in the middle, with one trigger that consumes and one that does not.
async fn live(small: &Small, life: u64, cut: u64, settled: &mut BTreeSet<String>) {
    let engine = small.open().await;
    let triggers = [("fast", Filter::everything()), ("slow", only("demo.odd"))];
    let all = attach_all(&engine, &triggers).await;
    let mut retired = 0;
    for id in life * 1000 + 1..life * 1000 + 400 {
        if engine.append(&name("b"), batch(vec![large(id)])).await.is_err() {
            break;
        }
        let claim = next(&all[0]).await;
        let claimed = claim.event().id().to_owned();
        assert!(!settled.contains(&claimed), "life {life}: {claimed} comes again");
        claim.settle(delivered()).await.unwrap();
        if id % 50 == 0 {
            engine.shared.drain_settlements().await;
            assert!(engine.snapshot().await);
            settled.insert(claimed);
            retired = engine.stats().retired;
        }
        if retired >= 2 && id % 1000 >= cut % 400 {
            break;
        }
    }
    small.disk.as_ref().unwrap().power_cut(cut);
    drop(all);
    engine.close().await;
    drop(engine);
    small.lose_view();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_while_segments_leave_lose_nothing_and_bring_nothing_back() {
    for seed in [7, 1_903, 77_077] {
        let mut small = Small::new();
        small.disk = Some(SimFs::new());
        let mut settled = BTreeSet::new();
        for life in 0..3 {
            live(&small, life, seed + life * 191, &mut settled).await;
        }
        let engine = small.open().await;
        assert_eq!(engine.warnings(), Vec::<String>::new(), "{seed}");
        let slow = attach_all(&engine, &[("slow", only("demo.odd"))]).await;
        let stored = engine.brokers()[0].last_sequence;
        let mut got = BTreeSet::new();
        while slow[0].status().backlog > 0 || !slow[0].status().is_idle() {
            let Ok(claim) = tokio::time::timeout(Duration::from_secs(2), slow[0].next()).await else {
                break;
            };
            let claim = claim.unwrap();
            got.insert(claim.stored().position.sequence);
            claim.settle(delivered()).await.unwrap();
        }
        assert_eq!(slow[0].status().unreadable, 0, "{seed}");
        assert!(
            got.len() as u64 >= stored / 2 - 3,
            "seed {seed}: {} of {stored}",
            got.len()
        );
        engine.close().await;
    }
}
