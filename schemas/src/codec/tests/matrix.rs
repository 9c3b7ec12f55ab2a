//! The matrix of all pairs of ways, and chains of any length, for events of every shape. What cannot be the same behind a
//! way is an exception with a name here; everything else is: every attribute's string and every byte of the data.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::event::{Value, media};

/// Exception: **no offset in Protobuf**. Its timestamp is an instant, so that a time comes out in UTC with the digits that
/// it needs; one that Protobuf has no form for (a leap second, more digits than nanoseconds) stays as it was written.
///
/// The attributes that the event has after these ways, sorted.
pub(super) fn attributes_after(event: &Event, ways: &[Way]) -> Vec<(String, String)> {
    let mut all = attributes(event);
    let time = all.iter_mut().find(|(name, _)| name == "time");
    if let Some((_, time)) = time.filter(|_| ways.iter().any(|way| is_protobuf(*way))) {
        let digits = time.bytes().skip(20).take_while(u8::is_ascii_digit).count();
        let is_leap_second = &time[17..19] == "60";
        if digits <= 9 && !is_leap_second {
            *time = time.parse::<jiff::Timestamp>().unwrap().to_string();
        }
    }
    all
}

/// Exception: **empty data is no data** where a message always has a payload: in the binary modes of HTTP and NATS.
///
/// Exception: **blanks around JSON** that came as a body are not part of the value that the JSON format holds.
///
/// The data that the event has after these ways.
fn data_after(event: &Event, ways: &[Way]) -> Option<Bytes> {
    let mut data = event.data()?.clone();
    let is_json = event.data_form() != DataForm::Base64
        && event.data_content_type().is_some_and(media::is_json)
        && serde_json::from_slice::<&RawValue>(&data).is_ok();
    for way in ways {
        match way {
            Way::Binary | Way::NatsBinary if data.is_empty() => return None,
            Way::Structured | Way::Batch | Way::KafkaStructured | Way::NatsStructured | Way::NatsBare
                if is_json =>
            {
                data = Bytes::copy_from_slice(data.trim_ascii());
            }
            _ => {}
        }
    }
    Some(data)
}

fn any_way() -> impl Strategy<Value = Way> {
    proptest::sample::select(WAYS.as_slice())
}

/// JSON text as people and programs write it: digits without end, members in any order and twice, escapes, blanks.
fn any_json() -> impl Strategy<Value = String> {
    const STRING: &str =
        r#""([ !#-\[\]-~€😀\u{7f}]|\\u[dD][89a-fA-F][0-9a-f]{2}|\\u00[01][0-9a-f]|\\["\\/bfnrt]){0,8}""#;
    const BLANK: &str = "[ \n\t]{0,2}";
    let scalar = prop_oneof![
        "-?[1-9][0-9]{0,40}",
        r"-?(0|[1-9][0-9]{0,9})\.[0-9]{1,30}",
        r"-?[1-9](\.[0-9]{1,4})?[eE][+-]?[0-9]{1,3}",
        STRING,
        proptest::sample::select(vec!["null", "true", "false", "-0"]).prop_map(str::to_owned),
    ];
    scalar.prop_recursive(3, 24, 4, move |inner| {
        let member = (STRING, BLANK, inner.clone())
            .prop_map(|(name, blank, value)| format!("{blank}{name}{blank}:{blank}{value}"));
        let item = (BLANK, inner).prop_map(|(blank, value)| format!("{blank}{value}{blank}"));
        prop_oneof![
            proptest::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            proptest::collection::vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

fn any_data() -> impl Strategy<Value = (Option<&'static str>, DataForm, Bytes)> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let json = || {
        proptest::sample::select(vec![
            None,
            Some("application/json"),
            Some("Text/JSON; charset=utf-8"),
            Some("application/vnd.example.v1+json"),
        ])
    };
    let other = || {
        proptest::sample::select(vec!["text/plain", "application/octet-stream", "a/b; c=\"d e\""])
            .prop_map(Some)
    };
    // JSON that came as a body: what stands around it came with it.
    let body = ("[ \n]{0,1}", any_json(), "[ \n]{0,1}");
    let body = body.prop_map(|(before, text, after)| Bytes::from(format!("{before}{text}{after}")));
    let text = "[ -~€😀\n\u{0}\u{1f}\u{85}]{0,30}".prop_map(Bytes::from);
    prop_oneof![
        json().prop_map(|media_type| (media_type, DataForm::Absent, Bytes::new())),
        (json(), Just(DataForm::Json), any_json().prop_map(Bytes::from)),
        (json(), Just(DataForm::Binary), body),
        (json(), Just(DataForm::Binary), bytes()),
        (json(), Just(DataForm::Base64), bytes()),
        (other(), Just(DataForm::Binary), bytes()),
        (other(), Just(DataForm::Base64), bytes()),
        (other(), Just(DataForm::Text), text),
    ]
}

/// RFC 3339 with what it allows: any offset, any number of digits, small letters, leap seconds.
fn any_time() -> impl Strategy<Value = String> {
    let digits = prop_oneof![Just(String::new()), r"\.[0-9]{1,12}"];
    let offset = vec!["Z", "z", "+00:00", "-00:00", "+02:00", "-23:59", "+05:45"];
    let second = prop_oneof![9 => 0_u8..60, 1 => Just(60)];
    let date = (1_u16..9990, 1_u8..13, 1_u8..29);
    (date, second, digits, proptest::sample::select(offset), "[Tt]").prop_map(
        |((year, month, day), second, digits, offset, t)| {
            format!("{year:04}-{month:02}-{day:02}{t}23:59:{second:02}{digits}{offset}")
        },
    )
}

/// Values of every type that has one string in all modes.
#[derive(Clone, Debug)]
enum Extension {
    Text(String),
    Truth(bool),
    Number(i32),
    Bytes(Vec<u8>),
    Uri(String),
    Reference(String),
}

impl Extension {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::String(text),
            Self::Truth(truth) => Value::Boolean(*truth),
            Self::Number(number) => Value::Integer(*number),
            Self::Bytes(bytes) => Value::Binary(bytes),
            Self::Uri(text) => Value::Uri(text),
            Self::Reference(text) => Value::UriReference(text),
        }
    }
}

fn any_extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        "[ -~€😀ä]{0,12}".prop_map(Extension::Text),
        any::<bool>().prop_map(Extension::Truth),
        any::<i32>().prop_map(Extension::Number),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Extension::Bytes),
        "[Hh]ttps?://[A-Za-z]{1,5}(:80)?/([a-z.]{1,3}/){0,3}%7[eE]".prop_map(Extension::Uri),
        r"(\.\./)?[a-z]{1,8}[?]x=%2[fF]#[a-z]{0,3}".prop_map(Extension::Reference),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let extensions = proptest::collection::btree_map("x[a-z0-9]{1,24}", any_extension(), 0..6);
    let schema = r"[Hh]ttps?://[A-Za-z]{1,5}(:443)?/a/\.\./%7[eE]";
    let optional = (
        proptest::option::of("[ -~€😀]{1,12}"),
        proptest::option::of(any_time()),
        proptest::option::of(schema),
    );
    let old = proptest::bool::weighted(0.1);
    ("[ -~€😀]{1,12}", old, optional, extensions, any_data()).prop_map(
        |(id, old, (subject, time, schema), extensions, (media_type, form, data))| {
            let mut builder = Event::builder().id(&id).source("/s").ty("t").data(form, data);
            if old {
                builder = builder.spec_version(SpecVersion::V0_3);
            }
            if let Some(schema) = schema.filter(|_| !old) {
                builder = builder.data_schema(&schema);
            }
            if let Some(subject) = subject {
                builder = builder.subject(&subject);
            }
            if let Some(time) = time {
                builder = builder.time(&time);
            }
            if let Some(media_type) = media_type {
                builder = builder.data_content_type(media_type);
            }
            for (name, value) in &extensions {
                builder = builder.attribute(name, value.value()).unwrap();
            }
            builder.build().unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_event_survives_every_pair_of_ways(event in any_event()) {
        for first in WAYS {
            let once = pass(&event, first);
            for second in WAYS {
                let left = pass(&once, second);
                let ways = [first, second];
                prop_assert_eq!(attributes(&left), attributes_after(&event, &ways), "{:?}", ways);
                prop_assert_eq!(left.data().cloned(), data_after(&event, &ways), "{:?}", ways);
            }
        }
    }

    #[test]
    fn an_event_survives_any_chain_of_ways(
        event in any_event(),
        ways in proptest::collection::vec(any_way(), 1..8),
    ) {
        let left = ways.iter().fold(event.clone(), |event, way| pass(&event, *way));
        prop_assert_eq!(attributes(&left), attributes_after(&event, &ways));
        prop_assert_eq!(left.data().cloned(), data_after(&event, &ways));
    }
}
