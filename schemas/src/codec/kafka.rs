//! Events as Kafka records: binary and structured mode (Kafka protocol binding 1.0). Kafka has no batches of events.
//!
//! Attributes are record headers `ce_<name>` with raw UTF-8 values; nothing is percent-encoded. A null value is no data.

use bytes::Bytes;

use super::media::{Mode, STRUCTURED_JSON};
use super::{DecodeError, REQUIRED, Reason, check_event_bytes, json};
use crate::event::head::HeadWriter;
use crate::event::{DataForm, Event, InvalidEvent, Kind, SpecVersion};
use crate::limits::Limits;

const PREFIX: &str = "ce_";
const CONTENT_TYPE: &str = "content-type";

/// An event as a record: headers in order, and the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Names and values.
    pub headers: Vec<(String, Bytes)>,
    /// `None` is Kafka's null value (in a compacted topic, a tombstone).
    pub value: Option<Bytes>,
}

/// The event in a record; `None` when neither its content type nor a header of a required attribute says that it is
/// one. A header with a null value is an absent attribute.
///
/// # Errors
///
/// [`DecodeError`] when the record claims to be an event and is not a valid one.
pub fn decode<'a>(
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    value: Option<Bytes>,
    limits: &Limits,
) -> Result<Option<Event>, DecodeError> {
    let headers = headers.filter_map(|(name, value)| value.map(|value| (name, value)));
    let content_type = content_type(headers.clone())?;
    match Mode::of(content_type)? {
        Mode::Structured(format) => format.decode(&value.unwrap_or_default(), limits).map(Some),
        Mode::Batched(_) => {
            let detail =
                "is a batch, which this binding does not have; send each event as a record of its own";
            Err(DecodeError::new(Reason::UnsupportedFormat, detail).at(CONTENT_TYPE))
        }
        Mode::Binary if !headers.clone().any(|(name, _)| is_required(name)) => Ok(None),
        Mode::Binary => decode_binary(headers, content_type, value, limits).map(Some),
    }
}

/// The event in binary mode.
pub fn encode_binary(event: &Event) -> Record {
    let version = Bytes::from_static(event.spec_version().as_str().as_bytes());
    let mut headers = vec![(format!("{PREFIX}specversion"), version)];
    let decoded_here = event.spec_version() == SpecVersion::V0_3 && event.data_form() == DataForm::Base64;
    for attribute in event.attributes() {
        match attribute.name {
            "datacontenttype" => headers.push((CONTENT_TYPE.to_owned(), event.share(attribute.value))),
            "datacontentencoding" if decoded_here => {}
            name => headers.push((format!("{PREFIX}{name}"), event.share(attribute.value))),
        }
    }
    if super::implies_json(event) {
        headers.push((CONTENT_TYPE.to_owned(), Bytes::from_static(b"application/json")));
    }
    Record {
        headers,
        value: event.data().cloned(),
    }
}

/// The event in structured mode.
pub fn encode_structured(event: &Event) -> Record {
    let content_type = Bytes::from_static(STRUCTURED_JSON.as_bytes());
    Record {
        headers: vec![(CONTENT_TYPE.to_owned(), content_type)],
        value: Some(json::encode(event)),
    }
}

fn is_required(header: &str) -> bool {
    header
        .strip_prefix(PREFIX)
        .is_some_and(|name| REQUIRED.contains(&name))
}

fn content_type<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Option<&'a str>, DecodeError> {
    let mut values = headers.filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    let Some((name, value)) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = "is given more than once; a record has one content type";
        return Err(DecodeError::new(Reason::Invalid, detail).at(name));
    }
    text(name, value).map(|value| Some(value.trim()))
}

fn text<'a>(header: &str, value: &'a [u8]) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(value).map_err(|_| {
        DecodeError::new(
            Reason::Malformed,
            "is not UTF-8; write the value's characters as UTF-8",
        )
        .at(header)
    })
}

fn decode_binary<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    content_type: Option<&str>,
    value: Option<Bytes>,
    limits: &Limits,
) -> Result<Event, DecodeError> {
    let mut writer = HeadWriter::new(limits, 256);
    for (header, value) in headers {
        let Some(name) = header.strip_prefix(PREFIX) else {
            continue;
        };
        if name == "datacontenttype" {
            let detail = "is not a header of this binding; send the data's type as content-type";
            return Err(DecodeError::new(Reason::Invalid, detail).at(header));
        }
        writer
            .push(name, Kind::String, text(header, value)?)
            .map_err(|error| misplaced(&error))?;
    }
    if let Some(content_type) = content_type {
        writer
            .push("datacontenttype", Kind::String, content_type)
            .map_err(|error| misplaced(&error))?;
    }
    let form = if value.is_some() {
        DataForm::Binary
    } else {
        DataForm::Absent
    };
    let event = writer
        .finish(form, value.unwrap_or_default())
        .map_err(|error| misplaced(&error))?;
    check_event_bytes(event.size(), limits.event_bytes_max)?;
    Ok(event)
}

fn misplaced(invalid: &InvalidEvent) -> DecodeError {
    let place = match invalid.attribute.as_str() {
        "datacontenttype" => CONTENT_TYPE.to_owned(),
        name => format!("{PREFIX}{name}"),
    };
    DecodeError::invalid(invalid, place)
}

#[cfg(test)]
mod tests;
