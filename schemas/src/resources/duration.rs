//! ISO 8601 durations of fixed length: hours, minutes and seconds.
//!
//! Days and longer are refused: by the calendar they have no fixed length, and Knative's readers disagree on them.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::{friendly, temporal};

use crate::yaml::{Field, Located, Problem, Reader};

/// Reads a duration that may be zero.
pub(super) fn decode(field: &Field<'_>) -> Option<Duration> {
    let text = field.string()?;
    match parse(&text.value) {
        Ok(duration) => Some(duration),
        Err(mistake) => {
            let (message, help) = mistake.said_of(field.path(), &text.value);
            match help {
                Some(help) => field.error_with_help(message, help),
                None => field.error(message),
            }
            None
        }
    }
}

/// Reads the value of the annotation `name`, a duration that must be within `range`.
pub(super) fn of_annotation(
    document: &Reader<'_>,
    name: &str,
    text: &Located<String>,
    range: RangeInclusive<Duration>,
) -> Option<Duration> {
    let problem = match parse(&text.value) {
        Ok(duration) if range.contains(&duration) => return Some(duration),
        Ok(_) => {
            let iso =
                |duration: &Duration| SignedDuration::try_from(*duration).unwrap_or(SignedDuration::MAX);
            let (from, to) = (iso(range.start()), iso(range.end()));
            let message = format!("{name} must be from {from} to {to}, not \"{}\"", text.value);
            Problem::error(&text.place, message)
        }
        Err(mistake) => {
            let (message, help) = mistake.said_of(name, &text.value);
            let problem = Problem::error(&text.place, message);
            match help {
                Some(help) => problem.with_help(help),
                None => problem,
            }
        }
    };
    document.findings().add(problem);
    None
}

/// What is wrong with a duration.
enum Mistake {
    Negative,
    NotIso8601,
}

impl Mistake {
    /// In words, and what would be right.
    fn said_of(self, what: &str, text: &str) -> (String, Option<String>) {
        match self {
            Self::Negative => (format!("{what} must not be negative: \"{text}\""), None),
            Self::NotIso8601 => {
                let message = format!("{what} is not an ISO 8601 duration: \"{text}\"");
                (message, Some(suggestion(text)))
            }
        }
    }
}

fn parse(text: &str) -> Result<Duration, Mistake> {
    let parsed = temporal::SpanParser::new().parse_duration(text);
    let duration = parsed.map_err(|_| Mistake::NotIso8601)?;
    Duration::try_from(duration).map_err(|_| Mistake::Negative)
}

/// Reads a duration that must be longer than zero.
pub(super) fn decode_positive(field: &Field<'_>) -> Option<Duration> {
    let duration = decode(field)?;
    if duration.is_zero() {
        field.error(format!("{} must be longer than zero", field.path()));
        return None;
    }
    Some(duration)
}

/// What would be right instead of `text`: the same in ISO 8601, if it says something at all.
fn suggestion(text: &str) -> String {
    if text.starts_with(['P', 'p'])
        && text
            .chars()
            .any(|unit| matches!(unit.to_ascii_uppercase(), 'D' | 'W' | 'Y'))
    {
        return "days and longer have no fixed length: write hours, such as PT24H".to_owned();
    }
    let readable: Option<SignedDuration> = friendly::SpanParser::new().parse_duration(text).ok();
    match readable {
        Some(duration) => format!("write {duration}"),
        None => "write it as PT10S, PT0.5S, PT1M30S or PT2H".to_owned(),
    }
}
