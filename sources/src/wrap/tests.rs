//! A wrapped record stays within the limits, whatever it holds.

use super::*;

fn wrap() -> Wrap {
    Wrap::new("t".into(), "1".into(), "/s".into(), "sub".into())
}

fn value<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.attribute(name).map(|attribute| attribute.value)
}

#[test]
fn data_over_the_limit_is_left_out_and_said_so() {
    let mut wrap = wrap();
    wrap.data = Some(Bytes::from(vec![b'x'; 1 << 20]));
    let wrapped = wrap.build(&Limits::default()).expect("always an event");
    assert!(wrapped.omitted);
    assert_eq!(wrapped.event.data(), None);
    assert_eq!(
        value(&wrapped.event, OMITTED),
        Some("data (1048576 bytes; the limit is 1048576)")
    );
}

#[test]
fn data_just_under_the_limit_stays_and_the_event_is_within_it() {
    let limits = Limits::default();
    let mut wrap = wrap();
    wrap.extension("h", Carried::Text("v".repeat(2_000)));
    wrap.data = Some(Bytes::from(vec![b'x'; limits.event_bytes_max - 4_000]));
    let wrapped = wrap.build(&limits).expect("always an event");
    assert!(!wrapped.omitted);
    assert!(wrapped.event.size() <= limits.event_bytes_max);
}

#[test]
fn extensions_over_the_limits_are_left_out_and_named() {
    let limits = Limits::default();
    let mut wrap = wrap();
    wrap.extension("fits", Carried::Text("v".into()));
    wrap.extension(
        "long",
        Carried::Text("v".repeat(limits.attribute_value_bytes_max + 1)),
    );
    wrap.extension(
        &"n".repeat(limits.attribute_name_bytes_max + 1),
        Carried::Text("v".into()),
    );
    let wrapped = wrap.build(&limits).expect("always an event");
    assert!(wrapped.omitted);
    assert_eq!(value(&wrapped.event, "fits"), Some("v"));
    let omitted = value(&wrapped.event, OMITTED).expect("it says so");
    assert!(omitted.starts_with("long, nnnn"), "{omitted}");
}

#[test]
fn a_thousand_extensions_do_not_make_an_invalid_event() {
    let limits = Limits::default();
    let mut wrap = wrap();
    for at in 0..1_000 {
        wrap.extension(&format!("h{at:04}"), Carried::Integer(at));
    }
    let wrapped = wrap.build(&limits).expect("always an event");
    assert!(wrapped.omitted);
    assert!(wrapped.event.attributes().count() <= limits.attributes_max);
}

#[test]
fn a_content_type_that_is_none_is_guessed() {
    for (declared, data, wanted) in [
        (Some("text/plain"), "{}", "text/plain"),
        (Some("nonsense"), "{}", "application/json"),
        (None, "x", "application/octet-stream"),
    ] {
        let mut wrap = wrap();
        wrap.content_type = declared.map(str::to_owned);
        wrap.data = Some(Bytes::from_static(data.as_bytes()));
        let wrapped = wrap.build(&Limits::default()).expect("always an event");
        assert_eq!(wrapped.event.data_content_type(), Some(wanted), "{declared:?}");
    }
}

#[test]
fn no_value_is_no_data_and_an_empty_one_is_empty_data() {
    let none = wrap().build(&Limits::default()).expect("always an event").event;
    assert_eq!(none.data(), None);
    let mut empty = wrap();
    empty.data = Some(Bytes::new());
    let empty = empty.build(&Limits::default()).expect("always an event").event;
    assert_eq!(empty.data(), Some(&Bytes::new()));
}
