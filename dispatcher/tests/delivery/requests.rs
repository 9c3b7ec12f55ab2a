//! What endpoints see.

use std::sync::Arc;

use dispatcher::{DeliveryPolicy, Dispatcher, Format, HttpSink, Options, Sink, TriggerSpec};
use http::{HeaderName, HeaderValue, Method};

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{Witness, event, http, name, options, start, trigger, trigger_for};
use crate::sink::{TestSink, status};

#[tokio::test]
async fn an_event_arrives_byte_for_byte_with_the_headers_of_the_data_plane() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(204)).await);
    let mut to = HttpSink::new(
        "sink",
        format!("http://user:secret@127.0.0.1:{}/in", sink.port)
            .parse()
            .unwrap(),
    );
    to.headers
        .push((HeaderName::from_static("x-key"), HeaderValue::from_static("k")));
    let _dispatcher = start(&engine, vec![trigger("t", Sink::Http(to))]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    assert!(matches!(
        log[0],
        Settled::Delivered {
            outcome: broker::Outcome::Delivered,
            reply: None
        }
    ));
    let request = sink.received().pop().unwrap();
    assert_eq!(
        (request.method.clone(), request.path.as_str()),
        (Method::POST, "/in")
    );
    for (name, value) in [
        ("ce-id", "1"),
        ("ce-source", "/orders"),
        ("ce-type", "order.placed"),
        ("ce-specversion", "1.0"),
        ("content-type", "application/json"),
        ("content-length", "10"),
        ("prefer", "reply"),
        ("kn-namespace", "default"),
        ("x-key", "k"),
        ("authorization", "Basic dXNlcjpzZWNyZXQ="),
        ("host", &format!("127.0.0.1:{}", sink.port)),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert_eq!(request.body, r#"{"n":1.10}"#);
}

#[tokio::test]
async fn format_json_is_structured_on_the_wire() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(200)).await);
    let delivery = DeliveryPolicy {
        format: Format::Json,
        ..DeliveryPolicy::default()
    };
    let _dispatcher = start(
        &engine,
        vec![TriggerSpec {
            delivery,
            ..trigger("t", http(sink.url()))
        }],
    )
    .await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/t", 1).await;
    let request = sink.received().pop().unwrap();
    assert!(
        request
            .header("content-type")
            .starts_with("application/cloudevents+json")
    );
    assert_eq!(request.header("ce-id"), "");
    assert!(String::from_utf8_lossy(&request.body).contains(r#""data":{"n":1.10}"#));
}

#[tokio::test]
async fn each_trigger_gets_its_events_and_two_triggers_on_one_endpoint_get_them_twice() {
    let (engine, sink, other) = (
        FakeEngine::new(),
        TestSink::answering(status(200)).await,
        TestSink::answering(status(200)).await,
    );
    let triggers = vec![
        trigger_for("placed", "order.placed", http(sink.url())),
        trigger("all", http(sink.url())),
        trigger_for("paid", "order.paid", http(other.url())),
    ];
    let dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    engine.publish(event("2", "order.paid")).await;
    for trigger in ["default/placed", "default/all", "default/paid"] {
        dispatcher.handle().idle(&name(trigger)).await.unwrap();
    }
    let mut ids = sink.ids();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "1", "2"]);
    assert_eq!(other.ids(), ["2"]);
    assert!(engine.had_matcher_before_next());
}

#[tokio::test]
async fn the_echo_endpoint_answers_200_and_the_observer_hears_of_it() {
    let (engine, witness) = (FakeEngine::new(), Arc::new(Witness::default()));
    let echo = Sink::Echo {
        name: "echo".to_owned(),
    };
    let observer = Arc::clone(&witness);
    let options = Options {
        observer,
        ..options(&engine)
    };
    let dispatcher = Dispatcher::start(options, vec![trigger("t", echo)])
        .await
        .unwrap();
    engine.publish(event("1", "order.placed")).await;
    dispatcher.handle().idle(&name("default/t")).await.unwrap();
    let status = dispatcher.status(&name("default/t")).unwrap();
    assert_eq!(
        (status.endpoint.as_str(), status.subscription.delivered),
        ("echo", 1)
    );
    drop(dispatcher.shutdown(std::time::Duration::from_secs(5)).await);
    assert_eq!(witness.lines(), ["1 -> echo Subscriber 200 attempt 1"]);
}
