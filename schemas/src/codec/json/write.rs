//! Writing an event as a JSON object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::is_value;
use crate::event::{DataForm, Event, Kind, SpecVersion, media};

/// Bytes that the event's object will take, about; enough unless much is escaped.
pub(super) fn capacity(event: &Event) -> usize {
    let data = event.data().map_or(0, |data| match event.data_form() {
        DataForm::Binary | DataForm::Base64 => data.len() / 3 * 4 + 8,
        DataForm::Absent | DataForm::Json | DataForm::Text => data.len() + 8,
    });
    64 + event.size() - event.data().map_or(0, |data| data.len()) + data
}

/// Appends the event's object.
pub(super) fn event(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"specversion\":\"");
    out.extend_from_slice(event.spec_version().as_str().as_bytes());
    out.push(b'"');
    for attribute in event.attributes() {
        if is_data_encoding(event, attribute.name) {
            continue;
        }
        member(out, attribute.name);
        match attribute.kind {
            Kind::Boolean | Kind::Integer => out.extend_from_slice(attribute.value.as_bytes()),
            Kind::String | Kind::Binary | Kind::Uri | Kind::UriReference | Kind::Timestamp => {
                string(out, attribute.value);
            }
        }
    }
    data(out, event);
    out.push(b'}');
}

/// In 0.3 this attribute says how the `data` member is written: [`data`] sets it.
fn is_data_encoding(event: &Event, name: &str) -> bool {
    name == "datacontentencoding" && event.spec_version() == SpecVersion::V0_3
}

fn data(out: &mut Vec<u8>, event: &Event) {
    let Some(data) = event.data() else { return };
    match event.data_form() {
        DataForm::Absent => {}
        DataForm::Json => raw(out, data),
        DataForm::Binary if declares_json(event) && is_value(data) => raw(out, data),
        DataForm::Text => match std::str::from_utf8(data) {
            Ok(text) => {
                member(out, "data");
                string(out, text);
            }
            Err(_) => base64(out, event.spec_version(), data),
        },
        DataForm::Binary | DataForm::Base64 => base64(out, event.spec_version(), data),
    }
}

fn declares_json(event: &Event) -> bool {
    event.data_content_type().is_some_and(media::is_json)
}

fn raw(out: &mut Vec<u8>, json: &[u8]) {
    member(out, "data");
    out.extend_from_slice(json);
}

fn base64(out: &mut Vec<u8>, version: SpecVersion, data: &[u8]) {
    match version {
        SpecVersion::V1_0 => member(out, "data_base64"),
        SpecVersion::V0_3 => {
            out.extend_from_slice(b",\"datacontentencoding\":\"base64\"");
            member(out, "data");
        }
    }
    out.push(b'"');
    let start = out.len();
    out.resize(start + data.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(data, &mut out[start..]);
    debug_assert_eq!(
        written.ok(),
        Some(out.len() - start),
        "the padded length is exact"
    );
    out.push(b'"');
}

fn member(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("invariant: a string can be written to memory");
}
