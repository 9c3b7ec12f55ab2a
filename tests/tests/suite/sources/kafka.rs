//! KafkaSource against Apache Kafka (or, saying so, librdkafka's mock cluster).

use std::collections::BTreeSet;
use std::sync::Arc;

use harness::not_run::not_run;
use harness::servers::kafka::{Kafka, Writer};
use harness::{Event, Heddle, PATIENCE, Received, Resources, Sink, Trigger, eventually_async};
use serde_json::{Value, json};

/// A broker with a KafkaSource on this topic and a trigger for everything.
fn resources(sink: &Sink, bootstrap: &str, topic: &str) -> Resources {
    let spec = json!({
        "bootstrapServers": [bootstrap], "topics": [topic], "consumerGroup": format!("group-{topic}"), "initialOffset": "earliest",
    });
    Resources::with_default_broker()
        .source("sources.knative.dev/v1", "KafkaSource", "records", spec)
        .trigger(Trigger::new("t", &sink.url("/")))
}

async fn topic(test: &str, topic: &str) -> Arc<Kafka> {
    let kafka = Kafka::shared(test).await;
    kafka.create_topic(topic, 1).await;
    kafka
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_events_pass_as_they_are_and_others_are_wrapped_as_knative_does() {
    let kafka = topic("the mapping of records", "mapping").await;
    let writer = kafka.writer();
    let binary = [
        ("ce_specversion", "1.0"),
        ("ce_id", "binary é"),
        ("ce_source", "/records"),
        ("ce_type", "t.binary"),
        ("ce_color", "red"),
        ("content-type", "text/plain"),
    ];
    writer.write("mapping", Some("k"), &binary, b"as it is").await;
    let structured = r#"{"specversion":"1.0","id":"structured","source":"/records","type":"t.structured","data":{"n": 1.10}}"#;
    writer
        .write(
            "mapping",
            None,
            &[("content-type", "application/cloudevents+json; charset=utf-8")],
            structured.as_bytes(),
        )
        .await;
    let plain = writer
        .write(
            "mapping",
            Some("the key"),
            &[("Trace", "abc")],
            br#"{"plain": true}"#,
        )
        .await;
    let bytes = writer.write("mapping", None, &[], b"\0\xff").await;

    let sink = Sink::start().await;
    let heddle = Heddle::start(&resources(&sink, &kafka.bootstrap(), "mapping")).await;
    let received = sink.wait_for(4).await;
    let of = |id: &str| {
        received
            .iter()
            .find(|request| request.attribute("id") == id)
            .unwrap_or_else(|| panic!("{id} is not among {:?}", sink.ids()))
    };

    let event = of("binary é");
    assert_eq!(
        (event.attribute("type"), event.attribute("color")),
        ("t.binary".to_owned(), "red".to_owned())
    );
    assert_eq!(
        (event.header("content-type"), &event.body[..]),
        ("text/plain", &b"as it is"[..])
    );
    let event = of("structured");
    assert_eq!(
        (event.attribute("type"), &event.body[..]),
        ("t.structured".to_owned(), &br#"{"n": 1.10}"#[..])
    );
    let event = of(&format!("partition:0/offset:{plain}"));
    assert_eq!(event.attribute("type"), "dev.knative.kafka.event");
    assert_eq!(
        event.attribute("source"),
        "/apis/v1/namespaces/default/kafkasources/records#mapping"
    );
    assert_eq!(event.attribute("subject"), format!("partition:0#{plain}"));
    assert_eq!(
        (event.attribute("key"), event.attribute("partitionkey")),
        ("the key".to_owned(), "the key".to_owned())
    );
    assert_eq!(event.attribute("kafkaheadertrace"), "abc");
    assert!(!event.attribute("time").is_empty(), "the record's timestamp");
    assert_eq!(event.body, r#"{"plain": true}"#);
    assert_eq!(of(&format!("partition:0/offset:{bytes}")).body, &b"\0\xff"[..]);
    heddle.idle_trigger("t").await;
    assert_eq!(sink.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offset_is_committed_once_the_events_are_durable() {
    let kafka = topic("the committed offset", "offsets").await;
    let writer = kafka.writer();
    let sink = Sink::start().await;
    let heddle = Heddle::start(&resources(&sink, &kafka.bootstrap(), "offsets")).await;
    for n in 0..20 {
        writer.write("offsets", None, &[], n.to_string().as_bytes()).await;
    }
    sink.wait_for(20).await;
    committed(&kafka, "offsets", 20).await;
    drop(heddle);
}

/// Waits until the group of this topic has committed this offset.
async fn committed(kafka: &Arc<Kafka>, topic: &str, offset: i64) {
    eventually_async("the offset is committed", PATIENCE, || {
        let (kafka, group) = (Arc::clone(kafka), format!("group-{topic}"));
        let topic = topic.to_owned();
        async move { (kafka.committed(&group, &topic, 0).await == Some(offset)).then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_lost_over_kill_nine_and_reading_goes_on_where_it_was() {
    let kafka = topic("reading over kill -9", "resume").await;
    let sink = Sink::start().await;
    let mut heddle = Heddle::start(&resources(&sink, &kafka.bootstrap(), "resume")).await;
    let writing = tokio::spawn(write(kafka.writer(), "resume", 3_000));
    for seen in [500, 1_500] {
        sink.wait_for(seen).await;
        heddle.kill();
        heddle.restart().await;
    }
    writing.await.unwrap();
    all_came(&sink, 3_000).await;
    committed(&kafka, "resume", 3_000).await;

    // All is committed: a restart reads nothing again.
    assert_eq!(heddle.terminate().await.code(), Some(0));
    heddle.restart().await;
    heddle.idle_trigger("t").await;
    let before = sink.count();
    heddle
        .producer("default/default")
        .accepted(&Event::new("the-last"))
        .await;
    let last = |received: &[Received]| {
        received
            .iter()
            .any(|request| request.attribute("id") == "the-last")
    };
    sink.wait_until("the last event", PATIENCE, last).await;
    heddle.idle_trigger("t").await;
    assert_eq!(sink.count(), before + 1, "nothing was read a second time");
}

async fn write(writer: Writer, topic: &'static str, records: usize) {
    for n in 0..records {
        writer.write(topic, None, &[], n.to_string().as_bytes()).await;
    }
}

/// Waits until the payloads `0..records` have all come.
async fn all_came(sink: &Sink, records: usize) {
    let what = format!("all of {records} records");
    sink.wait_until(&what, 3 * PATIENCE, |received| {
        received.len() >= records
            && received
                .iter()
                .map(|request| &request.body)
                .collect::<BTreeSet<_>>()
                .len()
                >= records
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ce_overrides_are_set_on_every_event() {
    let kafka = topic("ceOverrides", "overrides").await;
    kafka.writer().write("overrides", None, &[], b"x").await;
    let sink = Sink::start().await;
    let spec = json!({
        "bootstrapServers": [kafka.bootstrap()], "topics": ["overrides"], "consumerGroup": "group-overrides",
        "initialOffset": "earliest", "ceOverrides": {"extensions": {"region": "eu"}},
    });
    let resources = Resources::with_default_broker()
        .source("sources.knative.dev/v1beta1", "KafkaSource", "records", spec)
        .trigger(Trigger::new("t", &sink.url("/")));
    let _heddle = Heddle::start(&resources).await;
    assert_eq!(sink.wait_for(1).await[0].attribute("region"), "eu");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_no_broker_gets_the_events_too() {
    let kafka = topic("a source with a URL as its sink", "direct").await;
    kafka.writer().write("direct", None, &[], b"x").await;
    let sink = Sink::answering([harness::Answer::status(503), harness::Answer::ok()]).await;
    let spec = json!({
        "bootstrapServers": [kafka.bootstrap()], "topics": ["direct"], "consumerGroup": "group-direct",
        "initialOffset": "earliest", "sink": {"uri": sink.url("/direct")},
    });
    let resources = Resources::new().source("sources.knative.dev/v1", "KafkaSource", "records", spec);
    let _heddle = Heddle::start(&resources).await;
    let received = sink.wait_for(2).await;
    assert_eq!(
        (received[1].path.as_str(), &received[1].body[..]),
        ("/direct", &b"x"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_after_kafka_itself_was_killed() {
    let mut kafka = match Kafka::own().await {
        Ok(kafka) => kafka,
        Err(why) => return not_run("reading after a restart of Apache Kafka", &why),
    };
    kafka.create_topic("restarted", 1).await;
    let sink = Sink::start().await;
    let heddle = Heddle::start(&resources(&sink, &kafka.bootstrap(), "restarted")).await;
    write(Writer::to(&kafka.bootstrap()), "restarted", 10).await;
    sink.wait_for(10).await;
    kafka.restart().await;
    let writer = Writer::to(&kafka.bootstrap());
    for n in 10..20 {
        writer
            .write("restarted", None, &[], n.to_string().as_bytes())
            .await;
    }
    all_came(&sink, 20).await;
    let source: Value = heddle
        .cli(&["get", "sources", "--output", "json", "--admin", heddle.admin()])
        .await
        .json();
    assert!(source.to_string().contains("records"), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heddle_starts_without_kafka_and_reads_when_it_comes() {
    // A port where nothing listens: heddle must start, serve its ingress, and say what is wrong.
    let sink = Sink::start().await;
    let heddle = Heddle::start(&resources(&sink, "127.0.0.1:1", "nobody")).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(1).await;
}
