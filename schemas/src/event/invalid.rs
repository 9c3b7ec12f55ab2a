//! What can be wrong with an event or with its stored record.

use super::SpecVersion;

/// An attribute (or the data) breaks a rule of the CloudEvents specification or one of our limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{attribute}` {problem}")]
pub struct InvalidEvent {
    /// Name of the attribute, or `data`.
    pub attribute: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The rule that was broken. Its text completes the sentence "`attribute` ...".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A required attribute is not there.
    #[error("is missing; every event needs it")]
    Missing,
    /// A value that must not be empty is.
    #[error("is empty; give it a value or leave it out where it is optional")]
    Empty,
    /// The same attribute twice.
    #[error("is given more than once; an event carries each attribute once")]
    Repeated,
    /// Not a name that an attribute can have.
    #[error("is not an attribute name; use lower-case letters a-z and digits only")]
    Name,
    /// A name that is taken by the event's payload.
    #[error("is reserved for the event's payload; choose another attribute name")]
    Reserved,
    /// An attribute of the specification where only extensions can be set.
    #[error("is an attribute of the specification; only extensions can be set here")]
    NotExtension,
    /// A version that we do not know.
    #[error("is `{0}`, which is not supported; send 1.0 or 0.3")]
    SpecVersion(String),
    /// A character that no attribute value may hold.
    #[error("contains the character U+{:04X}, which no attribute may carry; remove control characters and noncharacters", u32::from(*.0))]
    Character(char),
    /// An attribute of the specification with a value of another type.
    #[error("has a value of the wrong type; give it a string")]
    NotString,
    /// Not `true` or `false`.
    #[error("is not a boolean; write true or false")]
    NotBoolean,
    /// Not a 32-bit whole number.
    #[error(
        "is not an integer; write a whole number from -2147483648 to 2147483647 without fraction or exponent"
    )]
    NotInteger,
    /// Not base64.
    #[error("is not base64; use the standard alphabet with padding")]
    NotBase64,
    /// Not a URI.
    #[error(
        "is not an absolute URI; write it with its scheme, such as https://example.com/x, and percent-encode other characters"
    )]
    NotUri,
    /// Not a URI-reference.
    #[error("is not a URI-reference; write a URI or a path by RFC 3986 and percent-encode other characters")]
    NotUriReference,
    /// Not an RFC 3339 time.
    #[error("is not an RFC 3339 time; write it as 2026-01-31T23:59:59.5Z or with an offset such as +02:00")]
    NotTimestamp,
    /// Not a media type.
    #[error("is not a media type; write it as type/subtype, such as application/json")]
    NotMediaType,
    /// Data in a form that does not go with the content type.
    #[error("does not go with the event's content type: {0}")]
    DataForm(&'static str),
    /// Too many attributes.
    #[error("is one attribute too many; an event carries at most {max}")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// The name is too long.
    #[error("has a name of {bytes} bytes; the limit is {max}")]
    NameTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The value is too long.
    #[error("has {bytes} bytes; the limit is {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl Problem {
    /// The problem, said of an attribute.
    pub(crate) fn of(self, attribute: &str) -> InvalidEvent {
        InvalidEvent {
            attribute: super::rules::shorten(attribute),
            problem: self,
        }
    }

    /// Whether a limit was broken and not a rule of the specification.
    pub fn is_limit(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::NameTooLong { .. } | Self::TooLong { .. } => true,
            Self::Missing
            | Self::Empty
            | Self::Repeated
            | Self::Name
            | Self::Reserved
            | Self::NotExtension
            | Self::SpecVersion(_)
            | Self::Character(_)
            | Self::NotString
            | Self::NotBoolean
            | Self::NotInteger
            | Self::NotBase64
            | Self::NotUri
            | Self::NotUriReference
            | Self::NotTimestamp
            | Self::NotMediaType
            | Self::DataForm(_) => false,
        }
    }
}

/// Stored bytes that are not an event's record. A checksum below should have caught it: this means a writer's or
/// reader's mistake, or a record of a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptRecord {
    /// Shorter than it says.
    #[error("the event record ends at byte {at}, inside its {part}")]
    Short {
        /// Where it ends.
        at: usize,
        /// What was being read.
        part: &'static str,
    },
    /// Longer than it says.
    #[error("the event record has {bytes} bytes after its last attribute")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// Written by a version that we do not know.
    #[error("the event record has version {found}; this program reads version {known}")]
    Version {
        /// The record's.
        found: u8,
        /// Ours.
        known: u8,
    },
    /// A field with a value that the layout does not know.
    #[error("the event record's {part} at byte {at} is not valid")]
    Field {
        /// Where.
        at: usize,
        /// Which field.
        part: &'static str,
    },
    /// The data has not the length that the head gives.
    #[error("the event record says {expected} bytes of data and has {found}")]
    DataLength {
        /// By the head.
        expected: usize,
        /// There.
        found: usize,
    },
}

/// Shorthand for what the version-dependent names are.
pub(super) const fn schema_name(version: SpecVersion) -> &'static str {
    match version {
        SpecVersion::V1_0 => "dataschema",
        SpecVersion::V0_3 => "schemaurl",
    }
}
