use schemas::event::DataForm;

use super::*;
use crate::spec::{HttpSink, Sender};
use crate::testing::{builder, event, name};
use crate::transport::client::HttpTransport;

fn target() -> HttpTarget {
    let mut sink = HttpSink::new("sink", "http://host/in".parse().unwrap());
    sink.headers
        .push((HeaderName::from_static("x-key"), HeaderValue::from_static("k")));
    HttpTarget::new(
        &sink,
        &name("shop/orders"),
        &Sender::Trigger,
        &HttpTransport::default(),
    )
    .unwrap()
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn binary_mode_carries_attributes_as_headers_and_data_as_it_came() {
    let request = build(&target(), &event(), Format::Binary);
    assert_eq!(
        (request.method(), request.uri()),
        (&Method::POST, &"http://host/in".parse().unwrap())
    );
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/orders"),
        ("ce-type", "order.placed"),
        ("content-type", "application/json"),
        ("content-length", "10"),
        ("prefer", "reply"),
        ("kn-namespace", "shop"),
        ("x-key", "k"),
        ("user-agent", concat!("heddle/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(header(&request, name), Some(value), "{name}");
    }
    assert_eq!(request.body(), r#"{"n":1.10}"#);
    assert_eq!(request.headers().len(), 10);
}

#[test]
fn structured_mode_carries_one_document() {
    let request = build(&target(), &event(), Format::Json);
    assert!(
        header(&request, "content-type")
            .unwrap()
            .starts_with("application/cloudevents+json")
    );
    assert_eq!(
        header(&request, "content-length").unwrap(),
        request.body().len().to_string()
    );
    assert!(header(&request, "ce-id").is_none());
    assert_eq!(header(&request, "prefer"), Some("reply"));
    let text = std::str::from_utf8(request.body()).unwrap();
    assert!(text.contains(r#""data":{"n":1.10}"#), "{text}");
}

#[test]
fn an_event_without_data_says_so() {
    let empty = Event::builder().id("1").source("/s").ty("t").build().unwrap();
    let request = build(&target(), &empty, Format::Binary);
    assert_eq!(header(&request, "content-length"), Some("0"));
    assert_eq!(header(&request, "content-type"), None);
}

#[test]
fn an_event_without_data_goes_structured_to_a_webhook_and_no_other_does() {
    let empty = Event::builder().id("1").source("/s").ty("t").build().unwrap();
    let nothing = builder().data(DataForm::Binary, "").build().unwrap();
    let webhook = HttpTarget {
        needs_body: true,
        ..target()
    };
    for event in [&empty, &nothing] {
        let request = build(&webhook, event, Format::Binary);
        let kind = header(&request, "content-type").unwrap();
        assert!(kind.starts_with("application/cloudevents+json"), "{kind}");
        assert!(header(&request, "ce-id").is_none() && !request.body().is_empty());
    }
    let request = build(&webhook, &builder().build().unwrap(), Format::Binary);
    assert_eq!(header(&request, "ce-id"), Some("1"));
}

#[test]
fn values_are_encoded_as_the_http_binding_says() {
    let event = builder().subject("Euro € 😀 \"quoted\" 100%").build().unwrap();
    let request = build(&target(), &event, Format::Binary);
    assert_eq!(
        header(&request, "ce-subject"),
        Some("Euro%20%E2%82%AC%20%F0%9F%98%80%20%22quoted%22%20100%25")
    );
    for value in request.headers().values() {
        assert!(value.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte)));
    }
}

#[test]
fn the_loop_guards_count_does_not_reach_endpoints() {
    let event = builder()
        .attribute("knativebrokerttl", 7)
        .unwrap()
        .build()
        .unwrap();
    let request = build(&target(), &event, Format::Binary);
    assert_eq!(header(&request, "ce-knativebrokerttl"), None);
    let request = build(&target(), &event, Format::Json);
    assert!(!String::from_utf8_lossy(request.body()).contains("knativebrokerttl"));
}

#[test]
fn the_events_trace_is_passed_on_and_none_is_invented() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = builder()
        .attribute("traceparent", trace)
        .unwrap()
        .build()
        .unwrap();
    for format in [Format::Binary, Format::Json] {
        assert_eq!(
            header(&build(&target(), &traced, format), "traceparent"),
            Some(trace)
        );
        assert_eq!(header(&build(&target(), &event(), format), "traceparent"), None);
    }
    assert_eq!(
        header(&build(&target(), &traced, Format::Binary), "ce-traceparent"),
        Some(trace)
    );
}

#[test]
fn attributes_named_like_our_headers_stay_attributes() {
    let event = builder()
        .attribute("prefer", "nothing")
        .and_then(|builder| builder.attribute("authorization", "stolen"))
        .unwrap()
        .build()
        .unwrap();
    let request = build(&target(), &event, Format::Binary);
    assert_eq!(header(&request, "prefer"), Some("reply"));
    assert_eq!(header(&request, "authorization"), None);
    assert_eq!(header(&request, "ce-prefer"), Some("nothing"));
    assert_eq!(header(&request, "ce-authorization"), Some("stolen"));
}

/// HTTP binding, section 3, and the primer on header limits: what would not pass as headers goes as one document.
#[test]
fn attributes_that_are_too_many_or_too_large_for_headers_go_structured() {
    let with = |count: usize, value: &str| {
        let builder = (0..count).fold(builder(), |event, at| {
            event.attribute(&format!("x{at}"), value).unwrap()
        });
        builder.json("{}").build().unwrap()
    };
    let own = with(0, "").attributes().count();
    for (event, is_binary) in [
        (with(BINARY_ATTRIBUTES_MAX - own, ""), true),
        (with(BINARY_ATTRIBUTES_MAX - own + 1, ""), false),
        (with(1, &"a".repeat(BINARY_HEADER_BYTES_MAX - 200)), true),
        (with(1, &"a".repeat(BINARY_HEADER_BYTES_MAX)), false),
        (with(1, &"€".repeat(BINARY_HEADER_BYTES_MAX / 9 - 30)), true),
        (with(1, &"€".repeat(BINARY_HEADER_BYTES_MAX / 9)), false),
    ] {
        let request = build(&target(), &event, Format::Binary);
        assert_eq!(header(&request, "ce-id").is_some(), is_binary, "{event:?}");
        let structured = request.body().starts_with(b"{\"specversion\"");
        assert_eq!(structured, !is_binary, "{event:?}");
    }
}
