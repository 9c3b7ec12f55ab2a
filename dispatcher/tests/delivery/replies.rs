//! Replies go back into the broker, and the loop guard ends what feeds itself.

use broker::{DeadLetterReason, Outcome};
use dispatcher::{Sender, TriggerSpec};

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, http, retries, start, trigger, trigger_for};
use crate::sink::{TestSink, body, status};

fn reply(ty: &str) -> [(&'static str, String); 4] {
    [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", "r".to_owned()),
        ("ce-source", "/sink".to_owned()),
        ("ce-type", ty.to_owned()),
    ]
}

fn answer(code: u16, ty: &str) -> crate::sink::Answer {
    let headers = reply(ty);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    body(code, &headers, "reply")
}

#[tokio::test]
async fn a_reply_is_stored_with_its_cause_and_reaches_other_triggers() {
    let engine = FakeEngine::new();
    let worker = TestSink::answering(answer(200, "order.checked")).await;
    let next = TestSink::answering(status(200)).await;
    let triggers = vec![
        trigger_for("worker", "order.placed", http(worker.url())),
        trigger_for("next", "order.checked", http(next.url())),
    ];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/next", 1).await;
    let [request] = next.received().try_into().unwrap();
    assert_eq!((request.header("ce-id"), &request.body[..]), ("r", &b"reply"[..]));
    let stored = engine.stored("default/default");
    assert_eq!(
        stored.iter().map(|stored| stored.hops).collect::<Vec<_>>(),
        [255, 254]
    );
}

#[tokio::test]
async fn the_body_of_a_202_is_no_reply() {
    let (engine, sink) = (
        FakeEngine::new(),
        TestSink::answering(answer(202, "order.checked")).await,
    );
    let _dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    assert!(
        matches!(log[0], Settled::Delivered { reply: None, .. }),
        "{log:?}"
    );
    assert_eq!(engine.stored("default/default").len(), 1);
}

#[tokio::test]
async fn a_source_without_a_broker_asks_for_no_reply_and_takes_none() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(answer(200, "again")).await);
    let triggers = vec![TriggerSpec {
        sender: Sender::Source("shop/heartbeat".parse().unwrap()),
        ..trigger("t", http(sink.url()))
    }];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    assert!(
        matches!(log[0], Settled::Delivered { reply: None, .. }),
        "{log:?}"
    );
    let request = &sink.received()[0];
    assert_eq!(request.header("prefer"), "");
    assert_eq!(request.header("kn-namespace"), "shop");
}

#[tokio::test]
async fn a_reply_that_claims_to_be_an_event_and_is_invalid_is_a_failed_delivery() {
    let engine = FakeEngine::new();
    let headers = [("ce-specversion", "1.0"), ("ce-id", "r")];
    let sink = TestSink::answering(body(200, &headers, "reply")).await;
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
    let failure = letter.failure.as_ref().unwrap();
    assert_eq!((failure.code, &failure.data[..]), (Some(200), &b"reply"[..]));
    assert!(
        failure
            .message
            .starts_with("answered 200 with an event that is invalid"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_trigger_that_feeds_itself_ends_after_255_passes() {
    let (engine, sink) = (FakeEngine::new(), TestSink::answering(answer(200, "again")).await);
    let _dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 255).await;
    assert_eq!(sink.received().len(), 255);
    assert_eq!(engine.stored("default/default").len(), 255);
    let Settled::ReplyLooped(letter) = &log[254] else {
        panic!("{:?}", log[254])
    };
    assert_eq!((letter.reason, letter.event.id()), (DeadLetterReason::Loop, "r"));
    let delivered = |settled: &&Settled| {
        matches!(
            settled,
            Settled::Delivered {
                outcome: Outcome::Delivered,
                ..
            }
        )
    };
    assert_eq!(log.iter().filter(delivered).count(), 254);
    assert!(
        sink.received()
            .iter()
            .all(|request| request.header("ce-knativebrokerttl").is_empty())
    );
}

#[tokio::test]
async fn a_lower_count_in_the_reply_wins() {
    let engine = FakeEngine::new();
    let sink = TestSink::start(|_| async {
        let mut answer = answer(200, "again");
        answer
            .headers_mut()
            .insert("ce-knativebrokerttl", "2".parse().unwrap());
        answer
    })
    .await;
    let _dispatcher = start(&engine, vec![trigger("t", http(sink.url()))]).await;
    engine.publish(event("1", "order.placed")).await;
    engine.settled("default/t", 3).await;
    let hops: Vec<u8> = engine
        .stored("default/default")
        .iter()
        .map(|stored| stored.hops)
        .collect();
    assert_eq!(hops, [255, 2, 1]);
}
