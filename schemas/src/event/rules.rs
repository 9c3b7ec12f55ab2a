//! The rules that CloudEvents sets for attribute names and values (core specification, "Context Attributes").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::invalid::Problem;
use super::{Attribute, Kind, SpecVersion, media, timestamp, uri};

/// `[a-z0-9]+`, and not the name of the payload.
pub(crate) fn name(name: &str) -> Result<(), Problem> {
    let valid = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.is_empty() || !name.as_bytes().iter().all(valid) {
        return Err(Problem::Name);
    }
    if name == "data" {
        return Err(Problem::Reserved);
    }
    Ok(())
}

/// Checks a value by its attribute's name and the type it was given with; answers the type it has.
pub(super) fn value(name: &str, kind: Kind, value: &str) -> Result<Kind, Problem> {
    match name {
        "id" | "type" | "subject" => {
            own_kind(kind, Kind::String)?;
            not_empty(value)?;
            text(value)?;
            Ok(Kind::String)
        }
        "source" => {
            own_kind(kind, Kind::UriReference)?;
            not_empty(value)?;
            of_kind(Kind::UriReference, value)
        }
        "time" => {
            own_kind(kind, Kind::Timestamp)?;
            of_kind(Kind::Timestamp, value)
        }
        "datacontenttype" => {
            own_kind(kind, Kind::String)?;
            not_empty(value)?;
            if media::is_media_type(value) {
                Ok(Kind::String)
            } else {
                Err(Problem::NotMediaType)
            }
        }
        _ => of_kind(kind, value),
    }
}

/// The schema's attribute: `dataschema` is an absolute URI; 0.3's `schemaurl` may be relative.
pub(super) fn schema(version: SpecVersion, attribute: Attribute<'_>) -> Result<Kind, Problem> {
    let kind = match version {
        SpecVersion::V1_0 => Kind::Uri,
        SpecVersion::V0_3 => Kind::UriReference,
    };
    if attribute.kind != Kind::Uri {
        own_kind(attribute.kind, kind)?;
    }
    not_empty(attribute.value)?;
    of_kind(kind, attribute.value)
}

/// At most 64 characters of `text`, for messages.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

fn own_kind(kind: Kind, own: Kind) -> Result<(), Problem> {
    if kind == Kind::String || kind == own {
        Ok(())
    } else {
        Err(Problem::NotString)
    }
}

fn not_empty(value: &str) -> Result<(), Problem> {
    if value.is_empty() {
        Err(Problem::Empty)
    } else {
        Ok(())
    }
}

fn of_kind(kind: Kind, value: &str) -> Result<Kind, Problem> {
    let (valid, problem) = match kind {
        Kind::String => return text(value).map(|()| kind),
        Kind::Boolean => (matches!(value, "true" | "false"), Problem::NotBoolean),
        Kind::Integer => (
            !value.starts_with('+') && value.parse::<i32>().is_ok(),
            Problem::NotInteger,
        ),
        Kind::Binary => (STANDARD.decode(value).is_ok(), Problem::NotBase64),
        Kind::Uri => (uri::is_uri(value), Problem::NotUri),
        Kind::UriReference => (uri::is_reference(value), Problem::NotUriReference),
        Kind::Timestamp => (timestamp::is_rfc3339(value), Problem::NotTimestamp),
    };
    if valid { Ok(kind) } else { Err(problem) }
}

/// No control characters (C0, DEL, C1) and no noncharacters. Surrogates cannot occur in UTF-8.
fn text(value: &str) -> Result<(), Problem> {
    // Without an early exit, so that the compiler can take many bytes at once.
    if value
        .bytes()
        .fold(true, |plain, byte| plain & (0x20..0x7F).contains(&byte))
    {
        return Ok(());
    }
    match value.chars().find(|character| is_forbidden(*character)) {
        Some(character) => Err(Problem::Character(character)),
        None => Ok(()),
    }
}

fn is_forbidden(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}
