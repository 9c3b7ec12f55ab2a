//! Makes the event that stands for a record which is no CloudEvent.
//!
//! It cannot fail for what a record holds: a header that fits no attribute is left out, data over the limit is left
//! out, and [`OMITTED`] says so. So no record can block what comes after it.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemas::event::{DataForm, Event, EventBuilder, InvalidEvent, Value};
use schemas::limits::Limits;

use crate::extensions::{INVALID, OMITTED};
use crate::limits::EXPLANATION_BYTES_MAX;
use crate::payload;

/// A record on its way to become an event.
#[derive(Debug)]
pub(crate) struct Wrap {
    pub(crate) ty: String,
    pub(crate) id: String,
    /// A URI-reference that we made.
    pub(crate) source: String,
    pub(crate) subject: String,
    /// By RFC 3339.
    pub(crate) time: Option<String>,
    /// As the sender declared it; guessed when `None` or when it is no media type.
    pub(crate) content_type: Option<String>,
    /// `None` when the record has no value at all.
    pub(crate) data: Option<Bytes>,
    extensions: BTreeMap<String, Carried>,
    omitted: Vec<String>,
}

/// A value for an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Text(String),
    Bytes(Vec<u8>),
    Integer(i32),
}

/// A wrapped record, and whether a part of it had to be left out.
#[derive(Debug)]
pub(crate) struct Wrapped {
    pub(crate) event: Event,
    pub(crate) omitted: bool,
}

impl Carried {
    /// As text where an attribute can carry it as text, else as bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        payload::as_text(bytes)
            .map_or_else(|| Self::Bytes(bytes.to_vec()), |text| Self::Text(text.to_owned()))
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Binary(bytes),
            Self::Integer(number) => Value::Integer(*number),
        }
    }

    /// Bytes of its canonical string.
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len().div_ceil(3) * 4,
            Self::Integer(_) => 11,
        }
    }
}

impl Wrap {
    pub(crate) fn new(ty: String, id: String, source: String, subject: String) -> Self {
        Self {
            ty,
            id,
            source,
            subject,
            time: None,
            content_type: None,
            data: None,
            extensions: BTreeMap::new(),
            omitted: Vec::new(),
        }
    }

    /// Adds an extension; the last of a name wins. An empty value is none.
    pub(crate) fn extension(&mut self, name: &str, value: Carried) {
        if value.size() > 0 {
            self.extensions.insert(name.to_owned(), value);
        }
    }

    /// Says that the record claimed to be a CloudEvent, and what is wrong with it.
    pub(crate) fn invalid(&mut self, mistake: &str) {
        let mistake = payload::explanation(mistake, EXPLANATION_BYTES_MAX);
        self.extensions.insert(INVALID.to_owned(), Carried::Text(mistake));
    }

    /// Says that something is left out.
    pub(crate) fn omit(&mut self, what: impl Into<String>) {
        self.omitted.push(what.into());
    }

    /// The event, within the limits.
    ///
    /// # Errors
    /// [`InvalidEvent`] only for what we made ourselves (type, id, source, subject, time).
    pub(crate) fn build(mut self, limits: &Limits) -> Result<Wrapped, InvalidEvent> {
        self.fit_extensions(limits);
        self.fit_data(limits);
        let omitted = !self.omitted.is_empty();
        Ok(Wrapped {
            event: self.assemble()?,
            omitted,
        })
    }

    fn fit_extensions(&mut self, limits: &Limits) {
        // Attributes of the specification and our own explanations take part of the room.
        let mut left = limits.attributes_max.saturating_sub(10);
        // A quarter of an event's bytes for foreign headers leaves the rest to the data.
        let mut bytes_left = limits.header_bytes_max.min(limits.event_bytes_max / 4);
        let omitted = &mut self.omitted;
        self.extensions.retain(|name, value| {
            let bytes = name.len() + value.size();
            let fits = left > 0
                && bytes <= bytes_left
                && name.len() <= limits.attribute_name_bytes_max
                && value.size() <= limits.attribute_value_bytes_max;
            if fits {
                left -= 1;
                bytes_left -= bytes;
            } else {
                omitted.push(payload::explanation(name, 64));
            }
            fits
        });
    }

    fn fit_data(&mut self, limits: &Limits) {
        let Some(data) = &self.data else { return };
        let extensions: usize = self
            .extensions
            .iter()
            .map(|(name, value)| name.len() + value.size() + 16)
            .sum();
        let fixed = self.ty.len() + self.id.len() + self.source.len() + self.subject.len() + 1_024;
        if data.len() + extensions + fixed > limits.event_bytes_max {
            self.omitted.push(format!(
                "data ({} bytes; the limit is {})",
                data.len(),
                limits.event_bytes_max
            ));
            self.data = None;
        }
    }

    fn assemble(self) -> Result<Event, InvalidEvent> {
        let mut builder = Event::builder()
            .id(&self.id)
            .source(&self.source)
            .ty(&self.ty)
            .subject(&self.subject);
        if let Some(time) = &self.time {
            builder = builder.time(time);
        }
        for (name, value) in &self.extensions {
            builder = builder.attribute(name, value.value())?;
        }
        if !self.omitted.is_empty() {
            let text = payload::explanation(&self.omitted.join(", "), EXPLANATION_BYTES_MAX);
            builder = builder.attribute(OMITTED, Value::String(&text))?;
        }
        with_data(builder, self.content_type.as_deref(), self.data)
    }
}

/// Closes an event with data of a declared content type; one that is missing or no media type is guessed.
pub(crate) fn with_data(
    builder: EventBuilder,
    declared: Option<&str>,
    data: Option<Bytes>,
) -> Result<Event, InvalidEvent> {
    let Some(data) = data else { return builder.build() };
    let content_type = declared
        .filter(|text| is_media_type(text))
        .unwrap_or_else(|| payload::guessed_type(&data));
    builder
        .data_content_type(content_type)
        .data(DataForm::Binary, data)
        .build()
}

/// Whether an event accepts this as its content type: asked of the event itself, which holds the rule.
fn is_media_type(text: &str) -> bool {
    Event::builder()
        .id("0")
        .source("/")
        .ty("t")
        .data_content_type(text)
        .build()
        .is_ok()
}

#[cfg(test)]
mod tests;
