//! One function for each reader of bytes from outside: it feeds it any bytes and panics when a promise breaks. Nothing
//! may panic by itself, what is read must survive being written and read again, and damage is never served.
//!
//! Compiled twice: by the fuzzer, and by the tests that replay the corpus.

#[path = "checks/disk.rs"]
pub(crate) mod disk;
#[path = "checks/filters.rs"]
mod filters;

use bytes::Bytes;
use cesql::{Expression, Value};
use http::{HeaderMap, HeaderName, HeaderValue};
use schemas::codec::{self, Decoded};
use schemas::event::Event;
use schemas::limits::Limits;

pub use disk::journal;
pub use filters::filters;

/// A check by the name of its target and of its folder in the corpus.
pub type Check = (&'static str, fn(&[u8]));

/// Names and values of headers.
type Lines<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Those of readers below the engine; the others are in `engine`.
pub const ALL: [Check; 11] = [
    ("journal", journal),
    ("http", http),
    ("structured", structured),
    ("batch", batch),
    ("protobuf", protobuf),
    ("kafka", kafka),
    ("nats", nats),
    ("record", record),
    ("resources", resources),
    ("cesql", cesql),
    ("filters", filters),
];

/// A request: lines of `name: value`, an empty line, the body.
pub fn http(data: &[u8]) {
    let (lines, body) = message(data);
    let mut headers = HeaderMap::new();
    for (name, value) in &lines {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else {
            continue;
        };
        headers.append(name, value);
    }
    // Both look at what was sent before anything is decoded.
    codec::http::claims_event(&headers);
    codec::http::bare_percents(&headers);
    let Ok(decoded) = codec::http::decode(&headers, body, &Limits::default()) else {
        return;
    };
    match decoded {
        Decoded::One(event) => keeps(&event),
        Decoded::Batch(events) => events.iter().for_each(keeps),
    }
}

/// An event in the JSON format.
pub fn structured(data: &[u8]) {
    if let Ok(event) = codec::json::decode(&Bytes::copy_from_slice(data), &Limits::default()) {
        keeps(&event);
    }
}

/// Events in the JSON batch format.
pub fn batch(data: &[u8]) {
    let Ok(events) = codec::json::decode_batch(&Bytes::copy_from_slice(data), &Limits::default()) else {
        return;
    };
    let again = codec::json::decode_batch(&codec::json::encode_batch(&events), &generous());
    assert_eq!(again.map(|again| again.len()).ok(), Some(events.len()));
    events.iter().for_each(keeps);
}

/// A message in the Protobuf format, as an event and as a batch.
pub fn protobuf(data: &[u8]) {
    let message = Bytes::copy_from_slice(data);
    if let Ok(event) = codec::protobuf::decode(&message, &Limits::default()) {
        keeps(&event);
    }
    if let Ok(events) = codec::protobuf::decode_batch(&message, &Limits::default()) {
        let again = codec::protobuf::decode_batch(&codec::protobuf::encode_batch(&events), &generous());
        assert_eq!(again.map(|again| again.len()).ok(), Some(events.len()));
        events.iter().for_each(keeps);
    }
}

/// A Kafka record: headers as in [`http`], the value after them. A header without a value is null.
pub fn kafka(data: &[u8]) {
    let (lines, value) = message(data);
    let text: Vec<(String, &[u8])> = lines
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), *value))
        .collect();
    let headers = text
        .iter()
        .map(|(name, value)| (name.as_str(), (!value.is_empty()).then_some(*value)));
    let value = (!value.is_empty()).then_some(value);
    if let Ok(Some(event)) = codec::kafka::decode(headers, value, &Limits::default()) {
        keeps(&event);
    }
}

/// A NATS message: headers as in [`http`], the payload after them.
pub fn nats(data: &[u8]) {
    let (lines, payload) = message(data);
    let text: Vec<(String, String)> = lines
        .iter()
        .map(|(name, value)| (lossy(name), lossy(value)))
        .collect();
    let headers = text.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    if let Ok(Some(event)) = codec::nats::decode(headers, payload, &Limits::default()) {
        keeps(&event);
    }
}

/// An event as the journal keeps it: two bytes with the length of the head, head, data. Its checksum says that we wrote it,
/// so that only its layout is checked: no value in it may make anything panic.
pub fn record(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let rest = Bytes::copy_from_slice(rest);
    let at = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    if let Ok(event) = Event::from_record(rest.slice(..at), rest.slice(at..)) {
        stores(&event);
        codec::json::encode(&event);
        codec::protobuf::encode(&event);
        codec::http::encode_binary(&event, &mut HeaderMap::new());
    }
}

/// A configuration file.
pub fn resources(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        schemas::resources::decode("fuzz.yaml", text);
    }
}

/// An expression of CloudEvents SQL, and its value for an event.
pub fn cesql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(expression) = Expression::parse(text) else {
        return;
    };
    let attributes = [
        ("id", Value::from("1-\u{e9}")),
        ("source", Value::from("/a/b")),
        ("type", Value::from("demo.order")),
        ("specversion", Value::from("1.0")),
        ("n", Value::from(-7)),
        ("flag", Value::from(true)),
    ];
    expression.evaluate(&attributes);
    expression.is_match(&attributes);
    assert_eq!(expression.source(), text);
}

/// An event that was read can be stored and is the same afterwards.
fn stores(event: &Event) {
    let (head, data) = event.to_record();
    let again = Event::from_record(head, data).expect("what was read can be stored");
    assert_eq!(again.to_record(), event.to_record());
    assert!(
        event.attributes().count() >= 3,
        "the required attributes are there"
    );
}

/// An event that was read is the same after each way out and in again.
fn keeps(event: &Event) {
    stores(event);
    let encoded = codec::json::encode(event);
    let again = codec::json::decode(&encoded, &generous()).expect("our own JSON is valid");
    assert_eq!(attributes(&again), attributes(event));

    let mut headers = HeaderMap::new();
    let body = codec::http::encode_binary(event, &mut headers);
    let again = codec::http::decode(&headers, body, &generous()).expect("our own headers are valid");
    let Decoded::One(again) = again else {
        panic!("one event is one event");
    };
    assert_eq!(but_implied(&again, event), attributes(event));
    assert_eq!(payload(&again), payload(event));

    let encoded = codec::protobuf::encode(event);
    let again = codec::protobuf::decode(&encoded, &generous()).expect("our own Protobuf is valid");
    // A time keeps its moment there, not its offset.
    let timeless = |mut all: Vec<String>| {
        all.retain(|one| !one.starts_with("time="));
        all
    };
    assert_eq!(timeless(but_implied(&again, event)), timeless(attributes(event)));
    assert_eq!(again.time().is_some(), event.time().is_some());
    assert_eq!(payload(&again), payload(event));
}

/// The attributes of `again` but for a content type that `event` left to be understood: some modes must write it.
fn but_implied(again: &Event, event: &Event) -> Vec<String> {
    let mut all = attributes(again);
    all.retain(|one| event.data_content_type().is_some() || one != "datacontenttype=application/json");
    all
}

/// The bytes of the data. A message without a body has none.
fn payload(event: &Event) -> &[u8] {
    event.data().map_or(&[], |data| data)
}

/// What we wrote ourselves may be longer than what came: bytes become three characters, or four for three.
fn generous() -> Limits {
    Limits {
        event_bytes_max: usize::MAX,
        batch_events_max: usize::MAX,
        batch_bytes_max: usize::MAX,
        attributes_max: 4096,
        attribute_name_bytes_max: 255,
        attribute_value_bytes_max: 16 << 20,
        header_bytes_max: usize::MAX,
    }
}

fn attributes(event: &Event) -> Vec<String> {
    let mut all: Vec<String> = event
        .attributes()
        .map(|attribute| format!("{}={}", attribute.name, attribute.value))
        .collect();
    all.sort();
    all
}

/// Headers as pairs, and what follows them.
fn message(data: &[u8]) -> (Lines<'_>, Bytes) {
    let mut lines = Vec::new();
    let mut rest = data;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            lines.push((&line[..colon], line[colon + 1..].trim_ascii()));
        }
    }
    (lines, Bytes::copy_from_slice(rest))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
