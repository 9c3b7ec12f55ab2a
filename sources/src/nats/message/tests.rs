//! Which event becomes of which message.

use async_nats::Message;
use bytes::Bytes;

use super::super::NatsMode;
use super::*;
use crate::extensions::{INVALID, OMITTED};
use crate::nats::NatsAuth;
use crate::testing::{FakeEngine, TestClock, session, timestamp};

fn wrapping(ty: Option<&str>) -> Wrapping {
    Wrapping::new(&NatsSpec {
        servers: vec!["nats://user:secret@nats.example:4333".into()],
        auth: NatsAuth::None,
        tls: None,
        mode: NatsMode::Core {
            subject: "a".into(),
            queue_group: None,
        },
        ty: ty.map(str::to_owned),
        source: None,
        subject: None,
    })
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, *value);
    }
    Message {
        subject: "orders.new \u{fc}".into(),
        reply: None,
        payload: Bytes::copy_from_slice(payload),
        headers: (!headers.is_empty()).then_some(map),
        status: None,
        description: None,
        length: payload.len(),
    }
}

fn made(message: &Message, stored: Option<&Stored>) -> Event {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let session = session(&FakeEngine::new(), clock, &[("team", "blue")]);
    wrapping(None)
        .event(message, stored, &session)
        .expect("always an event")
}

fn value<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.attribute(name).map(|attribute| attribute.value)
}

#[tokio::test(start_paused = true)]
async fn a_plain_message_is_wrapped_without_the_login_of_its_server() {
    let event = made(
        &message(
            &[("X-Trace", "1"), ("x-trace", "2"), ("Nats-Msg-Id", "m1")],
            b"{}",
        ),
        None,
    );
    assert_eq!((event.ty(), event.id()), (TYPE, "m1"));
    assert_eq!(event.source(), "nats://nats.example:4333/orders.new%20%C3%BC");
    assert_eq!(
        (event.subject(), event.time()),
        (Some("orders.new \u{fc}"), Some("2026-01-01T00:00:00Z"))
    );
    assert_eq!(value(&event, "natsheadernatsmsgid"), Some("m1"));
    assert_eq!(
        (value(&event, "team"), event.data_content_type()),
        (Some("blue"), Some("application/json"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stored_message_is_named_by_its_place_in_the_stream() {
    let stored = Stored {
        id: "ORDERS:7".into(),
        at: timestamp("2025-12-31T00:00:00Z"),
    };
    let event = made(&message(&[("Nats-Msg-Id", "m1")], b"x"), Some(&stored));
    assert_eq!(
        (event.id(), event.time()),
        ("ORDERS:7", Some("2025-12-31T00:00:00Z"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_without_any_id_gets_a_new_one() {
    let (one, two) = (made(&message(&[], b"x"), None), made(&message(&[], b"x"), None));
    assert_ne!(one.id(), two.id());
}

#[tokio::test(start_paused = true)]
async fn a_cloudevent_passes_as_it_is_but_for_overrides() {
    let ce = [
        ("ce-specversion", "1.0"),
        ("ce-id", "own"),
        ("ce-source", "/own"),
        ("ce-type", "own.type"),
    ];
    let binary = made(&message(&ce, b"x"), None);
    assert_eq!(
        (binary.id(), binary.time(), value(&binary, "team")),
        ("own", None, Some("blue"))
    );
    let json = br#"{"specversion":"1.0","id":"own","source":"/own","type":"own.type"}"#;
    assert_eq!(
        made(
            &message(&[("Content-Type", "application/cloudevents+json")], json),
            None
        )
        .id(),
        "own"
    );
    assert_eq!(
        made(&message(&[], json), None).id(),
        "own",
        "without headers a structured event is one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_no_event_and_a_message_over_the_limit_are_wrapped_and_say_so() {
    let half = made(
        &message(&[("ce-specversion", "1.0"), ("ce-id", "own")], b"x"),
        None,
    );
    assert_eq!((half.ty(), value(&half, "natsheaderceid")), (TYPE, Some("own")));
    assert!(value(&half, INVALID).is_some());
    let large = made(&message(&[], &vec![b'x'; 2 << 20]), None);
    assert_eq!(large.data(), None);
    assert!(value(&large, OMITTED).is_some_and(|what| what.starts_with("data (2097152 bytes")));
}

#[tokio::test(start_paused = true)]
async fn the_source_may_name_the_type() {
    let session = session(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"), &[]);
    let event = wrapping(Some("own.type"))
        .event(&message(&[], b"x"), None, &session)
        .expect("an event");
    assert_eq!(event.ty(), "own.type");
}
