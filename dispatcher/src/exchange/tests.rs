//! Against a transport that answers from a script; time is paused.

use std::sync::Arc;
use std::time::Duration;

use broker::SystemClock;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::*;
use crate::spec::{HttpSink, Sender};
use crate::testing::{event, name};
use crate::transport::{TransportError, Trust, TrustError, TrustId};

type Headers = Vec<(&'static str, &'static str)>;
type Chunks = Vec<Result<&'static str, Pause>>;

/// A body that goes on after a while, or never, or breaks.
#[derive(Clone, Copy)]
enum Pause {
    For(Duration),
    Broken,
}

/// One answer, after a while.
struct Script {
    after: Duration,
    answer: Result<(u16, Headers, Chunks), &'static str>,
}

impl Transport for Arc<Script> {
    fn trust(&self, _trust: &Trust) -> Result<TrustId, TrustError> {
        Ok(TrustId(0))
    }

    fn send(
        &self,
        _trust: TrustId,
        _request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<AnswerBody>, TransportError>> {
        let script = Arc::clone(self);
        Box::pin(async move {
            tokio::time::sleep(script.after).await;
            let (status, headers, chunks) = script.answer.as_ref().map_err(|error| TransportError {
                message: (*error).to_owned(),
            })?;
            let mut response = Response::new(body(chunks.clone()));
            *response.status_mut() = StatusCode::from_u16(*status).unwrap();
            for (name, value) in headers {
                let name = HeaderName::from_static(name);
                response
                    .headers_mut()
                    .append(name, HeaderValue::from_static(value));
            }
            Ok(response)
        })
    }
}

fn body(chunks: Chunks) -> AnswerBody {
    if chunks.is_empty() {
        return Full::default().map_err(|never| match never {}).boxed_unsync();
    }
    let frames = futures_util::stream::unfold(chunks.into_iter(), |mut chunks| async move {
        loop {
            let frame = match chunks.next()? {
                Ok(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
                Err(Pause::Broken) => Err(TransportError {
                    message: "connection reset".to_owned(),
                }),
                Err(Pause::For(time)) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
            };
            return Some((frame, chunks));
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], chunks: Chunks) -> Script {
    Script {
        after: Duration::ZERO,
        answer: Ok((status, headers.to_vec(), chunks)),
    }
}

async fn run(script: Script) -> Outcome {
    let transport = Arc::new(script);
    let sink = HttpSink::new("sink", "http://user:secret@sink/in".parse().unwrap());
    let policy = DeliveryPolicy {
        timeout: Duration::from_secs(5),
        ..DeliveryPolicy::default()
    };
    let limits = Limits {
        reply_bytes_max: 1000,
        ..Limits::default()
    };
    let target = HttpTarget::new(&sink, &name("default/t"), &Sender::Trigger, &transport).unwrap();
    let exchange = Exchange {
        transport: &transport,
        clock: &SystemClock::new(),
        limits: &limits,
        target: &target,
        policy: &policy,
    };
    exchange.run(&event()).await
}

fn transient(outcome: Outcome) -> (Failure, Option<Duration>, Blame) {
    let Outcome::Transient {
        failure,
        retry_after,
        blame,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    (failure, retry_after, blame)
}

const BINARY: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "r"),
    ("ce-source", "/sink"),
    ("ce-type", "reply"),
];
const STRUCTURED: [(&str, &str); 1] = [("content-type", "application/cloudevents+json")];
const BATCH: [(&str, &str); 1] = [("content-type", "application/cloudevents-batch+json")];
const REPLY: &str = r#"{"specversion":"1.0","id":"r","source":"/sink","type":"reply"}"#;

#[tokio::test(start_paused = true)]
async fn a_200_that_claims_an_event_carries_a_reply() {
    for (headers, body) in [
        (&BINARY[..], vec![Ok("da"), Ok("ta")]),
        (&STRUCTURED[..], vec![Ok(REPLY)]),
    ] {
        let outcome = run(answer(200, headers, body)).await;
        let Outcome::Delivered {
            status: 200,
            reply: Some(reply),
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!((reply.id(), reply.ty()), ("r", "reply"));
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_success_carries_a_reply() {
    for status in [201, 202, 203, 204, 206] {
        let outcome = run(answer(status, &STRUCTURED, vec![Ok(REPLY)])).await;
        assert!(
            matches!(outcome, Outcome::Delivered { reply: None, .. }),
            "{status}: {outcome:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_claim_to_be_an_event_is_ignored() {
    for (headers, body) in [
        (&[][..], vec![]),
        (&[("content-type", "text/plain")][..], vec![Ok("ok")]),
        (&[("content-type", "application/json")][..], vec![Ok(REPLY)]),
    ] {
        let outcome = run(answer(200, headers, body)).await;
        assert!(
            matches!(
                outcome,
                Outcome::Delivered {
                    status: 200,
                    reply: None
                }
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_invalid_is_a_failure_that_is_retried() {
    for (headers, body, wrong) in [
        (&BINARY[..3], "", "type"),
        (
            &[
                ("ce-specversion", "9.9"),
                ("ce-id", "r"),
                ("ce-source", "/s"),
                ("ce-type", "t"),
            ][..],
            "",
            "9.9",
        ),
        (&STRUCTURED[..], "{", "event"),
        (&STRUCTURED[..], "", "event"),
        (&BATCH[..], "[]", "batch"),
    ] {
        let (failure, _, blame) = transient(run(answer(200, headers, vec![Ok(body)])).await);
        assert_eq!((failure.code, blame), (Some(200), Blame::Reply));
        assert!(failure.message.contains(wrong), "{}", failure.message);
        assert_eq!(failure.data, body.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_over_the_cap_is_a_failure() {
    let chunk: &'static str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    let (failure, _, blame) = transient(run(answer(200, &BINARY, vec![Ok(chunk); 50])).await);
    assert_eq!(blame, Blame::Reply);
    assert!(
        failure.message.contains("more than 1000 bytes"),
        "{}",
        failure.message
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_slow_or_breaks_off_is_a_failure() {
    let slow = vec![Ok("da"), Err(Pause::For(Duration::from_secs(3600))), Ok("ta")];
    let (failure, _, blame) = transient(run(answer(200, &BINARY, slow)).await);
    assert_eq!(
        (failure.code, blame, failure.data),
        (Some(200), Blame::Timeout, b"da".to_vec())
    );
    let broken = vec![Ok("da"), Err(Pause::Broken)];
    let (failure, _, blame) = transient(run(answer(200, &BINARY, broken)).await);
    assert_eq!((failure.code, blame), (Some(200), Blame::Network));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_that_decides_nothing_holds_the_slot_for_a_moment_only() {
    let started = Instant::now();
    for status in [200, 500] {
        let endless = vec![Ok("x"), Err(Pause::For(Duration::from_secs(3600)))];
        let outcome = run(answer(status, &[], endless)).await;
        assert_eq!(matches!(outcome, Outcome::Delivered { .. }), status == 200);
    }
    assert!(
        started.elapsed() <= limits::DRAIN_WAIT * 2 + Duration::from_millis(10),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_failure_without_a_code() {
    let script = Script {
        after: Duration::from_secs(6),
        ..answer(200, &[], vec![])
    };
    let started = Instant::now();
    let (failure, _, blame) = transient(run(script).await);
    assert_eq!((failure.code, blame), (None, Blame::Timeout));
    assert_eq!(failure.message, "did not answer within 5 s");
    assert_eq!(started.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_cannot_be_reached_is_a_failure_without_a_code() {
    let script = Script {
        after: Duration::ZERO,
        answer: Err("connection refused"),
    };
    let (failure, _, blame) = transient(run(script).await);
    assert_eq!((failure.code, blame), (None, Blame::Network));
    assert_eq!(failure.message, "connection refused");
}

#[tokio::test(start_paused = true)]
async fn a_failure_keeps_the_first_kilobyte_and_no_secret() {
    let chunk: &'static str = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    let (failure, _, blame) = transient(run(answer(503, &[], vec![Ok(chunk); 20])).await);
    assert_eq!(
        (failure.code, blame, failure.data.len()),
        (Some(503), Blame::Endpoint, 1024)
    );
    assert!(failure.data.starts_with(b"0123"));
    assert_eq!(failure.destination, "http://sink/in");
    assert_eq!(failure.message, "answered 503 Service Unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_refused_and_says_where_it_led() {
    let outcome = run(answer(307, &[("location", "http://elsewhere/")], vec![])).await;
    let Outcome::Permanent { failure, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        failure.message.contains("http://elsewhere/"),
        "{}",
        failure.message
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_passed_on() {
    let (_, retry_after, _) = transient(run(answer(429, &[("retry-after", "7")], vec![])).await);
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}
