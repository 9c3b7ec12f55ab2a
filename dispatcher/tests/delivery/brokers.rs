//! Brokers of this process as sinks.

use broker::{DeadLetterReason, Outcome};
use dispatcher::{Sink, StartError, TriggerSpec};
use schemas::event::Event;

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, http, name, options, retries, start, trigger, trigger_for};
use crate::sink::{TestSink, status};

#[tokio::test]
async fn a_broker_as_subscriber_gets_the_event_with_one_pass_less() {
    let engine = FakeEngine::new();
    let _dispatcher = start(&engine, vec![trigger("t", Sink::Broker(name("default/other")))]).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/t", 1).await;
    let [stored] = engine.stored("default/other").try_into().unwrap();
    assert_eq!(stored.hops, 254);
    assert_eq!(stored.event.to_record(), event("1", "order.placed").to_record());
}

#[tokio::test]
async fn a_broker_as_dead_letter_sink_gets_the_event_with_its_error_extensions() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(422)).await);
    let dead_letter_sink = Some(Sink::Broker(name("default/dead")));
    let triggers = vec![TriggerSpec {
        dead_letter_sink,
        ..trigger("t", http(sink.url()))
    }];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 2).await;
    assert!(
        matches!(
            log[1],
            Settled::Delivered {
                outcome: Outcome::DeadLetterSink,
                ..
            }
        ),
        "{log:?}"
    );
    let [stored] = engine.stored("default/dead").try_into().unwrap();
    let value = |name| {
        stored
            .event
            .attribute(name)
            .map(|attribute| attribute.value.to_owned())
    };
    assert_eq!(value("knativeerrorcode").as_deref(), Some("422"));
    assert_eq!(value("knativeerrordest"), Some(sink.url().to_string()));
    assert_eq!(value("knativeerrordata"), None);
}

#[tokio::test]
async fn two_brokers_that_forward_to_each_other_end_in_the_store() {
    let engine = FakeEngine::new();
    let back = TriggerSpec {
        broker: name("default/other"),
        ..trigger("back", Sink::Broker(name("default/default")))
    };
    let forth = trigger_for("forth", "order.placed", Sink::Broker(name("default/other")));
    let _dispatcher = start(&engine, vec![forth, back]).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/back", 127).await;
    let log = engine.settled("default/forth", 128).await;
    let Settled::ReplyLooped(letter) = &log[127] else {
        panic!("{:?}", log[127])
    };
    assert_eq!(letter.reason, DeadLetterReason::Loop);
    let stored = engine.stored("default/default").len() + engine.stored("default/other").len();
    assert_eq!(stored, 255);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_a_failure_like_any_other() {
    let engine = FakeEngine::new();
    engine.forget_broker("default/gone");
    let subscriber = Sink::Broker(name("default/gone"));
    let triggers = vec![TriggerSpec {
        delivery: retries(1),
        ..trigger("t", subscriber)
    }];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 2).await;
    let letter = log[1].dead_letter();
    assert_eq!(
        (letter.attempts, letter.reason),
        (2, DeadLetterReason::RetriesExhausted)
    );
    assert!(
        letter
            .failure
            .as_ref()
            .unwrap()
            .message
            .contains("there is no broker default/gone")
    );
    let unchanged = |letter: &Event| letter.to_record() == event("1", "order.placed").to_record();
    assert!(unchanged(&letter.event));
}

#[tokio::test]
async fn a_trigger_on_an_unknown_broker_or_with_a_name_that_is_taken_starts_nothing() {
    let engine = FakeEngine::new();
    engine.forget_broker("default/gone");
    let echo = || Sink::Echo {
        name: "echo".to_owned(),
    };
    let lost = TriggerSpec {
        broker: name("default/gone"),
        ..trigger("t", echo())
    };
    let start = dispatcher::Dispatcher::start(options(&engine), vec![lost]).await;
    assert!(matches!(start, Err(StartError::Subscribe { .. })));
    let twice = vec![trigger("t", echo()), trigger("t", echo())];
    let start = dispatcher::Dispatcher::start(options(&engine), twice).await;
    assert!(matches!(start, Err(StartError::Duplicate { .. })));
}
