//! Which schedules are read, when they tick, and what is said of the others.

use super::*;
use crate::ping::rfc3339;
use crate::testing::timestamp;

fn ticks(schedule: &str, zone: Option<&str>, from: &str, wanted: &[&str]) {
    let schedule = Schedule::parse(schedule, zone).expect("a legal schedule");
    let mut at = timestamp(from);
    for wanted in wanted {
        at = schedule.next_after(at).expect("another tick");
        assert_eq!(rfc3339(at), *wanted, "{}", schedule.as_str());
    }
}

fn refused(schedule: &str, zone: Option<&str>, wanted: &str) {
    let error = Schedule::parse(schedule, zone)
        .expect_err("not a legal schedule")
        .to_string();
    assert!(error.contains(wanted), "`{error}` does not say `{wanted}`");
}

#[test]
fn fields_names_steps_and_descriptors_tick_as_cron_does() {
    let from = "2026-01-01T00:00:30Z";
    ticks(
        "* * * * *",
        None,
        from,
        &["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"],
    );
    ticks(
        "*/10 * * * * *",
        None,
        from,
        &["2026-01-01T00:00:40Z", "2026-01-01T00:00:50Z"],
    );
    ticks(
        "5/20 * * * *",
        None,
        from,
        &[
            "2026-01-01T00:05:00Z",
            "2026-01-01T00:25:00Z",
            "2026-01-01T00:45:00Z",
        ],
    );
    ticks(
        "0 12 * * MON-FRI",
        None,
        from,
        &[
            "2026-01-01T12:00:00Z",
            "2026-01-02T12:00:00Z",
            "2026-01-05T12:00:00Z",
        ],
    );
    ticks(
        "0 0 1 feb ?",
        None,
        from,
        &["2026-02-01T00:00:00Z", "2027-02-01T00:00:00Z"],
    );
    ticks("0 0 29 2 *", None, from, &["2028-02-29T00:00:00Z"]);
    ticks("@hourly", None, from, &["2026-01-01T01:00:00Z"]);
    ticks("@Midnight", None, from, &["2026-01-02T00:00:00Z"]);
    ticks("@weekly", None, from, &["2026-01-04T00:00:00Z"]);
    ticks("  @yearly ", None, from, &["2027-01-01T00:00:00Z"]);
}

#[test]
fn either_day_field_matches_when_both_are_given() {
    let wanted = [
        "2026-01-02T00:00:00Z",
        "2026-01-09T00:00:00Z",
        "2026-01-13T00:00:00Z",
    ];
    ticks("0 0 13 * 5", None, "2026-01-01T00:00:00Z", &wanted);
}

#[test]
fn a_tick_is_never_the_time_asked_from() {
    ticks(
        "* * * * *",
        None,
        "2026-01-01T00:01:00Z",
        &["2026-01-01T00:02:00Z"],
    );
    ticks(
        "* * * * * *",
        None,
        "2026-01-01T00:00:00.999Z",
        &["2026-01-01T00:00:01Z"],
    );
}

#[test]
fn the_zone_may_stand_in_the_field_or_in_front() {
    let wanted = ["2026-01-01T08:00:00Z"];
    ticks(
        "0 9 * * *",
        Some("Europe/Berlin"),
        "2026-01-01T00:00:00Z",
        &wanted,
    );
    ticks(
        "CRON_TZ=Europe/Berlin 0 9 * * *",
        None,
        "2026-01-01T00:00:00Z",
        &wanted,
    );
    ticks(
        "TZ=Europe/Berlin 0 9 * * *",
        Some(""),
        "2026-01-01T00:00:00Z",
        &wanted,
    );
}

#[test]
fn a_time_that_the_clocks_jump_over_ticks_when_the_jump_ends() {
    let wanted = [
        "2026-03-28T01:30:00Z",
        "2026-03-29T01:00:00Z",
        "2026-03-30T00:30:00Z",
    ];
    ticks(
        "30 2 * * *",
        Some("Europe/Berlin"),
        "2026-03-28T00:00:00Z",
        &wanted,
    );
}

#[test]
fn a_time_that_the_clocks_repeat_ticks_the_first_time_only() {
    let wanted = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
    ticks(
        "30 2 * * *",
        Some("Europe/Berlin"),
        "2026-10-24T12:00:00Z",
        &wanted,
    );
}

#[test]
fn a_wildcard_follows_the_wall_clock_through_a_repeated_hour() {
    let wanted = [
        "2026-10-25T00:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z",
    ];
    ticks(
        "*/30 * * * *",
        Some("Europe/Berlin"),
        "2026-10-24T23:59:00Z",
        &wanted,
    );
}

#[test]
fn what_cannot_tick_is_refused_with_what_would_be_right() {
    refused("", None, "write five or six cron fields");
    refused("CRON_TZ=UTC", None, "write five or six cron fields");
    refused("* * * *", None, "has 4 fields; write five");
    refused("* * * * * * *", None, "has 7 fields");
    refused(
        "@every 5s",
        None,
        "the descriptor `@every 5s` is not supported; use @yearly",
    );
    refused("@fortnightly", None, "`@fortnightly` is not supported");
    refused("61 * * * *", None, "the schedule `61 * * * *` cannot be read");
    refused("/5 * * * *", None, "such as `*/5`");
    refused("a * * * *", None, "cannot be read");
    refused("0 0 31 2 *", None, "never ticks");
    refused(
        "* * * * *",
        Some("Europe/Berlyn"),
        "did you mean `Europe/Berlin`?",
    );
    refused(
        "* * * * *",
        Some("Nowhere/At-All-In-The-World"),
        "use an IANA name",
    );
    refused("TZ=UTC * * * * *", Some("UTC"), "keep one of them");
}
