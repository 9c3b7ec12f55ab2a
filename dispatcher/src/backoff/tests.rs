use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn policy(backoff: Option<BackoffPolicy>, delay: Duration) -> DeliveryPolicy {
    DeliveryPolicy {
        backoff,
        delay,
        ..DeliveryPolicy::default()
    }
}

fn with_jitter(base: Duration) -> Duration {
    base.mul_f64(1.0 + JITTER_SHARE_MAX)
}

/// Many throws of the die.
fn waits(policy: &DeliveryPolicy, n: u32, retry_after: Option<Duration>) -> Vec<Duration> {
    let mut random = Rng::with_seed(7);
    (0..1000)
        .map(|_| policy.wait_before_retry(n, retry_after, &mut random))
        .collect()
}

/// Every wait is at least `base` and at most a tenth longer.
fn check(policy: &DeliveryPolicy, n: u32, base: Duration) {
    let waits = waits(policy, n, None);
    let most = with_jitter(base);
    for wait in &waits {
        assert!(
            (base..=most).contains(wait),
            "retry {n} waits {wait:?}, expected {base:?} to {most:?}"
        );
    }
}

#[test]
fn linear_waits_the_delay_times_the_number_of_the_retry() {
    let policy = policy(Some(BackoffPolicy::Linear), Duration::from_millis(200));
    for (n, base) in [(1, 200), (2, 400), (3, 600), (10, 2000)] {
        check(&policy, n, Duration::from_millis(base));
    }
}

#[test]
fn exponential_waits_twice_the_delay_at_first_and_doubles() {
    let policy = policy(Some(BackoffPolicy::Exponential), Duration::from_millis(200));
    for (n, base) in [(1, 400), (2, 800), (3, 1600), (5, 6400)] {
        check(&policy, n, Duration::from_millis(base));
    }
}

#[test]
fn a_delay_without_a_policy_grows_exponentially() {
    check(
        &policy(None, Duration::from_millis(100)),
        3,
        Duration::from_millis(800),
    );
}

#[test]
fn without_a_delay_the_next_attempt_follows_at_once() {
    for backoff in [
        None,
        Some(BackoffPolicy::Linear),
        Some(BackoffPolicy::Exponential),
    ] {
        check(&policy(backoff, Duration::ZERO), 4, Duration::ZERO);
    }
}

#[test]
fn no_backoff_grows_past_an_hour_whatever_the_numbers() {
    for (delay, n) in [
        (Duration::from_secs(1), u32::MAX),
        (Duration::MAX, 1),
        (Duration::from_secs(3599), 1),
    ] {
        for backoff in [BackoffPolicy::Linear, BackoffPolicy::Exponential] {
            for wait in waits(&policy(Some(backoff), delay), n, None) {
                assert!(wait <= with_jitter(HOUR), "{wait:?}");
            }
        }
    }
}

/// Whether these waits of one base fill the tenth that jitter may add, and how evenly.
fn assert_spread(mut waits: Vec<Duration>, base: Duration) {
    let most = with_jitter(base);
    assert!(waits.iter().all(|wait| (base..=most).contains(wait)));
    let tenth = (most - base) / 10;
    for part in 0..10 {
        let (from, to) = (base + tenth * part, base + tenth * (part + 1));
        let inside = waits.iter().filter(|wait| (from..to).contains(wait)).count();
        assert!(
            (60..=140).contains(&inside),
            "{inside} of 1000 waits lie in part {part} of ten: about a hundred should"
        );
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 900, "{} different waits of 1000", waits.len());
}

#[test]
fn jitter_spreads_a_herd_evenly_and_never_comes_early() {
    let policy = policy(Some(BackoffPolicy::Linear), Duration::from_secs(10));
    assert_spread(waits(&policy, 1, None), Duration::from_secs(10));
}

#[test]
fn a_herd_that_has_reached_the_longest_wait_does_not_come_back_in_step() {
    let policy = policy(Some(BackoffPolicy::Exponential), Duration::from_secs(10));
    assert_spread(waits(&policy, 20, None), HOUR);
    let asked = Some(Duration::from_secs(u64::MAX));
    assert_spread(waits(&policy, 1, asked), HOUR);
}

#[test]
fn the_longer_of_backoff_and_retry_after_is_taken() {
    let policy = policy(Some(BackoffPolicy::Linear), Duration::from_secs(5));
    for (asked, base) in [(1, 5), (5, 5), (30, 30)] {
        for wait in waits(&policy, 1, Some(Duration::from_secs(asked))) {
            let base = Duration::from_secs(base);
            assert!(
                wait >= base && wait <= base.mul_f64(1.1),
                "asked {asked} s, waits {wait:?}"
            );
        }
    }
}

#[test]
fn retry_after_is_honoured_up_to_its_maximum_only() {
    let asked = Some(Duration::from_secs(u64::MAX));
    let day = HOUR * 24;
    for (max, honoured) in [
        (HOUR, HOUR),
        (Duration::from_secs(3), Duration::from_secs(3)),
        (HOUR * 2, HOUR * 2),
        (Duration::MAX, day),
        (Duration::ZERO, Duration::ZERO),
    ] {
        let policy = DeliveryPolicy {
            retry_after_max: max,
            ..DeliveryPolicy::default()
        };
        for wait in waits(&policy, 1, asked) {
            assert!(
                (honoured..=with_jitter(honoured)).contains(&wait),
                "up to {max:?}: {wait:?}"
            );
            assert!(wait <= broker::limits::RETRY_WAIT_MAX);
        }
    }
}
