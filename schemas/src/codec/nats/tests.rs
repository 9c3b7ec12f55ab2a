//! The NATS binding.

use super::*;

type Pair<'a> = (&'a str, &'a str);

const MINIMAL: [Pair<'_>; 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/s"),
    ("ce-type", "t"),
];
const BARE: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"b":1.10}}"#;

fn run(headers: &[Pair<'_>], payload: &str) -> Result<Option<Event>, DecodeError> {
    decode(
        headers.iter().copied(),
        Bytes::copy_from_slice(payload.as_bytes()),
        &Limits::default(),
    )
}

fn with(more: &[Pair<'static>]) -> Vec<Pair<'static>> {
    [&MINIMAL, more].concat()
}

fn round(message: &Message) -> Option<Event> {
    let headers = message
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    decode(headers, message.payload.clone(), &Limits::default()).unwrap()
}

#[test]
fn header_values_are_percent_encoded_and_the_type_is_an_attribute() {
    let headers = with(&[
        ("ce-subject", "Euro%20%E2%82%AC"),
        ("ce-datacontenttype", "text/plain;%20a=b"),
    ]);
    let event = run(&headers, "x").unwrap().unwrap();
    assert_eq!(
        (event.subject(), event.data_content_type()),
        (Some("Euro €"), Some("text/plain; a=b"))
    );
    let message = encode_binary(&event);
    assert!(
        message
            .headers
            .contains(&("ce-datacontenttype".into(), "text/plain;%20a=b".into()))
    );
    assert_eq!(round(&message), Some(event));
}

#[test]
fn header_names_are_taken_in_any_case() {
    let headers = [
        ("Ce-Specversion", "1.0"),
        ("CE-ID", "1"),
        ("ce-Source", "/s"),
        ("Ce-Type", "t"),
    ];
    assert_eq!(run(&headers, "").unwrap().unwrap().id(), "1");
}

#[test]
fn the_content_type_serves_when_the_attribute_is_not_there() {
    let event = run(&with(&[("Content-Type", "application/json")]), "{}")
        .unwrap()
        .unwrap();
    assert_eq!(event.data_content_type(), Some("application/json"));
    let both = with(&[
        ("Content-Type", "text/plain"),
        ("ce-datacontenttype", "application/json"),
    ]);
    assert_eq!(
        run(&both, "{}").unwrap().unwrap().data_content_type(),
        Some("application/json")
    );
}

#[test]
fn a_payload_without_headers_is_an_event_when_it_says_so() {
    let event = run(&[], BARE).unwrap().unwrap();
    assert_eq!(event.data().unwrap(), r#"{"b":1.10}"#);
    for payload in [
        "",
        "text",
        "[1]",
        "{}",
        r#"{"id":"1"}"#,
        "{",
        r#"{"specversion":null}"#,
    ] {
        assert_eq!(run(&[], payload), Ok(None), "{payload}");
    }
    let error = run(&[], r#"{"specversion":"1.0"}"#).unwrap_err();
    assert_eq!(error.to_string(), "`id` is missing; every event needs it");
}

#[test]
fn a_structured_message_is_told_by_its_content_type() {
    let event = run(&[("Content-Type", "application/cloudevents+json")], BARE)
        .unwrap()
        .unwrap();
    let message = encode_structured(&event);
    assert_eq!(message.payload, BARE);
    assert_eq!(round(&message), Some(event));
}

#[test]
fn a_message_with_headers_that_claim_nothing_is_no_event() {
    assert_eq!(run(&[("Nats-Msg-Id", "1")], BARE), Ok(None));
    assert_eq!(run(&[("ce-subject", "x")], BARE), Ok(None));
}

#[test]
fn a_message_that_claims_and_breaks_a_rule_is_refused() {
    let table: [(Vec<Pair<'_>>, Reason, &str); 5] = [
        (
            vec![("ce-id", "1")],
            Reason::Invalid,
            "`ce-specversion` is missing",
        ),
        (
            with(&[("CE-id", "1")]),
            Reason::Invalid,
            "`ce-id` is given more than once",
        ),
        (
            with(&[("ce-ext", "%C0%A0")]),
            Reason::Malformed,
            "`ce-ext` is not UTF-8",
        ),
        (
            with(&[("Content-Type", "x")]),
            Reason::Invalid,
            "`content-type` is not a media type",
        ),
        (
            vec![("content-type", "application/cloudevents-batch+json")],
            Reason::UnsupportedFormat,
            "is a batch",
        ),
    ];
    for (headers, reason, expect) in table {
        let error = run(&headers, "").unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        assert!(error.to_string().contains(expect), "{error}");
    }
}
