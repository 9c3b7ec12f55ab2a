//! A replay or a redrive of an ordered trigger keeps the order by key among its own events.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;
use crate::{SchemaGate, SideInfo};

const KEYS: [&str; 3] = ["", "a", "b"];

fn everything() -> Replay {
    Replay {
        of: name("t"),
        from: Start::Earliest,
        to: Start::Latest,
        rate: None,
    }
}

/// An engine whose ordered trigger has had these events.
async fn with_delivered(
    directory: &Path,
    clock: &Arc<ManualClock>,
    events: &[(u64, &str)],
) -> (Embedded, Arc<dyn Subscription>) {
    let engine = open_at(directory, Arc::clone(clock)).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, events).await;
    ids(&subscription, events.len()).await;
    assert!(is_quiet(&subscription).await);
    (engine, subscription)
}

fn attach_side(engine: &Embedded, info: &SideInfo) -> Arc<dyn Subscription> {
    engine.attach_side(info.id).expect("it runs")
}

async fn ended(engine: &Embedded, side: &Arc<dyn Subscription>) {
    let end = tokio::time::timeout(Duration::from_secs(30), side.next()).await;
    assert!(matches!(end, Ok(None)), "it is through: {end:?}");
    assert!(engine.replays().iter().all(|info| info.ended.is_some()));
}

#[tokio::test]
async fn a_replay_of_an_ordered_trigger_has_one_event_of_a_key_out_at_a_time_and_what_fails_holds_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let events = [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "b")];
    let (engine, subscription) = with_delivered(directory.path(), &clock, &events).await;
    let started = engine.replay(&everything()).await.unwrap();
    let side = attach_side(&engine, &started);
    let first = next(&side).await;
    assert_eq!(first.event().id(), "1");
    assert_eq!(ids(&side, 2).await, ["2", "5"]);
    nothing_comes(&engine, &side).await;
    first.settle(retry_at(5_000, 1)).await.unwrap();
    nothing_comes(&engine, &side).await;
    drop((side, subscription));
    engine.close().await;
    drop(engine);

    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let _subscription = attach_ordered(&engine).await;
    let side = attach_side(&engine, &started);
    nothing_comes(&engine, &side).await;
    clock.0.store(6_000, Ordering::SeqCst);
    drop(side);
    let side = attach_side(&engine, &started);
    assert_eq!(ids(&side, 3).await, ["1", "3", "4"]);
    ended(&engine, &side).await;
    engine.close().await;
}

#[tokio::test]
async fn a_redrive_of_an_ordered_trigger_goes_by_key_in_the_order_in_which_the_events_were_stored() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach_ordered(&engine).await;
    store(&engine, &[(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")]).await;
    for _ in 0..5 {
        let claim = next(&subscription).await;
        let letter = DeadLetter {
            reason: DeadLetterReason::Refused,
            event: claim.event().clone(),
            failure: None,
            attempts: 1,
        };
        claim.settle(Settlement::DeadLettered(letter)).await.unwrap();
    }
    assert!(is_quiet(&subscription).await);
    let all = DeadLetterFilter::default();
    let redrove = engine
        .redrive_dead_letters(&all, None, &SchemaGate::default())
        .await;
    assert_eq!(redrove.unwrap().letters, 5);
    let info = engine.replays().remove(0);
    let side = attach_side(&engine, &info);
    let (first, second) = (next(&side).await, next(&side).await);
    assert_eq!((first.event().id(), second.event().id()), ("1", "2"));
    nothing_comes(&engine, &side).await;
    second.settle(delivered()).await.unwrap();
    assert_eq!(ids(&side, 1).await, ["4"]);
    first.settle(delivered()).await.unwrap();
    assert_eq!(ids(&side, 2).await, ["3", "5"]);
    ended(&engine, &side).await;
    engine.close().await;
}

/// What a consumer of a replay saw of one key.
#[derive(Default)]
struct OfKey {
    out: bool,
    /// The last that was settled for good, and the last that ever was out.
    settled: u64,
    newest: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_a_replay_each_key_comes_in_order_and_all_of_it_comes() {
    for seed in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut random = Rng::with_seed(seed);
        let events: Vec<_> = (1..=60)
            .map(|id| (id, KEYS[random.usize(..KEYS.len())]))
            .collect();
        let (mut engine, mut subscription) = with_delivered(directory.path(), &clock, &events).await;
        let started = engine.replay(&everything()).await.unwrap();
        let mut side = attach_side(&engine, &started);
        let mut keys: BTreeMap<String, OfKey> = BTreeMap::new();
        let mut out: Vec<Claim> = Vec::new();
        let mut delivered_ids = BTreeSet::new();
        loop {
            match random.u32(..12) {
                0..6 => {
                    let wait = Duration::from_millis(if out.is_empty() { 100 } else { 5 });
                    match tokio::time::timeout(wait, side.next()).await {
                        Ok(None) => break,
                        Ok(Some(claim)) => {
                            let key = key_of(claim.event());
                            let id: u64 = claim.event().id().parse().unwrap();
                            let seen = keys.entry(key).or_default();
                            assert!(!seen.out, "seed {seed}: two of a key are out");
                            assert!(
                                id >= seen.newest && id > seen.settled,
                                "seed {seed}: {id} comes late"
                            );
                            let before = events
                                .iter()
                                .filter(|(other, of)| *other < id && *of == key_of(claim.event()));
                            assert!(
                                before.clone().all(|(other, _)| delivered_ids.contains(other)),
                                "seed {seed}: {id} overtakes"
                            );
                            (seen.out, seen.newest) = (true, id);
                            out.push(claim);
                        }
                        Err(_) => clock.0.store(clock.now().0 + 1_000, Ordering::SeqCst),
                    }
                }
                6..10 if !out.is_empty() => {
                    let claim = out.swap_remove(random.usize(..out.len()));
                    let id: u64 = claim.event().id().parse().unwrap();
                    let seen = keys.entry(key_of(claim.event())).or_default();
                    seen.out = false;
                    if random.u32(..3) == 0 {
                        let attempts = claim.progress().attempts + 1;
                        let at = clock.now().0 + random.u64(..2_000);
                        claim.settle(retry_at(at, attempts)).await.unwrap();
                    } else {
                        delivered_ids.insert(id);
                        seen.settled = id;
                        claim.settle(delivered()).await.unwrap();
                    }
                }
                10 if !out.is_empty() => {
                    let claim = out.swap_remove(random.usize(..out.len()));
                    keys.entry(key_of(claim.event())).or_default().out = false;
                }
                11 if random.u32(..4) == 0 => {
                    out.clear();
                    keys.values_mut().for_each(|seen| seen.out = false);
                    drop((side, subscription));
                    engine.close().await;
                    drop(engine);
                    if random.bool() {
                        std::fs::remove_dir_all(directory.path().join("view")).unwrap();
                    }
                    engine = open_at(directory.path(), Arc::clone(&clock)).await;
                    subscription = attach_ordered(&engine).await;
                    match engine.attach_side(started.id) {
                        Some(again) => side = again,
                        None => break,
                    }
                }
                _ => clock.0.store(clock.now().0 + random.u64(..500), Ordering::SeqCst),
            }
        }
        assert_eq!(delivered_ids, (1..=60).collect(), "seed {seed}");
        engine.close().await;
    }
}

fn key_of(event: &Event) -> String {
    event
        .attribute("partitionkey")
        .map_or_else(String::new, |key| key.value.to_owned())
}
