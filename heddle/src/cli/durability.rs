//! `--durability`: what 202 promises, as people type it.

use std::time::Duration;

use broker::embedded::Durability;

use super::duration;

/// The longest interval: a window of more than this promises nothing that `os` does not.
const INTERVAL_MAX: Duration = Duration::from_secs(60);
/// The shortest: below, every event is synced anyway.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// Parses `always`, `interval:DURATION` or `os`.
pub(crate) fn parse(text: &str) -> Result<Durability, String> {
    match text.split_once(':') {
        None if text == "always" => Ok(Durability::Always),
        None if text == "os" => Ok(Durability::Os),
        Some(("interval", interval)) => {
            let interval = duration::parse(interval)?;
            if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
                Ok(Durability::Interval(interval))
            } else {
                Err(format!("the interval of `{text}` must be between 1ms and 60s"))
            }
        }
        _ => Err(format!("`{text}` is none of always, interval:100ms and os")),
    }
}

#[cfg(test)]
mod tests;
