//! Writes a head attribute by attribute, each checked as it comes.

use bytes::Bytes;

use super::super::invalid::{InvalidEvent, Problem, schema_name};
use super::super::{Attribute, DataForm, Event, Kind, SpecVersion, Value, rules};
use super::{COUNT_AT, DATA_LENGTH_AT, LAYOUT, PREFIX, Required, find, u32_at};
use crate::limits::Limits;

/// A head in the making. Names and values are written where they stay; nothing is copied twice.
pub(crate) struct HeadWriter {
    buffer: Vec<u8>,
    attributes_max: usize,
    name_bytes_max: usize,
    value_bytes_max: usize,
    version: Option<SpecVersion>,
    count: u16,
    /// One bit per class of names seen, so that most new names need no search for a duplicate.
    seen: u64,
}

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
            seen: 0,
        }
    }

    /// Adds one attribute, `specversion` included, after checking name, value and that it is new.
    pub(crate) fn push(&mut self, name: &str, kind: Kind, value: &str) -> Result<(), InvalidEvent> {
        if name == "specversion" {
            return self.set_version(kind, value).map_err(|problem| problem.of(name));
        }
        self.check_new(name).map_err(|problem| problem.of(name))?;
        let kind = self
            .check_value(name, kind, value)
            .map_err(|problem| problem.of(name))?;
        self.append(Attribute { name, kind, value })
            .map_err(|problem| problem.of(name))
    }

    /// Adds an attribute of an event that was checked before. The caller adds no name twice.
    pub(in crate::event) fn copy(&mut self, attribute: Attribute<'_>) -> Result<(), InvalidEvent> {
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
        rules::name(name)?;
        if name.len() > self.name_bytes_max {
            return Err(Problem::NameTooLong {
                bytes: name.len(),
                max: self.name_bytes_max,
            });
        }
        let class = name_class(name);
        if self.seen & class != 0 && self.get(name).is_some() {
            return Err(Problem::Repeated);
        }
        self.seen |= class;
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
        self.buffer.extend_from_slice(&[name_length, kind.tag()]);
        self.buffer.extend_from_slice(&value_length.to_le_bytes());
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

/// One of 64 classes: names of different classes differ.
fn name_class(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
    1 << ((edge(bytes.first()) + 7 * edge(bytes.last()) + 31 * bytes.len()) % 64)
}
