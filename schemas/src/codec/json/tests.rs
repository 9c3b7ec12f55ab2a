//! The JSON format: what is read, what is refused, and how data is written.

use proptest::prelude::*;

use super::super::Reason;
use super::*;
use crate::event::{DataForm, Kind, SpecVersion};

/// An event's object with these members after the required ones.
fn object(members: &str) -> Bytes {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{comma}{members}}}"#).into()
}

fn read(input: &Bytes) -> Event {
    decode(input, &Limits::default()).unwrap()
}

/// The object must be refused for this reason, with this text in the error.
fn check(input: &Bytes, reason: Reason, expect: &str) {
    match decode(input, &Limits::default()) {
        Ok(event) => panic!("accepted: {event:?}; expected: {expect}"),
        Err(error) => {
            assert_eq!(error.reason, reason, "{error}");
            assert!(error.to_string().contains(expect), "{error}\nexpected: {expect}");
        }
    }
}

#[test]
fn data_comes_in_its_form_and_leaves_as_it_came() {
    let table: [(&str, DataForm, Option<&[u8]>); 19] = [
        ("", DataForm::Absent, None),
        (r#""datacontenttype":"text/plain""#, DataForm::Absent, None),
        (r#""data":null"#, DataForm::Json, Some(b"null")),
        (
            r#""data":{"a":12345678901234567890123,"b":1.10}"#,
            DataForm::Json,
            Some(br#"{"a":12345678901234567890123,"b":1.10}"#),
        ),
        (
            r#""data":{"z":1,"a":[ 1 , 2 ],"z":2}"#,
            DataForm::Json,
            Some(br#"{"z":1,"a":[ 1 , 2 ],"z":2}"#),
        ),
        (
            r#""data":"a JSON string""#,
            DataForm::Json,
            Some(br#""a JSON string""#),
        ),
        (
            r#""datacontenttype":"application/json","data":"{\"a\":1}""#,
            DataForm::Json,
            Some(br#""{\"a\":1}""#),
        ),
        (
            r#""datacontenttype":"Text/JSON; charset=utf-8","data":-0.0e-0"#,
            DataForm::Json,
            Some(b"-0.0e-0"),
        ),
        (
            r#""datacontenttype":"application/vnd.x+JSON","data":true"#,
            DataForm::Json,
            Some(b"true"),
        ),
        (
            r#""datacontenttype":"text/plain","data":"Euro € 😀""#,
            DataForm::Text,
            Some("Euro € 😀".as_bytes()),
        ),
        (
            r#""datacontenttype":"text/plain","data":"line\nwith \"quotes\"""#,
            DataForm::Text,
            Some(b"line\nwith \"quotes\""),
        ),
        (
            r#""datacontenttype":"text/plain","data":"""#,
            DataForm::Text,
            Some(b""),
        ),
        (
            r#""datacontenttype":"application/xml","data":"<a/>""#,
            DataForm::Text,
            Some(b"<a/>"),
        ),
        (r#""data_base64":"/wA=""#, DataForm::Base64, Some(b"\xff\x00")),
        (r#""data_base64":"""#, DataForm::Base64, Some(b"")),
        (
            r#""datacontenttype":"application/json","data_base64":"e30=""#,
            DataForm::Base64,
            Some(b"{}"),
        ),
        (
            r#""datacontenttype":"image/png","data_base64":"AAAA""#,
            DataForm::Base64,
            Some(b"\0\0\0"),
        ),
        (
            r#""datacontentencoding":"gzip","data":1"#,
            DataForm::Json,
            Some(b"1"),
        ),
        (
            r#""retries":5,"urgent":false,"text":"5","data":[]"#,
            DataForm::Json,
            Some(b"[]"),
        ),
    ];
    for (members, form, data) in table {
        let input = object(members);
        let event = read(&input);
        assert_eq!(
            (event.data_form(), event.data().map(|data| &data[..])),
            (form, data),
            "{members}"
        );
        assert_eq!(encode(&event), input);
    }
}

#[test]
fn other_spellings_read_the_same() {
    let table = [
        (r#""data_base64":"\/wA=""#, r#""data_base64":"/wA=""#),
        (r#""data_base64":null,"data":1"#, r#""data":1"#),
        (r#""subject":null"#, ""),
        (r#""sub\u006aect":"\u20ac""#, r#""subject":"€""#),
        ("\n \"data\" : [1] \n", r#""data":[1]"#),
        (r#""datacontenttype":null,"data":"x""#, r#""data":"x""#),
        (
            r#""data":"x","datacontenttype":"text/plain""#,
            r#""datacontenttype":"text/plain","data":"x""#,
        ),
    ];
    for (members, expect) in table {
        assert_eq!(read(&object(members)), read(&object(expect)), "{members}");
    }
}

#[test]
fn members_come_in_any_order() {
    let input = r#"{"data":"eA==","datacontentencoding":"base64","type":"t","source":"/s","id":"1","specversion":"0.3"}"#;
    let event = read(&input.into());
    assert_eq!(
        (event.data_form(), event.data().map(|data| &data[..])),
        (DataForm::Base64, Some(&b"x"[..]))
    );
}

#[test]
fn attributes_keep_the_type_that_json_gives_them() {
    let event = read(&object(
        r#""b":true,"max":2147483647,"min":-2147483648,"zero":0,"s":"7","u":"urn:x""#,
    ));
    let kinds: Vec<_> = event
        .extensions()
        .map(|attribute| (attribute.value, attribute.kind))
        .collect();
    let expect = [
        ("true", Kind::Boolean),
        ("2147483647", Kind::Integer),
        ("-2147483648", Kind::Integer),
        ("0", Kind::Integer),
        ("7", Kind::String),
        ("urn:x", Kind::String),
    ];
    assert_eq!(kinds, expect);
}

/// Whether the event's data lies in the input.
fn is_shared(input: &Bytes, event: &Event) -> bool {
    let (start, data) = (input.as_ptr() as usize, event.data().unwrap().as_ptr() as usize);
    (start..start + input.len()).contains(&data)
}

#[test]
fn json_data_and_plain_text_share_the_bytes_of_the_input_when_they_are_most_of_it() {
    let long = "x".repeat(200);
    for members in [
        format!(r#""data":{{"a":"{long}"}}"#),
        format!(r#""datacontenttype":"text/plain","data":"{long}""#),
    ] {
        let input = object(&members);
        assert!(is_shared(&input, &read(&input)), "{members}");
    }
}

#[test]
fn a_small_event_that_is_kept_does_not_keep_a_large_message() {
    let blanks = " ".repeat(10_000);
    let input = object(&format!(r#"{blanks}"data":{{"a":1}}"#));
    assert!(!is_shared(&input, &read(&input)));
    let event = |id: usize| {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","data":{{"n":{id}}}}}"#)
    };
    let batch: Vec<String> = (0..50).map(event).collect();
    let batch = Bytes::from(format!("[{}]", batch.join(",")));
    for event in decode_batch(&batch, &Limits::default()).unwrap() {
        assert!(!is_shared(&batch, &event), "{}", event.id());
    }
}

#[test]
fn members_against_the_rules_are_refused_by_name() {
    let invalid = [
        (r#""id":"2""#, "`id` is given more than once"),
        (r#""specversion":"1.0""#, "`specversion` is given more than once"),
        (r#""ext":1,"ext":2"#, "`ext` is given more than once"),
        (r#""ext":1,"e\u0078t":1"#, "`ext` is given more than once"),
        (r#""ext":null,"ext":1"#, "`ext` is given more than once"),
        (r#""ext":1,"ext":null"#, "`ext` is given more than once"),
        (r#""ext":null,"ext":null"#, "`ext` is given more than once"),
        (r#""id":null"#, "`id` is given more than once"),
        (r#""data":1,"data":1"#, "`data` is given more than once"),
        (
            r#""data_base64":"","data_base64":"""#,
            "`data_base64` is given more than once",
        ),
        (
            r#""data":1,"data_base64":"""#,
            "`data_base64` stands beside `data`",
        ),
        (
            r#""data":null,"data_base64":"""#,
            "`data_base64` stands beside `data`",
        ),
        (
            r#""datacontenttype":"text/plain","data":{}"#,
            "`data` is not a string",
        ),
        (
            r#""datacontenttype":"text/plain","data":null"#,
            "`data` is not a string",
        ),
        (r#""ext":{}"#, "`ext` is a JSON object or array"),
        (r#""ext":[[1],{"a":2}]"#, "`ext` is a JSON object or array"),
        (r#""ext":1.5"#, "`ext` is not an integer"),
        (r#""ext":5.0"#, "`ext` is not an integer"),
        (r#""ext":1e2"#, "`ext` is not an integer"),
        (r#""ext":2147483648"#, "`ext` is not an integer"),
        (r#""ext":-2147483649"#, "`ext` is not an integer"),
        (r#""ext":99999999999999999999"#, "`ext` is not an integer"),
        (r#""MyExt":"x""#, "`MyExt` is not an attribute name"),
        (r#""my-ext":"x""#, "`my-ext` is not an attribute name"),
        (r#""my_ext":null"#, "`my_ext` is not an attribute name"),
        (r#""":"x""#, "`` is not an attribute name"),
        (r#""subject":"""#, "`subject` is empty"),
        (r#""subject":5"#, "`subject` has a value of the wrong type"),
        (r#""time":true"#, "`time` has a value of the wrong type"),
        (r#""time":1.5"#, "`time` has a value of the wrong type"),
        (
            r#""dataschema":5000000000"#,
            "`dataschema` has a value of the wrong type",
        ),
        (
            r#""time":"2026-13-01T00:00:00Z""#,
            "`time` is not an RFC 3339 time",
        ),
        (r#""dataschema":"""#, "`dataschema` is empty"),
        (
            r#""dataschema":"/relative""#,
            "`dataschema` is not an absolute URI",
        ),
        (
            r#""datacontenttype":"xyz""#,
            "`datacontenttype` is not a media type",
        ),
        (r#""ext":"\u0000""#, "`ext` contains the character U+0000"),
        (r#""ext":"\uFFFE""#, "`ext` contains the character U+FFFE"),
    ];
    for (members, expect) in invalid {
        check(&object(members), Reason::Invalid, expect);
    }
}

#[test]
fn required_members_are_there_and_of_the_right_kind() {
    let table = [
        (r"{}", Reason::Invalid, "`specversion` is missing"),
        (
            r#"{"specversion":"1.0","source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`id` is missing",
        ),
        (
            r#"{"specversion":"1.0","id":null,"source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`id` is missing",
        ),
        (
            r#"{"specversion":"1.0","id":"1","type":"t"}"#,
            Reason::Invalid,
            "`source` is missing",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"/s"}"#,
            Reason::Invalid,
            "`type` is missing",
        ),
        (
            r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`id` is empty",
        ),
        (
            r#"{"specversion":"1.0","id":1,"source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`id` has a value of the wrong type",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"a b","type":"t"}"#,
            Reason::Invalid,
            "`source` is not a URI-reference",
        ),
        (
            r#"{"specversion":"","id":"1","source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`specversion` is empty",
        ),
        (
            r#"{"specversion":1,"id":"1","source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`specversion` has a value of the wrong type",
        ),
        (
            r#"{"specversion":1.0,"id":"1","source":"/s","type":"t"}"#,
            Reason::Invalid,
            "`specversion` has a value of the wrong type",
        ),
        (
            r#"{"specversion":"2.0","id":"1","source":"/s","type":"t"}"#,
            Reason::UnsupportedVersion,
            "`specversion` is `2.0`",
        ),
    ];
    for (input, reason, expect) in table {
        check(&input.into(), reason, expect);
    }
}

#[test]
fn what_is_not_one_json_object_is_malformed() {
    let inputs = [
        "",
        " ",
        "[]",
        "null",
        "\"x\"",
        "{",
        r#"{"id":"1""#,
        r#"{"id":}"#,
        r#"{"id":"1",}"#,
        r#"{"id":tru}"#,
        r#"{"ext":"\ud800"}"#,
        r#"{"ext":01}"#,
        "{\"ext\":\"\n\"}",
        "{id:1}",
        r#"{"data":[1,}"#,
    ];
    for input in inputs {
        check(
            &input.into(),
            Reason::Malformed,
            "the event is not in the JSON format",
        );
    }
    check(
        &Bytes::from_static(b"{\"ext\":\"\xff\"}"),
        Reason::Malformed,
        "the event is not in the JSON format",
    );
    check(
        &object("\"data\":\"\u{fffd}\",\"x\":"),
        Reason::Malformed,
        "line 1",
    );
    check(
        &object(r#""data_base64":"_-A=""#),
        Reason::Malformed,
        "`data_base64` is not base64",
    );
    check(
        &object(r#""data_base64":"/wA""#),
        Reason::Malformed,
        "`data_base64` is not base64",
    );
    check(
        &object(r#""data_base64":5"#),
        Reason::Malformed,
        "`data_base64` is not base64",
    );
    check(
        &object(r#""datacontenttype":"text/plain","data":"\ud800""#),
        Reason::Malformed,
        "`data` has an escape",
    );
}

#[test]
fn version_0_3_says_its_encoding_in_an_attribute() {
    let with = |members: &str| {
        Bytes::from(format!(
            r#"{{"specversion":"0.3","id":"1","source":"/s","type":"t",{members}}}"#
        ))
    };
    let unchanged = [
        r#""datacontenttype":"image/png","datacontentencoding":"base64","data":"/wA=""#,
        r#""datacontenttype":"application/json","datacontentencoding":"base64","data":"e30=""#,
        r#""schemaurl":"/relative","data":{"a":1}"#,
        r#""datacontenttype":"text/plain","data":"text""#,
    ];
    for members in unchanged {
        let event = read(&with(members));
        assert_eq!(event.spec_version(), SpecVersion::V0_3);
        assert_eq!(encode(&event), with(members));
    }
    assert_eq!(read(&with(unchanged[1])).data().unwrap(), "{}");
    let ignored = read(&with(r#""datacontentencoding":"base64","data":{"a":1}"#));
    assert_eq!(
        encode(&ignored),
        with(r#""data":{"a":1}"#),
        "the encoding says nothing of a value that is no string"
    );
    check(
        &with(r#""data_base64":"eA==""#),
        Reason::Invalid,
        "`data_base64` is not part of version 0.3",
    );
    check(
        &with(r#""datacontentencoding":"gzip","data":"x""#),
        Reason::Invalid,
        "`datacontentencoding` is not supported",
    );
    check(
        &with(r#""datacontentencoding":"base64","data":"!""#),
        Reason::Malformed,
        "`data` is not base64",
    );
}

#[test]
fn a_body_is_embedded_when_it_is_declared_and_valid_json() {
    let table: [(Option<&str>, &[u8], &str); 8] = [
        (
            Some("application/json"),
            br#"{"a":12345678901234567890123,"b":1.10}"#,
            r#""data":{"a":12345678901234567890123,"b":1.10}"#,
        ),
        (Some("application/vnd.x+json; v=1"), b"null", r#""data":null"#),
        (Some("application/json"), b"{} {}", r#""data_base64":"e30ge30=""#),
        (Some("application/json"), b"{", r#""data_base64":"ew==""#),
        (Some("application/json"), b"\"\xff\"", r#""data_base64":"Iv8i""#),
        (
            Some("application/json"),
            b"1},{\"id\":2",
            r#""data_base64":"MX0seyJpZCI6Mg==""#,
        ),
        (Some("text/plain"), b"text", r#""data_base64":"dGV4dA==""#),
        (None, b"{}", r#""data_base64":"e30=""#),
    ];
    for (media_type, body, expect) in table {
        let mut builder = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .data(DataForm::Binary, body);
        let mut members = String::new();
        if let Some(media_type) = media_type {
            builder = builder.data_content_type(media_type);
            members = format!(r#""datacontenttype":"{media_type}","#);
        }
        assert_eq!(
            encode(&builder.build().unwrap()),
            object(&format!("{members}{expect}"))
        );
    }
}

#[test]
fn a_batch_is_taken_whole_or_refused_with_the_index() {
    let good = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let old = good.replace("1.0", "0.3");
    let limits = Limits {
        batch_events_max: 3,
        batch_bytes_max: 400,
        event_bytes_max: 100,
        ..Limits::default()
    };
    let valid = [
        ("[]", 0),
        (" [ ] ", 0),
        (&format!("[{good}]"), 1),
        (&format!("[{good},\n{good}, {good}]"), 3),
    ];
    for (input, expect) in valid {
        let events = decode_batch(&Bytes::copy_from_slice(input.as_bytes()), &limits).unwrap();
        assert_eq!(events.len(), expect);
        assert_eq!(decode_batch(&encode_batch(&events), &limits).unwrap(), events);
    }
    let long = good.replace("\"t\"", &format!("\"{}\"", "t".repeat(100)));
    let invalid = [
        (
            format!("[{good},{{}}]"),
            Reason::Invalid,
            Some(1),
            "in event 1 of the batch, `specversion` is missing",
        ),
        (
            format!("[{good},{good},5]"),
            Reason::Malformed,
            Some(2),
            "in event 2 of the batch, the event is not in the JSON format: invalid type",
        ),
        (
            format!("[{good},{old}]"),
            Reason::Invalid,
            Some(1),
            "`specversion` differs from the first event's",
        ),
        (
            format!("[{good},{long}]"),
            Reason::TooLarge,
            Some(1),
            "in event 1 of the batch, the event has",
        ),
        (
            format!("[{good},{good},{good},{good}]"),
            Reason::TooLarge,
            None,
            "more than 3 events",
        ),
        (
            format!("[{good}{}]", " ".repeat(400)),
            Reason::TooLarge,
            None,
            "the batch has",
        ),
        (
            good.to_owned(),
            Reason::Malformed,
            None,
            "the batch is not in the JSON format",
        ),
        (
            format!("[{good}"),
            Reason::Malformed,
            Some(1),
            "the event is not in the JSON format: EOF",
        ),
        (
            format!("[{good}]]"),
            Reason::Malformed,
            None,
            "the batch is not in the JSON format",
        ),
    ];
    for (input, reason, index, expect) in invalid {
        let error = decode_batch(&input.into(), &limits).unwrap_err();
        assert_eq!((error.reason, error.index), (reason, index), "{error}");
        assert!(error.to_string().contains(expect), "{error}\nexpected: {expect}");
    }
}

#[test]
fn an_object_over_a_limit_is_too_large() {
    let limits = Limits {
        event_bytes_max: 150,
        attributes_max: 4,
        attribute_value_bytes_max: 8,
        ..Limits::default()
    };
    let blanks = " ".repeat(100);
    let table = [
        (object(&format!("\"data\":{blanks}1")), "the limit is 150"),
        (
            object(r#""ext":"123456789""#),
            "`ext` has 9 bytes; the limit is 8",
        ),
        (object(r#""a":1,"b":1"#), "`b` is one attribute too many"),
        (
            object(r#""a":null,"b":null,"c":null,"d":null,"e":null"#),
            "`e` is one attribute too many",
        ),
    ];
    for (input, expect) in table {
        let error = decode(&input, &limits).unwrap_err();
        assert_eq!(error.reason, Reason::TooLarge);
        assert!(error.to_string().contains(expect), "{error}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_an_event_or_an_error(text in "[\\[\\]{}\":,a-z0-9\\\\. ]{0,60}") {
        let _ = decode(&text.clone().into(), &Limits::default());
        let _ = decode_batch(&text.into(), &Limits::default());
    }

    #[test]
    fn an_event_cut_anywhere_is_an_error(at in any::<prop::sample::Index>()) {
        let input = object(r#""ext":null,"n":-5,"b":true,"subject":"\u20ac","data":{"a":[1.10,"x"]}"#);
        let cut = input.slice(..at.index(input.len()));
        prop_assert_eq!(decode(&cut, &Limits::default()).unwrap_err().reason, Reason::Malformed);
    }

    #[test]
    fn text_of_any_characters_survives(text in any::<String>()) {
        let builder = Event::builder().id("1").source("/s").ty("t").data_content_type("text/plain");
        let event = builder.data(DataForm::Text, text).build().unwrap();
        prop_assert_eq!(read(&encode(&event)), event);
    }
}
