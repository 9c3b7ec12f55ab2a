//! ISO 8601 durations of fixed length: hours, minutes and seconds.
//!
//! Days and longer are refused: by the calendar they have no fixed length, and Knative's readers disagree on them.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::{friendly, temporal};

use crate::yaml::Field;

/// Reads a duration that may be zero.
pub(super) fn decode(field: &Field<'_>) -> Option<Duration> {
    let text = field.string()?;
    match temporal::SpanParser::new()
        .parse_duration(&text.value)
        .map(Duration::try_from)
    {
        Ok(Ok(duration)) => Some(duration),
        Ok(Err(_)) => {
            field.error(format!(
                "{} must not be negative: \"{}\"",
                field.path(),
                text.value
            ));
            None
        }
        Err(_) => {
            let message = format!("{} is not an ISO 8601 duration: \"{}\"", field.path(), text.value);
            field.error_with_help(message, suggestion(&text.value));
            None
        }
    }
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
