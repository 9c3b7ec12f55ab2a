//! Reading events out of JSON text, in one pass.
//!
//! The visitors answer to serde with an error of no content when a rule of CloudEvents is broken, and leave what is
//! wrong in `mistake`: serde's own errors would lose the place and the reason.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::{DecodeError, Reason, check_member};
use crate::event::{self, Event, Kind, Problem, SpecVersion};
use crate::limits::Limits;
use draft::Draft;

mod draft;

/// What the visitors share.
struct Reader<'i> {
    input: &'i Bytes,
    limits: &'i Limits,
    mistake: Option<DecodeError>,
}

pub(super) fn event(input: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
    let mut reader = Reader {
        input,
        limits,
        mistake: None,
    };
    let outcome = run(input, EventSeed(&mut reader));
    outcome.map_err(|error| {
        reader
            .mistake
            .take()
            .unwrap_or_else(|| malformed("event", &error))
    })
}

pub(super) fn batch(input: &Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    let mut reader = Reader {
        input,
        limits,
        mistake: None,
    };
    let outcome = run(input, BatchSeed(&mut reader));
    outcome.map_err(|error| {
        reader
            .mistake
            .take()
            .unwrap_or_else(|| malformed("batch", &error))
    })
}

/// The characters are checked at once for the whole input: string by string it costs more than all else.
fn run<'de, S: DeserializeSeed<'de>>(input: &'de Bytes, seed: S) -> serde_json::Result<S::Value> {
    match std::str::from_utf8(input) {
        Ok(text) => read_all(serde_json::Deserializer::from_str(text), seed),
        // Finds the mistake again, and says where it is.
        Err(_) => read_all(serde_json::Deserializer::from_slice(input), seed),
    }
}

fn read_all<'de, R: serde_json::de::Read<'de>, S: DeserializeSeed<'de>>(
    mut deserializer: serde_json::Deserializer<R>,
    seed: S,
) -> serde_json::Result<S::Value> {
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

fn malformed(what: &str, error: &impl fmt::Display) -> DecodeError {
    DecodeError::new(
        Reason::Malformed,
        format!("the {what} is not in the JSON format: {error}"),
    )
}

impl Reader<'_> {
    /// Keeps the mistake and gives serde something to stop with.
    fn refuse<E: de::Error>(&mut self, mistake: DecodeError) -> E {
        self.mistake.get_or_insert(mistake);
        E::custom("")
    }
}

struct BatchSeed<'r, 'i>(&'r mut Reader<'i>);

impl<'de> DeserializeSeed<'de> for BatchSeed<'_, 'de> {
    type Value = Vec<Event>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Event>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BatchSeed<'_, 'de> {
    type Value = Vec<Event>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Vec<Event>, A::Error> {
        let Self(reader) = self;
        let mut batch = Vec::<Event>::new();
        loop {
            let index = batch.len();
            match events.next_element_seed(EventSeed(reader)) {
                Ok(None) => return Ok(batch),
                Ok(Some(event)) => {
                    if let Err(mistake) = check_member(&event, batch.first(), index, reader.limits) {
                        return Err(reader.refuse(mistake));
                    }
                    batch.push(event);
                }
                Err(error) => {
                    let mistake = reader
                        .mistake
                        .take()
                        .unwrap_or_else(|| malformed("event", &error));
                    return Err(reader.refuse(DecodeError {
                        index: Some(index),
                        ..mistake
                    }));
                }
            }
        }
    }
}

struct EventSeed<'r, 'i>(&'r mut Reader<'i>);

impl<'de> DeserializeSeed<'de> for EventSeed<'_, 'de> {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, 'de> {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Event, A::Error> {
        let Self(reader) = self;
        let mut draft = Draft::new(reader.input, reader.limits);
        while let Some(name) = members.next_key_seed(NameSeed)? {
            let kept = match &*name {
                "data" => draft.set_data(members.next_value::<&RawValue>()?),
                "data_base64" => draft.set_data_base64(members.next_value::<&RawValue>()?),
                _ => members.next_value_seed(ValueSeed {
                    name,
                    draft: &mut draft,
                })?,
            };
            kept.map_err(|mistake| reader.refuse::<A::Error>(mistake))?;
        }
        draft.finish().map_err(|mistake| reader.refuse(mistake))
    }
}

/// A member's name, borrowed from the input unless it has escapes.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an attribute")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// An attribute's value, which goes straight into the draft.
struct ValueSeed<'d, 'de> {
    name: Cow<'de, str>,
    draft: &'d mut Draft<'de>,
}

/// Broken rules are a value here, so that only broken JSON is an error of serde's.
type Kept = Result<(), DecodeError>;

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, 'de> {
    type Value = Kept;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kept, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed<'_, '_> {
    fn integer(self, number: Option<i32>) -> Kept {
        match number {
            Some(number) => {
                let mut text = itoa::Buffer::new();
                self.draft.set(&self.name, Kind::Integer, text.format(number))
            }
            None => self.no_integer(),
        }
    }

    /// A number that no attribute may have; those of the specification are strings in JSON, all of them.
    fn no_integer(self) -> Kept {
        let problem = match event::is_core(SpecVersion::V1_0, &self.name) {
            true => Problem::NotString,
            false => Problem::NotInteger,
        };
        Err(DecodeError::invalid(&problem.of(&self.name), &*self.name))
    }

    fn nested(self) -> Kept {
        let detail = "is a JSON object or array; give an attribute a string, a boolean or a whole number";
        Err(DecodeError::new(Reason::Invalid, detail).at(&*self.name))
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, 'de> {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a boolean or a whole number")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Kept, E> {
        Ok(self.draft.set(&self.name, Kind::String, value))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Kept, E> {
        Ok(self
            .draft
            .set(&self.name, Kind::Boolean, if value { "true" } else { "false" }))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Kept, E> {
        Ok(self.integer(i32::try_from(value).ok()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Kept, E> {
        Ok(self.integer(i32::try_from(value).ok()))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Kept, E> {
        Ok(self.no_integer())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Kept, E> {
        Ok(self.draft.set_null(self.name))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kept, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.nested())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Kept, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.nested())
    }
}
