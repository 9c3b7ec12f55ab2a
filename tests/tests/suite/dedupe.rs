//! A broker that stores each event once: what its producers are told, over concurrency and restarts.

use harness::{Event, Heddle, Resources, Sink, Trigger};
use serde_json::json;

/// The broker `default` with a window of ten minutes and a trigger for everything.
fn once(sink: &Sink) -> Resources {
    let broker = json!({
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": "default", "annotations": {"heddle.dev/dedupe": "PT10M"}},
    });
    let trigger = Trigger::new("all", &sink.url("/"));
    Resources::new().document(broker).trigger(trigger)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_sent_twice_is_delivered_once_also_after_a_kill() {
    let sink = Sink::start().await;
    let mut heddle = Heddle::start(&once(&sink)).await;
    let event = Event::new("1").data("application/json", r#"{"a": 1}"#);
    let first = heddle.producer("default/default").binary(&event).await;
    assert_eq!(
        (first.status.as_u16(), first.header("heddle-deduplicated")),
        (202, "")
    );
    for kill in [false, true] {
        if kill {
            heddle.kill();
            heddle.restart().await;
        }
        let again = heddle
            .producer("default/default")
            .structured(event.structured())
            .await;
        assert_eq!(
            (again.status.as_u16(), again.header("heddle-deduplicated")),
            (202, "1"),
            "{again:?}"
        );
        let other = event.clone().data("application/json", r#"{"a": 2}"#);
        let refused = heddle.producer("default/default").binary(&other).await;
        assert_eq!(refused.status.as_u16(), 409);
        assert_eq!(refused.json()["type"], "urn:heddle:problem:conflict");
    }
    heddle
        .producer("default/default")
        .accepted(&Event::new("2"))
        .await;
    heddle.idle_trigger("all").await;
    let mut ids = sink.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids, ["1", "2"]);
    let broker = heddle
        .cli(&[
            "get",
            "broker",
            "default",
            "--output",
            "json",
            "--admin",
            heddle.admin(),
        ])
        .await;
    let broker = broker.json();
    assert_eq!(
        (&broker["events"], &broker["dedupe"]),
        (&json!(2), &json!("PT10M"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_publishes_of_one_event_one_is_stored_and_all_are_accepted() {
    let sink = Sink::start().await;
    let heddle = Heddle::start(&once(&sink)).await;
    let producer = heddle.producer("default/default");
    for round in 0..20 {
        let event = Event::new(format!("r{round}"));
        let answers = futures_util::future::join_all((0..8).map(|_| producer.binary(&event))).await;
        assert!(
            answers.iter().all(|answer| answer.status.as_u16() == 202),
            "{answers:?}"
        );
        let stored = answers
            .iter()
            .filter(|answer| answer.header("heddle-deduplicated").is_empty());
        assert_eq!(stored.count(), 1, "round {round}");
    }
    heddle.idle_trigger("all").await;
    assert_eq!(sink.count(), 20);
    let metrics = heddle.metrics().await;
    let door = |name: &str| {
        metrics.get(&format!(
            r#"heddle_broker_{name}_total{{broker="default/default"}}"#
        ))
    };
    assert_eq!(
        (door("received"), door("stored"), door("deduplicated")),
        (160.0, 20.0, 140.0)
    );
}
