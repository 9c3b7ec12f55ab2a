//! To the SDK and back, and the SDK's JSON as a second opinion on ours.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::codec::json;
use crate::limits::Limits;

fn minimal() -> EventBuilder {
    Event::builder().id("1").source("/s").ty("t")
}

#[test]
fn a_plain_event_comes_back_equal() {
    let builders = [
        minimal(),
        minimal()
            .subject("x")
            .time("2026-01-31T23:59:59.500Z")
            .data_schema("https://example.com/schema"),
        minimal().data_content_type("application/json").json(r#"{"a":1}"#),
        minimal()
            .data_content_type("text/plain")
            .data(DataForm::Text, "text"),
        minimal()
            .data_content_type("image/png")
            .data(DataForm::Binary, &b"\xff"[..]),
        minimal()
            .spec_version(SpecVersion::V0_3)
            .data_schema("https://example.com/schema"),
        minimal()
            .attribute("n", 5)
            .and_then(|builder| builder.attribute("flag", true))
            .unwrap(),
    ];
    for builder in builders {
        let event = builder.build().unwrap();
        let sdk = SdkEvent::try_from(&event).unwrap();
        let back = Event::try_from(&sdk).unwrap();
        let sorted = |event: &Event| {
            let mut all: Vec<_> = event
                .attributes()
                .map(|attribute| format!("{attribute:?}"))
                .collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&back), sorted(&event));
        assert_eq!(
            (back.spec_version(), back.data_form(), back.data()),
            (event.spec_version(), event.data_form(), event.data())
        );
    }
}

#[test]
fn what_the_sdk_rewrites_is_rewritten() {
    let builder = minimal()
        .time("2026-01-31T23:59:59.5+02:00")
        .data_schema("HTTPS://Example.COM:443/a/../b");
    let event = builder
        .json(r#"{"b":1.10,"a":12345678901234567890123}"#)
        .build()
        .unwrap();
    let back = Event::try_from(&SdkEvent::try_from(&event).unwrap()).unwrap();
    assert_eq!(back.time(), Some("2026-01-31T21:59:59.500Z"));
    assert_eq!(back.data_schema(), Some("https://example.com/b"));
    assert_eq!(back.data().unwrap(), r#"{"a":1.2345678901234568e+22,"b":1.1}"#);
}

#[test]
fn what_the_sdk_cannot_hold_is_an_error() {
    let relative = minimal()
        .spec_version(SpecVersion::V0_3)
        .data_schema("/relative")
        .build()
        .unwrap();
    assert!(matches!(
        SdkEvent::try_from(&relative),
        Err(Unrepresentable::Schema { .. })
    ));
    let deep = minimal()
        .json("[".repeat(200) + &"]".repeat(200))
        .build()
        .unwrap();
    assert!(matches!(SdkEvent::try_from(&deep), Err(Unrepresentable::Json(_))));
}

#[test]
fn what_the_sdk_lets_pass_is_checked() {
    let built = |id: &str, name: &str, value: ExtensionValue| {
        let mut sdk = EventBuilderV10::new()
            .id(id)
            .source("/s")
            .ty("t")
            .build()
            .unwrap();
        sdk.set_extension(name, value);
        Event::try_from(&sdk)
    };
    assert_eq!(built("", "x", 1.into()), Err(Problem::Empty.of("id")));
    assert_eq!(built("1", "my-ext", 1.into()), Err(Problem::Name.of("my-ext")));
    assert_eq!(
        built("1", "x", 3_000_000_000.into()),
        Err(Problem::NotInteger.of("x"))
    );
    assert_eq!(
        built("1", "x", "\n".into()),
        Err(Problem::Character('\n').of("x"))
    );
}

#[test]
fn a_string_that_is_said_to_be_json_is_a_body() {
    let sdk = EventBuilderV10::new()
        .id("1")
        .source("/s")
        .ty("t")
        .data("application/json", r#"{"b":1.10}"#);
    let event = Event::try_from(&sdk.build().unwrap()).unwrap();
    assert_eq!(
        (event.data_form(), event.data()),
        (DataForm::Binary, Some(&Bytes::from_static(br#"{"b":1.10}"#)))
    );
}

proptest! {
    #[test]
    fn the_sdk_reads_what_we_write_and_we_read_what_it_writes(
        id in "[ -~€]{1,10}",
        extensions in proptest::collection::btree_map("x[a-z0-9]{1,8}", "[ -~€]{0,10}", 0..5),
        number in any::<i32>(),
        flag in any::<bool>(),
        data in proptest::option::of("[ -~€\n]{0,20}"),
        is_json in any::<bool>(),
    ) {
        let mut builder = Event::builder().id(&id).source("/s").ty("t").time("2026-01-31T21:59:59.500Z");
        builder = builder.attribute("number", number).and_then(|builder| builder.attribute("flag", flag)).unwrap();
        for (name, value) in &extensions {
            builder = builder.attribute(name, value.as_str()).unwrap();
        }
        builder = match data {
            Some(text) if is_json => {
                let value = serde_json::json!({ "text": text, "number": number });
                builder.data_content_type("application/json").json(value.to_string())
            }
            Some(text) => builder.data_content_type("text/plain").data(DataForm::Text, text),
            None => builder,
        };
        let event = builder.build().unwrap();
        let converted = SdkEvent::try_from(&event).unwrap();
        let read_by_sdk: SdkEvent = serde_json::from_slice(&json::encode(&event)).unwrap();
        prop_assert_eq!(&read_by_sdk, &converted);
        let written_by_sdk = Bytes::from(serde_json::to_vec(&converted).unwrap());
        let read_by_us = json::decode(&written_by_sdk, &Limits::default()).unwrap();
        prop_assert_eq!(SdkEvent::try_from(&read_by_us).unwrap(), converted);
    }
}
