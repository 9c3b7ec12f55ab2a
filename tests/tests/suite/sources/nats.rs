//! NatsSource against a real nats-server: core subjects and JetStream.

use std::collections::BTreeSet;

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use harness::not_run::not_run;
use harness::servers::nats::NatsServer;
use harness::{Heddle, PATIENCE, Resources, Sink, Trigger, eventually_async};
use serde_json::{Value, json};

/// The server, or a word about why not.
async fn server(test: &str) -> Option<NatsServer> {
    match NatsServer::start().await {
        Ok(server) => Some(server),
        Err(why) => {
            not_run(test, &why);
            None
        }
    }
}

fn resources(sink: &Sink, spec: Value) -> Resources {
    Resources::with_default_broker()
        .source("heddle.dev/v1", "NatsSource", "messages", spec)
        .trigger(Trigger::new("t", &sink.url("/")))
}

/// Publishes until the sink has seen one: a core subject has no memory, and a subscription takes a moment.
async fn publish_until_seen(client: &async_nats::Client, subject: &'static str, sink: &Sink) {
    eventually_async("the source listens", PATIENCE, || async {
        client
            .publish(subject, "hello?".into())
            .await
            .expect("nats takes a message");
        client.flush().await.expect("nats answers");
        (sink.count() > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_core_subject_become_events_and_those_that_are_events_pass() {
    let Some(nats) = server("a core subject").await else {
        return;
    };
    let sink = Sink::start().await;
    let _heddle = Heddle::start(&resources(
        &sink,
        json!({"url": nats.url(), "subject": "orders.>"}),
    ))
    .await;
    let client = nats.client().await;
    publish_until_seen(&client, "orders.hello", &sink).await;

    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "binary"),
        ("ce-source", "/m"),
        ("ce-type", "t.b"),
        ("ce-subject", "a%20b"),
    ] {
        headers.insert(name, value);
    }
    headers.insert("ce-datacontenttype", "text/plain");
    client
        .publish_with_headers("orders.b", headers, "as it is".into())
        .await
        .unwrap();
    let structured =
        r#"{"specversion":"1.0","id":"structured","source":"/m","type":"t.s","data":{"n": 1.10}}"#;
    client.publish("orders.s", structured.into()).await.unwrap();
    client.publish("orders.plain", "just bytes".into()).await.unwrap();
    client.flush().await.unwrap();

    sink.wait_until("all three", PATIENCE, |received| {
        let bodies: BTreeSet<_> = received.iter().map(|request| &request.body[..]).collect();
        [&b"as it is"[..], br#"{"n": 1.10}"#, b"just bytes"]
            .iter()
            .all(|body| bodies.contains(body))
    })
    .await;
    let received = sink.received();
    let with_body = |body: &[u8]| received.iter().find(|request| request.body == body).unwrap();
    let event = with_body(b"as it is");
    assert_eq!(
        (event.attribute("id"), event.attribute("subject")),
        ("binary".to_owned(), "a b".to_owned())
    );
    assert_eq!(event.header("content-type"), "text/plain");
    assert_eq!(with_body(br#"{"n": 1.10}"#).attribute("id"), "structured");
    let event = with_body(b"just bytes");
    for name in ["id", "source", "type"] {
        assert!(!event.attribute(name).is_empty(), "{name} of a wrapped message");
    }
    assert!(
        event
            .headers
            .values()
            .any(|value| value.as_bytes().windows(12).any(|part| part == b"orders.plain")),
        "it says its subject: {event:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_group_shares_the_messages() {
    let Some(nats) = server("a queue group").await else {
        return;
    };
    let sink = Sink::start().await;
    let spec =
        json!({"url": nats.url(), "subject": "work", "queueGroup": "workers", "event": {"type": "work"}});
    let _first = Heddle::start(&resources(&sink, spec.clone())).await;
    let _second = Heddle::start(&resources(&sink, spec)).await;
    let client = nats.client().await;
    publish_until_seen(&client, "work", &sink).await;
    for n in 0..200 {
        client.publish("work", n.to_string().into()).await.unwrap();
    }
    client.flush().await.unwrap();
    let numbers =
        |received: &[harness::Received]| received.iter().filter(|request| request.body != "hello?").count();
    sink.wait_until("all messages", PATIENCE, |received| numbers(received) >= 200)
        .await;
    assert_eq!(
        numbers(&sink.received()),
        200,
        "each message is taken by one of the two"
    );
    assert!(
        sink.received()
            .iter()
            .all(|request| request.attribute("type") == "work")
    );
}

/// A stream `ORDERS` on `orders.>`, on disk.
async fn stream(nats: &NatsServer) -> jetstream::Context {
    let context = jetstream::new(nats.client().await);
    let config = jetstream::stream::Config {
        name: "ORDERS".into(),
        subjects: vec!["orders.>".into()],
        ..Default::default()
    };
    context.create_stream(config).await.expect("nats makes a stream");
    context
}

async fn publish(context: &jetstream::Context, messages: std::ops::Range<usize>) {
    for n in messages {
        let stored = context
            .publish(format!("orders.{n}"), n.to_string().into())
            .await
            .expect("nats takes a message");
        stored.await.expect("nats stores a message");
    }
}

fn distinct(received: &[harness::Received]) -> usize {
    received
        .iter()
        .map(|request| &request.body)
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_consumer_goes_on_where_it_was_after_kill_nine() {
    let Some(nats) = server("a durable consumer").await else {
        return;
    };
    let context = stream(&nats).await;
    publish(&context, 0..100).await;
    let sink = Sink::start().await;
    let spec =
        json!({"url": nats.url(), "jetstream": {"stream": "ORDERS", "consumer": "mesh", "ackWait": "PT5S"}});
    let mut heddle = Heddle::start(&resources(&sink, spec)).await;
    sink.wait_until("what was stored before", PATIENCE, |received| {
        distinct(received) == 100
    })
    .await;
    heddle.kill();
    publish(&context, 100..600).await;
    heddle.restart().await;
    sink.wait_for(150).await;
    heddle.kill();
    heddle.restart().await;
    sink.wait_until("what was stored meanwhile", 2 * PATIENCE, |received| {
        distinct(received) == 600
    })
    .await;
    all_acknowledged(&context).await;
    // What the kills made it read twice may still be on its way to the sink.
    heddle.idle_trigger("t").await;

    // All is acknowledged: a restart reads nothing again.
    assert_eq!(heddle.terminate().await.code(), Some(0));
    let before = sink.count();
    heddle.restart().await;
    publish(&context, 600..601).await;
    sink.wait_until("one more", PATIENCE, |received| distinct(received) == 601)
        .await;
    assert_eq!(sink.count(), before + 1, "nothing was read a second time");
}

/// Waits until the consumer has nothing pending and nothing unacknowledged.
async fn all_acknowledged(context: &jetstream::Context) {
    eventually_async("every message is acknowledged", PATIENCE, || async {
        let mut consumer: PullConsumer = context.get_consumer_from_stream("mesh", "ORDERS").await.ok()?;
        let info = consumer.info().await.ok()?;
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_after_nats_itself_was_killed() {
    let Some(mut nats) = server("reading after a restart of nats-server").await else {
        return;
    };
    let context = stream(&nats).await;
    publish(&context, 0..10).await;
    let sink = Sink::start().await;
    let spec =
        json!({"url": nats.url(), "jetstream": {"stream": "ORDERS", "consumer": "mesh", "ackWait": "PT2S"}});
    let _heddle = Heddle::start(&resources(&sink, spec)).await;
    sink.wait_until("the first ten", PATIENCE, |received| distinct(received) == 10)
        .await;
    nats.restart().await;
    let context = jetstream::new(nats.client().await);
    publish(&context, 10..20).await;
    sink.wait_until("ten more", 2 * PATIENCE, |received| distinct(received) == 20)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heddle_starts_without_nats() {
    let sink = Sink::start().await;
    let heddle = Heddle::start(&resources(
        &sink,
        json!({"url": "nats://127.0.0.1:1", "subject": "a"}),
    ))
    .await;
    heddle
        .producer("default/default")
        .accepted(&harness::Event::new("x"))
        .await;
    sink.wait_for(1).await;
}
