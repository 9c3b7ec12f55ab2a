//! The wire codecs: events as HTTP, Kafka and NATS messages, as JSON and as Protobuf, in and out, byte for byte.
//!
//! Every decoder validates fully and answers either events or one [`DecodeError`] that says what is wrong, where, and
//! what would be right. Every encoder takes an [`Event`] as it is: it cannot fail.

mod header;
pub mod http;
pub mod json;
pub mod kafka;
mod media;
pub mod nats;
pub mod protobuf;

use std::fmt;

use ::http::StatusCode;

use crate::event::{DataForm, Event, InvalidEvent, Problem};
use crate::limits::Limits;

pub use media::{BATCH_JSON, BATCH_PROTOBUF, STRUCTURED_JSON, STRUCTURED_PROTOBUF, is_batch};

/// What one message held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A message in binary or structured mode.
    One(Event),
    /// A message in batched mode; may be empty.
    Batch(Vec<Event>),
}

/// What is wrong with bytes from outside. A batch is refused as a whole, for the first mistake found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The class of the mistake.
    pub reason: Reason,
    /// What is wrong and what would be right. With `at`, it completes the sentence that starts with the place.
    pub detail: String,
    /// The header, JSON member or attribute at fault, as the sender wrote it.
    pub at: Option<String>,
    /// Place of the event in its batch, counted from 0.
    pub index: Option<usize>,
}

/// The classes of mistakes: a closed set, so that a status, a metric's label and a retry rule can be had from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A CloudEvents media type of a format, or a mode, that is not spoken here.
    UnsupportedFormat,
    /// A `specversion` that is not spoken here.
    UnsupportedVersion,
    /// The bytes do not follow their own syntax (JSON, base64, UTF-8, quoting).
    Malformed,
    /// Well-formed, but against a rule of CloudEvents.
    Invalid,
    /// Over one of the [`Limits`](crate::limits::Limits).
    TooLarge,
}

impl Reason {
    /// Every reason, for tables of metrics.
    pub const ALL: [Self; 5] = [
        Self::UnsupportedFormat,
        Self::UnsupportedVersion,
        Self::Malformed,
        Self::Invalid,
        Self::TooLarge,
    ];

    /// Stable name in lower case with underscores: a label in metrics, a code in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported_format",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
        }
    }

    /// The HTTP status that says this to the sender.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnsupportedFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnsupportedVersion | Self::Malformed | Self::Invalid => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// Whether the message may be good, but in a format that is not spoken here.
    pub const fn is_unsupported(self) -> bool {
        match self {
            Self::UnsupportedFormat => true,
            Self::UnsupportedVersion | Self::Malformed | Self::Invalid | Self::TooLarge => false,
        }
    }

    /// Whether a limit was broken and not a rule of the format.
    pub const fn is_too_large(self) -> bool {
        match self {
            Self::TooLarge => true,
            Self::UnsupportedFormat | Self::UnsupportedVersion | Self::Malformed | Self::Invalid => false,
        }
    }
}

impl DecodeError {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            at: None,
            index: None,
        }
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.at = Some(place.into());
        self
    }

    /// A broken rule, at the place where the sender wrote the attribute.
    pub(crate) fn invalid(invalid: &InvalidEvent, place: impl Into<String>) -> Self {
        let reason = match &invalid.problem {
            Problem::SpecVersion(_) => Reason::UnsupportedVersion,
            problem if problem.is_limit() => Reason::TooLarge,
            _ => Reason::Invalid,
        };
        Self::new(reason, invalid.problem.to_string()).at(place)
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "in event {index} of the batch, ")?;
        }
        if let Some(at) = &self.at {
            write!(f, "`{at}` ")?;
        }
        f.write_str(&self.detail)
    }
}

/// The attributes that every event has; one of them in the headers is a claim to be an event.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// Refuses a message of one event whose bytes are over the limit.
fn check_event_bytes(bytes: usize, max: usize) -> Result<(), DecodeError> {
    if bytes <= max {
        return Ok(());
    }
    Err(DecodeError::new(
        Reason::TooLarge,
        format!("the event has {bytes} bytes; the limit is {max}"),
    ))
}

/// Refuses a message of a batch whose bytes are over the limit.
fn check_batch_bytes(bytes: usize, max: usize) -> Result<(), DecodeError> {
    if bytes <= max {
        return Ok(());
    }
    Err(DecodeError::new(
        Reason::TooLarge,
        format!("the batch has {bytes} bytes; the limit is {max}"),
    ))
}

/// What holds for an event because it stands in a batch: not too many, none too large, all of the version of the `first`
/// (HTTP binding, section 3.3, whatever the format).
fn check_member(
    event: &Event,
    first: Option<&Event>,
    index: usize,
    limits: &Limits,
) -> Result<(), DecodeError> {
    let max = limits.batch_events_max;
    if index >= max {
        return Err(DecodeError::new(
            Reason::TooLarge,
            format!("the batch has more than {max} events; split it"),
        ));
    }
    let in_batch = |error: DecodeError| DecodeError {
        index: Some(index),
        ..error
    };
    check_event_bytes(event.size(), limits.event_bytes_max).map_err(in_batch)?;
    match first {
        Some(first) if first.spec_version() != event.spec_version() => {
            let detail =
                "differs from the first event's; send the events of each version in a batch of their own";
            Err(in_batch(
                DecodeError::new(Reason::Invalid, detail).at("specversion"),
            ))
        }
        _ => Ok(()),
    }
}

/// Whether the data is JSON by the rule of the JSON format alone, with nothing said by the event.
fn implies_json(event: &Event) -> bool {
    event.data_form() == DataForm::Json
        && event.data_content_type().is_none()
        && event.attribute("dssematerial").is_none()
}

#[cfg(test)]
mod tests;
