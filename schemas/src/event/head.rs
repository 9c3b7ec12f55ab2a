//! The head of an event: its attributes as one table of bytes, read in place and written once.
//!
//! ```text
//! at  bytes  field                                         (all numbers little-endian)
//!  0      1  layout version, 1
//!  1      1  specversion: 0 is 1.0, 1 is 0.3
//!  2      1  form of the data: 0 absent, 1 binary, 2 JSON, 3 text, 4 base64
//!  3      1  zero
//!  4      4  length of the data
//!  8      2  number of attributes
//! 10      2  zero
//! 12      4  where the attribute `id` starts, from the head's first byte
//! 16      4  ... `source`
//! 20      4  ... `type`
//! 24         the attributes, in the order received, each:
//!            1  length of the name
//!            1  kind: 0 String, 1 Boolean, 2 Integer, 3 Binary, 4 URI, 5 URI-reference, 6 Timestamp
//!            4  length of the value
//!               the name, the value (canonical string), both UTF-8
//! ```
//!
//! What holds in every head that [`check`] or [`HeadWriter`] let pass: the three required attributes are there and the
//! offsets point at them, names are `[a-z0-9]+`, names and values are UTF-8, the content type is a media type, and the last
//! attribute ends where the head ends. `specversion` is the byte at 1 and not an attribute of the table.

mod writer;

use bytes::Bytes;

use super::invalid::CorruptRecord;
use super::{Attribute, DataForm, Kind, SpecVersion, media, rules};
use crate::limits::Limits;

pub(crate) use writer::HeadWriter;

/// Version of the layout that this program writes and reads.
pub(crate) const LAYOUT: u8 = 1;
/// Bytes before the first attribute.
pub(crate) const PREFIX: usize = 24;
/// Bytes of an attribute before its name.
const ATTRIBUTE_PREFIX: usize = 6;

const SPEC_VERSION_AT: usize = 1;
const FORM_AT: usize = 2;
const DATA_LENGTH_AT: usize = 4;
const COUNT_AT: usize = 8;

/// The attributes whose place the prefix tells.
#[derive(Clone, Copy)]
pub(super) enum Required {
    Id,
    Source,
    Type,
}

impl Required {
    const ALL: [Self; 3] = [Self::Id, Self::Source, Self::Type];

    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Source => "source",
            Self::Type => "type",
        }
    }

    const fn offset_at(self) -> usize {
        match self {
            Self::Id => 12,
            Self::Source => 16,
            Self::Type => 20,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|required| required.name() == name)
    }
}

/// An attribute whose bytes were not looked at yet.
struct Raw<'a> {
    name: &'a [u8],
    kind: u8,
    value: &'a [u8],
    /// Where the next attribute starts.
    next: usize,
}

/// Walks the attributes of a checked head, in the order received.
#[derive(Clone)]
pub(super) struct Attributes<'a> {
    head: &'a [u8],
    at: usize,
}

pub(super) fn spec_version(head: &[u8]) -> SpecVersion {
    head.get(SPEC_VERSION_AT)
        .and_then(|tag| SpecVersion::from_tag(*tag))
        .unwrap_or(SpecVersion::V1_0)
}

pub(super) fn form(head: &[u8]) -> DataForm {
    head.get(FORM_AT)
        .and_then(|tag| DataForm::from_tag(*tag))
        .unwrap_or(DataForm::Absent)
}

/// The value of a required attribute of a checked head.
pub(super) fn required(head: &[u8], which: Required) -> &str {
    let at = u32_at(head, which.offset_at()).unwrap_or(head.len());
    let value = read(head, at).map_or(&[][..], |raw| raw.value);
    std::str::from_utf8(value).unwrap_or_default()
}

/// Splits a stored record into head and data, and checks that every later access stays in bounds.
pub(super) fn check(head: Bytes, body: Bytes) -> Result<(Bytes, Bytes), CorruptRecord> {
    let short = |part| CorruptRecord::Short { at: head.len(), part };
    let version = *head.first().ok_or_else(|| short("version"))?;
    if version != LAYOUT {
        return Err(CorruptRecord::Version {
            found: version,
            known: LAYOUT,
        });
    }
    if head.len() < PREFIX {
        return Err(short("prefix"));
    }
    let expected = u32_at(&head, DATA_LENGTH_AT).ok_or_else(|| short("prefix"))?;
    let (head, data) = if body.is_empty() && expected > 0 {
        let found = head.len() - PREFIX;
        let head_length = head
            .len()
            .checked_sub(expected)
            .ok_or(CorruptRecord::DataLength { expected, found })?;
        (head.slice(..head_length), head.slice(head_length..))
    } else {
        (head, body)
    };
    if data.len() != expected {
        return Err(CorruptRecord::DataLength {
            expected,
            found: data.len(),
        });
    }
    check_prefix(&head, !data.is_empty())?;
    check_attributes(&head)?;
    Ok((head, data))
}

fn check_prefix(head: &[u8], has_data: bool) -> Result<(), CorruptRecord> {
    let field = |at, part| CorruptRecord::Field { at, part };
    let tag = |at: usize| {
        head.get(at).copied().ok_or(CorruptRecord::Short {
            at: head.len(),
            part: "prefix",
        })
    };
    SpecVersion::from_tag(tag(SPEC_VERSION_AT)?).ok_or_else(|| field(SPEC_VERSION_AT, "specversion"))?;
    let form = DataForm::from_tag(tag(FORM_AT)?).ok_or_else(|| field(FORM_AT, "data form"))?;
    if form == DataForm::Absent && has_data {
        return Err(field(FORM_AT, "data form"));
    }
    Ok(())
}

fn check_attributes(head: &[u8]) -> Result<(), CorruptRecord> {
    let short = |part| CorruptRecord::Short { at: head.len(), part };
    let count = u16_at(head, COUNT_AT).ok_or_else(|| short("prefix"))?;
    if usize::from(count) > Limits::FORMAT.attributes_max {
        return Err(CorruptRecord::Field {
            at: COUNT_AT,
            part: "number of attributes",
        });
    }
    let mut at = PREFIX;
    let mut found = 0;
    for _ in 0..count {
        let raw = read(head, at)?;
        let attribute = raw.decode(at)?;
        if rules::name(attribute.name).is_err() {
            return Err(CorruptRecord::Field {
                at,
                part: "attribute name",
            });
        }
        if attribute.name == "datacontenttype" && !media::is_media_type(attribute.value) {
            return Err(CorruptRecord::Field {
                at,
                part: "content type",
            });
        }
        if let Some(required) = Required::from_name(attribute.name) {
            let offset_at = required.offset_at();
            if u32_at(head, offset_at) != Some(at) {
                return Err(CorruptRecord::Field {
                    at: offset_at,
                    part: "offset of a required attribute",
                });
            }
            found += 1;
        }
        at = raw.next;
    }
    if found != Required::ALL.len() {
        return Err(CorruptRecord::Field {
            at: PREFIX,
            part: "set of required attributes",
        });
    }
    match head.len() - at {
        0 => Ok(()),
        bytes => Err(CorruptRecord::Trailing { bytes }),
    }
}

/// The attribute of that name, and where it starts. Only the match is decoded.
pub(super) fn find<'a>(head: &'a [u8], name: &str) -> Option<(usize, Attribute<'a>)> {
    let mut at = PREFIX;
    while let Ok(raw) = read(head, at) {
        if raw.name == name.as_bytes() {
            return raw.decode(at).ok().map(|attribute| (at, attribute));
        }
        at = raw.next;
    }
    None
}

/// Reads the attribute that starts at `at`.
fn read(head: &[u8], at: usize) -> Result<Raw<'_>, CorruptRecord> {
    let short = |part| CorruptRecord::Short { at: head.len(), part };
    let rest = head.get(at..).ok_or_else(|| short("attribute"))?;
    let (prefix, rest) = rest
        .split_at_checked(ATTRIBUTE_PREFIX)
        .ok_or_else(|| short("attribute"))?;
    let [name_length, kind, value_length @ ..] = prefix else {
        return Err(short("attribute"));
    };
    let (name, rest) = rest
        .split_at_checked(usize::from(*name_length))
        .ok_or_else(|| short("attribute name"))?;
    let value_length = u32_at(value_length, 0).ok_or_else(|| short("attribute"))?;
    let (value, rest) = rest
        .split_at_checked(value_length)
        .ok_or_else(|| short("attribute value"))?;
    Ok(Raw {
        name,
        kind: *kind,
        value,
        next: head.len() - rest.len(),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'a> Raw<'a> {
    fn decode(&self, at: usize) -> Result<Attribute<'a>, CorruptRecord> {
        let field = |part| CorruptRecord::Field { at, part };
        let kind = Kind::from_tag(self.kind).ok_or_else(|| field("attribute kind"))?;
        let name = std::str::from_utf8(self.name).map_err(|_| field("attribute name"))?;
        let value = std::str::from_utf8(self.value).map_err(|_| field("attribute value"))?;
        Ok(Attribute { name, kind, value })
    }
}

impl<'a> Attributes<'a> {
    pub(super) fn of(head: &'a [u8]) -> Self {
        Self { head, at: PREFIX }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let raw = read(self.head, self.at).ok()?;
        let attribute = raw.decode(self.at).ok()?;
        self.at = raw.next;
        Some(attribute)
    }
}
