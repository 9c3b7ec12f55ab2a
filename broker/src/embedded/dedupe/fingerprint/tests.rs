//! What is the same event, and what is not.

use schemas::codec::{Decoded, http};
use schemas::limits::Limits;

use super::*;

fn decoded(headers: &[(&str, &str)], body: &str) -> Event {
    let mut map = ::http::HeaderMap::new();
    for (name, value) in headers {
        let name: ::http::HeaderName = name.parse().unwrap();
        map.insert(name, value.parse().unwrap());
    }
    match http::decode(&map, body.to_owned().into(), &Limits::default()).unwrap() {
        Decoded::One(event) => event,
        Decoded::Batch(_) => panic!("one event"),
    }
}

fn structured(json: &str) -> Event {
    decoded(&[("content-type", "application/cloudevents+json")], json)
}

fn is_same(a: &Event, b: &Event) -> bool {
    assert_eq!(pair_key(a), pair_key(b), "{a:?} and {b:?} are one pair");
    fingerprint(a) == fingerprint(b)
}

const ATTRIBUTES: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/s"),
    ("ce-type", "t"),
];

fn binary(more: &[(&str, &str)], body: &str) -> Event {
    let headers: Vec<_> = ATTRIBUTES.iter().chain(more).copied().collect();
    decoded(&headers, body)
}

#[test]
fn an_event_is_the_same_in_every_mode_and_in_any_order_of_its_attributes() {
    let plain =
        structured(r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a": 1},"n":5}"#);
    let turned = structured(
        r#"{"n":"5","data":{"a": 1},"type":"t","source":"/s","datacontenttype":"application/json","id":"1","specversion":"1.0"}"#,
    );
    let binary = binary(
        &[("ce-n", "5"), ("content-type", "application/json")],
        r#"{"a": 1}"#,
    );
    assert!(is_same(&plain, &turned));
    assert!(is_same(&plain, &binary));
    let base64 = structured(
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","n":5,"datacontenttype":"application/json","data_base64":"eyJhIjogMX0="}"#,
    );
    assert!(is_same(&plain, &base64));
}

#[test]
fn no_data_is_empty_data() {
    let without = structured(r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#);
    assert!(is_same(&without, &binary(&[], "")));
}

#[test]
fn every_other_difference_is_another_event() {
    let first = binary(
        &[
            ("ce-time", "2024-01-01T12:00:00Z"),
            ("content-type", "application/json"),
        ],
        "{\"a\":1}",
    );
    for (more, body) in [
        (
            vec![
                ("ce-time", "2024-01-01T12:00:00.0Z"),
                ("content-type", "application/json"),
            ],
            "{\"a\":1}",
        ),
        (
            vec![
                ("ce-time", "2024-01-01T12:00:00Z"),
                ("content-type", "application/json"),
            ],
            "{\"a\": 1}",
        ),
        (
            vec![("ce-time", "2024-01-01T12:00:00Z"), ("content-type", "text/json")],
            "{\"a\":1}",
        ),
        (vec![("ce-time", "2024-01-01T12:00:00Z")], "{\"a\":1}"),
        (
            vec![
                ("ce-x", "1"),
                ("ce-time", "2024-01-01T12:00:00Z"),
                ("content-type", "application/json"),
            ],
            "{\"a\":1}",
        ),
    ] {
        let other = binary(&more, body);
        assert!(!is_same(&first, &other), "{other:?}");
    }
}

#[test]
fn where_one_value_ends_and_the_next_begins_counts() {
    let a = structured(r#"{"specversion":"1.0","id":"bc","source":"a","type":"t"}"#);
    let b = structured(r#"{"specversion":"1.0","id":"c","source":"ab","type":"t"}"#);
    assert_ne!(pair_key(&a), pair_key(&b));
    let a = binary(&[("ce-a", "1"), ("ce-ab", "2")], "");
    let b = binary(&[("ce-a", "1ab2")], "");
    assert!(!is_same(&a, &b));
}
