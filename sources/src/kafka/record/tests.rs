//! Which event becomes of which record.

use super::*;
use crate::extensions::{INVALID, OMITTED};
use crate::testing::name;

fn record<'a>(headers: Vec<Header<'a>>, key: Option<&'a [u8]>, value: Option<&'static [u8]>) -> Record<'a> {
    Record {
        topic: "orders",
        partition: 3,
        offset: 42,
        timestamp_ms: Some(1_767_225_600_123),
        key,
        headers: Some(headers),
        value: value.map(Bytes::from_static),
    }
}

fn made(record: &Record<'_>, keys: KeyType) -> Made {
    record
        .event(&name("shop/intake"), keys, &Limits::default())
        .expect("always an event")
}

fn event(record: &Record<'_>) -> Event {
    made(record, KeyType::Text).event
}

fn value<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.attribute(name).map(|attribute| attribute.value)
}

const CE: [Header<'static>; 4] = [
    ("ce_specversion", Some(b"1.0")),
    ("ce_id", Some(b"own")),
    ("ce_source", Some(b"/own")),
    ("ce_type", Some(b"own.type")),
];

#[test]
fn a_plain_record_is_wrapped_as_knative_does() {
    let event = event(&record(
        vec![("X-Trace_Id", Some(b"t1"))],
        Some(b"k1"),
        Some(b"{\"n\": 1.0}"),
    ));
    assert_eq!(event.ty(), "dev.knative.kafka.event");
    assert_eq!(
        event.source(),
        "/apis/v1/namespaces/shop/kafkasources/intake#orders"
    );
    assert_eq!(
        (event.id(), event.subject()),
        ("partition:3/offset:42", Some("partition:3#42"))
    );
    assert_eq!(event.time(), Some("2026-01-01T00:00:00.123Z"));
    assert_eq!(
        (value(&event, "key"), value(&event, "partitionkey")),
        (Some("k1"), Some("k1"))
    );
    assert_eq!(value(&event, "kafkaheaderxtraceid"), Some("t1"));
    assert_eq!(event.data_content_type(), Some("application/json"));
    assert_eq!(event.data().map(|data| &data[..]), Some(&b"{\"n\": 1.0}"[..]));
}

#[test]
fn the_content_type_is_the_records_own_then_json_then_bytes() {
    for (headers, data, wanted) in [
        (
            vec![("Content-Type", Some(&b"text/csv"[..]))],
            &b"{}"[..],
            "text/csv",
        ),
        (
            vec![("content-type", Some(b"no type"))],
            b"{}",
            "application/json",
        ),
        (vec![], b"a,b", "application/octet-stream"),
        (vec![], b"", "application/octet-stream"),
    ] {
        assert_eq!(
            event(&record(headers, None, Some(data))).data_content_type(),
            Some(wanted),
            "{data:?}"
        );
    }
}

#[test]
fn a_binary_cloudevent_passes_as_it_is() {
    let mut headers = CE.to_vec();
    headers.extend([
        ("ce_order", Some(&b"7"[..])),
        ("content-type", Some(b"text/plain")),
        ("other", Some(b"x")),
    ]);
    let event = event(&record(headers, Some(b"k1"), Some(b"bytes")));
    assert_eq!(
        (event.ty(), event.id(), event.source()),
        ("own.type", "own", "/own")
    );
    assert_eq!((value(&event, "order"), value(&event, "key")), (Some("7"), None));
    assert_eq!(
        (event.time(), event.data_content_type()),
        (None, Some("text/plain"))
    );
    assert_eq!(event.data().map(|data| &data[..]), Some(&b"bytes"[..]));
}

#[test]
fn a_structured_cloudevent_passes_as_it_is() {
    let json = br#"{"specversion":"1.0","id":"own","source":"/own","type":"own.type","data":{"n":1.10}}"#;
    let headers = vec![(
        "content-type",
        Some(&b"application/cloudevents+json; charset=utf-8"[..]),
    )];
    let event = event(&record(headers, None, Some(json)));
    assert_eq!(event.id(), "own");
    assert_eq!(event.data().map(|data| &data[..]), Some(&br#"{"n":1.10}"#[..]));
}

#[test]
fn a_claim_that_is_no_event_is_wrapped_and_says_why() {
    let made = made(&record(CE[..2].to_vec(), None, Some(b"{}")), KeyType::Text);
    assert!(made.invalid.is_some());
    assert_eq!(
        (made.event.ty(), made.event.id()),
        (TYPE, "partition:3/offset:42")
    );
    assert_eq!(
        value(&made.event, "kafkaheaderceid"),
        Some("own"),
        "what it brought is kept"
    );
    assert!(value(&made.event, INVALID).is_some_and(|mistake| mistake.contains("source")));
    assert_eq!(made.event.data().map(|data| &data[..]), Some(&b"{}"[..]));
    let structured = vec![("content-type", Some(&b"application/cloudevents+json"[..]))];
    let broken = event(&record(structured, None, Some(b"{\"id\":")));
    assert_eq!(broken.data().map(|data| &data[..]), Some(&b"{\"id\":"[..]));
    assert!(value(&broken, INVALID).is_some());
}

#[test]
fn a_tombstone_has_no_data_and_an_empty_value_has_empty_data() {
    let tombstone = event(&record(vec![], Some(b"k"), None));
    assert_eq!((tombstone.data(), tombstone.data_content_type()), (None, None));
    assert_eq!(
        event(&record(vec![], None, Some(b""))).data(),
        Some(&Bytes::new())
    );
    let own = event(&record(CE.to_vec(), None, None));
    assert_eq!((own.id(), own.data()), ("own", None));
}

#[test]
fn the_key_is_read_by_its_type() {
    let float = 1.5_f64.to_be_bytes();
    let large = i64::MAX.to_be_bytes();
    for (keys, key, wanted, partition_key) in [
        (KeyType::Text, &b"k1"[..], "k1", "k1"),
        (KeyType::Text, b"\xff\xfe", "//4=", "//4="),
        (KeyType::Bytes, b"k1", "azE=", "azE="),
        (KeyType::Integer, &[0, 0, 1, 0], "256", "256"),
        (KeyType::Integer, &[255], "-1", "-1"),
        (
            KeyType::Integer,
            &large,
            "9223372036854775807",
            "9223372036854775807",
        ),
        (KeyType::Integer, b"abc", "abc", "abc"),
        (KeyType::Float, &float, "1.5", "1.5"),
        (KeyType::Float, b"x", "x", "x"),
    ] {
        let event = made(&record(vec![], Some(key), None), keys).event;
        let found = (value(&event, "key"), value(&event, "partitionkey"));
        assert_eq!(found, (Some(wanted), Some(partition_key)), "{keys:?} {key:?}");
    }
    let empty = made(&record(vec![], Some(b""), None), KeyType::Text).event;
    assert_eq!(value(&empty, "key"), None);
}

#[test]
fn odd_headers_do_not_stop_a_record() {
    let headers = vec![
        ("Same.Name", Some(&b"first"[..])),
        ("same-name", Some(b"second")),
        ("\u{fc}", Some(b"nothing left of the name")),
        ("empty", Some(b"")),
        ("null", None),
        ("binary", Some(b"\x00\xff")),
        ("line", Some(b"a\nb")),
    ];
    let event = event(&record(headers, None, Some(b"1")));
    assert_eq!(value(&event, "kafkaheadersamename"), Some("second"));
    assert_eq!(value(&event, "kafkaheaderbinary"), Some("AP8="));
    assert_eq!(value(&event, "kafkaheaderline"), Some("YQpi"));
    assert_eq!(event.extensions().count(), 3);
    let mut unreadable = record(vec![], None, Some(b"1"));
    unreadable.headers = None;
    let made = made(&unreadable, KeyType::Text);
    assert!(made.omitted);
    assert_eq!(value(&made.event, OMITTED), Some("headers (a name is not UTF-8)"));
}

#[test]
fn a_record_over_the_limit_leaves_its_data_out_and_says_so() {
    let mut large = record(vec![], Some(b"k1"), None);
    large.value = Some(Bytes::from(vec![b'x'; 2 << 20]));
    let wrapped = made(&large, KeyType::Text);
    assert!(wrapped.omitted && wrapped.invalid.is_none());
    assert_eq!(wrapped.event.data(), None);
    assert_eq!(value(&wrapped.event, "key"), Some("k1"));
    assert_eq!(
        value(&wrapped.event, OMITTED),
        Some("data (2097152 bytes; the limit is 1048576)")
    );
    large.headers = Some(CE.to_vec());
    let own = made(&large, KeyType::Text);
    assert!(own.omitted && own.invalid.is_none());
    assert_eq!(
        (own.event.ty(), value(&own.event, "kafkaheaderceid")),
        (TYPE, Some("own"))
    );
}

#[test]
fn a_record_without_a_time_has_none() {
    let mut record = record(vec![], None, Some(b"1"));
    for timestamp_ms in [None, Some(-1)] {
        record.timestamp_ms = timestamp_ms;
        assert_eq!(event(&record).time(), None);
    }
}
