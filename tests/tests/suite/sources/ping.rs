//! PingSource: the schedule of six fields, the event's shape, and that ticks go on over a restart.

use std::collections::BTreeSet;

use harness::{Heddle, Resources, Sink, Trigger};
use serde_json::{Value, json};

async fn mesh(spec: Value) -> (Heddle, Sink) {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker()
        .source("sources.knative.dev/v1", "PingSource", "clock", spec)
        .trigger(Trigger::new("t", &sink.url("/")));
    (Heddle::start(&resources).await, sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_six_fields_ticks_every_second_with_knatives_attributes() {
    let data = r#"{"message": "Hello, 1.10"}"#;
    let spec = json!({"schedule": "* * * * * *", "contentType": "application/json", "data": data});
    let (_heddle, sink) = mesh(spec).await;
    let received = sink.wait_for(3).await;
    for tick in &received {
        assert_eq!(tick.attribute("type"), "dev.knative.sources.ping");
        assert_eq!(
            tick.attribute("source"),
            "/apis/v1/namespaces/default/pingsources/clock"
        );
        assert_eq!(
            (tick.header("content-type"), &tick.body[..]),
            ("application/json", data.as_bytes())
        );
    }
    let ids: BTreeSet<_> = received.iter().map(|tick| tick.attribute("id")).collect();
    assert_eq!(ids.len(), received.len(), "every tick has an id of its own");
    let apart = (received[2].at - received[0].at).as_secs_f64();
    assert!(
        apart > 0.9,
        "two seconds lie between three ticks, less jitter: {apart}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_data_and_a_time_zone_are_taken() {
    let spec = json!({
        "schedule": "*/1 * * * * *", "timezone": "Europe/Berlin", "contentType": "application/octet-stream", "dataBase64": "AP8=",
        "ceOverrides": {"extensions": {"region": "eu"}},
    });
    let (_heddle, sink) = mesh(spec).await;
    let received = sink.wait_for(1).await;
    assert_eq!(received[0].body, &b"\0\xff"[..]);
    assert_eq!(received[0].attribute("region"), "eu");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_go_on_after_kill_nine() {
    let (mut heddle, sink) = mesh(json!({"schedule": "* * * * * *", "data": "x"})).await;
    sink.wait_for(2).await;
    heddle.kill();
    heddle.restart().await;
    let before = sink.count();
    let received = sink.wait_for(before + 2).await;
    let ids: Vec<_> = received.iter().map(|tick| tick.attribute("id")).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    // A tick may be delivered twice over a crash, and is then the same event.
    assert!(distinct.len() + 1 >= ids.len(), "{ids:?}");
}
