//! What holds across codecs: an event that passes through any of them keeps its attributes and its data.

use ::http::HeaderMap;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::{DataForm, EventBuilder};
use crate::limits::Limits;

#[derive(Clone, Copy, Debug)]
enum Way {
    Binary,
    Structured,
    Batch,
    KafkaBinary,
    KafkaStructured,
    NatsBinary,
    Record,
}

const WAYS: [Way; 7] = [
    Way::Binary,
    Way::Structured,
    Way::Batch,
    Way::KafkaBinary,
    Way::KafkaStructured,
    Way::NatsBinary,
    Way::Record,
];

/// Sends the event one way and receives it again.
fn pass(event: &Event, way: Way) -> Event {
    let limits = Limits::default();
    let mut headers = HeaderMap::new();
    match way {
        Way::Binary | Way::Structured => {
            let body = match way {
                Way::Binary => http::encode_binary(event, &mut headers),
                _ => http::encode_structured(event, &mut headers),
            };
            match http::decode(&headers, body, &limits) {
                Ok(Decoded::One(event)) => event,
                other => panic!("expected one event: {other:?}"),
            }
        }
        Way::Batch => {
            let batch = json::encode_batch(&[event.clone(), event.clone()]);
            let mut events = json::decode_batch(&batch, &limits).unwrap();
            assert_eq!(events[0], events[1]);
            events.remove(0)
        }
        Way::KafkaBinary | Way::KafkaStructured => {
            let record = match way {
                Way::KafkaBinary => kafka::encode_binary(event),
                _ => kafka::encode_structured(event),
            };
            let headers = record
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Some(&value[..])));
            kafka::decode(headers, record.value.clone(), &limits)
                .unwrap()
                .unwrap()
        }
        Way::NatsBinary => {
            let message = nats::encode_binary(event);
            let headers = message
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            nats::decode(headers, message.payload.clone(), &limits)
                .unwrap()
                .unwrap()
        }
        Way::Record => {
            let (head, body) = event.to_record();
            Event::from_record([&head[..], &body[..]].concat().into(), Bytes::new()).unwrap()
        }
    }
}

/// Names and canonical strings, sorted: what every mode keeps. The content type that JSON implies counts as there.
fn attributes(event: &Event) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all: Vec<_> = event
        .attributes()
        .map(|attribute| pair(attribute.name, attribute.value))
        .collect();
    all.push(pair("specversion", event.spec_version().as_str()));
    if implies_json(event) {
        all.push(pair("datacontenttype", "application/json"));
    }
    all.sort();
    all
}

/// Every chain of two ways must keep the event.
fn check(event: &Event) {
    for first in WAYS {
        for second in WAYS {
            let left = pass(&pass(event, first), second);
            let way = format!("{first:?} then {second:?}");
            assert_eq!(attributes(&left), attributes(event), "{way}");
            assert_eq!(left.data(), event.data(), "{way}");
        }
    }
}

fn full() -> EventBuilder {
    let builder = Event::builder()
        .id("a b \"c\" 100% \\")
        .source("HTTP://Example.COM:80/a/../b?x=%7e#f")
        .ty("Euro € 😀")
        .time("2026-01-31t23:59:59.500000+02:00")
        .data_schema("HTTPS://Example.COM:443/a/../b")
        .subject("%41 %");
    let builder = builder
        .attribute("n", -5)
        .and_then(|builder| builder.attribute("flag", true));
    builder
        .and_then(|builder| builder.attribute("empty", ""))
        .unwrap()
}

#[test]
fn every_pair_of_modes_keeps_attributes_and_data() {
    let json: [&'static str; 6] = [
        r#"{"a":12345678901234567890123,"b":1.10}"#,
        r#"{"z":1, "a":{"z":[ 1e400 ]},"z":2}"#,
        "null",
        "\"a JSON string \\u20ac\"",
        "-0.0",
        "[]",
    ];
    for text in json {
        check(&full().json(text).build().unwrap());
        check(
            &full()
                .data_content_type("application/vnd.x+json; v=\"1 2\"")
                .json(text)
                .build()
                .unwrap(),
        );
        let body = full()
            .data_content_type("application/json")
            .data(DataForm::Binary, text);
        check(&body.build().unwrap());
        check(
            &Event::builder()
                .spec_version(crate::event::SpecVersion::V0_3)
                .id("1")
                .source("/s")
                .ty("t")
                .json(text)
                .build()
                .unwrap(),
        );
    }
    for (media_type, body) in [
        ("text/plain", "Euro €\n\"\u{0}\""),
        ("application/json", "{not json"),
        ("a/b", "{}"),
    ] {
        check(
            &full()
                .data_content_type(media_type)
                .data(DataForm::Binary, body)
                .build()
                .unwrap(),
        );
        check(
            &full()
                .data_content_type(media_type)
                .data(DataForm::Base64, body)
                .build()
                .unwrap(),
        );
    }
    check(
        &full()
            .data_content_type("text/plain; charset=utf-8")
            .data(DataForm::Text, "Euro €\n\"")
            .build()
            .unwrap(),
    );
    check(&full().data(DataForm::Binary, &b"\xff\x00"[..]).build().unwrap());
    check(&full().data(DataForm::Base64, &b"\xff\x00"[..]).build().unwrap());
    check(&full().build().unwrap());
}

#[test]
fn data_without_a_content_type_gets_none_but_for_json() {
    let event = full().data(DataForm::Base64, "{}").build().unwrap();
    for way in WAYS {
        assert_eq!(pass(&event, way).data_content_type(), None, "{way:?}");
    }
    let event = full().json("{}").build().unwrap();
    assert_eq!(pass(&event, Way::Structured).data_content_type(), None);
    assert_eq!(
        pass(&event, Way::Binary).data_content_type(),
        Some("application/json")
    );
}

#[test]
fn an_error_reads_as_a_sentence_that_says_where() {
    let error = DecodeError::new(Reason::Invalid, "is empty").at("ce-id");
    assert_eq!(error.to_string(), "`ce-id` is empty");
    let error = DecodeError {
        index: Some(3),
        ..error
    };
    assert_eq!(error.to_string(), "in event 3 of the batch, `ce-id` is empty");
    for reason in Reason::ALL {
        assert!(reason.status().is_client_error());
        assert_eq!(reason.is_unsupported(), reason.status() == 415);
        assert_eq!(reason.is_too_large(), reason.status() == 413);
    }
}

fn any_way() -> impl Strategy<Value = Way> {
    proptest::sample::select(WAYS.as_slice())
}

fn any_event() -> impl Strategy<Value = Event> {
    let value = "[ -~€😀ä]{0,12}";
    let data = prop_oneof![
        Just((None, DataForm::Absent, Bytes::new())),
        "[ -~€\n]{1,30}".prop_map(|text| (Some("text/plain"), DataForm::Text, Bytes::from(text))),
        proptest::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| (
            Some("application/octet-stream"),
            DataForm::Binary,
            Bytes::from(bytes)
        )),
        proptest::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| (
            Some("application/json"),
            DataForm::Binary,
            Bytes::from([b"x", &bytes[..]].concat())
        )),
        proptest::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| (
            None,
            DataForm::Base64,
            Bytes::from(bytes)
        )),
        any::<(f64, String)>().prop_map(|(number, text)| {
            let value = serde_json::json!({ "z": number, "a": [text, null, true] });
            (None, DataForm::Json, Bytes::from(value.to_string()))
        }),
    ];
    let extensions = proptest::collection::btree_map("x[a-z0-9]{1,8}", value, 0..6);
    ("[ -~€😀]{1,12}", extensions, data).prop_map(|(id, extensions, (media_type, form, data))| {
        let mut builder = Event::builder().id(&id).source("/s").ty("t").data(form, data);
        if let Some(media_type) = media_type {
            builder = builder.data_content_type(media_type);
        }
        for (name, value) in &extensions {
            builder = builder.attribute(name, value.as_str()).unwrap();
        }
        builder.build().unwrap()
    })
}

proptest! {
    #[test]
    fn an_event_survives_any_chain_of_ways(
        event in any_event(),
        ways in proptest::collection::vec(any_way(), 1..6),
    ) {
        let left = ways.iter().fold(event.clone(), |event, way| pass(&event, *way));
        prop_assert_eq!(attributes(&left), attributes(&event));
        prop_assert_eq!(left.data(), event.data());
    }
}
