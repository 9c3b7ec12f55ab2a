//! The embedded engine on a disk that fails: power cuts, a sync error, no space.

use std::collections::BTreeMap;
use std::sync::Mutex;

use journal::sim::{Operation, SimFs};

use super::*;

/// What was promised, and what was seen, over all lives of one data directory.
#[derive(Default)]
struct Book {
    submitted: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    seen: BTreeMap<u64, u32>,
    dead_lettered: BTreeSet<u64>,
}

async fn open_on(disk: &SimFs, directory: &Path) -> Embedded {
    let options = Options {
        clock: Arc::new(ManualClock::default()),
        segment_bytes: 256 * 1024,
        file_system: Arc::new(disk.clone()),
        ..Options::new(directory)
    };
    Embedded::open(options).await.unwrap().0
}

async fn produce(engine: Embedded, first: u64, book: Arc<Mutex<Book>>) {
    for n in first..first + 200 {
        book.lock().unwrap().submitted.insert(n);
        if engine.append(&name("b"), batch(vec![event(n)])).await.is_err() {
            return;
        }
        book.lock().unwrap().acknowledged.insert(n);
    }
}

/// Settles what comes: most are delivered, some are retried, some dead-lettered, some reply. Ends with the engine.
async fn consume(subscription: Arc<dyn Subscription>, book: Arc<Mutex<Book>>) {
    while let Some(claim) = subscription.next().await {
        let n: u64 = claim.event().id().parse().unwrap();
        *book.lock().unwrap().seen.entry(n).or_default() += 1;
        let retried = claim.progress().attempts > 0;
        let settlement = match n % 10 {
            3 if !retried => retry_at(0, 1),
            5 => Settlement::DeadLettered(DeadLetter {
                reason: DeadLetterReason::Refused,
                event: claim.event().clone(),
                failure: None,
                attempts: 1,
            }),
            7 if n < 1_000_000 => {
                book.lock().unwrap().submitted.insert(n + 1_000_000);
                let reply = Reply {
                    broker: name("b"),
                    event: event(n + 1_000_000),
                    hops: 9,
                };
                Settlement::Delivered {
                    outcome: Outcome::Delivered,
                    reply: Some(reply),
                }
            }
            _ => delivered(),
        };
        let promises_reply = matches!(&settlement, Settlement::Delivered { reply: Some(_), .. });
        if claim.settle(settlement).await.is_err() {
            continue;
        }
        let mut book = book.lock().unwrap();
        if n % 10 == 5 {
            book.dead_lettered.insert(n);
        }
        if promises_reply {
            book.acknowledged.insert(n + 1_000_000);
        }
    }
}

fn listed(engine: &Embedded) -> BTreeSet<u64> {
    let query = DeadLetterQuery {
        limit: usize::MAX,
        ..DeadLetterQuery::default()
    };
    engine
        .dead_letters(&query)
        .unwrap()
        .letters
        .iter()
        .map(|entry| entry.copy.as_ref().unwrap().event_id.parse().unwrap())
        .collect()
}

/// One life that ends in a power cut in the middle of the load, or lives to the end of its work when `cut` is `None`.
async fn live(disk: &SimFs, directory: &Path, life: u64, cut: Option<u64>, book: &Arc<Mutex<Book>>) {
    let engine = open_on(disk, directory).await;
    let subscription = attach(&engine, "b", "t").await;
    let consumer = tokio::spawn(consume(Arc::clone(&subscription), Arc::clone(book)));
    let producers: Vec<_> = (0..4)
        .map(|p| tokio::spawn(produce(engine.clone(), (life * 4 + p) * 1_000, Arc::clone(book))))
        .collect();
    if let Some(seed) = cut {
        let wanted = book.lock().unwrap().acknowledged.len() + usize::try_from(seed % 500).unwrap();
        while book.lock().unwrap().acknowledged.len() < wanted && producers.iter().any(|p| !p.is_finished()) {
            tokio::task::yield_now().await;
        }
        disk.power_cut(seed);
    }
    for producer in producers {
        producer.await.unwrap();
    }
    if cut.is_none() {
        assert!(
            is_quiet(&subscription).await,
            "work was left over: {:?}",
            subscription.status()
        );
        let missing: Vec<_> = book
            .lock()
            .unwrap()
            .dead_lettered
            .difference(&listed(&engine))
            .copied()
            .collect();
        assert!(missing.is_empty(), "dead letters are gone: {missing:?}");
    }
    engine.close().await;
    consumer.await.unwrap();
    drop((subscription, engine));
    if cut.is_some() {
        std::fs::remove_dir_all(directory.join("view")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_over_power_cuts() {
    for seed in [3, 1_001, 20_482] {
        let disk = SimFs::new();
        let directory = tempfile::tempdir().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        for life in 0..3 {
            live(&disk, directory.path(), life, Some(seed + life * 131), &book).await;
        }
        live(&disk, directory.path(), 3, None, &book).await;
        let book = book.lock().unwrap();
        let seen: BTreeSet<u64> = book.seen.keys().copied().collect();
        let lost: Vec<_> = book.acknowledged.difference(&seen).collect();
        assert!(
            lost.is_empty(),
            "seed {seed}: acknowledged and never delivered: {lost:?}"
        );
        let unexpected: Vec<_> = seen.difference(&book.submitted).collect();
        assert!(
            unexpected.is_empty(),
            "seed {seed}: delivered and never submitted: {unexpected:?}"
        );
    }
}

#[tokio::test]
async fn after_a_sync_error_nothing_is_acknowledged_and_nothing_delivered() {
    let disk = SimFs::new();
    let directory = tempfile::tempdir().unwrap();
    let engine = open_on(&disk, directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    disk.fail(Operation::Sync, ".seg", 1);
    let failed = engine.append(&name("b"), batch(vec![event(2)])).await;
    assert!(matches!(failed, Err(AppendError::Failed { .. })), "{failed:?}");
    let failed = engine.append(&name("b"), batch(vec![event(3)])).await;
    assert!(
        matches!(failed, Err(AppendError::Failed { .. })),
        "the disk is not asked again: {failed:?}"
    );
    assert!(matches!(engine.health(), Health::Failed { .. }));
    let claim = next(&subscription).await;
    claim.settle(delivered()).await.unwrap();
    // The settlement cannot be stored: deliveries end instead of repeating for ever.
    let mut activity = engine.shared.activity();
    while engine.shared.halted().is_none() {
        activity.changed().await.unwrap();
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(50), subscription.next())
            .await
            .is_err()
    );
    engine.close().await;
    drop((subscription, engine));

    let engine = open_on(&disk, directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(
        ids(&subscription, 1).await,
        ["1"],
        "what was acknowledged is there"
    );
    engine.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_ingest_while_deliveries_go_on_and_takes_it_again_when_there_is_room() {
    let disk = SimFs::new();
    let directory = tempfile::tempdir().unwrap();
    let engine = open_on(&disk, directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    disk.set_quota(Some(disk.used_bytes() + 300 * 1024));
    let big = |n: u64| {
        Event::builder()
            .id(&n.to_string())
            .source("/t")
            .ty("t")
            .data(schemas::event::DataForm::Binary, vec![b'x'; 8 * 1024])
            .build()
            .unwrap()
    };
    let mut stored = 0;
    let refused = loop {
        match engine.append(&name("b"), batch(vec![big(stored)])).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1_000, "the quota is never reached");
    };
    assert_eq!(refused, AppendError::NoSpace);
    assert_eq!(engine.health(), Health::NoSpace);
    assert_eq!(
        ids(&subscription, usize::try_from(stored).unwrap()).await.len() as u64,
        stored
    );
    assert!(
        is_quiet(&subscription).await,
        "settlements are stored although the disk is full"
    );
    disk.set_quota(None);
    engine.append(&name("b"), batch(vec![big(stored)])).await.unwrap();
    assert_eq!(engine.health(), Health::Ready);
    engine.close().await;
}

#[tokio::test]
async fn when_the_reserve_is_low_too_deliveries_stop_instead_of_repeating_and_go_on_when_there_is_room() {
    let disk = SimFs::new();
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        clock: Arc::new(ManualClock::default()),
        segment_bytes: 64 * 1024,
        file_system: Arc::new(disk.clone()),
        ..Options::new(directory.path())
    };
    let (engine, _) = Embedded::open(options).await.unwrap();
    let subscription = attach(&engine, "b", "t").await;
    let mut stored = 0;
    while stored < 200 {
        engine
            .append(&name("b"), batch(vec![event(stored)]))
            .await
            .unwrap();
        stored += 1;
    }
    while engine.space().reserve_bytes < engine.space().reserve_bytes_wanted {
        tokio::task::yield_now().await;
    }
    disk.set_quota(Some(disk.used_bytes()));
    while engine
        .append(&name("b"), batch(vec![event(stored)]))
        .await
        .is_ok()
    {
        stored += 1;
    }
    assert_eq!(engine.health(), Health::NoSpace);
    // Dead letters keep a copy of their event: they use the reserve up.
    let letter = |event: &Event| {
        let data = vec![b'x'; 8 * 1024];
        Settlement::DeadLettered(DeadLetter {
            reason: DeadLetterReason::Refused,
            event: Event::builder()
                .id(event.id())
                .source("/t")
                .ty("t")
                .data(schemas::event::DataForm::Binary, data)
                .build()
                .unwrap(),
            failure: None,
            attempts: 1,
        })
    };
    let mut dead = 0;
    while engine.health() == Health::NoSpace {
        let claim = next(&subscription).await;
        let letter = letter(claim.event());
        claim.settle(letter).await.unwrap();
        dead += 1;
    }
    assert!(dead < 100, "the reserve has an end");
    assert_eq!(engine.health(), Health::ReserveLow);
    let waiting = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
    assert!(waiting.is_err(), "nothing is handed out");
    disk.set_quota(None);
    for _ in dead..stored {
        next(&subscription).await.settle(delivered()).await.unwrap();
    }
    assert!(is_quiet(&subscription).await);
    assert_eq!(
        (subscription.status().delivered, listed(&engine).len() as u64),
        (stored - dead, dead)
    );
    engine
        .append(&name("b"), batch(vec![event(stored)]))
        .await
        .unwrap();
    engine.close().await;
}

#[tokio::test]
async fn after_a_record_that_could_not_be_applied_none_is_so_that_the_view_has_no_holes() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine
        .append(&name("b"), batch(vec![event(1), event(2)]))
        .await
        .unwrap();
    next(&subscription).await.settle(delivered()).await.unwrap();
    engine.shared.halt("a record could not be applied");
    let applied = engine.shared.applied();
    let entry = StateRecord::Progress(vec![(subscription.id(), 2)]).entry();
    engine.shared.apply_record(journal::Record {
        stream: entry.stream,
        sequence: applied + 1,
        kind: entry.kind,
        head: entry.head,
        body: entry.body,
    });
    assert_eq!(engine.shared.applied(), applied);
    engine.close().await;
    drop((subscription, engine));

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let claim = next(&subscription).await;
    assert!(
        ["1", "2"].contains(&claim.event().id()),
        "what was not applied comes again"
    );
    drop(claim);
    engine.close().await;
}

#[tokio::test]
async fn a_reply_that_could_not_be_stored_leaves_its_cause_to_be_delivered_again_and_nothing_of_itself() {
    for seed in [1, 2, 3, 40, 500] {
        let disk = SimFs::new();
        let directory = tempfile::tempdir().unwrap();
        let engine = open_on(&disk, directory.path()).await;
        let subscription = attach(&engine, "b", "t").await;
        engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
        let claim = next(&subscription).await;
        disk.fail(Operation::Sync, ".seg", 1);
        let replied = Settlement::Delivered {
            outcome: Outcome::Delivered,
            reply: Some(Reply {
                broker: name("b"),
                event: event(100),
                hops: 9,
            }),
        };
        let unsettled = claim.settle(replied).await.unwrap_err();
        assert!(matches!(unsettled.error, AppendError::Failed { .. }));
        drop(unsettled);
        engine.close().await;
        drop((subscription, engine));
        disk.power_cut(seed);
        std::fs::remove_dir_all(directory.path().join("view")).unwrap();

        let engine = open_on(&disk, directory.path()).await;
        let subscription = attach(&engine, "b", "t").await;
        // What was written and not synced may be there after all: then both of it.
        let expected = match engine.brokers()[0].last_sequence {
            1 => "1",
            _ => "100",
        };
        assert_eq!(ids(&subscription, 1).await, [expected], "seed {seed}");
        assert!(is_quiet(&subscription).await);
        engine.close().await;
    }
}
