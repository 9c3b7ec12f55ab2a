//! The Protobuf format against an independent library: `prost`, with the message types written out below.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::{decode, decode_batch, encode, encode_batch};
use crate::codec::{Reason, json};
use crate::event::{DataForm, Event, Kind, SpecVersion, Value};
use crate::limits::Limits;

#[derive(Clone, PartialEq, Message)]
struct CloudEvent {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    source: String,
    #[prost(string, tag = "3")]
    spec_version: String,
    #[prost(string, tag = "4")]
    r#type: String,
    #[prost(btree_map = "string, message", tag = "5")]
    attributes: BTreeMap<String, AttributeValue>,
    #[prost(oneof = "Data", tags = "6, 7, 8")]
    data: Option<Data>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Data {
    #[prost(bytes, tag = "6")]
    Binary(Vec<u8>),
    #[prost(string, tag = "7")]
    Text(String),
    #[prost(message, tag = "8")]
    Proto(Any),
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes, tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeValue {
    #[prost(oneof = "Attr", tags = "1, 2, 3, 4, 5, 6, 7")]
    attr: Option<Attr>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Attr {
    #[prost(bool, tag = "1")]
    Boolean(bool),
    #[prost(int32, tag = "2")]
    Integer(i32),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bytes, tag = "4")]
    Bytes(Vec<u8>),
    #[prost(string, tag = "5")]
    Uri(String),
    #[prost(string, tag = "6")]
    UriRef(String),
    #[prost(message, tag = "7")]
    Timestamp(Timestamp),
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct CloudEventBatch {
    #[prost(message, repeated, tag = "1")]
    events: Vec<CloudEvent>,
}

fn message() -> CloudEvent {
    CloudEvent {
        id: "1".to_owned(),
        source: "/s".to_owned(),
        spec_version: "1.0".to_owned(),
        r#type: "t".to_owned(),
        attributes: BTreeMap::new(),
        data: None,
    }
}

fn with(name: &str, attr: Attr) -> CloudEvent {
    let mut message = message();
    let value = AttributeValue { attr: Some(attr) };
    message.attributes.insert(name.to_owned(), value);
    message
}

fn decoded(message: &CloudEvent) -> Event {
    decode(&message.encode_to_vec().into(), &Limits::default()).expect("a valid message")
}

fn refused(message: &CloudEvent) -> (Reason, Option<String>) {
    let error = decode(&message.encode_to_vec().into(), &Limits::default()).expect_err("an invalid message");
    (error.reason, error.at)
}

fn by_prost(event: &Event) -> CloudEvent {
    CloudEvent::decode(encode(event)).expect("prost reads what we write")
}

#[test]
fn typed_attributes_come_as_canonical_strings_and_leave_with_their_types() {
    let time = Timestamp {
        seconds: 1_234_567_890,
        nanos: 120_000_000,
    };
    for (name, attr, kind, text) in [
        ("flag", Attr::Boolean(true), Kind::Boolean, "true"),
        ("off", Attr::Boolean(false), Kind::Boolean, "false"),
        ("count", Attr::Integer(-5), Kind::Integer, "-5"),
        ("zero", Attr::Integer(0), Kind::Integer, "0"),
        ("text", Attr::String("a b é".to_owned()), Kind::String, "a b é"),
        ("hollow", Attr::String(String::new()), Kind::String, ""),
        ("bytes", Attr::Bytes(vec![0, 255]), Kind::Binary, "AP8="),
        ("uri", Attr::Uri("urn:a".to_owned()), Kind::Uri, "urn:a"),
        ("ref", Attr::UriRef("../a".to_owned()), Kind::UriReference, "../a"),
        (
            "at",
            Attr::Timestamp(time.clone()),
            Kind::Timestamp,
            "2009-02-13T23:31:30.12Z",
        ),
        (
            "time",
            Attr::Timestamp(time),
            Kind::Timestamp,
            "2009-02-13T23:31:30.12Z",
        ),
        (
            "dataschema",
            Attr::Uri("HTTP://A/b/../c".to_owned()),
            Kind::Uri,
            "HTTP://A/b/../c",
        ),
    ] {
        let message = with(name, attr);
        let event = decoded(&message);
        let attribute = event.attribute(name).expect("it is there");
        assert_eq!((attribute.kind, attribute.value), (kind, text), "{name}");
        assert_eq!(by_prost(&event), message, "{name}");
    }
    let early = Timestamp {
        seconds: -1,
        nanos: 500_000_000,
    };
    let event = decoded(&with("time", Attr::Timestamp(early.clone())));
    assert_eq!(event.time(), Some("1969-12-31T23:59:59.5Z"));
    assert_eq!(by_prost(&event), with("time", Attr::Timestamp(early)));
}

#[test]
fn attributes_of_the_specification_have_their_own_types() {
    let text = |text: &str| Attr::String(text.to_owned());
    for (name, attr) in [
        ("time", text("2009-02-13T23:31:30Z")),
        ("subject", Attr::Integer(5)),
        ("subject", Attr::Uri("urn:a".to_owned())),
        ("datacontenttype", Attr::Bytes(vec![1])),
        ("dataschema", text("urn:a")),
        ("dataschema", Attr::Uri("relative".to_owned())),
        ("id", text("2")),
        ("UPPER", text("x")),
        ("data", text("x")),
        (
            "at",
            Attr::Timestamp(Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
        ),
        (
            "at",
            Attr::Timestamp(Timestamp {
                seconds: 0,
                nanos: -1,
            }),
        ),
    ] {
        assert_eq!(
            refused(&with(name, attr)),
            (Reason::Invalid, Some(name.to_owned()))
        );
    }
    let mut valueless = message();
    valueless
        .attributes
        .insert("x".to_owned(), AttributeValue { attr: None });
    assert_eq!(refused(&valueless), (Reason::Invalid, Some("x".to_owned())));
    let missing = CloudEvent {
        id: String::new(),
        ..message()
    };
    assert_eq!(refused(&missing).0, Reason::Invalid);
    let version = CloudEvent {
        spec_version: "2.0".to_owned(),
        ..message()
    };
    assert_eq!(refused(&version).0, Reason::UnsupportedVersion);
}

#[test]
fn what_protobuf_has_no_form_for_survives_the_way_there_and_back() {
    for time in [
        "2016-12-31T23:59:60Z",
        "2009-02-13T23:31:30.1234567891Z",
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-12:00",
    ] {
        let event = Event::builder().id("1").source("/s").ty("t").time(time);
        let event = event.build().expect("a time by RFC 3339");
        let back = decode(&encode(&event), &Limits::default()).expect("what we write is valid");
        assert_eq!(back.attribute("time"), event.attribute("time"));
    }
    let event = Event::builder()
        .spec_version(SpecVersion::V0_3)
        .id("1")
        .source("/s");
    let event = event
        .ty("t")
        .attribute("dataschema", "no URI")
        .expect("an extension in 0.3");
    let event = event.build().expect("a valid event");
    let back = decode(&encode(&event), &Limits::default()).expect("what we write is valid");
    assert_eq!(back.attribute("dataschema"), event.attribute("dataschema"));
}

#[test]
fn data_keeps_its_bytes_whatever_field_it_came_in() {
    let json = r#"{"a":12345678901234567890123,"b":1.10}"#;
    let typed = |content_type: &str, data| CloudEvent {
        data: Some(data),
        ..with("datacontenttype", Attr::String(content_type.to_owned()))
    };
    let event = decoded(&typed("application/json", Data::Text(json.to_owned())));
    assert_eq!(event.data().map(|data| &data[..]), Some(json.as_bytes()));
    let structured = String::from_utf8(json::encode(&event).to_vec()).expect("JSON is text");
    assert!(structured.contains(&format!("\"data\":{json}")), "{structured}");
    let event = decoded(&typed("text/plain", Data::Text("naïve".to_owned())));
    assert_eq!(
        (event.data_form(), event.data().map(|data| &data[..])),
        (DataForm::Text, Some("naïve".as_bytes()))
    );
    let event = decoded(&typed(
        "application/octet-stream",
        Data::Binary(vec![0, 159, 146, 150]),
    ));
    assert_eq!(event.data().map(|data| &data[..]), Some(&[0, 159, 146, 150][..]));
    let event = decoded(&CloudEvent {
        data: Some(Data::Binary(Vec::new())),
        ..message()
    });
    assert_eq!(event.data().map(Bytes::len), Some(0), "empty data is data");
    assert!(decoded(&message()).data().is_none());
}

#[test]
fn a_message_inside_becomes_protobuf_data_with_its_type_as_the_schema() {
    let any = Any {
        type_url: "type.googleapis.com/a.B".to_owned(),
        value: vec![8, 1],
    };
    let event = decoded(&CloudEvent {
        data: Some(Data::Proto(any)),
        ..message()
    });
    assert_eq!(event.data_content_type(), Some("application/protobuf"));
    assert_eq!(event.data_schema(), Some("https://type.googleapis.com/a.B"));
    assert_eq!(event.data().map(|data| &data[..]), Some(&[8, 1][..]));
}

#[test]
fn batches_are_taken_whole_or_not_at_all() {
    let good = CloudEventBatch {
        events: vec![
            message(),
            CloudEvent {
                id: "2".to_owned(),
                ..message()
            },
        ],
    };
    let events = decode_batch(&good.encode_to_vec().into(), &Limits::default()).expect("a batch");
    assert_eq!(events.iter().map(Event::id).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(
        CloudEventBatch::decode(encode_batch(&events)).expect("a batch"),
        good
    );
    assert!(
        decode_batch(&Bytes::new(), &Limits::default())
            .expect("an empty batch")
            .is_empty()
    );
    let bad = CloudEventBatch {
        events: vec![
            message(),
            CloudEvent {
                id: String::new(),
                ..message()
            },
        ],
    };
    let error = decode_batch(&bad.encode_to_vec().into(), &Limits::default()).expect_err("one is bad");
    assert_eq!(error.index, Some(1));
}

/// HTTP binding, section 3.3: the events of one batch share their version, in every format.
#[test]
fn a_batch_of_two_versions_or_of_too_many_events_is_refused() {
    let second = |version: &str| CloudEvent {
        spec_version: version.to_owned(),
        attributes: BTreeMap::new(),
        ..message()
    };
    let batch = |events: Vec<CloudEvent>| Bytes::from(CloudEventBatch { events }.encode_to_vec());
    let mixed = batch(vec![second("1.0"), second("0.3")]);
    let error = decode_batch(&mixed, &Limits::default()).expect_err("two versions");
    assert_eq!(
        (error.reason, error.index, error.at.as_deref()),
        (Reason::Invalid, Some(1), Some("specversion"))
    );
    let limits = Limits {
        batch_events_max: 1,
        ..Limits::default()
    };
    let many = batch(vec![second("1.0"), second("1.0")]);
    let error = decode_batch(&many, &limits).expect_err("two events");
    assert_eq!(error.reason, Reason::TooLarge);
}

#[test]
fn unknown_fields_are_skipped_and_broken_messages_refused() {
    let mut bytes = message().encode_to_vec();
    let whole = bytes.clone();
    bytes.extend([
        0xf8, 0x07, 5, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x07, 1, 2, 3, 4, 0xfa, 0x07, 1, 9,
    ]);
    assert!(decode(&bytes.into(), &Limits::default()).is_ok());
    for end in 1..whole.len() {
        let cut = Bytes::copy_from_slice(&whole[..end]);
        assert!(decode(&cut, &Limits::default()).is_err(), "cut at {end}");
    }
    let endless = Bytes::from_static(&[
        0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ]);
    assert_eq!(
        decode(&endless, &Limits::default())
            .expect_err("no length")
            .reason,
        Reason::Malformed
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = decode(&bytes, &Limits::default());
        let _ = decode_batch(&bytes, &Limits::default());
    }

    #[test]
    fn an_event_survives_the_way_there_and_back(
        text in "[ -~é€]{0,20}", number in any::<i32>(), truth in any::<bool>(),
        data in prop::collection::vec(any::<u8>(), 0..64), seconds in -62_135_596_800_i64..253_402_300_799,
    ) {
        let time = jiff::Timestamp::from_second(seconds).expect("in range").to_string();
        let event = Event::builder().id("1").source("/s").ty("t").time(&time);
        let event = event.attribute("text", text.as_str()).and_then(|event| event.attribute("number", number))
            .and_then(|event| event.attribute("truth", truth))
            .and_then(|event| event.attribute("bytes", Value::Binary(&data))).expect("valid attributes");
        let event = event.data(DataForm::Binary, data).build().expect("a valid event");
        let back = decode(&encode(&event), &Limits::default()).expect("what we write is valid");
        prop_assert_eq!(back.data(), event.data());
        for attribute in event.attributes() {
            prop_assert_eq!(back.attribute(attribute.name), Some(attribute));
        }
        prop_assert_eq!(by_prost(&event).encode_to_vec().len(), encode(&event).len());
    }
}
