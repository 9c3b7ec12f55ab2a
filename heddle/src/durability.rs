//! What 202 promises, in words: the same in the banner, the log, `/readyz` and `heddle get storage`.

use broker::embedded::Durability;

use crate::terminal;

/// The mode as it is typed after `--durability`.
pub(crate) fn name(mode: Durability) -> String {
    match mode {
        Durability::Always => "always".to_owned(),
        Durability::Interval(interval) => format!("interval:{}ms", interval.as_millis()),
        Durability::Os => "os".to_owned(),
    }
}

/// What may be lost, and when.
pub(crate) fn promise(mode: Durability) -> String {
    match mode {
        Durability::Always => {
            "every event is on disk (fdatasync) before it is answered 202; a power cut loses none of them".to_owned()
        }
        Durability::Interval(interval) => format!(
            "RELAXED: a power cut may lose up to the last {} of events that were answered 202; a killed process loses none",
            terminal::duration(interval)
        ),
        Durability::Os => {
            "RELAXED: a power cut may lose events that were answered 202, as many as the system had not written back \
             (some 30 s on Linux, up to a whole journal file); a killed process loses none"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
