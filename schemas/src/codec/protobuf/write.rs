//! From an event to a `CloudEvent` message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::{put_block, put_number};
use crate::event::{Attribute, DataForm, Event, Kind, SpecVersion};

/// Appends the event's fields.
pub(super) fn event(out: &mut Vec<u8>, event: &Event) {
    put_block(out, 1, event.id().as_bytes());
    put_block(out, 2, event.source().as_bytes());
    put_block(out, 3, event.spec_version().as_str().as_bytes());
    put_block(out, 4, event.ty().as_bytes());
    let mut scratch = (Vec::new(), Vec::new());
    // What 0.3 says of the JSON format's `data` holds no more: here the data is bytes.
    let decoded_here = event.spec_version() == SpecVersion::V0_3 && event.data_form() == DataForm::Base64;
    for attribute in event.attributes() {
        if attribute.name == "datacontentencoding" && decoded_here {
            continue;
        }
        if !["id", "source", "type"].contains(&attribute.name) {
            entry(out, attribute, &mut scratch);
        }
    }
    if crate::codec::implies_json(event) {
        let implied = Attribute {
            name: "datacontenttype",
            kind: Kind::String,
            value: "application/json",
        };
        entry(out, implied, &mut scratch);
    }
    let Some(data) = event.data() else { return };
    match event.data_form() {
        DataForm::Absent => {}
        DataForm::Json | DataForm::Text if std::str::from_utf8(data).is_ok() => put_block(out, 7, data),
        DataForm::Json | DataForm::Text | DataForm::Binary | DataForm::Base64 => put_block(out, 6, data),
    }
}

/// One entry of the map of attributes.
fn entry(out: &mut Vec<u8>, attribute: Attribute<'_>, (entry, value): &mut (Vec<u8>, Vec<u8>)) {
    entry.clear();
    value.clear();
    typed(value, attribute);
    put_block(entry, 1, attribute.name.as_bytes());
    put_block(entry, 2, value);
    put_block(out, 5, entry);
}

/// The value by the attribute's type. A value that its type has no form for in Protobuf (a leap second, more digits than
/// nanoseconds, a year before 1) stays the string that it is.
fn typed(out: &mut Vec<u8>, attribute: Attribute<'_>) {
    let text = attribute.value;
    match attribute.kind {
        Kind::Boolean => put_number(out, 1, u64::from(text == "true")),
        Kind::Integer => match text.parse::<i32>() {
            Ok(number) => put_number(out, 2, i64::from(number).cast_unsigned()),
            Err(_) => put_block(out, 3, text.as_bytes()),
        },
        Kind::Binary => match STANDARD.decode(text) {
            Ok(bytes) => put_block(out, 4, &bytes),
            Err(_) => put_block(out, 3, text.as_bytes()),
        },
        Kind::Uri => put_block(out, 5, text.as_bytes()),
        Kind::UriReference => put_block(out, 6, text.as_bytes()),
        Kind::Timestamp => match timestamp(text) {
            Some(message) => put_block(out, 7, &message),
            None => put_block(out, 3, text.as_bytes()),
        },
        Kind::String => put_block(out, 3, text.as_bytes()),
    }
}

/// Seconds since 1970 of the first moment of the year 1, the earliest that Protobuf can name.
const EARLIEST: i64 = -62_135_596_800;

/// The message of a time by RFC 3339, if Protobuf has a form for it.
pub(super) fn timestamp(text: &str) -> Option<Vec<u8>> {
    let is_leap_second = text.get(17..19) == Some("60");
    let time: jiff::Timestamp = text.parse().ok().filter(|_| !is_leap_second)?;
    // Protobuf counts nanoseconds forward also before 1970.
    let nanos = time.as_nanosecond();
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000))
        .ok()
        .filter(|seconds| *seconds >= EARLIEST)?;
    let nanos = u64::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    let mut message = Vec::with_capacity(16);
    if seconds != 0 {
        put_number(&mut message, 1, seconds.cast_unsigned());
    }
    if nanos != 0 {
        put_number(&mut message, 2, nanos);
    }
    Some(message)
}
