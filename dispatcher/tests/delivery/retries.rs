//! Retries: what is retried, how often, when.

use std::sync::Arc;
use std::time::Duration;

use broker::{DeadLetterReason, Step};
use dispatcher::{BackoffPolicy, DeliveryPolicy, Dispatcher, Options, TriggerSpec};

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, http, name, options, retries, start, trigger};
use crate::script::{Does, Script};
use crate::sink::{TestSink, body, status};

#[tokio::test]
async fn an_endpoint_that_fails_five_times_and_then_works_gets_the_event() {
    let engine = FakeEngine::new();
    let sink = TestSink::start(|n| async move { status(if n < 5 { 503 } else { 200 }) }).await;
    let triggers = vec![TriggerSpec {
        delivery: retries(5),
        ..trigger("t", http(sink.url()))
    }];
    let dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 6).await;
    for (n, settled) in (1..).zip(&log[..5]) {
        let Settled::RetryAt { progress, .. } = settled else {
            panic!("{settled:?}")
        };
        assert_eq!((progress.step, progress.attempts), (Step::Subscriber, n));
    }
    assert!(matches!(log[5], Settled::Delivered { .. }), "{:?}", log[5]);
    assert_eq!(sink.ids(), ["1"; 6]);
    let error = dispatcher.status(&name("default/t")).unwrap().last_error.unwrap();
    assert_eq!((error.code, error.event_id.as_str()), (Some(503), "1"));
    assert_eq!(error.message, "answered 503 Service Unavailable");
}

#[tokio::test]
async fn the_retry_table_holds_on_the_wire() {
    for (code, attempts, reason) in [
        (400, 1, DeadLetterReason::Refused),
        (401, 1, DeadLetterReason::Refused),
        (403, 1, DeadLetterReason::Refused),
        (422, 1, DeadLetterReason::Refused),
        (304, 1, DeadLetterReason::Refused),
        (404, 3, DeadLetterReason::RetriesExhausted),
        (408, 3, DeadLetterReason::RetriesExhausted),
        (409, 3, DeadLetterReason::RetriesExhausted),
        (429, 3, DeadLetterReason::RetriesExhausted),
        (500, 3, DeadLetterReason::RetriesExhausted),
        (502, 3, DeadLetterReason::RetriesExhausted),
        (504, 3, DeadLetterReason::RetriesExhausted),
        (599, 3, DeadLetterReason::RetriesExhausted),
        (700, 3, DeadLetterReason::RetriesExhausted),
    ] {
        let (engine, sink) = (FakeEngine::new(), TestSink::answering(status(code)).await);
        let triggers = vec![TriggerSpec {
            delivery: retries(2),
            ..trigger("t", http(sink.url()))
        }];
        let _dispatcher = start(&engine, triggers).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled("default/t", attempts as usize).await;
        let letter = log.last().unwrap().dead_letter();
        assert_eq!((letter.attempts, letter.reason), (attempts, reason), "{code}");
        assert_eq!(letter.failure.as_ref().unwrap().code, Some(code));
        assert_eq!(sink.received().len(), attempts as usize, "{code}");
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let (engine, elsewhere) = (FakeEngine::new(), TestSink::answering(status(200)).await);
    for code in [301, 302, 303, 307, 308] {
        let location = elsewhere.url().to_string();
        let sink = TestSink::answering(body(code, &[("location", &location)], "")).await;
        let name = format!("t{code}");
        let triggers = vec![TriggerSpec {
            delivery: retries(3),
            ..trigger(&name, http(sink.url()))
        }];
        let _dispatcher = start(&engine, triggers).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled(&format!("default/{name}"), 1).await;
        assert_eq!(log[0].dead_letter().reason, DeadLetterReason::Refused);
        assert_eq!(sink.received().len(), 1);
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_retried_and_leaves_no_code() {
    let engine = FakeEngine::new();
    let port = TestSink::answering(status(200)).await.port;
    for (name, url) in [
        ("refused", format!("http://127.0.0.1:{port}/")),
        ("dns", "http://no.invalid/".to_owned()),
    ] {
        let triggers = vec![TriggerSpec {
            delivery: retries(1),
            ..trigger(name, http(url.parse().unwrap()))
        }];
        let _dispatcher = start(&engine, triggers).await;
        engine.publish(event("1", "order.placed")).await;
        let log = engine.settled(&format!("default/{name}"), 2).await;
        let letter = log[1].dead_letter();
        assert_eq!(
            (letter.attempts, letter.reason),
            (2, DeadLetterReason::RetriesExhausted)
        );
        let failure = letter.failure.as_ref().unwrap();
        assert_eq!((failure.code, failure.destination.as_str()), (None, url.as_str()));
        assert!(
            failure.message.contains("connect") || failure.message.contains("dns"),
            "{}",
            failure.message
        );
    }
}

async fn scripted(engine: &FakeEngine, script: &Script, delivery: DeliveryPolicy) -> Dispatcher {
    let options = Options {
        transport: Arc::new(script.clone()),
        ..options(engine)
    };
    let subscriber = http("http://sink/".parse().unwrap());
    Dispatcher::start(
        options,
        vec![TriggerSpec {
            delivery,
            ..trigger("t", subscriber)
        }],
    )
    .await
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn waits_grow_as_the_policy_says_and_never_end_early() {
    for (backoff, base) in [
        (BackoffPolicy::Linear, [200, 400, 600]),
        (BackoffPolicy::Exponential, [400, 800, 1600]),
    ] {
        let (engine, script) = (FakeEngine::new(), Script::new(|_, _| Does::Answers(500, vec![])));
        let delay = Duration::from_millis(200);
        let policy = DeliveryPolicy {
            retries: 3,
            backoff: Some(backoff),
            delay,
            ..DeliveryPolicy::default()
        };
        let _dispatcher = scripted(&engine, &script, policy).await;
        engine.publish(event("1", "order.placed")).await;
        engine.settled("default/t", 4).await;
        for (gap, base) in script
            .gaps("sink")
            .into_iter()
            .zip(base.map(Duration::from_millis))
        {
            assert!(
                gap >= base && gap <= base.mul_f64(1.1) + Duration::from_millis(5),
                "{gap:?} for {base:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_and_as_a_date_is_waited_for_up_to_the_maximum() {
    for (header, maximum, least, most) in [
        ("30", 3600, 30, 34),
        ("30", 10, 10, 11),
        ("30", 0, 0, 1),
        ("Thu, 01 Jan 1970 00:17:40 GMT", 3600, 60, 67),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 3600, 0, 1),
        ("soon", 3600, 0, 1),
        ("-5", 3600, 0, 1),
    ] {
        let answer = header.to_owned();
        let script = Script::new(move |_, n| match n {
            0 => Does::Answers(429, vec![("retry-after", answer.clone())]),
            _ => Does::Answers(200, vec![]),
        });
        let engine = FakeEngine::new();
        let retry_after_max = Duration::from_secs(maximum);
        let _dispatcher = scripted(
            &engine,
            &script,
            DeliveryPolicy {
                retry_after_max,
                ..retries(1)
            },
        )
        .await;
        engine.publish(event("1", "order.placed")).await;
        engine.settled("default/t", 2).await;
        let gap = script.gaps("sink")[0];
        let expected = Duration::from_secs(least)..=Duration::from_secs(most);
        assert!(
            expected.contains(&gap),
            "Retry-After: {header} up to {maximum} s waits {gap:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_given_the_timeout_each_time() {
    let (engine, script) = (FakeEngine::new(), Script::new(|_, _| Does::Hangs));
    let dispatcher = scripted(&engine, &script, retries(2)).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 3).await;
    let letter = log[2].dead_letter();
    assert_eq!(
        (letter.attempts, letter.reason),
        (3, DeadLetterReason::RetriesExhausted)
    );
    assert_eq!(
        letter.failure.as_ref().unwrap().message,
        "did not answer within 60 s"
    );
    for gap in script.gaps("sink") {
        assert!(
            gap >= Duration::from_secs(60) && gap < Duration::from_secs(61),
            "{gap:?}"
        );
    }
    drop(dispatcher);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_the_last_moment_counts() {
    let script = Script::new(|_, _| Does::AnswersAfter(Duration::from_millis(4999), 200));
    let engine = FakeEngine::new();
    let timeout = Duration::from_secs(5);
    let _dispatcher = scripted(
        &engine,
        &script,
        DeliveryPolicy {
            timeout,
            ..DeliveryPolicy::default()
        },
    )
    .await;
    engine.publish(event("1", "order.placed")).await;
    assert!(matches!(
        engine.settled("default/t", 1).await[0],
        Settled::Delivered { .. }
    ));
}
