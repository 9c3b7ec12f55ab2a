//! The Kafka binding.

use super::*;

type Pair<'a> = (&'a str, &'a str);

const MINIMAL: [Pair<'_>; 4] = [
    ("ce_specversion", "1.0"),
    ("ce_id", "1"),
    ("ce_source", "/s"),
    ("ce_type", "t"),
];

fn run(headers: &[Pair<'_>], value: Option<&str>) -> Result<Option<Event>, DecodeError> {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, Some(value.as_bytes())));
    decode(
        headers,
        value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        &Limits::default(),
    )
}

fn with(more: &[Pair<'static>]) -> Vec<Pair<'static>> {
    [&MINIMAL, more].concat()
}

fn round(record: Record) -> Option<Event> {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), Some(&value[..])));
    decode(headers, record.value.clone(), &Limits::default()).unwrap()
}

#[test]
fn header_values_are_raw_utf_8() {
    let event = run(
        &with(&[("ce_subject", "Euro € 100% %41"), ("content-type", "text/plain")]),
        Some("x"),
    );
    let event = event.unwrap().unwrap();
    assert_eq!(event.subject(), Some("Euro € 100% %41"));
    assert_eq!(event.data_content_type(), Some("text/plain"));
    let record = encode_binary(&event);
    assert!(
        record
            .headers
            .contains(&("ce_subject".into(), "Euro € 100% %41".into()))
    );
    assert_eq!(round(record), Some(event));
}

#[test]
fn a_null_value_is_no_data_and_an_empty_one_is_data() {
    for (value, expect) in [(None, None), (Some(""), Some("")), (Some("x"), Some("x"))] {
        let event = run(&MINIMAL, value).unwrap().unwrap();
        assert_eq!(event.data().map(|data| &data[..]), expect.map(str::as_bytes));
        assert_eq!(encode_binary(&event).value, event.data().cloned());
        assert_eq!(round(encode_binary(&event)), Some(event));
    }
}

#[test]
fn a_header_with_a_null_value_is_an_absent_attribute() {
    let headers = MINIMAL
        .iter()
        .map(|(name, value)| (*name, Some(value.as_bytes())));
    let headers = headers.chain([("ce_subject", None), ("content-type", None)]);
    let event = decode(headers, None, &Limits::default()).unwrap().unwrap();
    assert_eq!((event.subject(), event.data_content_type()), (None, None));
}

#[test]
fn a_structured_record_is_told_by_its_content_type() {
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","n":5,"data":{"b":1.10}}"#;
    let headers = [
        ("content-type", "application/cloudevents+json; charset=UTF-8"),
        ("ce_id", "ignored"),
    ];
    let event = run(&headers, Some(body)).unwrap().unwrap();
    let record = encode_structured(&event);
    assert_eq!(record.value.as_deref(), Some(body.as_bytes()));
    assert_eq!(round(record), Some(event));
}

#[test]
fn a_record_that_claims_nothing_is_no_event() {
    for headers in [
        &[][..],
        &[("content-type", "application/json")],
        &[("ce_subject", "x")],
        &[("ce-id", "1")],
    ] {
        assert_eq!(run(headers, Some("{}")), Ok(None));
    }
}

#[test]
fn a_record_that_claims_and_breaks_a_rule_is_refused() {
    let table: [(Vec<Pair<'_>>, Reason, &str); 7] = [
        (
            vec![("ce_id", "1")],
            Reason::Invalid,
            "`ce_specversion` is missing",
        ),
        (
            with(&[("ce_id", "1")]),
            Reason::Invalid,
            "`ce_id` is given more than once",
        ),
        (
            with(&[("ce_datacontenttype", "a/b")]),
            Reason::Invalid,
            "`ce_datacontenttype` is not a header",
        ),
        (
            with(&[("ce_Ext", "x")]),
            Reason::Invalid,
            "`ce_Ext` is not an attribute name",
        ),
        (
            with(&[("content-type", "x")]),
            Reason::Invalid,
            "`content-type` is not a media type",
        ),
        (
            vec![("content-type", "application/cloudevents+avro")],
            Reason::UnsupportedFormat,
            "not supported",
        ),
        (
            vec![("content-type", "application/cloudevents-batch+json")],
            Reason::UnsupportedFormat,
            "is a batch",
        ),
    ];
    for (headers, reason, expect) in table {
        let error = run(&headers, None).unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        assert!(error.to_string().contains(expect), "{error}");
    }
    let headers = MINIMAL
        .iter()
        .map(|(name, value)| (*name, Some(value.as_bytes())));
    let error = decode(
        headers.chain([("ce_ext", Some(&b"\xff"[..]))]),
        None,
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(error.reason, Reason::Malformed);
}
