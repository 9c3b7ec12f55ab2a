//! Events as HTTP messages: binary, structured and batched mode (HTTP protocol binding 1.0), for requests and responses.

use std::borrow::Cow;

use ::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use smallvec::SmallVec;

use super::media::{self, Mode, STRUCTURED_JSON};
use super::{DecodeError, Decoded, REQUIRED, Reason, check_event_bytes, header, json};
use crate::event::head::HeadWriter;
use crate::event::{DataForm, Event, InvalidEvent, Kind, SpecVersion};
use crate::limits::Limits;

const PREFIX: &str = "ce-";
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What one look over all headers shows.
#[derive(Default)]
struct Survey {
    /// Names and values together.
    bytes: usize,
    /// What the attributes will take in the head, about.
    attribute_bytes: usize,
    /// Whether a required attribute is among them.
    has_required: bool,
}

/// The events of one message, whatever its mode. An empty body in binary mode is no data.
///
/// # Errors
///
/// [`DecodeError`]; of a batch, for the first event that is wrong.
pub fn decode(headers: &HeaderMap, body: Bytes, limits: &Limits) -> Result<Decoded, DecodeError> {
    let survey = Survey::of(headers);
    if survey.bytes > limits.header_bytes_max {
        let detail = format!(
            "the headers have {} bytes; the limit is {}",
            survey.bytes, limits.header_bytes_max
        );
        return Err(DecodeError::new(Reason::TooLarge, detail));
    }
    let content_type = content_type(headers)?;
    match Mode::of(content_type)? {
        Mode::Batched(format) => format.decode_batch(&body, limits).map(Decoded::Batch),
        Mode::Structured(format) => format.decode(&body, limits).map(Decoded::One),
        Mode::Binary if !survey.has_required => Err(no_event()),
        Mode::Binary => decode_binary(headers, &survey, content_type, body, limits).map(Decoded::One),
    }
}

/// Whether a message says that it is an event: by a CloudEvents content type, or by a header of a required attribute.
/// A response that does not is no reply, whatever its body.
pub fn claims_event(headers: &HeaderMap) -> bool {
    let structured = |value: &HeaderValue| value.to_str().is_ok_and(media::is_structured);
    headers.get(CONTENT_TYPE).is_some_and(structured) || headers.keys().any(is_required)
}

/// How many `%` in the attribute headers start no encoded byte: they are taken as they are, and worth counting, since
/// their sender does not encode.
pub fn bare_percents(headers: &HeaderMap) -> usize {
    let attributes = headers.iter().filter(|(name, _)| attribute_name(name).is_some());
    attributes
        .map(|(_, value)| header::bare_percents(value.as_bytes()))
        .sum()
}

/// Writes the event in binary mode: attributes into `headers`, replacing what stands there; the body is the answer.
///
/// JSON data of a structured event that named no content type gets the `application/json` that the JSON format implies,
/// unless a signature (`dssematerial`) covers its absence.
pub fn encode_binary(event: &Event, headers: &mut HeaderMap) -> Bytes {
    headers.insert(
        name_of("specversion"),
        HeaderValue::from_static(event.spec_version().as_str()),
    );
    let decoded_here = event.spec_version() == SpecVersion::V0_3 && event.data_form() == DataForm::Base64;
    for attribute in event.attributes() {
        match attribute.name {
            "datacontenttype" => insert(headers, CONTENT_TYPE, event, Cow::Borrowed(attribute.value)),
            "datacontentencoding" if decoded_here => {}
            name => insert(headers, name_of(name), event, header::encode(attribute.value)),
        }
    }
    if super::implies_json(event) {
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    }
    event.data().cloned().unwrap_or_default()
}

/// Writes the event in structured mode: the content type into `headers`; the body is the answer.
pub fn encode_structured(event: &Event, headers: &mut HeaderMap) -> Bytes {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(STRUCTURED_JSON));
    json::encode(event)
}

fn content_type(headers: &HeaderMap) -> Result<Option<&str>, DecodeError> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = |reason, detail| Err(DecodeError::new(reason, detail).at("content-type"));
    if values.next().is_some() {
        return wrong(
            Reason::Invalid,
            "is given more than once; a message has one content type",
        );
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text.trim())),
        Err(_) => wrong(
            Reason::Malformed,
            "is not ASCII; write it as type/subtype, such as application/json",
        ),
    }
}

fn decode_binary(
    headers: &HeaderMap,
    survey: &Survey,
    content_type: Option<&str>,
    body: Bytes,
    limits: &Limits,
) -> Result<Event, DecodeError> {
    let mut writer = HeadWriter::new(limits, survey.attribute_bytes);
    for (header, value) in headers {
        let Some(name) = attribute_name(header) else {
            continue;
        };
        if name == "datacontenttype" {
            let detail = "is not a header of this binding; send the data's type as content-type";
            return Err(DecodeError::new(Reason::Invalid, detail).at(header.as_str()));
        }
        let value = header::decode(value.as_bytes()).map_err(|error| error.at(header.as_str()))?;
        writer
            .push(name, Kind::String, &value)
            .map_err(|error| misplaced(&error))?;
    }
    if let Some(content_type) = content_type {
        writer
            .push("datacontenttype", Kind::String, content_type)
            .map_err(|error| misplaced(&error))?;
    }
    let form = if body.is_empty() {
        DataForm::Absent
    } else {
        DataForm::Binary
    };
    let event = writer.finish(form, body).map_err(|error| misplaced(&error))?;
    check_event_bytes(event.size(), limits.event_bytes_max)?;
    Ok(event)
}

impl Survey {
    fn of(headers: &HeaderMap) -> Self {
        let mut survey = Self::default();
        for (header, value) in headers {
            let bytes = header.as_str().len() + value.len();
            survey.bytes += bytes;
            match attribute_name(header) {
                Some(name) => {
                    survey.has_required |= REQUIRED.contains(&name);
                    survey.attribute_bytes += bytes + 16;
                }
                None if *header == CONTENT_TYPE => survey.attribute_bytes += bytes + 16,
                None => {}
            }
        }
        survey
    }
}

fn attribute_name(header: &HeaderName) -> Option<&str> {
    header.as_str().strip_prefix(PREFIX)
}

fn is_required(header: &HeaderName) -> bool {
    attribute_name(header).is_some_and(|name| REQUIRED.contains(&name))
}

fn no_event() -> DecodeError {
    let detail = format!(
        "is missing, like every other required attribute; send them as {PREFIX} headers, \
         or the whole event as {STRUCTURED_JSON}"
    );
    DecodeError::new(Reason::Invalid, detail).at("ce-specversion")
}

fn misplaced(invalid: &InvalidEvent) -> DecodeError {
    let place = match invalid.attribute.as_str() {
        "datacontenttype" => CONTENT_TYPE.as_str().to_owned(),
        name => format!("{PREFIX}{name}"),
    };
    DecodeError::invalid(invalid, place)
}

/// Sets one header; a value that stands in the head as it is shares the head's bytes.
fn insert(headers: &mut HeaderMap, name: HeaderName, event: &Event, value: Cow<'_, str>) {
    let value = match value {
        Cow::Borrowed(value) => HeaderValue::from_maybe_shared(event.share(value)),
        Cow::Owned(value) => HeaderValue::from_maybe_shared(Bytes::from(value)),
    };
    let value =
        value.expect("invariant: a valid media type and every percent-encoded value is a header value");
    headers.insert(name, value);
}

/// The header of an attribute, without allocation for those of the specification.
fn name_of(attribute: &str) -> HeaderName {
    match attribute {
        "specversion" => HeaderName::from_static("ce-specversion"),
        "id" => HeaderName::from_static("ce-id"),
        "source" => HeaderName::from_static("ce-source"),
        "type" => HeaderName::from_static("ce-type"),
        "subject" => HeaderName::from_static("ce-subject"),
        "time" => HeaderName::from_static("ce-time"),
        "dataschema" => HeaderName::from_static("ce-dataschema"),
        extension => {
            let mut name = SmallVec::<[u8; 32]>::from_slice(PREFIX.as_bytes());
            name.extend_from_slice(extension.as_bytes());
            HeaderName::from_lowercase(&name).expect("invariant: an attribute name is [a-z0-9]+")
        }
    }
}

#[cfg(test)]
mod tests;
