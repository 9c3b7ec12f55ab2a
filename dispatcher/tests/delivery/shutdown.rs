//! Shutdown: drains within the deadline, names what it abandons, loses nothing.

use std::sync::Arc;
use std::time::Duration;

use dispatcher::StillRunning;
use tokio::sync::Semaphore;

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, http, name, start, trigger};
use crate::sink::{TestSink, status};

/// An endpoint that answers when the gate lets it.
async fn gated(gate: &Arc<Semaphore>) -> TestSink {
    let gate = Arc::clone(gate);
    TestSink::start(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            status(200)
        }
    })
    .await
}

#[tokio::test]
async fn what_is_in_flight_ends_and_nothing_new_begins() {
    let (engine, gate) = (FakeEngine::new(), Arc::new(Semaphore::new(0)));
    let sink = gated(&gate).await;
    let dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    while sink.received().is_empty() {
        tokio::task::yield_now().await;
    }
    let shutdown = tokio::spawn(dispatcher.shutdown(Duration::from_secs(60)));
    tokio::task::yield_now().await;
    engine.publish(event("2", "order.placed")).await;
    gate.add_permits(10);
    assert!(shutdown.await.unwrap().abandoned.is_empty());
    assert!(matches!(engine.log("default/t")[..], [Settled::Delivered { .. }]));
    assert_eq!((sink.ids(), engine.released()), (vec!["1".to_owned()], 0));
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_is_named_and_given_back() {
    let (engine, gate) = (FakeEngine::new(), Arc::new(Semaphore::new(0)));
    let sink = gated(&gate).await;
    let dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    for id in ["1", "2"] {
        engine.publish(event(id, "order.placed")).await;
    }
    while sink.received().len() < 2 {
        tokio::task::yield_now().await;
    }
    let drained = dispatcher.shutdown(Duration::from_millis(20)).await;
    let still = StillRunning {
        trigger: name("default/t"),
        deliveries: 2,
        endpoint: "sink".to_owned(),
    };
    assert_eq!(drained.abandoned, [still]);
    assert_eq!(engine.released(), 2);
    engine.in_flight("default/t", 0).await;
    assert!(engine.log("default/t").is_empty());
}

#[tokio::test]
async fn a_dispatcher_that_is_dropped_gives_its_claims_back() {
    let (engine, gate) = (FakeEngine::new(), Arc::new(Semaphore::new(0)));
    let sink = gated(&gate).await;
    let dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    while sink.received().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(dispatcher);
    engine.in_flight("default/t", 0).await;
    assert_eq!(engine.released(), 1);
}
