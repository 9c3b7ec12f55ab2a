use super::*;

/// What a test may be interrupted for.
const A_MINUTE: u64 = 60_000;

#[test]
fn the_clock_shows_the_wall_clocks_time_and_goes_on() {
    let clock = SystemClock::new();
    let wall = WallClock.now();
    assert!(clock.now().0.abs_diff(wall.0) < A_MINUTE);
    let first = clock.now();
    while clock.now() == first {
        std::thread::yield_now();
    }
    assert!(clock.now() > first);
}

#[test]
fn a_wall_clock_that_is_set_while_it_runs_changes_nothing() {
    // As if the wall clock had been at 1,000 ms when this clock was made, and has been set to today since.
    let clock = SystemClock {
        at_start: Timestamp(1_000),
        start: since_boot(),
    };
    assert!((1_000..1_000 + A_MINUTE).contains(&clock.now().0));
    let copy = clock;
    assert!(copy.now() >= clock.now() || clock.now().0 - copy.now().0 < A_MINUTE);
}

#[test]
fn times_stop_at_their_ends_instead_of_wrapping() {
    assert_eq!(
        Timestamp(u64::MAX - 1).after(Duration::from_secs(1)),
        Timestamp(u64::MAX)
    );
    assert_eq!(Timestamp(5).until(Timestamp(7)), Duration::ZERO);
    assert_eq!(Timestamp(7).until(Timestamp(5)), Duration::from_millis(2));
}
