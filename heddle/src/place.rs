//! Places in a broker's stream as people and scripts write them: `earliest`, `latest`, a time, a position.

use std::fmt;

use broker::{Start, Timestamp};
use serde::de::{Deserializer, Error, Visitor};

/// Reads a place.
///
/// # Errors
/// In words, for anything that is none.
pub(crate) fn parse(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => return Ok(Start::Earliest),
        "latest" => return Ok(Start::Latest),
        _ => {}
    }
    if let Ok(position) = text.parse() {
        return Ok(Start::Position(position));
    }
    let time: Option<jiff::Timestamp> = text.parse().ok();
    let millis = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    millis.map(|millis| Start::At(Timestamp(millis))).ok_or_else(|| {
        format!(
            "`{text}` is not earliest, latest, a time such as 2026-01-31T12:00:00Z, or a position such as 42"
        )
    })
}

/// A place in a JSON body: a string as [`parse`] reads it, or a position as a number.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Start, D::Error> {
    input.deserialize_any(Reader)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Start;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("earliest, latest, a time or a position")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Start, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, position: u64) -> Result<Start, E> {
        Ok(Start::Position(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_a_time_or_a_position() {
        for (text, expected) in [
            ("earliest", Some(Start::Earliest)),
            ("latest", Some(Start::Latest)),
            ("42", Some(Start::Position(42))),
            ("1970-01-01T00:00:01.5Z", Some(Start::At(Timestamp(1_500)))),
            ("1970-01-01T01:00:01+01:00", Some(Start::At(Timestamp(1_000)))),
            ("2026-01-31T12:00:00", None),
            ("1969-01-01T00:00:00Z", None),
            ("newest", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
