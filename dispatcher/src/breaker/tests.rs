use super::*;

const POLICY: BreakerPolicy = BreakerPolicy {
    failures: 3,
    window: Duration::from_secs(10),
    wait: Duration::from_secs(1),
    wait_max: Duration::from_secs(5),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn fail(breaker: &mut Breaker, probe: bool, now: Timestamp) -> Option<Change> {
    breaker.failed(probe, now, &mut Rng::with_seed(1))
}

/// Open since second 0.
fn open() -> Breaker {
    let mut breaker = Breaker::new(POLICY);
    for _ in 0..3 {
        fail(&mut breaker, false, at(0));
    }
    assert!(breaker.opening().is_some());
    breaker
}

#[test]
fn a_row_of_failures_within_the_window_opens_it() {
    let mut breaker = Breaker::new(POLICY);
    assert_eq!(fail(&mut breaker, false, at(0)), None);
    assert_eq!(fail(&mut breaker, false, at(5)), None);
    assert!(matches!(
        fail(&mut breaker, false, at(10)),
        Some(Change::Opened { .. })
    ));
    assert_eq!(breaker.opening().unwrap().since, at(10));
}

#[test]
fn failures_that_are_further_apart_do_not() {
    let mut breaker = Breaker::new(POLICY);
    for n in 0..100 {
        assert_eq!(fail(&mut breaker, false, at(n * 6)), None, "failure {n}");
    }
    assert_eq!(breaker.failures(), 2);
}

#[test]
fn one_success_ends_the_row() {
    let mut breaker = Breaker::new(POLICY);
    for n in 0..100 {
        assert_eq!(fail(&mut breaker, false, at(n)), None);
        assert_eq!(fail(&mut breaker, false, at(n)), None);
        assert_eq!(breaker.succeeded(), None);
        assert_eq!(breaker.failures(), 0);
    }
}

#[test]
fn one_event_that_never_goes_through_does_not_open_it_under_the_defaults() {
    // Ten retries, exponential from 200 ms: what holds when nobody says anything.
    let mut breaker = Breaker::new(BreakerPolicy::default());
    let mut now = Timestamp(0);
    for retry in 0..=10_u32 {
        assert_eq!(fail(&mut breaker, false, now), None, "attempt {}", retry + 1);
        now = now.after(Duration::from_millis(200) * 2_u32.pow(retry + 1));
    }
}

#[test]
fn a_probe_that_fails_doubles_the_wait_up_to_the_longest_and_never_shortens_it() {
    for seed in 0..100 {
        let mut random = Rng::with_seed(seed);
        let mut breaker = Breaker::new(POLICY);
        let mut now = at(100);
        for _ in 0..3 {
            breaker.failed(false, now, &mut random);
        }
        for seconds in [1, 2, 4, 5, 5, 5] {
            let opening = breaker.opening().unwrap();
            let wait = opening.until.until(now);
            let base = Duration::from_secs(seconds);
            assert!(wait >= base && wait <= base.mul_f64(1.1), "{wait:?} for {base:?}");
            now = opening.until;
            assert!(breaker.sent());
            assert!(breaker.opening().unwrap().probing);
            assert_eq!(breaker.failed(true, now, &mut random), None);
            assert!(!breaker.opening().unwrap().probing);
        }
    }
}

#[test]
fn any_success_closes_it_and_says_since_when_it_was_open() {
    let mut breaker = open();
    breaker.sent();
    assert_eq!(breaker.succeeded(), Some(Change::Closed { since: at(0) }));
    assert_eq!((breaker.opening(), breaker.failures()), (None, 0));
}

#[test]
fn what_was_under_way_when_it_opened_moves_no_probe() {
    let mut breaker = open();
    let until = breaker.opening().unwrap().until;
    assert_eq!(fail(&mut breaker, false, at(60)), None);
    assert_eq!(breaker.opening().unwrap().until, until);
    breaker.sent();
    fail(&mut breaker, false, at(61));
    assert!(breaker.opening().unwrap().probing, "the probe is still out");
}

#[test]
fn a_probe_that_was_given_up_may_be_sent_anew() {
    let mut breaker = open();
    breaker.sent();
    breaker.abandoned(false);
    assert!(breaker.opening().unwrap().probing);
    breaker.abandoned(true);
    assert!(!breaker.opening().unwrap().probing);
}
