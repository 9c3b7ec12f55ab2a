//! What a webhook makes of a request, and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use broker::AppendError;
use http::StatusCode;

use super::*;
use crate::spec::SourceKind;
use crate::supervisor::Sources;
use crate::testing::{FakeEngine, TestClock, name, options, spec, timestamp};

const UUID: Uuid = Uuid::from_u128(9);

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().expect("a header"),
            value.parse::<HeaderValue>().expect("a value"),
        )
    };
    pairs.iter().map(pair).collect()
}

fn header(name: &str) -> Pick {
    Pick::Header(name.parse().expect("a header"))
}

fn pointer(text: &str) -> Pick {
    Pick::pointer(text).expect("a pointer")
}

fn constant(text: &str) -> Pick {
    Pick::Constant(text.to_owned())
}

fn made(spec: &WebhookSpec, pairs: &[(&str, &str)], body: &str) -> Result<Event, WebhookError> {
    let arrival = Arrival {
        at: timestamp("2026-01-01T00:00:00.5Z"),
        id: UUID,
    };
    let body = Bytes::copy_from_slice(body.as_bytes());
    spec.event(
        &name("shop/orders"),
        &headers(pairs),
        &body,
        arrival,
        &Limits::default(),
    )
}

#[test]
fn an_unconfigured_webhook_has_a_default_for_everything() {
    let event = made(
        &WebhookSpec::default(),
        &[("content-type", "text/plain")],
        "hello",
    )
    .expect("an event");
    assert_eq!((event.ty(), event.id()), (TYPE, UUID.to_string().as_str()));
    assert_eq!(event.source(), "/apis/v1/namespaces/shop/webhooksources/orders");
    assert_eq!(
        (event.subject(), event.time()),
        (None, Some("2026-01-01T00:00:00.5Z"))
    );
    assert_eq!(event.data_content_type(), Some("text/plain"));
    assert_eq!(event.data().map(|data| &data[..]), Some(&b"hello"[..]));
}

#[test]
fn each_pick_yields_a_scalar_as_it_stands_or_nothing() {
    let body = r#"{"s":"a\u0062","n":12345678901234567890123.10,"t":true,"o":{"x/y":["z",{"~":"deep"}]},"e":"","null":null}"#;
    for (pick, wanted) in [
        (pointer("/s"), Some("ab")),
        (pointer("/n"), Some("12345678901234567890123.10")),
        (pointer("/t"), Some("true")),
        (pointer("/o/x~1y/0"), Some("z")),
        (pointer("/o/x~1y/1/~0"), Some("deep")),
        (pointer("/o/x~1y/01"), None),
        (pointer("/o"), None),
        (pointer("/e"), None),
        (pointer("/null"), None),
        (pointer("/missing"), None),
        (header("x-one"), Some("1")),
        (header("x-two"), None),
        (constant("c"), Some("c")),
        (constant(""), None),
    ] {
        let spec = WebhookSpec {
            subject: vec![pick.clone()],
            ..WebhookSpec::default()
        };
        let event = made(&spec, &[("x-one", " 1 "), ("x-two", "a"), ("x-two", "b")], body).expect("an event");
        assert_eq!(event.subject(), wanted, "{pick:?}");
    }
}

#[test]
fn the_first_pick_that_yields_wins() {
    let ty = vec![header("x-event"), pointer("/type"), constant("fallback")];
    let spec = WebhookSpec {
        ty,
        ..WebhookSpec::default()
    };
    for (pairs, body, wanted) in [
        (&[("x-event", "push")][..], r#"{"type":"body"}"#, "push"),
        (&[], r#"{"type":"body"}"#, "body"),
        (&[], "not json", "fallback"),
    ] {
        assert_eq!(made(&spec, pairs, body).expect("an event").ty(), wanted);
    }
}

#[test]
fn a_request_without_the_type_that_was_asked_for_is_refused_and_told_where_to_put_it() {
    let spec = WebhookSpec {
        ty: vec![header("x-event"), pointer("/type")],
        ..WebhookSpec::default()
    };
    let error = made(&spec, &[], "{}").expect_err("no type");
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    let wanted = "the request gives no `type`: send it as header `x-event` or `/type` in a JSON body";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn an_id_that_is_not_found_is_a_new_one() {
    let spec = WebhookSpec {
        id: vec![header("x-delivery")],
        ..WebhookSpec::default()
    };
    assert_eq!(
        made(&spec, &[("x-delivery", "d1")], "").expect("an event").id(),
        "d1"
    );
    assert_eq!(made(&spec, &[], "").expect("an event").id(), UUID.to_string());
}

#[test]
fn an_empty_body_is_no_data_and_an_untyped_one_is_guessed() {
    let spec = WebhookSpec::default();
    let empty = made(&spec, &[("content-type", "application/json")], "").expect("an event");
    assert_eq!((empty.data(), empty.data_content_type()), (None, None));
    assert_eq!(
        made(&spec, &[], "[1]").expect("an event").data_content_type(),
        Some("application/json")
    );
}

#[test]
fn a_value_that_breaks_a_rule_of_cloudevents_is_refused() {
    let spec = WebhookSpec {
        source: vec![pointer("/from")],
        ..WebhookSpec::default()
    };
    let error = made(&spec, &[], r#"{"from":"not a uri"}"#).expect_err("no URI-reference");
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    assert!(error.to_string().contains("`source`"), "{error}");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let error = made(&WebhookSpec::default(), &[], &"x".repeat((1 << 20) + 1)).expect_err("too large");
    assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn only_the_right_secret_opens() {
    let bearer = WebhookAuth::Bearer(Secret::new("s3cret"));
    let own = WebhookAuth::Header {
        name: HeaderName::from_static("x-key"),
        value: Secret::new("s3cret"),
    };
    for (auth, pairs, opens) in [
        (&bearer, &[("authorization", "Bearer s3cret")][..], true),
        (&bearer, &[("authorization", "bearer  s3cret")], true),
        (&bearer, &[("authorization", "Bearer s3cre")], false),
        (&bearer, &[("authorization", "Bearer s3crets3cret")], false),
        (&bearer, &[("authorization", "Bearer ")], false),
        (&bearer, &[("authorization", "Basic s3cret")], false),
        (&bearer, &[("authorization", "s3cret")], false),
        (&bearer, &[], false),
        (&own, &[("x-key", "s3cret")], true),
        (&own, &[("x-key", "S3cret")], false),
        (&own, &[("authorization", "Bearer s3cret")], false),
    ] {
        let spec = WebhookSpec {
            auth: Some(auth.clone()),
            ..WebhookSpec::default()
        };
        let answer = made(&spec, pairs, "");
        assert_eq!(answer.is_ok(), opens, "{pairs:?}");
        if let Err(error) = answer {
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
            assert!(
                !error.to_string().contains("s3cret"),
                "the answer does not give it away"
            );
        }
    }
}

#[test]
fn a_cloudevent_is_wrapped_unless_it_may_pass() {
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "own"),
        ("ce-source", "/own"),
        ("ce-type", "own.type"),
        ("content-type", "application/json"),
    ];
    let wrapped = made(&WebhookSpec::default(), &binary, "{}").expect("an event");
    assert_eq!((wrapped.ty(), wrapped.id()), (TYPE, UUID.to_string().as_str()));
    let pass = WebhookSpec {
        when_cloud_event: WhenCloudEvent::Pass,
        ..WebhookSpec::default()
    };
    let passed = made(&pass, &binary, "{}").expect("an event");
    assert_eq!(
        (passed.ty(), passed.id(), passed.time()),
        ("own.type", "own", None)
    );
    assert_eq!(
        made(&pass, &[], "{}").expect("an event").ty(),
        TYPE,
        "another request is wrapped"
    );
    let error = made(&pass, &binary[..2], "{}").expect_err("half an event");
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
}

fn started(engine: &Arc<FakeEngine>) -> Sources {
    let webhook = WebhookSpec {
        path: "/hook".into(),
        ..WebhookSpec::default()
    };
    let mut spec = spec(SourceKind::Webhook(webhook));
    spec.overrides = vec![("team".into(), "blue".into())];
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    Sources::start(options(engine, clock), vec![spec]).expect("it starts")
}

#[tokio::test(start_paused = true)]
async fn accepted_means_durable_and_is_counted() {
    let engine = FakeEngine::new();
    let sources = started(&engine);
    let webhooks = sources.webhooks();
    assert!(webhooks.listens("/hook") && !webhooks.listens("/other"));
    engine.stall(true);
    let (no_headers, body) = (HeaderMap::new(), Bytes::from_static(b"{}"));
    let accept = webhooks.accept("/hook", &no_headers, body.clone());
    let mut accept = std::pin::pin!(accept);
    assert!(
        tokio::time::timeout(Duration::from_secs(9), &mut accept)
            .await
            .is_err(),
        "not before it is stored"
    );
    engine.stall(false);
    accept.await.expect("stored");
    assert_eq!(
        engine.events()[0].attribute("team").map(|team| team.value),
        Some("blue")
    );
    assert_eq!(sources.status()[0].accepted, 1);
    let nowhere = webhooks
        .accept("/other", &HeaderMap::new(), body)
        .await
        .expect_err("no such path");
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn pressure_and_failures_have_their_status() {
    let engine = FakeEngine::new();
    let webhooks = started(&engine).webhooks();
    for (error, status, retry_after) in [
        (AppendError::Busy, 429, Some(1)),
        (AppendError::NoSpace, 503, Some(1)),
        (AppendError::Failed { reason: "EIO".into() }, 503, None),
        (AppendError::Closed, 503, Some(1)),
        (AppendError::UnknownBroker { broker: name("a/b") }, 404, None),
    ] {
        engine.refuse([error]);
        let refused = webhooks
            .accept("/hook", &HeaderMap::new(), Bytes::new())
            .await
            .expect_err("refused");
        assert_eq!(
            (refused.status().as_u16(), refused.retry_after_seconds()),
            (status, retry_after)
        );
    }
    engine.stall(true);
    let no_headers = HeaderMap::new();
    let large = Bytes::from(vec![b'x'; 900_000]);
    let waiting = webhooks.accept("/hook", &no_headers, large.clone());
    let mut waiting = std::pin::pin!(waiting);
    assert!(
        tokio::time::timeout(Duration::from_secs(1), &mut waiting)
            .await
            .is_err()
    );
    let refused = webhooks
        .accept("/hook", &no_headers, large)
        .await
        .expect_err("no room");
    assert_eq!(
        (refused.status(), refused.retry_after_seconds()),
        (StatusCode::TOO_MANY_REQUESTS, Some(1))
    );
}
