//! What holds across codecs: an event that passes through any of them keeps its attributes and its data.

mod matrix;

use ::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;

use super::*;
use crate::event::{DataForm, EventBuilder, SpecVersion};
use crate::limits::Limits;

#[derive(Clone, Copy, Debug)]
enum Way {
    Binary,
    Structured,
    Batch,
    Protobuf,
    ProtobufBatch,
    KafkaBinary,
    KafkaStructured,
    NatsBinary,
    NatsStructured,
    NatsBare,
    Record,
}

const WAYS: [Way; 11] = [
    Way::Binary,
    Way::Structured,
    Way::Batch,
    Way::Protobuf,
    Way::ProtobufBatch,
    Way::KafkaBinary,
    Way::KafkaStructured,
    Way::NatsBinary,
    Way::NatsStructured,
    Way::NatsBare,
    Way::Record,
];

/// The ways that keep no offset of a time: Protobuf has a message for it.
fn is_protobuf(way: Way) -> bool {
    matches!(way, Way::Protobuf | Way::ProtobufBatch)
}

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
        Way::Protobuf => {
            let body = protobuf::encode(event);
            match http::decode(&media_type(STRUCTURED_PROTOBUF), body, &limits) {
                Ok(Decoded::One(event)) => event,
                other => panic!("expected one event: {other:?}"),
            }
        }
        // Between two others, of which nothing may come over.
        Way::Batch | Way::ProtobufBatch => {
            let other = |id| {
                let builder = Event::builder().spec_version(event.spec_version()).id(id);
                builder.source("/other").ty("other").json("[1]").build().unwrap()
            };
            let (first, last) = (other("before"), other("behind"));
            let events = [first, event.clone(), last];
            let (body, of) = match way {
                Way::Batch => (json::encode_batch(&events), BATCH_JSON),
                _ => (protobuf::encode_batch(&events), BATCH_PROTOBUF),
            };
            let Ok(Decoded::Batch(mut events)) = http::decode(&media_type(of), body, &limits) else {
                panic!("expected a batch: {event:?}");
            };
            let ids: Vec<_> = events.iter().map(Event::id).collect();
            assert_eq!(ids, ["before", event.id(), "behind"]);
            events.remove(1)
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
        Way::NatsBinary | Way::NatsStructured | Way::NatsBare => {
            let mut message = match way {
                Way::NatsBinary => nats::encode_binary(event),
                _ => nats::encode_structured(event),
            };
            if let Way::NatsBare = way {
                message.headers.clear();
            }
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

fn media_type(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
}

/// Names and canonical strings, sorted: what every mode keeps. The content type that JSON implies counts as there.
///
/// Exception: **`datacontentencoding` of 0.3** says how the JSON format wrote the data and nothing of the event.
fn attributes(event: &Event) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let says_how = |name: &str| name == "datacontentencoding" && event.spec_version() == SpecVersion::V0_3;
    let mut all: Vec<_> = event
        .attributes()
        .filter(|attribute| !says_how(attribute.name))
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
            let ways = [first, second];
            assert_eq!(attributes(&left), matrix::attributes_after(event, &ways), "{way}");
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
                .spec_version(SpecVersion::V0_3)
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
    // A signature covers that there is none.
    let signed = full().json("{}").attribute("dssematerial", "x").unwrap();
    let signed = signed.build().unwrap();
    for way in WAYS {
        assert_eq!(pass(&signed, way).data_content_type(), None, "{way:?}");
    }
    let event = full().json("{}").build().unwrap();
    assert_eq!(pass(&event, Way::Structured).data_content_type(), None);
    assert_eq!(
        pass(&event, Way::Binary).data_content_type(),
        Some("application/json")
    );
}

/// Else a reader of 0.3 would decode data a second time.
#[test]
fn the_encoding_of_0_3_does_not_leave_the_json_format() {
    let event = Event::builder()
        .spec_version(SpecVersion::V0_3)
        .id("1")
        .source("/s")
        .ty("t");
    let event = event.data(DataForm::Binary, &b"\xff"[..]).build().unwrap();
    for structured in [Way::Structured, Way::Batch, Way::KafkaStructured, Way::NatsBare] {
        let encoded = pass(&event, structured);
        assert!(encoded.attribute("datacontentencoding").is_some());
        for way in [
            Way::Binary,
            Way::KafkaBinary,
            Way::NatsBinary,
            Way::Protobuf,
            Way::ProtobufBatch,
        ] {
            let left = pass(&encoded, way);
            assert_eq!(
                left.attribute("datacontentencoding"),
                None,
                "{structured:?} then {way:?}"
            );
            assert_eq!(left.data(), event.data(), "{structured:?} then {way:?}");
        }
    }
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
