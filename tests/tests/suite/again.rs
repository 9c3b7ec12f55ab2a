//! What is delivered once more by command, on a real process: replays of the past and redrives of dead letters. Exactly
//! what was selected comes, beside live events, and is counted apart from them.

mod redrive;
mod replay;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use harness::sink::Received;
use harness::{Cli, Event, Heddle, PATIENCE, eventually_async};
use serde_json::Value;

/// Runs a command of the admin API.
async fn command(heddle: &Heddle, words: &str) -> Cli {
    let arguments: Vec<_> = words
        .split_whitespace()
        .chain(["--admin", heddle.admin()])
        .collect();
    heddle.cli(&arguments).await
}

/// Runs one that must succeed; what it prints.
async fn done(heddle: &Heddle, words: &str) -> String {
    let cli = command(heddle, words).await;
    assert_eq!(cli.code, Some(0), "{words}: {cli:?}");
    cli.stdout
}

/// Sends events that tell their number in data whose form a parser would not keep.
async fn send(heddle: &Heddle, ids: RangeInclusive<u32>, ty: &str) {
    let producer = heddle.producer("default/default");
    for id in ids {
        producer.accepted(&numbered(id, ty)).await;
    }
}

fn numbered(id: u32, ty: &str) -> Event {
    Event::new(id.to_string())
        .ty(ty)
        .with("note", "ä \"%\"")
        .data("application/json", format!("{{\"n\" :  {id}.0}}"))
}

fn id_of(request: &Received) -> u32 {
    request.attribute("id").parse().expect("ids are numbers")
}

/// The ids of those that a predicate chooses, sorted, with repetitions.
fn ids(received: &[Received], which: impl Fn(&Received) -> bool) -> Vec<u32> {
    let mut ids: Vec<u32> = received
        .iter()
        .filter(|request| which(request))
        .map(id_of)
        .collect();
    ids.sort_unstable();
    ids
}

fn distinct(ids: &[u32]) -> BTreeSet<u32> {
    ids.iter().copied().collect()
}

/// The only replay or redrive there is, as `heddle replays` shows it.
async fn only_one(heddle: &Heddle) -> Value {
    let listed = command(heddle, "replays -o json").await.json();
    let items = listed["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{listed}");
    items[0].clone()
}

/// Waits until it has ended, and returns it.
async fn ended(heddle: &Heddle) -> Value {
    eventually_async("it ends", PATIENCE, || async {
        let one = only_one(heddle).await;
        (one["state"] != "running").then_some(one)
    })
    .await
}

/// A counter of the trigger `t`.
async fn counted(heddle: &Heddle, name: &str) -> f64 {
    let metrics = heddle.metrics().await;
    metrics.get(&format!("heddle_trigger_{name}{{trigger=\"default/t\"}}"))
}
