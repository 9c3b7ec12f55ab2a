//! The yardstick: the same bytes read by `cloudevents-sdk`.
//!
//! Its HTTP binding is a feature that brings an abandoned library into the tree. [`Message`] does the same work through
//! the traits that the binding implements: each attribute's header becomes a `String`, the body a `Vec`.

use bytes::Bytes;
use cloudevents::event::SpecVersion;
use cloudevents::message::{
    BinaryDeserializer, BinarySerializer, Encoding, Error, MessageAttributeValue, MessageDeserializer,
    Result, StructuredDeserializer, StructuredSerializer,
};
use cloudevents::{AttributesReader, Event};
use http::{HeaderMap, HeaderValue};

/// A structured event.
///
/// # Errors
/// When the bytes are no event.
pub fn structured(bytes: &Bytes) -> serde_json::Result<Event> {
    serde_json::from_slice(bytes)
}

/// A message in binary mode.
///
/// # Errors
/// When it is no event.
pub fn binary(headers: &HeaderMap, body: &Bytes) -> Result<Event> {
    let message = Message {
        headers,
        body: body.to_vec(),
    };
    MessageDeserializer::into_event(message)
}

/// The event's id, so that a test sees that both read the same.
#[must_use]
pub fn id(event: &Event) -> &str {
    event.id()
}

struct Message<'a> {
    headers: &'a HeaderMap,
    body: Vec<u8>,
}

impl BinaryDeserializer for Message<'_> {
    fn deserialize_binary<R, V: BinarySerializer<R>>(self, mut visitor: V) -> Result<R> {
        let version = self
            .headers
            .get("ce-specversion")
            .ok_or(Error::WrongEncoding {})?;
        let version = SpecVersion::try_from(text(version)?)?;
        let names = version.attribute_names();
        visitor = visitor.set_spec_version(version)?;
        for (header, value) in self.headers {
            let Some(name) = header.as_str().strip_prefix("ce-") else {
                continue;
            };
            if name == "specversion" {
                continue;
            }
            let value = MessageAttributeValue::String(text(value)?.to_owned());
            visitor = match names.contains(&name) {
                true => visitor.set_attribute(name, value)?,
                false => visitor.set_extension(name, value)?,
            };
        }
        if let Some(value) = self.headers.get(http::header::CONTENT_TYPE) {
            let value = MessageAttributeValue::String(text(value)?.to_owned());
            visitor = visitor.set_attribute("datacontenttype", value)?;
        }
        match self.body.is_empty() {
            true => visitor.end(),
            false => visitor.end_with_data(self.body),
        }
    }
}

impl StructuredDeserializer for Message<'_> {
    fn deserialize_structured<R, V: StructuredSerializer<R>>(self, visitor: V) -> Result<R> {
        visitor.set_structured_event(self.body)
    }
}

impl MessageDeserializer for Message<'_> {
    fn encoding(&self) -> Encoding {
        Encoding::BINARY
    }
}

fn text(value: &HeaderValue) -> Result<&str> {
    value.to_str().map_err(|error| Error::Other {
        source: Box::new(error),
    })
}
