//! The HTTP binding: modes, attributes in headers, and what is refused.

use super::*;
use crate::codec::json::decode as decode_json;

type Pair<'a> = (&'a str, &'a str);

const MINIMAL: [Pair<'_>; 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/s"),
    ("ce-type", "t"),
];

fn headers(pairs: &[Pair<'_>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn with(more: &[Pair<'_>]) -> HeaderMap {
    headers(&[&MINIMAL, more].concat())
}

fn one(headers: &HeaderMap, body: &str) -> Event {
    match decode(
        headers,
        Bytes::copy_from_slice(body.as_bytes()),
        &Limits::default(),
    ) {
        Ok(Decoded::One(event)) => event,
        other => panic!("expected one event: {other:?}"),
    }
}

/// The message must be refused for this reason, with this text in the error.
fn check(headers: &HeaderMap, body: &str, reason: Reason, expect: &str) {
    let error = decode(
        headers,
        Bytes::copy_from_slice(body.as_bytes()),
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(error.reason, reason, "{error}");
    assert!(error.to_string().contains(expect), "{error}\nexpected: {expect}");
}

#[test]
fn the_content_type_chooses_the_mode_in_any_case() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let batch = format!("[{event},{event}]");
    let structured = [
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=UTF-8",
        "application/cloudevents+json;charset=utf-8",
        "application/cloudevents",
        "application/cloudevents; charset=utf-8",
    ];
    for content_type in structured {
        assert_eq!(one(&headers(&[("content-type", content_type)]), event).id(), "1");
    }
    for content_type in [
        "application/cloudevents-batch+json",
        "APPLICATION/CLOUDEVENTS-BATCH+JSON ; x=y",
    ] {
        let decoded = decode(
            &headers(&[("content-type", content_type)]),
            batch.clone().into(),
            &Limits::default(),
        );
        assert!(matches!(decoded, Ok(Decoded::Batch(events)) if events.len() == 2));
    }
    let decoded = decode(
        &headers(&[("content-type", super::super::BATCH_JSON)]),
        "[]".into(),
        &Limits::default(),
    );
    assert_eq!(decoded, Ok(Decoded::Batch(Vec::new())));
}

#[test]
fn a_format_that_is_not_spoken_is_unsupported() {
    for content_type in [
        "application/cloudevents+avro",
        "application/cloudevents-batch+xml; v=1",
        "application/cloudeventsx",
    ] {
        check(
            &with(&[("content-type", content_type)]),
            "",
            Reason::UnsupportedFormat,
            "send application/cloudevents+json",
        );
    }
    assert_eq!(Reason::UnsupportedFormat.status(), 415);
}

#[test]
fn copies_of_attributes_in_the_headers_of_a_structured_event_are_ignored() {
    let body = r#"{"specversion":"1.0","id":"in the body","source":"/s","type":"t"}"#;
    let event = one(&with(&[("content-type", "application/cloudevents+json")]), body);
    assert_eq!(event.id(), "in the body");
}

#[test]
fn binary_mode_takes_attributes_from_headers_and_data_from_the_body() {
    let headers = with(&[
        ("CE-Subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ("ce-time", "2026-01-31T23:59:59.500+02:00"),
        ("ce-retries", "5"),
        ("content-type", "application/xml; charset=utf-8"),
        ("x-other", "ignored"),
    ]);
    let event = one(&headers, "<a/>");
    assert_eq!(event.subject(), Some("Euro € 😀"));
    assert_eq!(event.time(), Some("2026-01-31T23:59:59.500+02:00"));
    assert_eq!(
        event.attribute("retries").map(|attribute| attribute.kind),
        Some(Kind::String)
    );
    assert_eq!(event.data_content_type(), Some("application/xml; charset=utf-8"));
    assert_eq!(
        (event.data_form(), event.data()),
        (DataForm::Binary, Some(&Bytes::from_static(b"<a/>")))
    );
    assert_eq!(event.attribute("other"), None);
    assert_eq!(one(&headers, "").data(), None);
}

#[test]
fn an_attribute_leaves_in_the_header_it_came_in_percent_encoded() {
    let came = with(&[
        ("ce-subject", "a b \"c d\" 100%"),
        ("content-type", "text/plain; a=\"b c\""),
    ]);
    let mut left = HeaderMap::new();
    let body = encode_binary(&one(&came, "body"), &mut left);
    assert_eq!(left["ce-subject"], "a%20b%20c%20d%20100%25");
    assert_eq!(left["content-type"], "text/plain; a=\"b c\"");
    assert_eq!(left["ce-specversion"], "1.0");
    assert_eq!(body, "body");
    assert_eq!(bare_percents(&came), 1);
    assert_eq!(bare_percents(&left), 0);
}

#[test]
fn a_value_of_one_encoded_character_leaves_whole() {
    let mut left = HeaderMap::new();
    encode_binary(&one(&with(&[("ce-subject", "%22")]), ""), &mut left);
    assert_eq!(left["ce-subject"], "%22");
}

#[test]
fn encoding_replaces_headers_that_stand_there() {
    let event = one(&with(&[("content-type", "text/plain")]), "x");
    let mut left = headers(&[
        ("ce-id", "old"),
        ("ce-id", "older"),
        ("content-type", "old/type"),
        ("x-kept", "1"),
    ]);
    encode_binary(&event, &mut left);
    assert_eq!(left.get_all("ce-id").iter().collect::<Vec<_>>(), ["1"]);
    assert_eq!(
        (&left["content-type"], &left["x-kept"]),
        (&"text/plain".parse().unwrap(), &"1".parse().unwrap())
    );
}

#[test]
fn a_header_that_is_given_twice_is_refused() {
    for name in ["ce-id", "ce-specversion", "ce-subject", "ce-ext"] {
        let twice = [(name, "1.0"), (name, "1.0")];
        let rest: Vec<_> = MINIMAL
            .into_iter()
            .filter(|(required, _)| *required != name)
            .collect();
        let expect = format!("`{name}` is given more than once");
        check(
            &headers(&[&rest[..], &twice].concat()),
            "",
            Reason::Invalid,
            &expect,
        );
    }
    let twice = [("content-type", "text/plain"), ("content-type", "text/plain")];
    check(
        &with(&twice),
        "",
        Reason::Invalid,
        "`content-type` is given more than once",
    );
}

#[test]
fn a_missing_required_header_is_named() {
    for (missing, _) in MINIMAL {
        let rest: Vec<_> = MINIMAL.into_iter().filter(|(name, _)| *name != missing).collect();
        check(
            &headers(&rest),
            "",
            Reason::Invalid,
            &format!("`{missing}` is missing"),
        );
    }
    let structured_by_mistake = headers(&[("content-type", "application/json")]);
    let expect = "`ce-specversion` is missing, like every other required attribute; send them as ce- headers, \
                  or the whole event as application/cloudevents+json";
    check(&structured_by_mistake, "{}", Reason::Invalid, expect);
}

#[test]
fn invalid_headers_are_refused_by_name() {
    let table: [(&str, &str, Reason, &str); 17] = [
        (
            "ce-datacontenttype",
            "text/plain",
            Reason::Invalid,
            "`ce-datacontenttype` is not a header of this binding",
        ),
        ("ce-data", "x", Reason::Invalid, "`ce-data` is reserved"),
        (
            "ce-data_base64",
            "x",
            Reason::Invalid,
            "`ce-data_base64` is not an attribute name",
        ),
        (
            "ce-my-ext",
            "x",
            Reason::Invalid,
            "`ce-my-ext` is not an attribute name",
        ),
        ("ce-", "x", Reason::Invalid, "is not an attribute name"),
        ("ce-subject", "", Reason::Invalid, "`ce-subject` is empty"),
        ("ce-subject", "\"\"", Reason::Invalid, "`ce-subject` is empty"),
        (
            "ce-subject",
            "%C0%A0",
            Reason::Malformed,
            "`ce-subject` is not UTF-8",
        ),
        ("ce-subject", "%00", Reason::Invalid, "U+0000"),
        ("ce-subject", "%EF%BF%BE", Reason::Invalid, "U+FFFE"),
        ("ce-ext", "%0A", Reason::Invalid, "U+000A"),
        (
            "ce-time",
            "yesterday",
            Reason::Invalid,
            "`ce-time` is not an RFC 3339 time",
        ),
        (
            "ce-dataschema",
            "/relative",
            Reason::Invalid,
            "`ce-dataschema` is not an absolute URI",
        ),
        (
            "content-type",
            "xyz",
            Reason::Invalid,
            "`content-type` is not a media type",
        ),
        ("content-type", "", Reason::Invalid, "`content-type` is empty"),
        (
            "content-type",
            "text/plän",
            Reason::Malformed,
            "`content-type` is not ASCII",
        ),
        (
            "ce-ext",
            "\"open",
            Reason::Malformed,
            "`ce-ext` has a double quote that is not closed",
        ),
    ];
    for (name, value, reason, expect) in table {
        check(&with(&[(name, value)]), "", reason, expect);
    }
}

#[test]
fn a_version_that_is_not_known_is_refused_and_0_3_is_kept() {
    for version in ["9000.1", "10.0", "19.0", "0.2", "1", "1.0.2"] {
        let mut wrong = with(&[]);
        wrong.insert("ce-specversion", HeaderValue::try_from(version).unwrap());
        check(
            &wrong,
            "",
            Reason::UnsupportedVersion,
            &format!("`ce-specversion` is `{version}`, which is not supported"),
        );
    }
    let mut old = with(&[("ce-schemaurl", "/schema"), ("content-type", "application/json")]);
    old.insert("ce-specversion", HeaderValue::from_static("0.3"));
    let event = one(&old, "{}");
    assert_eq!(
        (event.spec_version(), event.data_schema()),
        (SpecVersion::V0_3, Some("/schema"))
    );
    let mut left = HeaderMap::new();
    encode_binary(&event, &mut left);
    assert_eq!(left, old);
}

#[test]
fn json_without_a_content_type_leaves_as_application_json() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":null}"#;
    let event = decode_json(&event.into(), &Limits::default()).unwrap();
    let mut left = HeaderMap::new();
    assert_eq!(encode_binary(&event, &mut left), "null");
    assert_eq!(left["content-type"], "application/json");
    let signed = event.with(&[("dssematerial", "c2lnbmVk".into())]).unwrap();
    let mut left = HeaderMap::new();
    encode_binary(&signed, &mut left);
    assert!(
        !left.contains_key("content-type"),
        "a signature covers the absent content type"
    );
}

#[test]
fn base64_of_version_0_3_leaves_decoded_and_without_its_encoding() {
    let event = r#"{"specversion":"0.3","id":"1","source":"/s","type":"t","datacontenttype":"image/png","datacontentencoding":"base64","data":"/wA="}"#;
    let event = decode_json(&event.into(), &Limits::default()).unwrap();
    let mut left = HeaderMap::new();
    assert_eq!(encode_binary(&event, &mut left), &b"\xff\x00"[..]);
    assert!(!left.contains_key("ce-datacontentencoding"));
}

#[test]
fn a_message_over_a_limit_is_too_large() {
    let limits = Limits {
        event_bytes_max: 200,
        attributes_max: 6,
        attribute_name_bytes_max: 10,
        attribute_value_bytes_max: 20,
        header_bytes_max: 300,
        ..Limits::default()
    };
    let long = "x".repeat(301);
    let table: [(&[Pair<'_>], &str, &str); 5] = [
        (&[], &long[..200], "the event has "),
        (
            &[("ce-a", "1"), ("ce-b", "1"), ("ce-c", "1"), ("ce-d", "1")],
            "",
            "`ce-d` is one attribute too many; an event carries at most 6",
        ),
        (
            &[("ce-abcdefghijk", "1")],
            "",
            "has a name of 11 bytes; the limit is 10",
        ),
        (
            &[("ce-a", &long[..21])],
            "",
            "`ce-a` has 21 bytes; the limit is 20",
        ),
        (&[("x-other", &long)], "", "the headers have "),
    ];
    for (more, body, expect) in table {
        let error = decode(&with(more), Bytes::copy_from_slice(body.as_bytes()), &limits).unwrap_err();
        assert_eq!(
            (error.reason, error.reason.status().as_u16()),
            (Reason::TooLarge, 413),
            "{error}"
        );
        assert!(error.to_string().contains(expect), "{error}");
    }
}

#[test]
fn a_message_claims_to_be_an_event_by_type_or_required_header() {
    let table: [(&[Pair<'_>], bool); 8] = [
        (&[], false),
        (&[("content-type", "application/json")], false),
        (&[("ce-subject", "x")], false),
        (&[("content-type", "Application/CloudEvents+json")], true),
        (&[("content-type", "application/cloudevents-batch+json")], true),
        (&[("ce-id", "1")], true),
        (&[("CE-SpecVersion", "1.0")], true),
        (&[("ce-type", "1"), ("content-type", "text/plain")], true),
    ];
    for (pairs, expect) in table {
        assert_eq!(claims_event(&headers(pairs)), expect, "{pairs:?}");
    }
}

#[test]
fn structured_mode_sets_its_content_type() {
    let mut left = HeaderMap::new();
    let body = encode_structured(&one(&with(&[]), ""), &mut left);
    assert_eq!(left["content-type"], "application/cloudevents+json");
    assert_eq!(body, r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#);
}
