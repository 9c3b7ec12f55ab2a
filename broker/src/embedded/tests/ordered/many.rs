//! Many blocked keys: what waits behind them waits on disk, and memory does not follow their number. For a million, with
//! the memory they take held to its bound:
//! `HEDDLE_RETRIES=1000000 cargo test -p heddle-broker many_blocked_keys -- --nocapture`

use std::time::Instant;

use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::super::many::{asked_for_or, report, resident_bytes};
use super::*;

/// In an ordinary run, where other tests share the process and its memory cannot be told apart.
const KEYS: u64 = 600;
/// When what failed is due again.
const AGAIN: u64 = 1_000_000;
/// Events that a consumer has in its hands at a time.
const IN_HAND: usize = 500;

fn count() -> u64 {
    asked_for_or(KEYS)
}

fn key(n: u64) -> String {
    format!("key-{n}")
}

/// Stores an event of each key, by ids from one on, and keeps the subscriber at work meanwhile: `take` is called for each
/// part that is stored.
async fn store_one_of_each(engine: &Embedded, first_id: u64, mut take: impl AsyncFnMut(u64)) {
    for first in (0..count()).step_by(IN_HAND) {
        let some = first..count().min(first + IN_HAND as u64);
        let stored = some.end - some.start;
        let events = some.map(|n| keyed(first_id + n, &key(n))).collect();
        engine.append(&name("b"), batch(events)).await.unwrap();
        take(stored).await;
    }
}

/// Claims so many, which come each of another key, and has them all tried again later.
async fn block(subscription: &Arc<dyn Subscription>, claims: u64) {
    let mut settling = Vec::new();
    for _ in 0..claims {
        let claim = next(subscription).await;
        settling.push(claim.settle(retry_at(AGAIN, 1)));
    }
    for settled in join_all(settling).await {
        settled.unwrap();
    }
}

#[tokio::test]
async fn many_blocked_keys_and_what_waits_behind_them_take_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach_ordered(&engine).await;
    let (before, started) = (resident_bytes(), Instant::now());
    store_one_of_each(&engine, 1, async |stored| block(&subscription, stored).await).await;
    until(&engine, |status| status.waiting_retry == count()).await;
    report("to block the keys", started, before);

    let started = Instant::now();
    let mut behind = 0;
    store_one_of_each(&engine, 1 + count(), async |stored| {
        behind += stored;
        let all_leave = until(&engine, |status| status.behind == behind);
        tokio::select! {
            claim = subscription.next() => panic!("it overtakes the one before it of its key: {claim:?}"),
            () = all_leave => {}
        }
    })
    .await;
    report("what comes behind them", started, before);
    drop(subscription);
    engine.close().await;
    drop(engine);

    for is_view_lost in [false, true] {
        if is_view_lost {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }
        let started = Instant::now();
        let engine = open_at(directory.path(), Arc::clone(&clock)).await;
        let subscription = attach_ordered(&engine).await;
        report(&format!("a start, view lost: {is_view_lost}"), started, before);
        let status = subscription.status();
        assert_eq!((status.waiting_retry, status.behind), (count(), count()));
        nothing_comes(&engine, &subscription).await;
        drop(subscription);
        engine.close().await;
    }

    clock.0.store(AGAIN, Ordering::SeqCst);
    let engine = open_at(directory.path(), clock).await;
    let subscription = attach_ordered(&engine).await;
    let (started, mut settling) = (Instant::now(), JoinSet::new());
    let mut came = BTreeSet::new();
    for _ in 0..2 * count() {
        let claim = next(&subscription).await;
        let id: u64 = claim.event().id().parse().unwrap();
        let is_first = id <= count();
        assert!(is_first || came.contains(&(id - count())), "{id} overtakes");
        assert!(came.insert(id), "{id} comes twice");
        settling.spawn(claim.settle(delivered()));
        if settling.len() > IN_HAND {
            settling.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(settled) = settling.join_next().await {
        settled.unwrap().unwrap();
    }
    assert!(is_quiet(&subscription).await);
    println!("all of them: {:?}", started.elapsed());
    engine.close().await;
}
