//! From an event to a `CloudEvent` message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::{put_block, put_number};
use crate::event::{Attribute, DataForm, Event, Kind};

/// Appends the event's fields.
pub(super) fn event(out: &mut Vec<u8>, event: &Event) {
    put_block(out, 1, event.id().as_bytes());
    put_block(out, 2, event.source().as_bytes());
    put_block(out, 3, event.spec_version().as_str().as_bytes());
    put_block(out, 4, event.ty().as_bytes());
    let mut scratch = (Vec::new(), Vec::new());
    for attribute in event.attributes() {
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
/// nanoseconds) stays the string that it is.
fn typed(out: &mut Vec<u8>, attribute: Attribute<'_>) {
    let text = attribute.value;
    match own_kind(attribute) {
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

/// The type that an attribute of the specification has, however it came.
fn own_kind(attribute: Attribute<'_>) -> Kind {
    match attribute.name {
        "time" => Kind::Timestamp,
        "dataschema" => Kind::Uri,
        _ => attribute.kind,
    }
}

fn timestamp(text: &str) -> Option<Vec<u8>> {
    let time: jiff::Timestamp = text.parse().ok()?;
    // Protobuf counts nanoseconds forward also before 1970.
    let nanos = time.as_nanosecond();
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
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
