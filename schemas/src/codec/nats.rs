//! Events as NATS messages: binary and structured mode (NATS protocol binding). NATS has no batches of events.
//!
//! Attributes are headers `ce-<name>`, percent-encoded as in HTTP; unlike there, the data's type is `ce-datacontenttype`.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::media::{Mode, STRUCTURED_JSON};
use super::{DecodeError, REQUIRED, Reason, check_event_bytes, header, json};
use crate::event::head::HeadWriter;
use crate::event::{DataForm, Event, Kind, SpecVersion};
use crate::limits::Limits;

const PREFIX: &str = "ce-";
const CONTENT_TYPE: &str = "content-type";

/// An event as a message: headers in order, and the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Empty when there is no data.
    pub payload: Bytes,
}

/// The event in a message; `None` when it is none: no header says so, and it is no header-less JSON object with a
/// `specversion`. Header names are taken in any case. A binary message without `ce-datacontenttype` has the type that
/// its `Content-Type` gives.
///
/// # Errors
///
/// [`DecodeError`] when the message claims to be an event and is not a valid one.
pub fn decode<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    payload: Bytes,
    limits: &Limits,
) -> Result<Option<Event>, DecodeError> {
    if headers.clone().next().is_none() {
        return if is_bare_event(&payload) {
            json::decode(&payload, limits).map(Some)
        } else {
            Ok(None)
        };
    }
    let content_type = headers
        .clone()
        .find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE))
        .map(|(_, value)| value.trim());
    match Mode::of(content_type)? {
        Mode::Structured(format) => format.decode(&payload, limits).map(Some),
        Mode::Batched(_) => {
            let detail =
                "is a batch, which this binding does not have; send each event as a message of its own";
            Err(DecodeError::new(Reason::UnsupportedFormat, detail).at(CONTENT_TYPE))
        }
        Mode::Binary if !headers.clone().any(|(name, _)| is_required(name)) => Ok(None),
        Mode::Binary => decode_binary(headers, content_type, payload, limits).map(Some),
    }
}

/// The event in binary mode.
pub fn encode_binary(event: &Event) -> Message {
    let mut headers = vec![(
        format!("{PREFIX}specversion"),
        event.spec_version().as_str().to_owned(),
    )];
    let decoded_here = event.spec_version() == SpecVersion::V0_3 && event.data_form() == DataForm::Base64;
    for attribute in event.attributes() {
        if attribute.name == "datacontentencoding" && decoded_here {
            continue;
        }
        headers.push((
            format!("{PREFIX}{}", attribute.name),
            header::encode(attribute.value).into_owned(),
        ));
    }
    if super::implies_json(event) {
        headers.push((format!("{PREFIX}datacontenttype"), "application/json".to_owned()));
    }
    Message {
        headers,
        payload: event.data().cloned().unwrap_or_default(),
    }
}

/// The event in structured mode.
pub fn encode_structured(event: &Event) -> Message {
    let headers = vec![("Content-Type".to_owned(), STRUCTURED_JSON.to_owned())];
    Message {
        headers,
        payload: json::encode(event),
    }
}

/// Whether a payload without headers is a JSON object that has a `specversion`.
fn is_bare_event(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "specversion")]
        spec_version: Option<IgnoredAny>,
    }
    let starts_object = payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    starts_object && serde_json::from_slice::<Probe>(payload).is_ok_and(|probe| probe.spec_version.is_some())
}

fn is_required(header: &str) -> bool {
    attribute_name(header).is_some_and(|name| {
        REQUIRED
            .iter()
            .any(|required| required.eq_ignore_ascii_case(name))
    })
}

fn attribute_name(header: &str) -> Option<&str> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

fn decode_binary<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    content_type: Option<&str>,
    payload: Bytes,
    limits: &Limits,
) -> Result<Event, DecodeError> {
    let wrong = |error| DecodeError::invalid(&error, format!("{PREFIX}{}", error.attribute));
    let mut writer = HeadWriter::new(limits, 256);
    for (header, value) in headers {
        let Some(name) = attribute_name(header) else {
            continue;
        };
        let value = header::decode(value.as_bytes()).map_err(|error| error.at(header))?;
        writer
            .push(&name.to_ascii_lowercase(), Kind::String, &value)
            .map_err(wrong)?;
    }
    if let Some(content_type) = content_type.filter(|_| !writer.has("datacontenttype")) {
        writer
            .push("datacontenttype", Kind::String, content_type)
            .map_err(|error| DecodeError::invalid(&error, CONTENT_TYPE))?;
    }
    let form = if payload.is_empty() {
        DataForm::Absent
    } else {
        DataForm::Binary
    };
    let event = writer.finish(form, payload).map_err(wrong)?;
    check_event_bytes(event.size(), limits.event_bytes_max)?;
    Ok(event)
}

#[cfg(test)]
mod tests;
