//! Between our [`Event`] and the `Event` of the crate `cloudevents-sdk`, for code that is written against that one.
//!
//! The SDK's event holds less than ours. On the way to it:
//! - `time` becomes a point in UTC: the offset and the number of digits are lost;
//! - `dataschema` becomes a `url::Url`, which is normalised; one that is no URL is an error;
//! - JSON data becomes a `serde_json::Value`: the order of keys, repeated keys, blanks and the spelling of numbers are lost;
//! - extensions of the types Binary, URI, URI-reference and Timestamp become strings;
//! - the order of the attributes is lost, and so is the difference between a message body and base64.
//!
//! So an event that only passes through must not take this way. On the way back every rule is checked, since the SDK
//! checks few of them.

use chrono::{DateTime, SecondsFormat, Utc};
use cloudevents::event::{
    AttributeValue, AttributesReader, AttributesWriter, Data, EventBuilderV03, EventBuilderV10,
    ExtensionValue,
};
use cloudevents::{Event as SdkEvent, EventBuilder as _};

use crate::event::{DataForm, Event, EventBuilder, InvalidEvent, Kind, Problem, SpecVersion, Value, media};

/// An event that the SDK's types cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum Unrepresentable {
    /// The schema is no URL.
    #[error("the event's schema `{schema}` cannot be a URL: {source}")]
    Schema {
        /// The attribute's value.
        schema: String,
        /// Why.
        source: url::ParseError,
    },
    /// The time is outside of what `chrono` can hold.
    #[error("the event's time `{time}` cannot be a point in time: {source}")]
    Time {
        /// The attribute's value.
        time: String,
        /// Why.
        source: chrono::ParseError,
    },
    /// The JSON data is nested too deeply, or holds a number out of range.
    #[error("the event's data cannot be a JSON value in memory: {0}")]
    Json(serde_json::Error),
    /// The SDK's builder refuses it.
    #[error("the SDK refuses the event: {0}")]
    Refused(cloudevents::event::EventBuilderError),
}

impl TryFrom<&Event> for SdkEvent {
    type Error = Unrepresentable;

    fn try_from(event: &Event) -> Result<Self, Unrepresentable> {
        let mut sdk = required(event)?;
        sdk.set_subject(event.subject());
        sdk.set_datacontenttype(event.data_content_type());
        if let Some(time) = event.time() {
            let parsed = DateTime::parse_from_rfc3339(time).map_err(|source| Unrepresentable::Time {
                time: time.to_owned(),
                source,
            })?;
            sdk.set_time(Some(parsed.with_timezone(&Utc)));
        }
        if let Some(schema) = event.data_schema() {
            let parsed = url::Url::parse(schema).map_err(|source| Unrepresentable::Schema {
                schema: schema.to_owned(),
                source,
            })?;
            sdk.set_dataschema(Some(parsed));
        }
        for extension in event.extensions() {
            sdk.set_extension(extension.name, extension_value(extension.kind, extension.value));
        }
        if let Some(data) = data_to_sdk(event)? {
            sdk.set_data_unchecked(data);
        }
        Ok(sdk)
    }
}

impl TryFrom<&SdkEvent> for Event {
    type Error = InvalidEvent;

    fn try_from(sdk: &SdkEvent) -> Result<Self, InvalidEvent> {
        let version = match sdk.specversion() {
            cloudevents::event::SpecVersion::V10 => SpecVersion::V1_0,
            cloudevents::event::SpecVersion::V03 => SpecVersion::V0_3,
        };
        let mut builder = Event::builder().spec_version(version);
        for (name, value) in sdk.iter() {
            if name != "specversion" {
                builder = with_attribute(builder, name, &value)?;
            }
        }
        match sdk.data() {
            Some(data) => data_from_sdk(builder, data, sdk.datacontenttype()).build(),
            None => builder.build(),
        }
    }
}

fn required(event: &Event) -> Result<SdkEvent, Unrepresentable> {
    let (id, source, ty) = (event.id(), event.source(), event.ty());
    let built = match event.spec_version() {
        SpecVersion::V1_0 => EventBuilderV10::new().id(id).source(source).ty(ty).build(),
        SpecVersion::V0_3 => EventBuilderV03::new().id(id).source(source).ty(ty).build(),
    };
    built.map_err(Unrepresentable::Refused)
}

fn extension_value(kind: Kind, value: &str) -> ExtensionValue {
    match (kind, value.parse::<i64>()) {
        (Kind::Boolean, _) => ExtensionValue::Boolean(value == "true"),
        (Kind::Integer, Ok(number)) => ExtensionValue::Integer(number),
        _ => ExtensionValue::String(value.to_owned()),
    }
}

fn data_to_sdk(event: &Event) -> Result<Option<Data>, Unrepresentable> {
    let Some(data) = event.data() else { return Ok(None) };
    Ok(Some(match event.data_form() {
        DataForm::Json => Data::Json(serde_json::from_slice(data).map_err(Unrepresentable::Json)?),
        DataForm::Text => Data::String(String::from_utf8_lossy(data).into_owned()),
        DataForm::Absent | DataForm::Binary | DataForm::Base64 => Data::Binary(data.to_vec()),
    }))
}

fn with_attribute(
    builder: EventBuilder,
    name: &str,
    value: &AttributeValue<'_>,
) -> Result<EventBuilder, InvalidEvent> {
    match value {
        AttributeValue::Boolean(truth) => builder.attribute(name, **truth),
        AttributeValue::Integer(number) => match i32::try_from(**number) {
            Ok(number) => builder.attribute(name, number),
            Err(_) => Err(Problem::NotInteger.of(name)),
        },
        AttributeValue::String(text) => builder.attribute(name, *text),
        AttributeValue::Binary(bytes) => builder.attribute(name, Value::Binary(bytes)),
        AttributeValue::URI(url) => builder.attribute(name, url.as_str()),
        AttributeValue::URIRef(reference) => builder.attribute(name, reference.as_str()),
        AttributeValue::Time(time) => {
            builder.attribute(name, time.to_rfc3339_opts(SecondsFormat::AutoSi, true).as_str())
        }
        AttributeValue::SpecVersion(version) => builder.attribute(name, version.as_str()),
    }
}

/// A string with a JSON content type (or none) is a message body: the SDK sends it so in binary mode.
fn data_from_sdk(builder: EventBuilder, data: &Data, content_type: Option<&str>) -> EventBuilder {
    let is_json = content_type.is_none_or(media::is_json);
    match data {
        Data::Json(value) if is_json => builder.json(value.to_string()),
        Data::Json(value) => builder.data(DataForm::Binary, value.to_string()),
        Data::String(text) if is_json => builder.data(DataForm::Binary, text.clone()),
        Data::String(text) => builder.data(DataForm::Text, text.clone()),
        Data::Binary(bytes) => builder.data(DataForm::Binary, bytes.clone()),
    }
}

#[cfg(test)]
mod tests;
