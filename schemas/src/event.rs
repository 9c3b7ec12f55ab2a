//! One CloudEvent: validated once, kept as the bytes it came in, stored and loaded without a parse.
//!
//! An [`Event`] is a cheap-clone handle on two [`Bytes`]: the *head*, an encoded table of attributes (layout in
//! `event/head.rs`), and the *data*. The same two slices are the record that a log stores. Every attribute keeps its
//! canonical string and the data its bytes: nothing is normalised, re-serialised or re-ordered on the way through.
//!
//! Events come from outside through [`codec`](crate::codec), from code through [`Event::builder`], and from storage through
//! [`Event::from_record`].

mod builder;
pub(crate) mod head;
mod invalid;
pub(crate) mod media;
pub(crate) mod rules;
mod timestamp;
mod uri;
mod value;

use std::fmt;

use bytes::Bytes;

pub use builder::EventBuilder;
pub use invalid::{CorruptRecord, InvalidEvent, Problem};
pub use value::{Attribute, DataForm, Kind, SpecVersion, Value};

use crate::limits::Limits;
use head::{Attributes, HeadWriter, Required};

/// One CloudEvent. Clones share their bytes. Equal when head and data are equal byte for byte, which includes the order
/// of the attributes and the form of the data.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    head: Bytes,
    data: Bytes,
}

impl Event {
    /// Starts an event of version 1.0.
    pub fn builder() -> EventBuilder {
        EventBuilder::new()
    }

    /// Takes an event back out of its record: head and data as [`Self::to_record`] gave them, or both in one slice
    /// with an empty `body` (the head knows the length of the data). Checks the structure, not the rules of
    /// CloudEvents again; copies nothing.
    ///
    /// # Errors
    ///
    /// [`CorruptRecord`] when the bytes are not such a record.
    pub fn from_record(head: Bytes, body: Bytes) -> Result<Self, CorruptRecord> {
        let (head, data) = head::check(head, body)?;
        Ok(Self { head, data })
    }

    /// Head and data, to be stored one after the other. Copies nothing.
    pub fn to_record(&self) -> (Bytes, Bytes) {
        (self.head.clone(), self.data.clone())
    }

    /// The attribute `specversion`.
    pub fn spec_version(&self) -> SpecVersion {
        head::spec_version(&self.head)
    }

    /// The attribute `id`.
    pub fn id(&self) -> &str {
        head::required(&self.head, Required::Id)
    }

    /// The attribute `source`.
    pub fn source(&self) -> &str {
        head::required(&self.head, Required::Source)
    }

    /// The attribute `type`.
    pub fn ty(&self) -> &str {
        head::required(&self.head, Required::Type)
    }

    /// The attribute `subject`.
    pub fn subject(&self) -> Option<&str> {
        self.value("subject")
    }

    /// The attribute `time`, as received.
    pub fn time(&self) -> Option<&str> {
        self.value("time")
    }

    /// The attribute `datacontenttype`, as received; none is implied here.
    pub fn data_content_type(&self) -> Option<&str> {
        self.value("datacontenttype")
    }

    /// The attribute `dataschema` (in version 0.3 `schemaurl`), as received.
    pub fn data_schema(&self) -> Option<&str> {
        self.value(invalid::schema_name(self.spec_version()))
    }

    /// When the event expires by its extension `expirytime`, in milliseconds since 1970, rounded up; 0 for a time before.
    /// `None` without one, and for a value that is no time: an event is never thrown away for a mistake in it.
    pub fn expires_at(&self) -> Option<u64> {
        let text = self.value("expirytime")?;
        let at: jiff::Timestamp = text.parse().ok()?;
        let millis = at.as_nanosecond().div_euclid(1_000_000)
            + i128::from(at.as_nanosecond().rem_euclid(1_000_000) > 0);
        Some(u64::try_from(millis.max(0)).unwrap_or(u64::MAX))
    }

    /// Any attribute by name: one of the specification, `specversion` included, or an extension.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        if name == "specversion" {
            let value = self.spec_version().as_str();
            return Some(Attribute {
                name: "specversion",
                kind: Kind::String,
                value,
            });
        }
        head::find(&self.head, name).map(|(_, attribute)| attribute)
    }

    /// All attributes but `specversion`, in the order received.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> + Clone {
        Attributes::of(&self.head)
    }

    /// The attributes that the event's version of the specification does not define, in the order received.
    pub fn extensions(&self) -> impl Iterator<Item = Attribute<'_>> + Clone {
        let version = self.spec_version();
        self.attributes()
            .filter(move |attribute| !is_core(version, attribute.name))
    }

    /// The payload: what is described in [`DataForm`], by [`Self::data_form`]. `None` when there is none; an empty
    /// payload is `Some`.
    pub fn data(&self) -> Option<&Bytes> {
        match self.data_form() {
            DataForm::Absent => None,
            DataForm::Binary | DataForm::Json | DataForm::Text | DataForm::Base64 => Some(&self.data),
        }
    }

    /// How the data came.
    pub fn data_form(&self) -> DataForm {
        head::form(&self.head)
    }

    /// Bytes of head and data together: what the event takes in memory and in a log.
    pub fn size(&self) -> usize {
        self.head.len() + self.data.len()
    }

    /// The same event with these extensions set: one that is there keeps its place and gets the new value, others are
    /// added at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidEvent`] when a name is not an extension's, appears twice, or a value breaks its type's rule.
    pub fn with(&self, extensions: &[(&str, Value<'_>)]) -> Result<Self, InvalidEvent> {
        let version = self.spec_version();
        for (at, (name, _)) in extensions.iter().enumerate() {
            rules::name(name).map_err(|problem| problem.of(name))?;
            if is_core(version, name) {
                return Err(Problem::NotExtension.of(name));
            }
            if extensions[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::Repeated.of(name));
            }
        }
        let added = extensions.iter().map(|(name, _)| name.len() + 32).sum::<usize>();
        let mut writer = self.rewrite(added);
        for attribute in self.attributes() {
            match extensions.iter().find(|(name, _)| *name == attribute.name) {
                Some((name, value)) => writer.set(name, *value)?,
                None => writer.copy(attribute)?,
            }
        }
        for (name, value) in extensions {
            if self.attribute(name).is_none() {
                writer.set(name, *value)?;
            }
        }
        writer.finish(self.data_form(), self.data.clone())
    }

    /// The same event without these extensions. Names that are not there, and attributes of the specification, are
    /// left as they are.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let leaves = |attribute: &Attribute<'_>| names.contains(&attribute.name);
        if !self.extensions().any(|attribute| leaves(&attribute)) {
            return self.clone();
        }
        let version = self.spec_version();
        let mut writer = self.rewrite(0);
        let mut kept = self
            .attributes()
            .filter(|attribute| is_core(version, attribute.name) || !leaves(attribute));
        kept.try_for_each(|attribute| writer.copy(attribute))
            .and_then(|()| writer.finish(self.data_form(), self.data.clone()))
            .expect("invariant: a part of a valid head is valid")
    }

    /// The bytes of a value of this event's head, shared.
    pub(crate) fn share(&self, value: &str) -> Bytes {
        self.head.slice_ref(value.as_bytes())
    }

    fn value(&self, name: &str) -> Option<&str> {
        head::find(&self.head, name).map(|(_, attribute)| attribute.value)
    }

    fn rewrite(&self, added: usize) -> HeadWriter {
        let mut writer = HeadWriter::new(&Limits::FORMAT, self.head.len() + added);
        writer.default_version(self.spec_version());
        writer
    }
}

/// Whether a version of the specification defines this attribute itself.
pub(crate) fn is_core(version: SpecVersion, name: &str) -> bool {
    matches!(
        name,
        "id" | "source" | "type" | "specversion" | "datacontenttype" | "subject" | "time"
    ) || name == invalid::schema_name(version)
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Event");
        shown.field("specversion", &self.spec_version().as_str());
        for attribute in self.attributes() {
            shown.field(attribute.name, &attribute.value);
        }
        shown
            .field("data_form", &self.data_form())
            .field("data_bytes", &self.data.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
