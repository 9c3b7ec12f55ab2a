//! The event's rules, its record and its accessors.

use proptest::prelude::*;

use super::*;

fn minimal() -> EventBuilder {
    Event::builder().id("1").source("/orders").ty("order.created")
}

fn full() -> Event {
    minimal()
        .subject("a/b")
        .time("2026-01-31T23:59:59.500+02:00")
        .data_content_type("application/json; charset=utf-8")
        .data_schema("HTTPS://Example.COM:443/a/../b")
        .attribute("retries", 5)
        .and_then(|builder| builder.attribute("urgent", true))
        .and_then(|builder| builder.attribute("note", "Euro € 😀"))
        .unwrap()
        .json(r#"{"b":1.10,"a":12345678901234567890123}"#)
        .build()
        .unwrap()
}

/// Builds a valid event but for one attribute; `expect` is the error's text, or empty.
fn check(name: &str, value: Value<'_>, expect: &str) {
    let mut builder = Event::builder();
    for (required, valid) in [("id", "1"), ("source", "/s"), ("type", "t")] {
        if required != name {
            builder = builder.attribute(required, valid).unwrap();
        }
    }
    let outcome = builder.attribute(name, value).and_then(EventBuilder::build);
    match outcome {
        Ok(event) if expect.is_empty() => {
            let (_, text) = value.canonical();
            assert_eq!(
                event.attribute(name).map(|attribute| attribute.value),
                Some(&*text),
                "{name}"
            );
        }
        Ok(_) => panic!("`{name}` = {value:?} was accepted; expected: {expect}"),
        Err(error) => {
            let error = error.to_string();
            assert!(
                !expect.is_empty() && error.contains(expect),
                "`{name}` = {value:?}: {error}"
            );
        }
    }
}

#[test]
fn a_required_attribute_is_there_and_not_empty() {
    for name in ["id", "source", "type"] {
        check(name, "".into(), "is empty");
    }
    let expect = ["`id` is missing", "`source` is missing", "`type` is missing"];
    let builders = [
        Event::builder().source("/s").ty("t"),
        Event::builder().id("1").ty("t"),
        Event::builder().id("1").source("/s"),
    ];
    for (builder, expect) in builders.into_iter().zip(expect) {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }
}

#[test]
fn an_optional_attribute_of_the_specification_is_not_empty() {
    for name in ["subject", "datacontenttype", "dataschema"] {
        check(name, "".into(), "is empty");
    }
    check("time", "".into(), "RFC 3339");
    check("anyextension", "".into(), "");
}

#[test]
fn names_are_lower_case_letters_and_digits() {
    for valid in [
        "a",
        "9",
        "0abc",
        "averyveryverylongextensionnamethatnooneshoulduse",
    ] {
        check(valid, "x".into(), "");
    }
    for invalid in [
        "", "my-ext", "MyExt", "my.ext", "my_ext", "größe", "a b", "ce\u{0}",
    ] {
        check(invalid, "x".into(), "lower-case letters");
    }
    check("data", "x".into(), "reserved");
    check(&"a".repeat(256), "x".into(), "256 bytes; the limit is 255");
}

#[test]
fn values_have_no_control_characters_and_no_noncharacters() {
    for valid in ["Euro € 😀", "tab-less", "\u{A0}", "\u{FFFD}", "\u{10FFFD}"] {
        check("subject", valid.into(), "");
    }
    for invalid in [
        "\u{0}", "\t", "\n", "\u{1F}", "\u{7F}", "\u{80}", "\u{9F}", "\u{FDD0}", "\u{FDEF}", "\u{FFFE}",
    ] {
        check("subject", invalid.into(), "contains the character U+");
        check("ext", invalid.into(), "contains the character U+");
    }
    for invalid in ["\u{FFFF}", "\u{1FFFE}", "\u{10FFFF}"] {
        check("id", invalid.into(), "contains the character U+");
    }
}

#[test]
fn source_is_a_uri_reference() {
    let valid = [
        "/",
        "a",
        "?q",
        "#f",
        "//host",
        "https://h:8080/p/%C3%BC?x=/?#/?",
        "urn:uuid:6e8bc430",
        "mailto:a@b.c",
        "/a:b",
        "./a:b",
        "http://[::1]:80/",
        "http://[v1.a:b]/",
        "http://user:pw@host",
        "1-555-123-4567",
        "tel:1",
    ];
    for valid in valid {
        check("source", valid.into(), "");
    }
    let invalid = [
        "a b",
        "über",
        "<a>",
        "a%2",
        "a%zz",
        "1a:b",
        ":a",
        "http://[::1",
        "http://[1]/",
        "http://h:port/",
        "a\\b",
        "#a#b",
        "http://a@b@c/",
        "[",
        "{x}",
    ];
    for invalid in invalid {
        check("source", invalid.into(), "not a URI-reference");
    }
}

#[test]
fn dataschema_is_an_absolute_uri_in_1_0() {
    for valid in [
        "https://h/x?y",
        "urn:x",
        "HTTPS://Example.COM:443/a/../b",
        "https://h/x#f",
    ] {
        check("dataschema", valid.into(), "");
    }
    for invalid in ["/x", "x", "//h/x", "https://h/a b"] {
        check("dataschema", invalid.into(), "not an absolute URI");
    }
}

#[test]
fn version_0_3_has_schemaurl_and_takes_dataschema_for_an_extension() {
    let builder = minimal().spec_version(SpecVersion::V0_3).data_schema("/relative");
    let event = builder
        .attribute("dataschema", "any text")
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(
        event.attribute("specversion").map(|attribute| attribute.value),
        Some("0.3")
    );
    assert_eq!(event.data_schema(), Some("/relative"));
    assert_eq!(
        event.attribute("schemaurl").map(|attribute| attribute.kind),
        Some(Kind::UriReference)
    );
    assert_eq!(
        event
            .extensions()
            .map(|attribute| attribute.name)
            .collect::<Vec<_>>(),
        ["dataschema"]
    );
}

#[test]
fn time_is_rfc_3339() {
    let valid = [
        "2026-01-31T23:59:59Z",
        "2026-01-31t23:59:59z",
        "2024-02-29T00:00:00.123456789012+14:00",
        "2000-02-29T00:00:00-00:00",
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
    ];
    for valid in valid {
        check("time", valid.into(), "");
    }
    let invalid = [
        "2026-01-31",
        "2026-01-31 23:59:59Z",
        "2026-01-31T23:59:59",
        "2026-01-32T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:61Z",
        "2026-01-31T23:59:59.Z",
        "2026-01-31T23:59:59+0200",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59ZZ",
        "26-01-31T23:59:59Z",
        "now",
        "２０26-01-31T23:59:59Z",
    ];
    for invalid in invalid {
        check("time", invalid.into(), "RFC 3339");
    }
}

#[test]
fn datacontenttype_is_a_media_type() {
    let valid = [
        "application/json",
        "text/plain; charset=utf-8",
        "text/plain;charset=\"a b\\\"c\" ; x=y",
        "a/b;",
        "*/*",
        "application/vnd.x+json;v=1",
    ];
    for valid in valid {
        check("datacontenttype", valid.into(), "");
    }
    for invalid in [
        "xyz",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "a b/c",
        "a/b; x",
        "a/b; x=",
        "a/b; x=\"y",
        "a/b x=y",
        "tëxt/plain",
        "text/plain ",
        "a/b; x=y\t",
    ] {
        check("datacontenttype", invalid.into(), "not a media type");
    }
}

#[test]
fn typed_extensions_keep_their_type_and_canonical_string() {
    let table: [(Value<'_>, Kind, &str); 7] = [
        (Value::String("5"), Kind::String, "5"),
        (Value::Boolean(false), Kind::Boolean, "false"),
        (Value::Integer(i32::MIN), Kind::Integer, "-2147483648"),
        (Value::Binary(b"\xff\x00"), Kind::Binary, "/wA="),
        (Value::Uri("urn:x"), Kind::Uri, "urn:x"),
        (Value::UriReference("x"), Kind::UriReference, "x"),
        (
            Value::Timestamp("2026-01-31T23:59:59Z"),
            Kind::Timestamp,
            "2026-01-31T23:59:59Z",
        ),
    ];
    for (given, kind, value) in table {
        let event = minimal().attribute("ext", given).unwrap().build().unwrap();
        assert_eq!(
            event.attribute("ext"),
            Some(Attribute {
                name: "ext",
                kind,
                value
            })
        );
    }
    check("id", 5.into(), "wrong type");
    check(
        "specversion",
        "1.1".into(),
        "is `1.1`, which is not supported; send 1.0 or 0.3",
    );
}

#[test]
fn an_attribute_is_given_once() {
    let error = minimal().id("2").build().unwrap_err();
    assert_eq!(error, Problem::Repeated.of("id"));
    let builder = minimal().attribute("ext", 1).unwrap();
    assert_eq!(
        builder.attribute("ext", 1).err(),
        Some(Problem::Repeated.of("ext"))
    );
}

#[test]
fn data_goes_with_its_content_type() {
    let table: [(Option<&str>, DataForm, &[u8], &str); 8] = [
        (None, DataForm::Absent, b"x", "no data was announced"),
        (
            Some("text/plain"),
            DataForm::Json,
            b"1",
            "needs a JSON content type",
        ),
        (None, DataForm::Json, b"1 2", "not one valid JSON value"),
        (None, DataForm::Text, b"x", "not JSON"),
        (Some("text/plain"), DataForm::Text, b"\xff", "UTF-8"),
        (None, DataForm::Json, b"null", ""),
        (Some("text/plain"), DataForm::Text, b"x", ""),
        (None, DataForm::Binary, b"\xff", ""),
    ];
    for (media_type, form, data, expect) in table {
        let mut builder = minimal().data(form, data);
        if let Some(media_type) = media_type {
            builder = builder.data_content_type(media_type);
        }
        match builder.build() {
            Ok(event) => assert!(
                expect.is_empty() && event.data().is_some_and(|found| found == data),
                "{expect}"
            ),
            Err(error) => assert!(
                !expect.is_empty() && error.to_string().contains(expect),
                "{error}"
            ),
        }
    }
}

#[test]
fn accessors_answer_what_was_given_in_the_order_given() {
    let event = full();
    assert_eq!(
        (event.id(), event.source(), event.ty()),
        ("1", "/orders", "order.created")
    );
    assert_eq!(event.subject(), Some("a/b"));
    assert_eq!(event.time(), Some("2026-01-31T23:59:59.500+02:00"));
    assert_eq!(event.data_schema(), Some("HTTPS://Example.COM:443/a/../b"));
    let names: Vec<_> = event.attributes().map(|attribute| attribute.name).collect();
    let expect = [
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "retries",
        "urgent",
        "note",
    ];
    assert_eq!(names, expect);
    assert_eq!(event.attribute("absent"), None);
}

#[test]
fn with_replaces_in_place_and_appends_and_refuses_core_attributes() {
    let event = full()
        .with(&[("added", 7.into()), ("retries", "six".into())])
        .unwrap();
    let names: Vec<_> = event
        .extensions()
        .map(|attribute| (attribute.name, attribute.value))
        .collect();
    assert_eq!(
        names,
        [
            ("retries", "six"),
            ("urgent", "true"),
            ("note", "Euro € 😀"),
            ("added", "7")
        ]
    );
    assert_eq!(event.data(), full().data());
    for core in ["id", "specversion", "time", "dataschema"] {
        assert_eq!(
            full().with(&[(core, "x".into())]),
            Err(Problem::NotExtension.of(core))
        );
    }
    assert_eq!(
        full().with(&[("a", 1.into()), ("a", 1.into())]),
        Err(Problem::Repeated.of("a"))
    );
    assert_eq!(full().with(&[("A", 1.into())]), Err(Problem::Name.of("A")));
}

#[test]
fn without_takes_extensions_away_and_leaves_the_rest() {
    let event = full().without(&["urgent", "id", "absent"]);
    assert_eq!(event.attribute("urgent"), None);
    assert_eq!(event.id(), "1");
    assert_eq!(
        event
            .with(&[("urgent", true.into())])
            .unwrap()
            .without(&["urgent"]),
        event
    );
}

#[test]
fn a_record_comes_back_in_two_slices_or_in_one() {
    for event in [
        full(),
        minimal().build().unwrap(),
        minimal().data(DataForm::Binary, "").build().unwrap(),
    ] {
        let (head, body) = event.to_record();
        let joined = Bytes::from([&head[..], &body[..]].concat());
        assert_eq!(Event::from_record(head, body).unwrap(), event);
        assert_eq!(Event::from_record(joined, Bytes::new()).unwrap(), event);
    }
}

#[test]
fn a_record_cut_anywhere_is_refused() {
    let (head, body) = full().to_record();
    let joined = Bytes::from([&head[..], &body[..]].concat());
    for end in 0..joined.len() {
        assert!(
            Event::from_record(joined.slice(..end), Bytes::new()).is_err(),
            "cut at {end}"
        );
    }
    for end in 0..head.len() {
        assert!(
            Event::from_record(head.slice(..end), body.clone()).is_err(),
            "head cut at {end}"
        );
    }
}

#[test]
fn a_record_of_a_later_version_is_refused_by_name() {
    let (head, body) = full().to_record();
    let mut later = head.to_vec();
    later[0] = 2;
    let error = Event::from_record(later.into(), body).unwrap_err();
    assert_eq!(error, CorruptRecord::Version { found: 2, known: 1 });
}

#[test]
fn the_layout_of_version_1_stays_readable() {
    let record =
        b"\x01\x00\x02\x00\x02\x00\x00\x00\x04\x00\x00\x00\x18\x00\x00\x00\x21\x00\x00\x00\x2f\x00\x00\x00\
        \x02\x00\x01\x00\x00\x00id1\x06\x05\x02\x00\x00\x00source/s\x04\x00\x01\x00\x00\x00typet\
        \x01\x02\x02\x00\x00\x00n-5{}";
    let event = Event::from_record(Bytes::from_static(record), Bytes::new()).unwrap();
    let same = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .attribute("n", -5)
        .unwrap()
        .json("{}")
        .build()
        .unwrap();
    assert_eq!(event, same);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_event_or_an_error_and_never_a_panic(
        head in proptest::collection::vec(any::<u8>(), 0..200),
        body in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let _ = Event::from_record(head.into(), body.into());
    }

    #[test]
    fn a_damaged_record_is_an_event_that_can_be_used_or_an_error(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (head, body) = full().to_record();
        let mut damaged = head.to_vec();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        if let Ok(event) = Event::from_record(damaged.into(), body) {
            let _ = (event.id(), event.source(), event.ty(), event.attributes().count(), format!("{event:?}"));
            prop_assert_eq!(Event::from_record(event.to_record().0, event.to_record().1).unwrap(), event);
        }
    }

    #[test]
    fn every_valid_event_survives_its_record(
        id in "[^\\p{C}]{1,20}",
        ty in "[a-z.]{1,20}",
        extensions in proptest::collection::btree_map("x[a-z0-9]{1,10}", "[^\\p{C}]{0,20}", 0..10),
        data in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut builder = Event::builder().id(&id).source("/s").ty(&ty).data(DataForm::Binary, data);
        for (name, value) in &extensions {
            builder = builder.attribute(name, value.as_str()).unwrap();
        }
        let event = builder.build().unwrap();
        let (head, body) = event.to_record();
        prop_assert_eq!(event.size(), head.len() + body.len());
        prop_assert_eq!(&Event::from_record(head, body).unwrap(), &event);
        prop_assert_eq!(event.id(), id);
        for (name, value) in &extensions {
            prop_assert_eq!(event.attribute(name).map(|attribute| attribute.value), Some(value.as_str()));
        }
    }
}

#[test]
fn an_event_expires_at_its_time_and_one_that_cannot_be_read_never() {
    let expires = |value: &str| {
        let event = Event::builder().id("1").source("/s").ty("t");
        let event = event.attribute("expirytime", value).unwrap().build().unwrap();
        event.expires_at()
    };
    assert_eq!(expires("1970-01-01T00:00:01Z"), Some(1_000));
    assert_eq!(
        expires("1970-01-01T01:00:01.000001+01:00"),
        Some(1_001),
        "never early"
    );
    assert_eq!(expires("1969-12-31T23:59:59Z"), Some(0));
    assert_eq!(expires("9999-12-30T00:00:00Z"), Some(253_402_128_000_000));
    for nothing in ["tomorrow", "2024-01-01", "1700000000"] {
        assert_eq!(expires(nothing), None, "{nothing:?}");
    }
    let without = Event::builder().id("1").source("/s").ty("t").build().unwrap();
    assert_eq!(without.expires_at(), None);
}
