//! Many retries: what they cost. For a million of them, with the memory they take held to its bound:
//! `HEDDLE_RETRIES=1000000 cargo test -p heddle-broker many_retries -- --nocapture`

use std::time::Instant;

use super::*;
use crate::embedded::records::{Fate, Item};
use crate::limits::SETTLEMENTS_PER_FRAME_MAX;

/// In an ordinary run, where other tests share the process and its memory cannot be told apart.
const RETRIES: u64 = 10_000;
/// sled's page cache three times (see there), the state that may wait to be applied, what a start reads at once, and what the
/// system's allocator does not give back: some 150 MiB however many there are. And sled's table of pages, some hundred
/// bytes for each retry.
const GROWTH_BYTES_MAX: u64 = 256 << 20;

fn asked_for() -> Option<u64> {
    let count = std::env::var("HEDDLE_RETRIES").ok()?;
    Some(count.parse().expect("a number of retries"))
}

pub(super) fn asked_for_or(usual: u64) -> u64 {
    asked_for().unwrap_or(usual)
}

fn count() -> u64 {
    asked_for_or(RETRIES)
}

pub(super) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

pub(super) fn report(what: &str, started: Instant, before: u64) {
    let grown = resident_bytes().saturating_sub(before);
    println!(
        "{what}: {:?}, memory grown by {} MiB",
        started.elapsed(),
        grown >> 20
    );
    assert!(
        asked_for().is_none() || grown <= GROWTH_BYTES_MAX,
        "{what} took {grown} bytes"
    );
}

async fn schedule(engine: &Embedded, id: SubscriptionId) {
    let sequences: Vec<u64> = (1..=count()).collect();
    for chunk in sequences.chunks(SETTLEMENTS_PER_FRAME_MAX) {
        let retry = |sequence: &u64| Item {
            subscription: id,
            sequence: *sequence,
            covers: 0,
            fate: Fate::Retry {
                // Not in the order of their time.
                at: Timestamp(1_000_000 + sequence * 7_919 % count()),
                progress: Box::new(Progress {
                    attempts: 3,
                    ..Progress::default()
                }),
            },
        };
        let record = StateRecord::Settlements(chunk.iter().map(retry).collect());
        let submitted = engine.shared.submit(Purpose::Upkeep, [record.entry()], ());
        submitted.durable().await.unwrap();
        // As deliveries do.
        let room = || engine.shared.may_hand_out().then_some(());
        engine.shared.wait_for(room).await.unwrap();
    }
    let last = engine.shared.last(0);
    let applied = || (engine.shared.applied() >= last).then_some(());
    engine.shared.wait_for(applied).await.unwrap();
}

#[tokio::test]
async fn many_retries_take_bounded_memory_and_a_start_walks_none_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let id = attach(&engine, "b", "t").await.id();
    let (before, started) = (resident_bytes(), Instant::now());
    schedule(&engine, id).await;
    report("to schedule them", started, before);
    let started = Instant::now();
    assert!(engine.snapshot().await);
    report("a snapshot of them", started, before);
    engine.close().await;
    drop(engine);

    for is_view_lost in [false, true] {
        if is_view_lost {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }
        let started = Instant::now();
        let engine = open(directory.path()).await;
        report(&format!("a start, view lost: {is_view_lost}"), started, before);
        let subscription = attach(&engine, "b", "t").await;
        assert_eq!(subscription.status().waiting_retry, count());
        let view = engine.shared.view();
        let times: Vec<_> = view
            .due(id, Timestamp(0))
            .take(1_000)
            .map(|due| due.unwrap().at)
            .collect();
        assert!(times.is_sorted() && times[0] == Timestamp(1_000_000));
        drop((view, subscription));
        engine.close().await;
    }
}
