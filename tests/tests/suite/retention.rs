//! Files leave the journal, and what a trigger has not got yet stays for it, through `kill -9` and without the view; unless a
//! person wrote a rule by which it expires.

use std::collections::BTreeSet;
use std::path::Path;

use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually, eventually_async};
use serde_json::json;

const MEBIBYTE: u64 = 1 << 20;
const PER_ROUND: usize = 300;
const ROUNDS: usize = 5;

/// Bytes of the journal's segment files.
fn journal_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder.join("data/journal")).expect("the journal is there");
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let segments = paths.filter(|path| path.extension().is_some_and(|extension| extension == "seg"));
    // One may leave between the listing and the look.
    segments
        .filter_map(|path| Some(path.metadata().ok()?.len()))
        .sum()
}

/// One event of 64 KiB; each tenth is for the trigger that is behind.
fn event(n: usize) -> Event {
    let ty = if n.is_multiple_of(10) {
        "demo.kept"
    } else {
        "demo.other"
    };
    Event::new(n.to_string())
        .ty(ty)
        .data("application/octet-stream", vec![b'x'; 64 << 10])
}

async fn produce(heddle: &Heddle, round: usize) {
    let producer = heddle.producer("default/default");
    for n in round * PER_ROUND..(round + 1) * PER_ROUND {
        producer.accepted(&event(n)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_stays_bounded_and_a_trigger_that_is_behind_gets_everything() {
    let (fast, slow) = (Sink::start().await, Sink::answering([Answer::hang()]).await);
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("fast", &fast.url("/")))
        .trigger(Trigger::new("slow", &slow.url("/")).attributes(json!({"type": "demo.kept"})));
    let arguments = [
        "--segment-bytes",
        "8MiB",
        "--retain-bytes",
        "24MiB",
        "--reserve-bytes",
        "8MiB",
        "--drain-timeout",
        "1s",
    ];
    let mut heddle = Heddle::start_with(&resources, &arguments, &[]).await;
    for round in 0..ROUNDS {
        produce(&heddle, round).await;
        heddle.idle_trigger("fast").await;
        heddle.kill();
        heddle.restart().await;
    }
    let stored = (ROUNDS * PER_ROUND) as u64 * 64 * 1024;
    let live = stored / 10;
    let bound = 2 * live + 3 * 8 * MEBIBYTE;
    assert!(bound < stored * 2 / 3, "the test means something");
    eventually("the journal is within its limit", PATIENCE, || {
        (journal_bytes(heddle.folder()) <= bound + 8 * MEBIBYTE).then_some(())
    })
    .await;
    let metrics = harness::producer::get(&format!("{}/metrics", heddle.admin()))
        .await
        .text();
    assert!(metrics.contains("heddle_retention_stuck 0"), "{metrics}");
    assert!(
        metrics.contains("heddle_retention_oldest_event_age_seconds"),
        "{metrics}"
    );
    let storage = heddle
        .cli(&["get", "storage", "-o", "json", "--admin", heddle.admin()])
        .await
        .json();
    assert!(storage["retention"]["keptBytes"].as_u64() > Some(0), "{storage}");
    let delivered = fast.count();

    heddle.kill();
    std::fs::remove_dir_all(heddle.folder().join("data/view")).expect("the view can be deleted");
    slow.answer([Answer::ok()]);
    heddle.restart().await;
    heddle.idle_trigger("slow").await;
    let came: BTreeSet<usize> = slow
        .ids()
        .iter()
        .map(|id| id.parse().expect("a number"))
        .collect();
    let expected: BTreeSet<usize> = (0..ROUNDS * PER_ROUND).filter(|n| n.is_multiple_of(10)).collect();
    assert_eq!(came, expected, "exactly what its filter wants, and all of it");
    heddle.idle_trigger("fast").await;
    assert_eq!(fast.count(), delivered, "what was settled does not come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_is_set_by_the_environment_as_well_and_mistakes_are_named() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let environment = [("HEDDLE_RETAIN_BYTES", "1GiB"), ("HEDDLE_RETAIN_AGE", "90m")];
    let heddle = Heddle::start_with(&resources, &[], &environment).await;
    let storage = eventually_async("the limit is shown", PATIENCE, || async {
        let shown = heddle
            .cli(&["get", "storage", "-o", "json", "--admin", heddle.admin()])
            .await
            .json();
        (shown["retention"]["bytesLimit"].as_u64() == Some(1 << 30)).then_some(shown)
    })
    .await;
    assert_eq!(storage["retiredSegments"], 0);
    for (argument, value, right) in [
        ("--retain-age", "tomorrow", "30s"),
        ("--retain-bytes", "much", "128MiB"),
    ] {
        let refused = heddle.cli(&["dev", argument, value]).await;
        assert_ne!(refused.code, Some(0));
        assert!(refused.stderr.contains(right), "{refused:?}");
    }
}

/// A broker whose events and dead letters expire.
const FORGETFUL: &str = r#"apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: default
  annotations:
    heddle.dev/retain-unsettled: PT2S
    heddle.dev/dead-letter-retention: PT1S
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_settles_expires_by_the_rules_and_is_counted_once_through_a_kill() {
    let down = Sink::answering([Answer::status(503)]).await;
    let refuses = Sink::answering([Answer::status(422)]).await;
    let later = json!({"retry": 9, "backoffPolicy": "linear", "backoffDelay": "PT600S"});
    let ordered = Trigger::new("ordered", &down.url("/")).annotation("heddle.dev/delivery-order", "ordered");
    let patient = Trigger::new("patient", &down.url("/")).annotation("heddle.dev/retain-unsettled", "PT1H");
    let resources = Resources::new()
        .text(FORGETFUL)
        .trigger(Trigger::new("down", &down.url("/")).delivery(later.clone()))
        .trigger(ordered.delivery(later.clone()))
        .trigger(patient.delivery(later))
        .trigger(Trigger::new("refuses", &refuses.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    for n in 0..5 {
        producer
            .accepted(&Event::new(n.to_string()).with("partitionkey", "k"))
            .await;
    }
    let counts = [
        (r#"expired_total{trigger="default/down"}"#, 5.0),
        (r#"expired_total{trigger="default/ordered"}"#, 5.0),
        (r#"expired_total{trigger="default/patient"}"#, 0.0),
        (r#"waiting_retry{trigger="default/patient"}"#, 5.0),
        (r#"dead_lettered_total{trigger="default/refuses"}"#, 5.0),
        (r#"dead_letters_expired_total{trigger="default/refuses"}"#, 5.0),
    ];
    for _ in 0..2 {
        eventually_async("all of it expires that is to", PATIENCE, || async {
            let metrics = heddle.metrics().await;
            let is_so =
                |(name, count): &(&str, f64)| metrics.get(&format!("heddle_trigger_{name}")) == *count;
            counts.iter().all(is_so).then_some(())
        })
        .await;
        heddle.adds_up().await;
        assert_eq!(heddle.dead_letters().await, Vec::<serde_json::Value>::new());
        heddle.kill();
        heddle.restart().await;
    }
    assert_eq!(refuses.count(), 5);
    let shown = heddle.idle_trigger("ordered").await;
    assert_eq!(
        (&shown["retainUnsettled"], &shown["backlog"], &shown["behindKey"]),
        (&json!("PT2S"), &json!(0), &json!(0)),
        "{shown}"
    );
}
