//! Times as people and machines read them: RFC 3339, in UTC; durations in ISO 8601.

use std::time::Duration;

use broker::Timestamp;

/// A time with milliseconds, such as `2026-01-02T03:04:05.678Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// A duration such as `PT10M`.
pub(crate) fn iso8601(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration)
        .unwrap_or(jiff::SignedDuration::MAX)
        .to_string()
}
