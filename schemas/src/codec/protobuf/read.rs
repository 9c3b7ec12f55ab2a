//! From a `CloudEvent` message to an event.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::wire::{Fields, Value, share};
use crate::codec::{DecodeError, Reason, check_member};
use crate::event::head::HeadWriter;
use crate::event::{DataForm, Event, InvalidEvent, Kind, SpecVersion, media};
use crate::limits::Limits;

const TYPE_PROTOBUF: &str = "application/protobuf";

/// A `CloudEventBatch`.
pub(super) fn batch(input: &Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    for field in Fields::of(input) {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        let message = field.value.block("events")?;
        let index = events.len();
        let event = super::check_event_bytes(message.len(), limits.event_bytes_max)
            .and_then(|()| read(input, message, limits))
            .map_err(|error| DecodeError {
                index: Some(index),
                ..error
            })?;
        check_member(&event, events.first(), index, limits)?;
        events.push(event);
    }
    Ok(events)
}

/// A `CloudEvent`.
pub(super) fn event(input: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
    read(input, input, limits)
}

/// The data of a message: the last of the three fields counts, as in every `oneof`.
enum Data<'i> {
    Binary(&'i [u8]),
    Text(&'i str),
    Any { type_url: &'i str, value: &'i [u8] },
}

fn read(input: &Bytes, message: &[u8], limits: &Limits) -> Result<Event, DecodeError> {
    let mut head = HeadWriter::new(limits, (message.len() / 2).clamp(128, 1024));
    let mut data = None;
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => push(&mut head, "id", Kind::String, field.value.text("id")?)?,
            2 => push(
                &mut head,
                "source",
                Kind::UriReference,
                field.value.text("source")?,
            )?,
            3 => push(
                &mut head,
                "specversion",
                Kind::String,
                field.value.text("spec_version")?,
            )?,
            4 => push(&mut head, "type", Kind::String, field.value.text("type")?)?,
            5 => attribute(&mut head, field.value.block("attributes")?)?,
            6 => data = Some(Data::Binary(field.value.block("binary_data")?)),
            7 => data = Some(Data::Text(field.value.text("text_data")?)),
            8 => data = Some(any(field.value.block("proto_data")?)?),
            _ => {}
        }
    }
    let (form, data) = payload(&mut head, input, data)?;
    head.finish(form, data).map_err(|invalid| misplaced(&invalid))
}

/// One entry of the map: 1 the name, 2 the value.
fn attribute(head: &mut HeadWriter, entry: &[u8]) -> Result<(), DecodeError> {
    let (mut name, mut value) = ("", None);
    for field in Fields::of(entry) {
        let field = field?;
        match field.number {
            1 => name = field.value.text("attributes")?,
            2 => value = Some(field.value.block("attributes")?),
            _ => {}
        }
    }
    if ["id", "source", "type", "specversion"].contains(&name) {
        return Err(invalid(
            "is a field of the message, not one of its attributes",
            name,
        ));
    }
    let (kind, text) = typed(name, value.unwrap_or_default())?;
    let own = match name {
        // A time that Protobuf has no form for comes as it is written.
        "time" if kind == Kind::String && super::write::timestamp(&text).is_none() => kind,
        "time" => Kind::Timestamp,
        "datacontenttype" | "subject" => Kind::String,
        // An extension in 0.3, where the schema has another name.
        "dataschema" if head.version() != Some(SpecVersion::V0_3) => Kind::Uri,
        _ => kind,
    };
    if kind != own {
        return Err(invalid("has a value of another type than this attribute's", name));
    }
    push(head, name, kind, &text)
}

/// The type and the canonical string of a value; the last of its fields counts.
fn typed<'i>(name: &str, value: &'i [u8]) -> Result<(Kind, Cow<'i, str>), DecodeError> {
    let mut found = None;
    for field in Fields::of(value) {
        let field = field?;
        let text = |value: Value<'i>| value.text(name).map(Cow::Borrowed);
        found = Some(match field.number {
            1 => {
                let truth = field.value.varint(name)? != 0;
                (Kind::Boolean, Cow::Borrowed(if truth { "true" } else { "false" }))
            }
            2 => (
                Kind::Integer,
                integer(field.value.varint(name)?).to_string().into(),
            ),
            3 => (Kind::String, text(field.value)?),
            4 => (Kind::Binary, STANDARD.encode(field.value.block(name)?).into()),
            5 => (Kind::Uri, text(field.value)?),
            6 => (Kind::UriReference, text(field.value)?),
            7 => (Kind::Timestamp, timestamp(name, field.value.block(name)?)?.into()),
            _ => continue,
        });
    }
    found.ok_or_else(|| invalid("has no value; set one of ce_boolean ... ce_timestamp", name))
}

/// An `int32`: negative ones are sent as 64 bits, of which the lower half counts.
fn integer(varint: u64) -> i32 {
    let low = u32::try_from(varint & u64::from(u32::MAX)).unwrap_or_default();
    low.cast_signed()
}

/// A `google.protobuf.Timestamp`: 1 seconds since 1970, 2 nanoseconds. Written with as many digits as it needs.
fn timestamp(name: &str, message: &[u8]) -> Result<String, DecodeError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => seconds = field.value.varint(name)?.cast_signed(),
            2 => nanos = integer(field.value.varint(name)?),
            _ => {}
        }
    }
    let time = jiff::Timestamp::new(seconds, nanos).ok().filter(|_| nanos >= 0);
    let time = time.map(|time| time.to_string());
    // Years outside 0000 to 9999 have a sign there, and no form by RFC 3339.
    time.filter(|text| !text.starts_with(['-', '+']))
        .ok_or_else(|| invalid("is not a time of the years 0001 to 9999", name))
}

/// A `google.protobuf.Any`: 1 type_url, 2 value.
fn any(message: &[u8]) -> Result<Data<'_>, DecodeError> {
    let (mut type_url, mut value) = ("", [].as_slice());
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => type_url = field.value.text("proto_data")?,
            2 => value = field.value.block("proto_data")?,
            _ => {}
        }
    }
    Ok(Data::Any { type_url, value })
}

fn payload(
    head: &mut HeadWriter,
    input: &Bytes,
    data: Option<Data<'_>>,
) -> Result<(DataForm, Bytes), DecodeError> {
    let media_type = head.get("datacontenttype").map(|attribute| attribute.value);
    Ok(match data {
        None => (DataForm::Absent, Bytes::new()),
        Some(Data::Binary(bytes)) => (DataForm::Binary, share(input, bytes)),
        Some(Data::Text(text)) => {
            // JSON, and what nothing is said of, is kept as the bytes it is.
            let is_text = media_type.is_some_and(|media_type| !media::is_json(media_type));
            let form = if is_text { DataForm::Text } else { DataForm::Binary };
            (form, share(input, text.as_bytes()))
        }
        Some(Data::Any { type_url, value }) => {
            if !head.has("datacontenttype") {
                push(head, "datacontenttype", Kind::String, TYPE_PROTOBUF)?;
            }
            if !head.has("dataschema") && !type_url.is_empty() {
                // Without a scheme, https is meant (google.protobuf.Any).
                let has_scheme = type_url.contains("://");
                let url = if has_scheme {
                    type_url.to_owned()
                } else {
                    format!("https://{type_url}")
                };
                push(head, "dataschema", Kind::Uri, &url)?;
            }
            (DataForm::Binary, share(input, value))
        }
    })
}

fn push(head: &mut HeadWriter, name: &str, kind: Kind, value: &str) -> Result<(), DecodeError> {
    head.push(name, kind, value)
        .map_err(|invalid| misplaced(&invalid))
}

fn misplaced(invalid: &InvalidEvent) -> DecodeError {
    DecodeError::invalid(invalid, invalid.attribute.as_str())
}

fn invalid(detail: &str, at: &str) -> DecodeError {
    DecodeError::new(Reason::Invalid, detail).at(at)
}
