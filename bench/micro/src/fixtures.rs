//! What the paths work on: events of 1 KiB, as bytes of their senders and as Heddle keeps them.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use schemas::codec::{self, Decoded};
use schemas::event::Event;
use schemas::limits::Limits;

/// The attributes of an event from a shop, all nine of which most producers send.
const ATTRIBUTES: [(&str, &str); 9] = [
    ("specversion", "1.0"),
    ("id", "7f9c4f2e-6a1d-4f6b-9d51-2f0a4e0c8b11"),
    ("source", "/shops/europe/berlin/orders"),
    ("type", "com.example.order.placed"),
    ("subject", "customers/8123/orders/4711"),
    ("time", "2026-03-01T12:34:56.789012Z"),
    ("datacontenttype", "application/json"),
    ("dataschema", "https://example.com/schemas/order.json"),
    ("partitionkey", "customer-8123"),
];

/// JSON data of 45 members and 1 KiB: strings, whole and broken numbers, booleans, null.
#[must_use]
pub fn data() -> String {
    let mut text = String::from("{");
    for member in 0..45 {
        let separator = if member == 0 { "" } else { "," };
        let value = match member % 5 {
            0 => format!("\"text of the member {member:02}\""),
            1 => format!("{}", 1_000_003 * (member + 1)),
            2 => format!("{}.50", 17 * member),
            3 => "true".to_owned(),
            _ => "null".to_owned(),
        };
        write!(text, "{separator}\"member{member:02}\":{value}").expect("a string takes all text");
    }
    text.push('}');
    let missing = 1024_usize.saturating_sub(text.len() + ",\"padding\":\"\"".len());
    text.truncate(text.len() - 1);
    write!(text, ",\"padding\":\"{}\"}}", "x".repeat(missing)).expect("a string takes all text");
    text
}

/// A structured event: nine attributes, and [`data`] of 45 members.
#[must_use]
pub fn structured() -> Bytes {
    let mut text = String::from("{");
    for (name, value) in ATTRIBUTES {
        write!(text, "\"{name}\":\"{value}\",").expect("a string takes all text");
    }
    write!(text, "\"data\":{}}}", data()).expect("a string takes all text");
    text.into()
}

/// A structured event of 1 KiB that has 45 members itself: 44 attributes, and data of a few bytes.
#[must_use]
pub fn structured_wide() -> Bytes {
    let mut text = String::from("{");
    for (name, value) in ATTRIBUTES {
        write!(text, "\"{name}\":\"{value}\",").expect("a string takes all text");
    }
    for extension in 0..35 {
        let value = match extension % 4 {
            0 => format!("\"value {extension}\""),
            1 => format!("{}", 1_003 * extension),
            2 => "true".to_owned(),
            _ => format!("\"{extension:04}\""),
        };
        write!(text, "\"extension{extension:02}\":{value},").expect("a string takes all text");
    }
    text.push_str("\"data\":{\"n\":1.10}}");
    text.into()
}

/// A message in binary mode: what a producer's HTTP library sends beside the event's nine headers, and [`data`].
#[must_use]
pub fn binary() -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    let other = [
        ("host", "127.0.0.1:8080"),
        ("user-agent", "producer/1.0"),
        ("accept", "*/*"),
        ("content-length", "1024"),
    ];
    for (name, value) in other {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in ATTRIBUTES {
        let name = match name {
            "datacontenttype" => HeaderName::from_static("content-type"),
            name => HeaderName::try_from(format!("ce-{name}")).expect("a name in lower case is a header"),
        };
        headers.insert(name, HeaderValue::from_static(value));
    }
    (headers, data().into())
}

/// The event of [`binary`].
///
/// # Panics
/// When it cannot be read, which is a fault of this file.
#[must_use]
pub fn event() -> Event {
    let (headers, body) = binary();
    match codec::http::decode(&headers, body, &Limits::default()) {
        Ok(Decoded::One(event)) => event,
        other => panic!("no event: {other:?}"),
    }
}
