//! The small types an event is described with: versions, kinds of values, forms of data.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Version of the CloudEvents specification that an event declares. Never changed on the way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecVersion {
    /// `1.0`
    V1_0,
    /// `0.3`, accepted and delivered as `0.3`
    V0_3,
}

impl SpecVersion {
    /// The attribute's value: `1.0` or `0.3`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V0_3 => "0.3",
        }
    }

    /// The version that `text` names, if we know it.
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "1.0" => Some(Self::V1_0),
            "0.3" => Some(Self::V0_3),
            _ => None,
        }
    }

    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::V1_0 => 0,
            Self::V0_3 => 1,
        }
    }

    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::V1_0),
            1 => Some(Self::V0_3),
            _ => None,
        }
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the data came, which decides how it leaves in each mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataForm {
    /// No data at all.
    Absent,
    /// A message body (HTTP, Kafka, NATS in binary mode), byte for byte.
    Binary,
    /// The text of one JSON value as it stood in a structured event; `null` is data.
    Json,
    /// The content of a JSON string whose content type is not JSON, as UTF-8.
    Text,
    /// Bytes that came base64-encoded in a structured event, decoded here.
    Base64,
}

impl DataForm {
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Binary => 1,
            Self::Json => 2,
            Self::Text => 3,
            Self::Base64 => 4,
        }
    }

    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::Absent),
            1 => Some(Self::Binary),
            2 => Some(Self::Json),
            3 => Some(Self::Text),
            4 => Some(Self::Base64),
            _ => None,
        }
    }
}

/// CloudEvents type of an attribute's value (core specification, "Type System").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any text without control characters and noncharacters.
    String,
    /// `true` or `false`.
    Boolean,
    /// A whole number that fits 32 bits, signed.
    Integer,
    /// Base64 text.
    Binary,
    /// A URI with a scheme.
    Uri,
    /// A URI or a relative reference.
    UriReference,
    /// A date and time by RFC 3339.
    Timestamp,
}

impl Kind {
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::String => 0,
            Self::Boolean => 1,
            Self::Integer => 2,
            Self::Binary => 3,
            Self::Uri => 4,
            Self::UriReference => 5,
            Self::Timestamp => 6,
        }
    }

    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::String),
            1 => Some(Self::Boolean),
            2 => Some(Self::Integer),
            3 => Some(Self::Binary),
            4 => Some(Self::Uri),
            5 => Some(Self::UriReference),
            6 => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// One attribute of an event: name, type and canonical string, exactly as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// `[a-z0-9]+`
    pub name: &'a str,
    /// Type of the value; an extension that arrived in a header is a [`Kind::String`].
    pub kind: Kind,
    /// The canonical string form of the value.
    pub value: &'a str,
}

/// A typed value for an attribute that we set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    String(&'a str),
    /// A truth value.
    Boolean(bool),
    /// A 32-bit number.
    Integer(i32),
    /// Bytes, kept as base64 text.
    Binary(&'a [u8]),
    /// Absolute URI.
    Uri(&'a str),
    /// URI or relative reference.
    UriReference(&'a str),
    /// RFC 3339 date and time.
    Timestamp(&'a str),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Integer(number)
    }
}

impl<'a> Value<'a> {
    /// The type and the canonical string.
    pub(crate) fn canonical(self) -> (Kind, Cow<'a, str>) {
        match self {
            Self::String(text) => (Kind::String, text.into()),
            Self::Boolean(truth) => (Kind::Boolean, if truth { "true" } else { "false" }.into()),
            Self::Integer(number) => (Kind::Integer, number.to_string().into()),
            Self::Binary(bytes) => (Kind::Binary, STANDARD.encode(bytes).into()),
            Self::Uri(text) => (Kind::Uri, text.into()),
            Self::UriReference(text) => (Kind::UriReference, text.into()),
            Self::Timestamp(text) => (Kind::Timestamp, text.into()),
        }
    }
}
