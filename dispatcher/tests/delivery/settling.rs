//! Settlements that cannot be stored: never a claim lost in silence.

use std::sync::Arc;

use broker::{AppendError, DeadLetterReason};
use dispatcher::{Dispatcher, Options, TriggerSpec};

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{Witness, event, http, name, options, retries, start, trigger, trigger_for};
use crate::sink::{TestSink, body, status};

const REPLY: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "r"),
    ("ce-source", "/sink"),
    ("ce-type", "reply"),
];

fn failed() -> AppendError {
    AppendError::Failed {
        reason: "input/output error".into(),
    }
}

#[tokio::test]
async fn while_the_broker_is_short_of_room_the_settlement_waits_and_the_event_is_not_sent_again() {
    let (engine, sink) = (
        FakeEngine::new(),
        TestSink::answering(body(200, &REPLY, "")).await,
    );
    engine.fail_next([AppendError::Busy, AppendError::NoSpace, AppendError::Busy]);
    let _dispatcher = start(&engine, vec![trigger_for("t", "order.placed", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    assert!(
        matches!(log[0], Settled::Delivered { reply: Some(_), .. }),
        "{log:?}"
    );
    assert_eq!((sink.received().len(), engine.released()), (1, 0));
}

#[tokio::test]
async fn a_reply_that_can_never_be_stored_makes_the_delivery_a_failure() {
    let (engine, sink) = (
        FakeEngine::new(),
        TestSink::answering(body(200, &REPLY, "")).await,
    );
    engine.fail_replies(AppendError::TooLarge {
        bytes: 9,
        bytes_max: 8,
    });
    let triggers = vec![TriggerSpec {
        delivery: retries(1),
        ..trigger("t", http(sink.url()))
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
            .contains("could not be stored")
    );
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test]
async fn when_storage_has_failed_the_trigger_stops_says_so_and_keeps_the_event() {
    let (engine, witness) = (FakeEngine::new(), Arc::new(Witness::default()));
    let sink = TestSink::answering(status(200)).await;
    let observer = Arc::clone(&witness);
    let options = Options {
        observer,
        ..options(&engine)
    };
    let dispatcher = Dispatcher::start(options, vec![trigger("t", http(sink.url()))])
        .await
        .unwrap();
    engine.fail_next([failed()]);
    engine.publish(event("1", "order.placed")).await;
    let stopped = || dispatcher.status(&name("default/t")).unwrap().stopped;
    while stopped().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(stopped().unwrap().contains("input/output error"));
    assert_eq!(engine.released(), 1);
    engine.publish(event("2", "order.placed")).await;
    drop(dispatcher.shutdown(std::time::Duration::from_secs(5)).await);
    assert_eq!(sink.ids(), ["1"]);
    assert_eq!(witness.lines().len(), 1);
}

#[tokio::test]
async fn when_the_engine_closes_the_triggers_end_and_the_claim_is_given_back() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(200)).await);
    let dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.fail_next([AppendError::Closed]);
    engine.publish(event("1", "order.placed")).await;
    while engine.released() == 0 {
        tokio::task::yield_now().await;
    }
    engine.close();
    assert_eq!(dispatcher.status(&name("default/t")).unwrap().stopped, None);
    assert!(
        dispatcher
            .shutdown(std::time::Duration::from_secs(5))
            .await
            .abandoned
            .is_empty()
    );
}

#[tokio::test]
async fn what_has_expired_when_its_turn_comes_is_not_sent() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(200)).await);
    let _dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    let expiring = |id: &str, at: &str| {
        let event = event(id, "order.placed");
        event.with(&[("expirytime", at.into())]).unwrap()
    };
    // The clock of these tests stands in 1970.
    engine.publish(expiring("past", "1970-01-01T00:00:01Z")).await;
    engine.publish(expiring("future", "1971-01-01T00:00:00Z")).await;
    let log = engine.settled("default/t", 2).await;
    let expired = log.iter().filter(|settled| matches!(settled, Settled::Expired));
    assert_eq!(expired.count(), 1, "{log:?}");
    assert_eq!(sink.received().len(), 1);
}
