//! The members of one JSON object on their way to an event; what depends on their order is settled at the end.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::codec::{DecodeError, Reason};
use crate::event::head::HeadWriter;
use crate::event::{DataForm, Event, InvalidEvent, Kind, Problem, SpecVersion, media, rules};
use crate::limits::Limits;

const DATA: &str = "data";
const DATA_BASE64: &str = "data_base64";

pub(super) struct Draft<'i> {
    input: &'i Bytes,
    head: HeadWriter,
    /// Attributes that are `null`: absent, and still not to be given twice.
    nulls: Vec<Cow<'i, str>>,
    nulls_max: usize,
    data: Option<&'i RawValue>,
    data_base64: Option<&'i RawValue>,
}

impl<'i> Draft<'i> {
    pub(super) fn new(input: &'i Bytes, limits: &Limits) -> Self {
        Self {
            input,
            head: HeadWriter::new(limits, (input.len() / 2).clamp(128, 1024)),
            nulls: Vec::new(),
            nulls_max: limits.attributes_max,
            data: None,
            data_base64: None,
        }
    }

    pub(super) fn set(&mut self, name: &str, kind: Kind, value: &str) -> Result<(), DecodeError> {
        if self.nulls.iter().any(|null| null == name) {
            return Err(misplaced(&Problem::Repeated.of(name)));
        }
        self.head
            .push(name, kind, value)
            .map_err(|invalid| misplaced(&invalid))
    }

    pub(super) fn set_null(&mut self, name: Cow<'i, str>) -> Result<(), DecodeError> {
        let wrong = |problem: Problem| Err(misplaced(&problem.of(&name)));
        if let Err(problem) = rules::name(&name) {
            return wrong(problem);
        }
        if self.nulls.contains(&name) || self.head.has(&name) {
            return wrong(Problem::Repeated);
        }
        if self.nulls.len() >= self.nulls_max {
            return wrong(Problem::TooMany { max: self.nulls_max });
        }
        self.nulls.push(name);
        Ok(())
    }

    pub(super) fn set_data(&mut self, value: &'i RawValue) -> Result<(), DecodeError> {
        set_once(&mut self.data, value, DATA)
    }

    pub(super) fn set_data_base64(&mut self, value: &'i RawValue) -> Result<(), DecodeError> {
        set_once(&mut self.data_base64, value, DATA_BASE64)
    }

    pub(super) fn finish(self) -> Result<Event, DecodeError> {
        let (form, data) = self.payload()?;
        self.head
            .finish(form, data)
            .map_err(|invalid| misplaced(&invalid))
    }

    fn payload(&self) -> Result<(DataForm, Bytes), DecodeError> {
        let is_0_3 = self.head.version() == Some(SpecVersion::V0_3);
        match (self.data, self.data_base64.filter(|value| value.get() != "null")) {
            (None, None) => Ok((DataForm::Absent, Bytes::new())),
            (Some(_), Some(_)) => Err(invalid("stands beside `data`; send one of the two").at(DATA_BASE64)),
            (None, Some(_)) if is_0_3 => {
                let detail =
                    "is not part of version 0.3; send `data` with `datacontentencoding` set to base64";
                Err(invalid(detail).at(DATA_BASE64))
            }
            (None, Some(value)) => decode_base64(value, DATA_BASE64),
            (Some(value), None) if is_0_3 => self.data_0_3(value),
            (Some(value), None) => self.data_1_0(value),
        }
    }

    /// JSON as it stands; the content of a string when the content type is another.
    fn data_1_0(&self, value: &'i RawValue) -> Result<(DataForm, Bytes), DecodeError> {
        if self
            .head
            .get("datacontenttype")
            .is_none_or(|attribute| media::is_json(attribute.value))
        {
            return Ok((DataForm::Json, self.share(value.get())));
        }
        if !value.get().starts_with('"') {
            let detail =
                "is not a string, though the content type is not JSON; send a string, or `data_base64`";
            return Err(invalid(detail).at(DATA));
        }
        let text = match string(value, DATA)? {
            Cow::Borrowed(text) => self.share(text),
            Cow::Owned(text) => text.into(),
        };
        Ok((DataForm::Text, text))
    }

    /// 0.3 says in an attribute that a string is base64; of other values the attribute says nothing.
    fn data_0_3(&self, value: &'i RawValue) -> Result<(DataForm, Bytes), DecodeError> {
        let encoding = self
            .head
            .get("datacontentencoding")
            .map(|attribute| attribute.value);
        match encoding.filter(|_| value.get().starts_with('"')) {
            None => self.data_1_0(value),
            Some(encoding) if encoding.eq_ignore_ascii_case("base64") => decode_base64(value, DATA),
            Some(_) => Err(invalid("is not supported; use base64 or leave it out").at("datacontentencoding")),
        }
    }

    /// These bytes of the input: shared where they are most of it, copied otherwise, so that a small event that is
    /// kept does not keep a large message (its batch, or blanks around it) in memory.
    fn share(&self, text: &str) -> Bytes {
        if text.len() * 2 < self.input.len() {
            return Bytes::copy_from_slice(text.as_bytes());
        }
        self.input.slice_ref(text.as_bytes())
    }
}

fn set_once<'i>(
    place: &mut Option<&'i RawValue>,
    value: &'i RawValue,
    name: &str,
) -> Result<(), DecodeError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(misplaced(&Problem::Repeated.of(name))),
    }
}

fn decode_base64(value: &RawValue, place: &str) -> Result<(DataForm, Bytes), DecodeError> {
    let not_base64 = || {
        malformed(
            "is not base64; send a string in the standard alphabet with padding",
            place,
        )
    };
    if !value.get().starts_with('"') {
        return Err(not_base64());
    }
    let bytes = STANDARD
        .decode(string(value, place)?.as_bytes())
        .map_err(|_| not_base64())?;
    Ok((DataForm::Base64, bytes.into()))
}

/// The content of a JSON string, which is a slice of the input unless it has escapes.
fn string<'i>(value: &'i RawValue, place: &str) -> Result<Cow<'i, str>, DecodeError> {
    let text = value.get();
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(text).map(Cow::Owned).map_err(|_| {
            malformed(
                "has an escape that stands for no character; write surrogates in pairs",
                place,
            )
        }),
    }
}

fn misplaced(invalid: &InvalidEvent) -> DecodeError {
    DecodeError::invalid(invalid, invalid.attribute.as_str())
}

fn invalid(detail: &str) -> DecodeError {
    DecodeError::new(Reason::Invalid, detail)
}

fn malformed(detail: &str, place: &str) -> DecodeError {
    DecodeError::new(Reason::Malformed, detail).at(place)
}
