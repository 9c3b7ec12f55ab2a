//! Reads `Retry-After` (RFC 9110, 10.2.3): seconds or a date in any of the three formats a recipient must know.

use std::time::{Duration, UNIX_EPOCH};

use broker::Timestamp;
use http::{HeaderMap, StatusCode, header};

/// How long the endpoint asks to wait. Only 429 and 503 are listened to, as Knative's `retryAfterMax` says.
///
/// A date is compared with that of the answer, if it has one, so that clocks that differ change nothing. One that has
/// passed is a wait of zero. What cannot be read is no wish at all.
#[must_use]
pub fn retry_after(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let answered = headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let answered = answered.and_then(date).unwrap_or(now);
    Some(date(text)?.until(answered))
}

fn date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().after(since))
}

#[cfg(test)]
mod tests;
