//! Durations as people type them: `30s`, `1m 30s`, `500ms`, or ISO 8601 as in the YAML (`PT30S`).

use std::time::Duration;

use jiff::SignedDuration;

/// Parses a duration of zero or more.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    parsed
        .ok()
        .and_then(|signed| Duration::try_from(signed).ok())
        .ok_or_else(|| format!("`{text}` is not a duration such as 30s, 500ms or PT30S"))
}
