use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn policy(backoff: Option<BackoffPolicy>, delay: Duration) -> DeliveryPolicy {
    DeliveryPolicy {
        backoff,
        delay,
        ..DeliveryPolicy::default()
    }
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
    let most = base.mul_f64(1.0 + JITTER_SHARE_MAX).min(BACKOFF_MAX);
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
fn no_backoff_is_longer_than_an_hour_whatever_the_numbers() {
    for (delay, n) in [
        (Duration::from_secs(1), u32::MAX),
        (Duration::MAX, 1),
        (Duration::from_secs(3599), 1),
    ] {
        for backoff in [BackoffPolicy::Linear, BackoffPolicy::Exponential] {
            for wait in waits(&policy(Some(backoff), delay), n, None) {
                assert!(wait <= HOUR, "{wait:?}");
            }
        }
    }
}

#[test]
fn jitter_spreads_a_herd() {
    let mut waits = waits(
        &policy(Some(BackoffPolicy::Linear), Duration::from_secs(10)),
        1,
        None,
    );
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 900, "{} different waits of 1000", waits.len());
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
    let mut policy = DeliveryPolicy::default();
    let asked = Some(Duration::from_secs(u64::MAX));
    assert!(waits(&policy, 1, asked).iter().all(|wait| *wait == HOUR));
    policy.retry_after_max = Duration::from_secs(3);
    assert!(
        waits(&policy, 1, asked)
            .iter()
            .all(|wait| *wait == Duration::from_secs(3))
    );
    policy.retry_after_max = HOUR * 2;
    assert!(waits(&policy, 1, asked).iter().all(|wait| *wait == HOUR * 2));
    policy.retry_after_max = Duration::ZERO;
    assert!(waits(&policy, 1, asked).iter().all(Duration::is_zero));
}
