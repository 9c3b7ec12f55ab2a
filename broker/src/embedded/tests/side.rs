//! Replays and redrives beside a trigger: what they select, that they leave the trigger alone, and that they end.

use super::*;
use crate::embedded::records::STATE;
use crate::{AppendError, Pause, PausedBy, SideEnd, SideInfo, SideKind};

fn replay(from: Start, to: Start) -> Replay {
    Replay {
        of: name("t"),
        from,
        to,
        rate: None,
    }
}

/// An engine with `count` events that the trigger has had.
async fn with_delivered(directory: &Path, count: u64) -> (Embedded, Arc<dyn Subscription>) {
    let engine = open(directory).await;
    let subscription = attach(&engine, "b", "t").await;
    let events = batch((1..=count).map(event).collect());
    engine.append(&name("b"), events).await.unwrap();
    ids(&subscription, usize::try_from(count).unwrap()).await;
    assert!(is_quiet(&subscription).await);
    (engine, subscription)
}

fn attach_side(engine: &Embedded, info: &SideInfo) -> Arc<dyn Subscription> {
    engine.attach_side(info.id).expect("it runs")
}

/// Delivers everything until the side subscription ends by itself.
async fn run(side: &Arc<dyn Subscription>) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(claim) = side.next().await {
        ids.push(claim.event().id().to_string());
        claim.settle(delivered()).await.unwrap();
    }
    ids
}

fn only(engine: &Embedded) -> SideInfo {
    let mut all = engine.replays();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test]
async fn a_replay_delivers_exactly_what_was_selected_and_leaves_the_trigger_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 10).await;
    let before = subscription.status();
    let started = engine
        .replay(&replay(Start::Position(3), Start::Position(6)))
        .await
        .unwrap();
    assert_eq!((started.from, started.until, started.ended), (3, 6, None));
    assert_eq!(engine.sides().borrow().len(), 1);
    let side = attach_side(&engine, &started);
    assert_eq!(run(&side).await, ["3", "4", "5", "6"]);
    let after = subscription.status();
    assert_eq!(
        (after.delivered, after.cursor, after.replayed),
        (before.delivered, before.cursor, 4)
    );
    assert!(after.is_idle());
    let ended = only(&engine);
    assert_eq!(ended.ended.map(|(how, _)| how), Some(SideEnd::Finished));
    assert_eq!(ended.status.delivered, 4);
    assert!(engine.sides().borrow().is_empty());
    assert!(
        engine.attach_side(started.id).is_none(),
        "what has ended cannot be run"
    );
    engine.append(&name("b"), batch(vec![event(11)])).await.unwrap();
    assert_eq!(
        ids(&subscription, 1).await,
        ["11"],
        "the trigger goes on where it was"
    );
    engine.close().await;
}

#[tokio::test]
async fn only_what_matches_the_present_filter_is_replayed_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 10).await;
    drop(subscription);
    let spec = SubscriptionSpec {
        name: name("t"),
        broker: name("b"),
        start: Start::Latest,
        filter: Filter::Exact("id".into(), "7".into()),
        order: Order::Unordered,
    };
    let _subscription = engine.subscribe(spec).await.unwrap();
    let all = replay(Start::Earliest, Start::Latest);
    let selected = engine.select(&all).await.unwrap();
    assert_eq!((selected.from, selected.until, selected.matched), (1, 10, 1));
    let side = attach_side(&engine, &engine.replay(&all).await.unwrap());
    assert_eq!(run(&side).await, ["7"]);
    engine.close().await;
}

#[tokio::test]
async fn a_replay_goes_on_after_a_restart_and_without_the_view() {
    for without_view in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let (engine, subscription) = with_delivered(directory.path(), 6).await;
        let started = engine
            .replay(&replay(Start::Earliest, Start::Latest))
            .await
            .unwrap();
        let side = attach_side(&engine, &started);
        assert_eq!(ids(&side, 2).await, ["1", "2"]);
        next(&side).await.settle(retry_at(0, 1)).await.unwrap();
        drop((side, subscription));
        engine.close().await;
        drop(engine);
        if without_view {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }

        let engine = open(directory.path()).await;
        let subscription = attach(&engine, "b", "t").await;
        let info = only(&engine);
        assert_eq!(
            (info.id, info.status.delivered, info.status.waiting_retry),
            (started.id, 2, 1)
        );
        let side = attach_side(&engine, &info);
        let mut rest = run(&side).await;
        rest.sort();
        assert_eq!(rest, ["3", "4", "5", "6"], "without view: {without_view}");
        assert_eq!(subscription.status().replayed, 6);
        engine.close().await;
        drop((side, subscription, engine));

        let engine = open(directory.path()).await;
        assert_eq!(only(&engine).ended.map(|(how, _)| how), Some(SideEnd::Finished));
        engine.close().await;
    }
}

#[tokio::test]
async fn a_cancelled_replay_hands_out_nothing_more_and_takes_its_retries_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _subscription) = with_delivered(directory.path(), 5).await;
    let started = engine
        .replay(&replay(Start::Earliest, Start::Latest))
        .await
        .unwrap();
    let side = attach_side(&engine, &started);
    next(&side).await.settle(retry_at(0, 1)).await.unwrap();
    let open_claim = next(&side).await;
    let cancelled = engine.cancel(started.id).await.unwrap().expect("it is known");
    assert_eq!(cancelled.ended.map(|(how, _)| how), Some(SideEnd::Cancelled));
    open_claim.settle(delivered()).await.unwrap();
    assert!(side.next().await.is_none());
    let again = engine.cancel(started.id).await.unwrap();
    assert_eq!(
        again.map(|info| info.ended),
        Some(cancelled.ended),
        "a second time changes nothing"
    );
    assert_eq!(engine.shared.view().waiting(started.id.subscription).total(), 0);
    engine.close().await;
}

#[tokio::test]
async fn an_id_is_never_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 1).await;
    let all = replay(Start::Earliest, Start::Latest);
    let first = engine.replay(&all).await.unwrap();
    engine.cancel(first.id).await.unwrap();
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    let engine = open(directory.path()).await;
    let _subscription = attach(&engine, "b", "t").await;
    let second = engine.replay(&all).await.unwrap();
    assert!(
        second.id.subscription > first.id.subscription,
        "{second:?} {first:?}"
    );
    engine.close().await;
}

#[tokio::test]
async fn a_pause_of_the_trigger_holds_its_replay() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 2).await;
    let side = attach_side(
        &engine,
        &engine
            .replay(&replay(Start::Earliest, Start::Latest))
            .await
            .unwrap(),
    );
    let pause = Pause {
        by: PausedBy::Gone,
        reason: "410".into(),
        at: Timestamp(1),
    };
    subscription.pause(pause).await.unwrap();
    let mut claim = side.next();
    assert!(futures_util::poll!(&mut claim).is_pending());
    drop(claim);
    engine.resume(&name("t")).await.unwrap();
    assert_eq!(run(&side).await, ["1", "2"]);
    engine.close().await;
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 5).await;
    let refused = async |from, to| engine.replay(&replay(from, to)).await.unwrap_err();
    assert_eq!(
        refused(Start::Position(4), Start::Position(9)).await,
        PositionError::BeyondEnd { asked: 9, last: 5 }
    );
    assert_eq!(
        refused(Start::Position(4), Start::Position(2)).await,
        PositionError::Empty { from: 4, until: 2 }
    );
    drop(subscription);
    assert_eq!(
        refused(Start::Earliest, Start::Latest).await,
        PositionError::NotRunning { name: name("t") }
    );
    assert_eq!(engine.replays(), []);
    engine.close().await;
}

#[tokio::test]
async fn a_time_selects_by_the_time_of_acceptance_both_ends_included() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let _subscription = attach(&engine, "b", "t").await;
    for n in 1..=6 {
        clock.0.store(n / 2 * 100, Ordering::SeqCst);
        engine.append(&name("b"), batch(vec![event(n)])).await.unwrap();
    }
    // Accepted at 0, 100, 100, 200, 200, 300.
    for (from, to, expected) in [
        (0, 300, (1, 6)),
        (1, 100, (2, 3)),
        (100, 299, (2, 5)),
        (200, 200, (4, 5)),
    ] {
        let selected = engine
            .select(&replay(Start::At(Timestamp(from)), Start::At(Timestamp(to))))
            .await
            .unwrap();
        assert_eq!((selected.from, selected.until), expected, "{from} to {to}");
        assert_eq!(selected.matched, expected.1 - expected.0 + 1);
    }
    let none = engine
        .select(&replay(Start::At(Timestamp(301)), Start::Latest))
        .await;
    assert_eq!(none, Err(PositionError::Empty { from: 7, until: 6 }));
    engine.close().await;
}

#[tokio::test]
async fn a_dead_letter_of_a_replay_is_its_triggers_and_says_which_replay() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 1).await;
    let started = engine
        .replay(&replay(Start::Earliest, Start::Latest))
        .await
        .unwrap();
    let side = attach_side(&engine, &started);
    let letter = DeadLetter {
        reason: DeadLetterReason::Refused,
        event: event(1),
        failure: None,
        attempts: 1,
    };
    next(&side)
        .await
        .settle(Settlement::DeadLettered(letter))
        .await
        .unwrap();
    assert!(side.next().await.is_none());
    let query = DeadLetterQuery {
        filter: DeadLetterFilter {
            trigger: Some(name("t")),
            ..DeadLetterFilter::default()
        },
        limit: 10,
        before: None,
    };
    let letters = engine.dead_letters(&query).unwrap().letters;
    assert_eq!(letters.len(), 1);
    let copy = letters[0].copy.as_ref().unwrap();
    assert_eq!(copy.replay, Some(started.id.to_string()));
    assert_eq!(letters[0].sequence, 1);
    assert_eq!(subscription.status().dead_lettered, 0, "it is the replay's count");
    assert_eq!(only(&engine).status.dead_lettered, 1);
    engine.close().await;
}

fn letters(ids: impl IntoIterator<Item = u64>) -> Vec<Redriven> {
    let letter = |id| Redriven {
        event: event(id),
        hops: HOPS_MAX,
    };
    ids.into_iter().map(letter).collect()
}

#[tokio::test]
async fn a_redrive_delivers_its_letters_and_takes_more_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, subscription) = with_delivered(directory.path(), 1).await;
    let first = engine
        .redrive(&name("t"), &letters(100..103), None, [])
        .await
        .unwrap();
    assert_eq!(first.id.kind, SideKind::Redrive);
    let second = engine
        .redrive(&name("t"), &letters(103..105), None, [])
        .await
        .unwrap();
    assert_eq!((second.id, second.from, second.until), (first.id, 1, 5));
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let side = attach_side(&engine, &only(&engine));
    assert_eq!(run(&side).await, ["100", "101", "102", "103", "104"]);
    assert_eq!(subscription.status().redriven, 5);
    let third = engine.redrive(&name("t"), &letters([9]), None, []).await.unwrap();
    assert_ne!(third.id, first.id, "the first has ended");
    assert_eq!(run(&attach_side(&engine, &third)).await, ["9"]);
    engine.declare(&name("other")).await.unwrap();
    let streams = engine.shared.streams.all();
    let redriven = engine
        .shared
        .subscription_named(&name("t"))
        .unwrap()
        .redrive_stream();
    assert!(
        streams.iter().all(|broker| Some(broker.events) != redriven),
        "a stream has one use"
    );
    engine.close().await;
}

#[tokio::test]
async fn what_goes_with_a_redrive_is_stored_with_it_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _subscription) = with_delivered(directory.path(), 1).await;
    let extra = |n| {
        let state = SourceState {
            key: "said".into(),
            state: vec![n],
        };
        [StateRecord::SourceState(state).entry()]
    };
    engine
        .redrive(&name("t"), &letters([7]), None, extra(1))
        .await
        .unwrap();
    assert_eq!(engine.source_state("said"), Some(vec![1]));
    let last = engine.shared.last(STATE.0);
    let unknown = engine
        .redrive(&name("nobody"), &letters([7]), None, extra(2))
        .await;
    assert_eq!(
        unknown.unwrap_err(),
        PositionError::Unknown { name: name("nobody") }
    );
    let large = Event::builder()
        .id("x")
        .source("/test")
        .ty("t")
        .data(schemas::event::DataForm::Binary, vec![0; 5 << 20])
        .build()
        .unwrap();
    let large = Redriven {
        event: large,
        hops: 1,
    };
    let refused = engine.redrive(&name("t"), &[large], None, extra(3)).await;
    assert!(
        matches!(refused, Err(PositionError::Storage(AppendError::TooLarge { .. }))),
        "{refused:?}"
    );
    assert_eq!(engine.source_state("said"), Some(vec![1]));
    assert_eq!(engine.shared.last(STATE.0), last);
    engine.close().await;
}
