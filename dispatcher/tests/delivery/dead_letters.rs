//! After the last attempt: the dead letter sink, then the store.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::{DeadLetterReason, Outcome, Step};
use dispatcher::{Dispatcher, Options, Sink, TriggerSpec};

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{Witness, event, http, options, retries, start, trigger};
use crate::sink::{TestSink, body, status};

fn with_sink(subscriber: Sink, dead_letter_sink: Sink, count: u32) -> TriggerSpec {
    TriggerSpec {
        dead_letter_sink: Some(dead_letter_sink),
        delivery: retries(count),
        ..trigger("t", subscriber)
    }
}

#[tokio::test]
async fn a_refused_event_reaches_the_dead_letter_sink_once_with_its_error_extensions() {
    for text in ["", "out of stock"] {
        let engine = FakeEngine::new();
        let sink = TestSink::answering(body(422, &[], text)).await;
        let dead = TestSink::answering(status(200)).await;
        let url = format!("http://user:secret@127.0.0.1:{}/in", sink.port)
            .parse()
            .unwrap();
        let _dispatcher = start(&engine, vec![with_sink(http(url), http(dead.url()), 3)]).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled("default/t", 2).await;
        let Settled::RetryAt { progress, .. } = &log[0] else {
            panic!("{log:?}")
        };
        assert_eq!((progress.step, progress.attempts), (Step::DeadLetterSink, 0));
        assert!(matches!(
            log[1],
            Settled::Delivered {
                outcome: Outcome::DeadLetterSink,
                reply: None
            }
        ));
        let [request] = dead.received().try_into().unwrap();
        let (destination, data) = (sink.url().to_string(), STANDARD.encode(text));
        let mut expected = vec![
            ("ce-knativeerrorcode", "422"),
            ("ce-knativeerrordata", &data),
            ("ce-knativeerrordest", &destination),
        ];
        expected.retain(|(_, value)| !value.is_empty());
        assert_eq!(request.error_extensions(), expected);
        assert_eq!(
            (request.header("ce-id"), request.header("ce-type")),
            ("1", "order.placed")
        );
        assert_eq!(request.body, r#"{"n":1.10}"#);
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test]
async fn error_data_is_the_base64_of_the_first_1024_bytes() {
    let engine = FakeEngine::new();
    let text = "é".repeat(5000);
    let sink = TestSink::answering(body(500, &[], &text)).await;
    let dead = TestSink::answering(status(200)).await;
    let _dispatcher = start(&engine, vec![with_sink(http(sink.url()), http(dead.url()), 0)]).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/t", 2).await;
    let request = dead.received().pop().unwrap();
    let data = STANDARD.decode(request.header("ce-knativeerrordata")).unwrap();
    assert_eq!(data, &text.as_bytes()[..1024]);
}

#[tokio::test]
async fn an_unreachable_subscriber_leaves_its_url_and_no_code() {
    let engine = FakeEngine::new();
    let dead = TestSink::answering(status(200)).await;
    let gone = TestSink::answering(status(200)).await.url();
    let _dispatcher = start(&engine, vec![with_sink(http(gone.clone()), http(dead.url()), 1)]).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/t", 3).await;
    let request = dead.received().pop().unwrap();
    assert_eq!(
        request.error_extensions(),
        [("ce-knativeerrordest", gone.to_string().as_str())]
    );
}

#[tokio::test]
async fn a_dead_letter_sink_that_fails_is_retried_and_then_the_store_has_the_original() {
    let (engine, witness) = (FakeEngine::new(), Arc::new(Witness::default()));
    let sink = TestSink::answering(body(400, &[], "bad")).await;
    let dead = TestSink::answering(status(503)).await;
    let observer = Arc::clone(&witness);
    let options = Options {
        observer,
        ..options(&engine)
    };
    let triggers = vec![with_sink(http(sink.url()), http(dead.url()), 2)];
    let dispatcher = Dispatcher::start(options, triggers).await.unwrap();
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 4).await;
    assert_eq!((sink.received().len(), dead.received().len()), (1, 3));
    let letter = log[3].dead_letter();
    assert_eq!(letter.reason, DeadLetterReason::Refused);
    assert_eq!(letter.failure.as_ref().unwrap().code, Some(400));
    assert_eq!(letter.event.to_record(), event("1", "order.placed").to_record());
    drop(dispatcher.shutdown(std::time::Duration::from_secs(5)).await);
    assert_eq!(
        witness.lines(),
        [
            "1 again after 1 at DeadLetterSink: answered 400 Bad Request",
            "1 again after 1 at DeadLetterSink: answered 503 Service Unavailable",
            "1 again after 2 at DeadLetterSink: answered 503 Service Unavailable",
            "1 dead: Refused",
        ]
    );
}

#[tokio::test]
async fn a_dead_letter_sink_may_reply() {
    let engine = FakeEngine::new();
    let sink = TestSink::answering(status(400)).await;
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "r"),
        ("ce-source", "/dead"),
        ("ce-type", "noted"),
    ];
    let dead = TestSink::start(move |n| async move {
        if n == 0 {
            body(200, &headers, "")
        } else {
            status(200)
        }
    })
    .await;
    let _dispatcher = start(&engine, vec![with_sink(http(sink.url()), http(dead.url()), 0)]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 2).await;
    let Settled::Delivered {
        outcome: Outcome::DeadLetterSink,
        reply: Some(reply),
    } = &log[1]
    else {
        panic!("{log:?}")
    };
    assert_eq!((reply.event.id(), reply.hops), ("r", 254));
}
