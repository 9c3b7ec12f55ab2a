//! A broker that stores each event once, as its producers see it.

use journal::sim::{Operation, SimFs};

use super::*;

const WINDOW: Duration = Duration::from_secs(600);

fn with_data(id: u64, data: &'static str) -> Event {
    Event::builder()
        .id(&id.to_string())
        .source("/test")
        .ty("demo.n")
        .data(schemas::event::DataForm::Binary, data)
        .build()
        .unwrap()
}

async fn deduping(directory: &Path, clock: &Arc<ManualClock>) -> Embedded {
    let engine = open_at(directory, Arc::clone(clock)).await;
    engine.declare(&name("b")).await.unwrap();
    engine.set_dedupe(&name("b"), Some(WINDOW));
    engine
}

/// Sequences, 0 where none is told, and how many were not stored.
async fn store(engine: &Embedded, events: Vec<Event>) -> Result<(Vec<u64>, usize), AppendError> {
    let accepted = engine.append(&name("b"), batch(events)).await?;
    let sequence = |at: Option<crate::Position>| at.map_or(0, |at| at.sequence);
    Ok((
        accepted.positions.into_iter().map(sequence).collect(),
        accepted.duplicates,
    ))
}

/// Waits until everything that is committed is applied, so that the view answers and not a reservation.
async fn settle(engine: &Embedded) {
    let is_settled = || (engine.shared.reservations.len() == 0).then_some(());
    engine.shared.wait_for(is_settled).await.unwrap();
}

fn tally(engine: &Embedded) -> (u64, u64, u64, u64) {
    let tally = engine.tallies().remove(0).1;
    assert_eq!(
        tally.received,
        tally.stored + tally.deduplicated + tally.rejected.iter().sum::<u64>(),
        "{tally:?}"
    );
    (
        tally.received,
        tally.stored,
        tally.deduplicated,
        tally.rejected.iter().sum(),
    )
}

fn is_conflict(answer: Result<(Vec<u64>, usize), AppendError>, at: usize) -> bool {
    matches!(answer, Err(AppendError::Conflict { index, .. }) if index == at)
}

#[tokio::test]
async fn the_same_event_is_stored_once_and_another_of_its_pair_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    assert_eq!(store(&engine, vec![with_data(1, "a")]).await, Ok((vec![1], 0)));
    settle(&engine).await;
    assert_eq!(store(&engine, vec![with_data(1, "a")]).await, Ok((vec![0], 1)));
    assert!(is_conflict(store(&engine, vec![with_data(1, "b")]).await, 0));
    assert_eq!(store(&engine, vec![with_data(2, "a")]).await, Ok((vec![2], 0)));
    assert_eq!(tally(&engine), (4, 2, 1, 1));
    engine.close().await;
}

#[tokio::test]
async fn the_window_survives_a_restart_and_the_loss_of_the_view_and_ends_on_time() {
    for loses_view in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::<ManualClock>::default();
        let engine = deduping(directory.path(), &clock).await;
        store(&engine, vec![event(1)]).await.unwrap();
        engine.close().await;
        drop(engine);
        if loses_view {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }
        clock.0.store(599_999, Ordering::SeqCst);
        let engine = deduping(directory.path(), &clock).await;
        assert_eq!(
            store(&engine, vec![event(1)]).await,
            Ok((vec![0], 1)),
            "view lost: {loses_view}"
        );
        assert!(is_conflict(store(&engine, vec![with_data(1, "x")]).await, 0));
        clock.0.store(600_000, Ordering::SeqCst);
        assert_eq!(store(&engine, vec![with_data(1, "x")]).await, Ok((vec![2], 0)));
        settle(&engine).await;
        engine.shared.forget_pairs().unwrap();
        assert_eq!(
            store(&engine, vec![with_data(1, "x")]).await,
            Ok((vec![0], 1)),
            "forgetting the first leaves the second, which has the same pair"
        );
        clock.0.store(1_200_000, Ordering::SeqCst);
        engine.shared.forget_pairs().unwrap();
        let left = engine.shared.view().forget_pairs(Timestamp(u64::MAX), 9).unwrap();
        assert_eq!(left, 0, "nothing is kept past its window");
        engine.close().await;
    }
}

#[tokio::test]
async fn of_a_batch_what_is_new_is_stored_and_a_conflict_refuses_all_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    store(&engine, vec![event(1)]).await.unwrap();
    settle(&engine).await;
    let mixed = vec![event(2), event(1), event(3), event(2)];
    assert_eq!(store(&engine, mixed).await, Ok((vec![2, 0, 3, 2], 2)));
    let conflicting = vec![event(4), event(5), with_data(3, "x")];
    assert!(is_conflict(store(&engine, conflicting).await, 2));
    let with_itself = vec![event(4), with_data(4, "x")];
    assert!(is_conflict(store(&engine, with_itself).await, 1));
    assert_eq!(
        store(&engine, vec![event(4), event(5)]).await,
        Ok((vec![4, 5], 0))
    );
    assert_eq!(tally(&engine), (12, 5, 2, 5));
    engine.close().await;
}

#[tokio::test]
async fn a_batch_of_duplicates_still_saves_where_its_source_stands() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    store(&engine, vec![event(1)]).await.unwrap();
    let again = Batch {
        source_state: Some(SourceState {
            key: "ping/default/p".into(),
            state: b"tick 8".to_vec(),
        }),
        ..batch(vec![event(1)])
    };
    assert_eq!(engine.append(&name("b"), again).await.unwrap().duplicates, 1);
    engine.close().await;
    drop(engine);
    let engine = deduping(directory.path(), &Arc::default()).await;
    assert_eq!(
        engine.source_state("ping/default/p").as_deref(),
        Some(b"tick 8".as_slice())
    );
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_stored_and_all_get_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    for round in 0..50 {
        let tasks: Vec<_> = (0..8_u64)
            .map(|n| {
                let engine = engine.clone();
                // Batches that overlap in both orders: none may wait for the other for ever.
                let (a, b) = (event(2 * round), event(2 * round + 1));
                let events = if n.is_multiple_of(2) {
                    vec![a, b]
                } else {
                    vec![b, a]
                };
                tokio::spawn(async move { store(&engine, events).await.unwrap() })
            })
            .collect();
        let mut stored = 0;
        for task in tasks {
            let (sequences, duplicates) = tokio::time::timeout(Duration::from_secs(30), task)
                .await
                .unwrap()
                .unwrap();
            stored += sequences.len() - duplicates;
            assert!(
                sequences
                    .iter()
                    .all(|at| *at == 0 || (2 * round + 1..=2 * round + 2).contains(at))
            );
        }
        assert_eq!(stored, 2, "round {round}");
    }
    assert_eq!(engine.brokers()[0].last_sequence, 100);
    assert_eq!(tally(&engine), (800, 100, 700, 0));
    settle(&engine).await;
    engine.close().await;
}

#[tokio::test]
async fn who_waited_for_one_that_failed_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    let too_large: &'static str = "x".repeat(5 * 1024 * 1024).leak();
    // Both have event 1; the first can never be stored for the other event in it.
    let first = store(&engine, vec![event(1), with_data(2, too_large)]);
    let second = store(&engine, vec![event(1)]);
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(AppendError::TooLarge { .. })), "{first:?}");
    assert_eq!(second, Ok((vec![1], 0)));
    assert_eq!(tally(&engine), (3, 1, 0, 2));
    engine.close().await;
}

#[test]
fn who_goes_away_before_the_disk_is_asked_leaves_the_pair_free() {
    let directory = tempfile::tempdir().unwrap();
    // With its one thread for blocking work taken, the view cannot be asked.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = deduping(directory.path(), &Arc::default()).await;
        let (go_on, told) = std::sync::mpsc::channel::<()>();
        let taken = tokio::task::spawn_blocking(move || told.recv());
        {
            let mut gone = std::pin::pin!(store(&engine, vec![event(1)]));
            assert!(futures_util::poll!(&mut gone).is_pending());
            assert_eq!(engine.shared.reservations.len(), 1);
        }
        assert_eq!(engine.shared.reservations.len(), 0);
        go_on.send(()).unwrap();
        taken.await.unwrap().unwrap();
        assert_eq!(store(&engine, vec![event(1)]).await, Ok((vec![1], 0)));
        assert_eq!(tally(&engine), (2, 1, 0, 1));
        engine.close().await;
    });
}

#[tokio::test]
async fn a_reply_is_stored_once_with_the_settlement_of_each_cause() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    let subscription = attach(&engine, "b", "t").await;
    store(&engine, vec![event(1), event(2), event(3)]).await.unwrap();
    let replied = |event: Event| Settlement::Delivered {
        outcome: Outcome::Delivered,
        reply: Some(Reply {
            broker: name("b"),
            event,
            hops: 9,
        }),
    };
    for _ in 0..2 {
        next(&subscription)
            .await
            .settle(replied(event(100)))
            .await
            .unwrap();
    }
    let unsettled = next(&subscription)
        .await
        .settle(replied(with_data(100, "x")))
        .await
        .unwrap_err();
    assert!(matches!(unsettled.error, AppendError::Conflict { .. }));
    unsettled.claim.settle(delivered()).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["100"]);
    assert!(is_quiet(&subscription).await);
    assert_eq!(engine.brokers()[0].last_sequence, 4);
    assert_eq!(tally(&engine), (6, 4, 1, 1));
    engine.close().await;
}

#[tokio::test]
async fn a_pair_is_known_after_a_power_cut_when_its_event_is_there_and_only_then() {
    for seed in [1, 7, 90, 1_234] {
        let disk = SimFs::new();
        let directory = tempfile::tempdir().unwrap();
        let open = async || {
            let options = Options {
                clock: Arc::new(ManualClock::default()),
                file_system: Arc::new(disk.clone()),
                segment_bytes: 256 * 1024,
                ..Options::new(directory.path())
            };
            let engine = Embedded::open(options).await.unwrap().0;
            if engine.declare(&name("b")).await.is_ok() {
                engine.set_dedupe(&name("b"), Some(WINDOW));
            }
            engine
        };
        let engine = open().await;
        let mut acknowledged = 0;
        for n in 0..40 {
            if n == 20 + seed % 17 {
                disk.power_cut(seed);
            }
            match store(&engine, vec![event(n)]).await {
                Ok(_) => acknowledged = n + 1,
                Err(_) => break,
            }
        }
        engine.close().await;
        drop(engine);
        std::fs::remove_dir_all(directory.path().join("view")).unwrap();

        let engine = open().await;
        let there = engine.brokers()[0].last_sequence;
        assert!(there >= acknowledged, "seed {seed}");
        for n in 0..40 {
            let (_, duplicates) = store(&engine, vec![event(n)]).await.unwrap();
            assert_eq!(duplicates == 1, n < there, "seed {seed}, event {n} of {there}");
        }
        assert_eq!(engine.brokers()[0].last_sequence, 40);
        engine.close().await;
    }
}

#[tokio::test]
async fn when_the_commit_fails_nobody_is_told_that_the_event_is_stored() {
    let disk = SimFs::new();
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        file_system: Arc::new(disk.clone()),
        ..Options::new(directory.path())
    };
    let engine = Embedded::open(options).await.unwrap().0;
    engine.declare(&name("b")).await.unwrap();
    engine.set_dedupe(&name("b"), Some(WINDOW));
    disk.fail(Operation::Sync, ".seg", 1);
    let (first, second) = tokio::join!(store(&engine, vec![event(1)]), store(&engine, vec![event(1)]));
    for answer in [first, second] {
        assert!(matches!(answer, Err(AppendError::Failed { .. })), "{answer:?}");
    }
    assert_eq!(engine.shared.reservations.len(), 0);
    assert_eq!(tally(&engine), (2, 0, 0, 2));
    engine.close().await;
}

#[tokio::test]
async fn without_a_window_an_event_is_stored_as_often_as_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let engine = deduping(directory.path(), &Arc::default()).await;
    engine.set_dedupe(&name("b"), None);
    for sequence in 1..=3 {
        assert_eq!(store(&engine, vec![event(1)]).await, Ok((vec![sequence], 0)));
    }
    engine.close().await;
}
