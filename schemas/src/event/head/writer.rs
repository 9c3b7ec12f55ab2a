//! Writes a head attribute by attribute, each checked as it comes.

use bytes::Bytes;

use super::super::invalid::{InvalidEvent, Problem, schema_name};
use super::super::{Attribute, DataForm, Event, Kind, SpecVersion, Value, rules};
use super::{ATTRIBUTE_PREFIX, COUNT_AT, DATA_LENGTH_AT, LAYOUT, PREFIX, Required, find, u32_at};
use crate::limits::Limits;

/// A head in the making. Names and values are written where they stay; nothing is copied twice.
pub(crate) struct HeadWriter {
    buffer: Vec<u8>,
    attributes_max: usize,
    name_bytes_max: usize,
    value_bytes_max: usize,
    version: Option<SpecVersion>,
    count: u16,
    seen: Seen,
}

/// Which names were added, by class: a name of a class that was not seen needs no search for a duplicate.
#[derive(Default)]
struct Seen([u64; 8]);

impl HeadWriter {
    /// An empty head with room for `capacity` bytes of attributes; names, values and count are held to `limits`.
    pub(crate) fn new(limits: &Limits, capacity: usize) -> Self {
        let mut buffer = Vec::with_capacity(PREFIX + capacity);
        buffer.resize(PREFIX, 0);
        Self {
            buffer,
            attributes_max: limits.attributes_max.min(Limits::FORMAT.attributes_max),
            name_bytes_max: limits
                .attribute_name_bytes_max
                .min(Limits::FORMAT.attribute_name_bytes_max),
            value_bytes_max: limits
                .attribute_value_bytes_max
                .min(Limits::FORMAT.attribute_value_bytes_max),
            version: None,
            count: 0,
            seen: Seen::default(),
        }
    }

    /// Adds one attribute, `specversion` included, after checking name, value and that it is new.
    pub(crate) fn push(&mut self, name: &str, kind: Kind, value: &str) -> Result<(), InvalidEvent> {
        self.try_push(name, kind, value)
            .map_err(|problem| problem.of(name))
    }

    /// Adds an attribute of an event that was checked before. The caller adds no name twice.
    pub(in crate::event) fn copy(&mut self, attribute: Attribute<'_>) -> Result<(), InvalidEvent> {
        self.seen.add(name_class(attribute.name));
        self.append(attribute)
            .map_err(|problem| problem.of(attribute.name))
    }

    /// Adds an attribute of any type that code sets.
    pub(in crate::event) fn set(&mut self, name: &str, value: Value<'_>) -> Result<(), InvalidEvent> {
        let (kind, text) = value.canonical();
        self.push(name, kind, &text)
    }

    /// Declares the version, unless an attribute did.
    pub(in crate::event) fn default_version(&mut self, version: SpecVersion) {
        self.version.get_or_insert(version);
    }

    /// The version, once it is known.
    pub(crate) fn version(&self) -> Option<SpecVersion> {
        self.version
    }

    /// An attribute that was added.
    pub(crate) fn get(&self, name: &str) -> Option<Attribute<'_>> {
        if !self.seen.has(name_class(name)) {
            return None;
        }
        find(&self.buffer, name).map(|(_, attribute)| attribute)
    }

    /// Whether an attribute was added, `specversion` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        if name == "specversion" {
            self.version.is_some()
        } else {
            self.get(name).is_some()
        }
    }

    /// Checks what only the whole event shows and closes the head.
    pub(crate) fn finish(mut self, form: DataForm, data: Bytes) -> Result<Event, InvalidEvent> {
        let version = self.version.ok_or_else(|| Problem::Missing.of("specversion"))?;
        for required in Required::ALL {
            if u32_at(&self.buffer, required.offset_at()) == Some(0) {
                return Err(Problem::Missing.of(required.name()));
            }
        }
        self.settle_schema(version)?;
        let length = u32::try_from(data.len()).map_err(|_| {
            Problem::TooLong {
                bytes: data.len(),
                max: Limits::FORMAT.event_bytes_max,
            }
            .of("data")
        })?;
        let count = self.count;
        self.patch(0, &[LAYOUT, version.tag(), form.tag(), 0]);
        self.patch(DATA_LENGTH_AT, &length.to_le_bytes());
        self.patch(COUNT_AT, &count.to_le_bytes());
        Ok(Event {
            head: Bytes::from(self.buffer),
            data,
        })
    }

    fn try_push(&mut self, name: &str, kind: Kind, value: &str) -> Result<(), Problem> {
        if name == "specversion" {
            return self.set_version(kind, value);
        }
        self.check_new(name)?;
        let kind = self.check_value(name, kind, value)?;
        self.append(Attribute { name, kind, value })
    }

    fn set_version(&mut self, kind: Kind, value: &str) -> Result<(), Problem> {
        if self.version.is_some() {
            return Err(Problem::Repeated);
        }
        if value.is_empty() {
            return Err(Problem::Empty);
        }
        if kind != Kind::String {
            return Err(Problem::NotString);
        }
        let version =
            SpecVersion::from_text(value).ok_or_else(|| Problem::SpecVersion(rules::shorten(value)))?;
        self.version = Some(version);
        Ok(())
    }

    fn check_new(&mut self, name: &str) -> Result<(), Problem> {
        let (valid, class) = check_and_class(name);
        if !valid || name.is_empty() || name == "data" {
            rules::name(name)?;
        }
        if name.len() > self.name_bytes_max {
            return Err(Problem::NameTooLong {
                bytes: name.len(),
                max: self.name_bytes_max,
            });
        }
        if self.seen.has(class) && find(&self.buffer, name).is_some() {
            return Err(Problem::Repeated);
        }
        self.seen.add(class);
        Ok(())
    }

    fn check_value(&self, name: &str, kind: Kind, value: &str) -> Result<Kind, Problem> {
        if value.len() > self.value_bytes_max {
            return Err(Problem::TooLong {
                bytes: value.len(),
                max: self.value_bytes_max,
            });
        }
        rules::value(name, kind, value)
    }

    fn append(&mut self, attribute: Attribute<'_>) -> Result<(), Problem> {
        let Attribute { name, kind, value } = attribute;
        if usize::from(self.count) >= self.attributes_max {
            return Err(Problem::TooMany {
                max: self.attributes_max,
            });
        }
        let too_long = |bytes| Problem::TooLong {
            bytes,
            max: Limits::FORMAT.attribute_value_bytes_max,
        };
        let at = u32::try_from(self.buffer.len()).map_err(|_| too_long(self.buffer.len()))?;
        let name_length = u8::try_from(name.len()).map_err(|_| Problem::Name)?;
        let value_length = u32::try_from(value.len()).map_err(|_| too_long(value.len()))?;
        let [a, b, c, d] = value_length.to_le_bytes();
        self.buffer.reserve(ATTRIBUTE_PREFIX + name.len() + value.len());
        self.buffer
            .extend_from_slice(&[name_length, kind.tag(), a, b, c, d]);
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(value.as_bytes());
        self.count += 1;
        if let Some(required) = Required::from_name(name) {
            self.patch(required.offset_at(), &at.to_le_bytes());
        }
        Ok(())
    }

    /// The schema's attribute has another name in each version, and is an extension in the other one.
    fn settle_schema(&mut self, version: SpecVersion) -> Result<(), InvalidEvent> {
        let name = schema_name(version);
        if let Some((at, attribute)) = find(&self.buffer, name) {
            let kind = rules::schema(version, attribute).map_err(|problem| problem.of(name))?;
            self.patch(at + 1, &[kind.tag()]);
        }
        Ok(())
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        self.buffer[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl Seen {
    fn has(&self, class: usize) -> bool {
        self.0[class / 64] & (1 << (class % 64)) != 0
    }

    fn add(&mut self, class: usize) {
        self.0[class / 64] |= 1 << (class % 64);
    }
}

/// One of 512 classes: names of different classes differ.
fn name_class(name: &str) -> usize {
    check_and_class(name).1
}

/// Whether the name has the characters of one, and its class, in one pass.
fn check_and_class(name: &str) -> (bool, usize) {
    let (valid, mixed) = name.bytes().fold((true, 0_u32), |(valid, mixed), byte| {
        let valid = valid & (byte.is_ascii_lowercase() | byte.is_ascii_digit());
        (valid, (mixed ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    });
    // Names that differ in a digit differ in few bits until here.
    (valid, (mixed.wrapping_mul(0x9E37_79B1) >> 23) as usize)
}
