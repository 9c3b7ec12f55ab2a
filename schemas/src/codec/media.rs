//! Which mode a message is in, told by its content type.

use bytes::Bytes;

use super::{DecodeError, Reason, json, protobuf};
use crate::event::Event;
use crate::event::rules::shorten;
use crate::limits::Limits;

/// Content type of one event in the JSON format.
pub const STRUCTURED_JSON: &str = "application/cloudevents+json";
/// Content type of a batch in the JSON format.
pub const BATCH_JSON: &str = "application/cloudevents-batch+json";

const STRUCTURED: &str = "application/cloudevents";
const BATCH: &str = "application/cloudevents-batch";

/// Content type of one event in the Protobuf format.
pub const STRUCTURED_PROTOBUF: &str = "application/cloudevents+protobuf";
/// Content type of a batch in the Protobuf format.
pub const BATCH_PROTOBUF: &str = "application/cloudevents-batch+protobuf";

/// The content modes of the HTTP binding (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Binary,
    Structured(Format),
    Batched(Format),
}

/// The event formats that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Protobuf,
}

impl Mode {
    /// By the prefix of the content type, in any case. A structured type without a suffix is taken for JSON.
    pub(super) fn of(content_type: Option<&str>) -> Result<Self, DecodeError> {
        let Some(content_type) = content_type else {
            return Ok(Self::Binary);
        };
        let (mode, rest): (fn(Format) -> Self, _) = if let Some(rest) = strip_prefix(content_type, BATCH) {
            (Self::Batched, rest)
        } else if let Some(rest) = strip_prefix(content_type, STRUCTURED) {
            (Self::Structured, rest)
        } else {
            return Ok(Self::Binary);
        };
        let suffix = rest.split(';').next().unwrap_or("").trim();
        if suffix.is_empty() || suffix.eq_ignore_ascii_case("+json") {
            return Ok(mode(Format::Json));
        }
        if suffix.eq_ignore_ascii_case("+protobuf") {
            return Ok(mode(Format::Protobuf));
        }
        let detail = format!(
            "is `{}`, a format that is not supported; send {STRUCTURED_JSON}, {BATCH_JSON}, the same with +protobuf, or \
             the attributes in headers",
            shorten(content_type)
        );
        Err(DecodeError::new(Reason::UnsupportedFormat, detail).at("content-type"))
    }
}

/// Whether a content type announces a batch, in any format.
pub fn is_batch(content_type: &str) -> bool {
    strip_prefix(content_type, BATCH).is_some()
}

/// Whether a content type announces an event or a batch, in any format.
pub(super) fn is_structured(content_type: &str) -> bool {
    strip_prefix(content_type, STRUCTURED).is_some()
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

impl Format {
    /// The event that one message holds.
    pub(super) fn decode(self, bytes: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
        match self {
            Self::Json => json::decode(bytes, limits),
            Self::Protobuf => protobuf::decode(bytes, limits),
        }
    }

    /// The events that one message holds.
    pub(super) fn decode_batch(self, bytes: &Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
        match self {
            Self::Json => json::decode_batch(bytes, limits),
            Self::Protobuf => protobuf::decode_batch(bytes, limits),
        }
    }
}
