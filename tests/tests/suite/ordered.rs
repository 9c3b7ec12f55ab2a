//! Ordered triggers in a real process: each key in its order, over failures and `kill -9`, and keys that a person lets go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::{Answer, Event, Heddle, PATIENCE, RETRY_PATIENCE, Received, Resources, Sink, Trigger};
use serde_json::{Value, json};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// An ordered trigger `t` on the default broker.
fn ordered(sink: &Sink, then: Option<&str>, delivery: Value) -> Resources {
    let mut trigger = Trigger::new("t", &sink.url("/"))
        .annotation("kafka.eventing.knative.dev/delivery.order", "ordered")
        .delivery(delivery);
    if let Some(then) = then {
        trigger = trigger.annotation("heddle.dev/after-last-attempt", then);
    }
    Resources::with_default_broker().trigger(trigger)
}

fn key_of(request: &Received) -> String {
    request.attribute("partitionkey")
}

fn keyed(id: usize, key: &str) -> Event {
    Event::new(id.to_string()).with("partitionkey", key)
}

/// Of each key, what came: a repeat only directly after itself, and everything in the order of its number.
fn judge(received: &[Received]) -> BTreeMap<String, BTreeSet<usize>> {
    let mut by_key: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for request in received {
        let (key, id) = (
            key_of(request),
            request.attribute("id").parse().expect("the ids are numbers"),
        );
        let came = by_key.entry(key.clone()).or_default();
        let newest = came.last().copied().unwrap_or_default();
        assert!(id >= newest, "{id} of key {key} came after {newest}");
        came.insert(id);
    }
    by_key
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_comes_in_its_order_over_failures_and_kill_nine() {
    const EVENTS: usize = 400;
    let mut count = 0_usize;
    // Every fifth request of key `a` and every eleventh of the others is refused for now.
    let sink = Sink::deciding(move |request| {
        count += 1;
        let every = if key_of(request) == "a" { 5 } else { 11 };
        if count.is_multiple_of(every) {
            Answer::status(503)
        } else {
            Answer::ok()
        }
    })
    .await;
    let delivery = json!({"retry": 50, "backoffPolicy": "linear", "backoffDelay": "PT0.001S"});
    let mut heddle = Heddle::start(&ordered(&sink, None, delivery)).await;
    let producer = heddle.producer("default/default");
    for id in 1..=EVENTS {
        producer.accepted(&keyed(id, KEYS[id % KEYS.len()])).await;
    }
    for part in [1, 2] {
        sink.wait_within(part * EVENTS / 3, PATIENCE).await;
        heddle.kill();
        heddle.restart().await;
    }
    heddle.idle_trigger("t").await;
    let by_key = judge(&sink.received());
    for (index, key) in KEYS.iter().enumerate() {
        let sent: BTreeSet<usize> = (1..=EVENTS).filter(|id| id % KEYS.len() == index).collect();
        assert_eq!(by_key[*key], sent, "of key {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_key_holds_up_no_other_and_goes_on_when_it_is_released() {
    let sink = Sink::deciding(|request| {
        if request.attribute("id") == "1" {
            Answer::status(500)
        } else {
            Answer::ok()
        }
    })
    .await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let mut heddle = Heddle::start(&ordered(&sink, Some("park"), delivery)).await;
    let producer = heddle.producer("default/default");
    for (id, key) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        producer.accepted(&keyed(id, key)).await;
    }
    sink.wait_within(4, RETRY_PATIENCE).await;
    // Before that the last attempt may be forgotten in the kill, and made again.
    until_parked(&heddle).await;
    heddle.kill();
    heddle.restart().await;
    let shown = until_parked(&heddle).await;
    let held = &shown["heldKeys"][0];
    assert_eq!(
        (
            &held["key"],
            &held["state"],
            &held["eventId"],
            &held["attempts"],
            &held["code"]
        ),
        (&json!("a"), &json!("parked"), &json!("1"), &json!(2), &json!(500)),
        "{shown}"
    );
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["1", "1", "3", "4"], "two attempts, and the other key");

    let refused = release(&heddle, &["--key", "b"]).await;
    assert!(refused.contains("holds up no event"), "{refused}");
    let skipped = release(&heddle, &["--key", "a", "--skip"]).await;
    assert!(skipped.contains("dead-letter store"), "{skipped}");
    heddle.idle_trigger("t").await;
    assert_eq!(sink.ids().last().map(String::as_str), Some("2"));
    let letters = heddle.dead_letters().await;
    assert_eq!(
        (letters.len(), &letters[0]["reason"]),
        (1, &json!("skipped")),
        "{letters:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_dead_lettered_and_its_key_goes_on() {
    let sink = Sink::deciding(|request| match request.attribute("id").as_str() {
        "1" => Answer::status(400),
        _ => Answer::ok(),
    })
    .await;
    let heddle = Heddle::start(&ordered(&sink, None, json!({}))).await;
    let producer = heddle.producer("default/default");
    for id in [1, 2, 3] {
        producer.accepted(&Event::new(id.to_string())).await;
    }
    heddle.idle_trigger("t").await;
    assert_eq!(sink.ids(), ["1", "2", "3"], "events without a key are of one key");
    assert_eq!(heddle.dead_letters().await.len(), 1);
}

/// The trigger as `heddle get` shows it, once a key is parked.
async fn until_parked(heddle: &Heddle) -> Value {
    let arguments = [
        "get",
        "trigger",
        "t",
        "--output",
        "json",
        "--admin",
        heddle.admin(),
    ];
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let shown = heddle.cli(&arguments).await.json();
        if shown["parkedKeys"] == 1 {
            return shown;
        }
        assert!(tokio::time::Instant::now() < deadline, "never parked: {shown}");
        tokio::task::yield_now().await;
    }
}

/// What `heddle trigger release t` says, on either stream.
async fn release(heddle: &Heddle, arguments: &[&str]) -> String {
    let all = [&["trigger", "release", "t", "--admin", heddle.admin()], arguments].concat();
    let said = heddle.cli(&all).await;
    format!("{}{}", said.stdout, said.stderr)
}
