//! When a PingSource ticks: a cron expression in a time zone.
//!
//! Accepted, as Knative does: five fields (minute, hour, day of month, month, day of week) or six (seconds first),
//! names of months and days, `*`, `?`, lists, ranges, steps (also `5/15`, every 15 from 5 on), the descriptors
//! `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, and a zone in front as `CRON_TZ=`
//! or `TZ=`. `@every` is refused. When both day fields are restricted, either matches. Without a zone it is UTC.
//!
//! Daylight saving time: a schedule with a fixed time of day ticks exactly once a day. Where the clocks jump over that
//! time it ticks when the jump ends (Knative skips the day), where they repeat it, it ticks the first time (Knative
//! ticks twice). A schedule with a wildcard or step in hours or minutes follows the wall clock through both halves of
//! a repeated hour and leaves out a skipped one.

use std::fmt;

use broker::Timestamp;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;

/// When to tick. Validated: it has a next tick.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
    zone: TimeZone,
}

/// Why a schedule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is nothing.
    #[error("the schedule is empty; write five or six cron fields, such as `*/5 * * * *`")]
    Empty,
    /// Not five or six fields.
    #[error(
        "the schedule `{schedule}` has {fields} fields; write five (minute hour day month weekday) or six (seconds first)"
    )]
    Fields {
        /// As given.
        schedule: String,
        /// How many it has.
        fields: usize,
    },
    /// `@every` or a name that does not exist.
    #[error(
        "the descriptor `{descriptor}` is not supported; use @yearly, @annually, @monthly, @weekly, @daily, @midnight, \
         @hourly or cron fields such as `*/10 * * * * *` for every ten seconds"
    )]
    Descriptor {
        /// As given.
        descriptor: String,
    },
    /// A field that cannot be read.
    #[error("the schedule `{schedule}` cannot be read: {reason}")]
    Field {
        /// As given.
        schedule: String,
        /// What the parser says.
        reason: String,
    },
    /// No such zone.
    #[error("there is no time zone `{zone}`; {}", nearest.as_ref().map_or_else(|| "use an IANA name such as Europe/Paris".to_owned(), |name| format!("did you mean `{name}`?")))]
    Zone {
        /// As given.
        zone: String,
        /// The zone whose name is nearest, if one is near.
        nearest: Option<String>,
    },
    /// A zone in the schedule and in the field.
    #[error("the schedule names the time zone `{inline}` and `timezone` names `{field}`; keep one of them")]
    TwoZones {
        /// In front of the schedule.
        inline: String,
        /// In the field.
        field: String,
    },
    /// Fields that never come together, such as February 31st.
    #[error("the schedule `{schedule}` never ticks; no date fits its day and month")]
    Never {
        /// As given.
        schedule: String,
    },
}

impl Schedule {
    /// Reads a schedule and the zone that goes with it.
    ///
    /// # Errors
    /// [`ScheduleError`] with what is wrong and what would be right.
    pub fn parse(schedule: &str, timezone: Option<&str>) -> Result<Self, ScheduleError> {
        let timezone = timezone.map(str::trim).filter(|zone| !zone.is_empty());
        let (inline, fields) = split_zone(schedule.trim());
        let zone = match (inline, timezone) {
            (Some(inline), Some(field)) => {
                return Err(ScheduleError::TwoZones {
                    inline: inline.to_owned(),
                    field: field.to_owned(),
                });
            }
            (Some(zone), None) | (None, Some(zone)) => find_zone(zone)?,
            (None, None) => TimeZone::UTC,
        };
        let parsed = Self {
            text: schedule.trim().to_owned(),
            cron: parse_fields(fields)?,
            zone,
        };
        // Any day will do to ask whether there is a next one; a fixed one keeps this a pure function.
        match parsed.next_after(Timestamp(1_700_000_000_000)) {
            Some(_) => Ok(parsed),
            None => Err(ScheduleError::Never {
                schedule: parsed.text,
            }),
        }
    }

    /// The first tick after a time, to the second. `None` at the end of the calendar.
    #[must_use]
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
        let at: Zoned = at.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&at, false).ok()?;
        u64::try_from(next.timestamp().as_millisecond())
            .ok()
            .map(Timestamp)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("text", &self.text)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

/// A zone in front (`CRON_TZ=` or `TZ=`), and the rest.
fn split_zone(schedule: &str) -> (Option<&str>, &str) {
    let rest = schedule
        .strip_prefix("CRON_TZ=")
        .or_else(|| schedule.strip_prefix("TZ="));
    match rest {
        Some(rest) => {
            let (zone, fields) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            (Some(zone), fields.trim())
        }
        None => (None, schedule),
    }
}

fn find_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZone::get(name).map_err(|_| {
        let near = |known: &String| strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase());
        let nearest = jiff::tz::db()
            .available()
            .map(|known| known.to_string())
            .min_by_key(near);
        let nearest = nearest.filter(|known| near(known) <= 3);
        ScheduleError::Zone {
            zone: name.to_owned(),
            nearest,
        }
    })
}

fn parse_fields(text: &str) -> Result<Cron, ScheduleError> {
    if text.is_empty() {
        return Err(ScheduleError::Empty);
    }
    if text.starts_with('@') {
        return parse_plain(descriptor(text)?);
    }
    let fields = text.split_whitespace().count();
    if !(5..=6).contains(&fields) {
        return Err(ScheduleError::Fields {
            schedule: text.to_owned(),
            fields,
        });
    }
    // The parser would take a step without a start for a wildcard; nobody means that.
    if text.split([' ', '\t', ',']).any(|item| item.starts_with('/')) {
        let reason = "a step needs something in front of it, such as `*/5`".to_owned();
        return Err(ScheduleError::Field {
            schedule: text.to_owned(),
            reason,
        });
    }
    parse_plain(text)
}

fn descriptor(text: &str) -> Result<&'static str, ScheduleError> {
    match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        "@monthly" => Ok("0 0 1 * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@hourly" => Ok("0 * * * *"),
        _ => Err(ScheduleError::Descriptor {
            descriptor: text.to_owned(),
        }),
    }
}

fn parse_plain(text: &str) -> Result<Cron, ScheduleError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .sloppy_ranges(true)
        .build();
    parser.parse(text).map_err(|error| ScheduleError::Field {
        schedule: text.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
