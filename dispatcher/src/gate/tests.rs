use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn policy() -> GatePolicy {
    GatePolicy {
        concurrency: 64,
        rate: None,
        breaker: Some(BreakerPolicy::default()),
        slow_start: true,
    }
}

fn end(gate: &mut Gate, ended: Ended, now: Timestamp) -> Option<Change> {
    gate.ended(ended, false, now, &mut Rng::with_seed(1))
}

/// Sends all that may go; how many did.
fn send_all(gate: &mut Gate, now: Timestamp) -> usize {
    let mut sent = 0;
    while gate.look(now) == Look::Go {
        gate.sent(now);
        sent += 1;
    }
    sent
}

/// A gate that has just opened its breaker, nothing under way.
fn opened() -> (Gate, Timestamp) {
    let mut gate = Gate::new(policy(), NOW);
    for _ in 0..10 {
        gate.sent(NOW);
    }
    for _ in 0..9 {
        assert_eq!(end(&mut gate, Ended::Down, NOW), None);
    }
    let Some(Change::Opened { until }) = end(&mut gate, Ended::Down, NOW) else {
        panic!("ten failures in a row open it")
    };
    (gate, until)
}

#[test]
fn an_endpoint_begins_slowly_and_gains_one_for_each_answer() {
    let mut gate = Gate::new(policy(), NOW);
    let mut round = send_all(&mut gate, NOW);
    assert_eq!(round, limits::SLOW_START);
    for expected in [16, 32, 64, 64] {
        for _ in 0..round {
            end(&mut gate, Ended::Up, NOW);
        }
        round = send_all(&mut gate, NOW);
        assert_eq!(round, expected);
    }
}

#[test]
fn an_endpoint_that_does_not_answer_gains_nothing() {
    let mut gate = Gate::new(policy(), NOW);
    for _ in 0..5 {
        send_all(&mut gate, NOW);
        end(&mut gate, Ended::Down, NOW);
        assert_eq!(gate.glance().allowed, limits::SLOW_START);
    }
}

#[test]
fn while_it_is_open_nothing_goes_then_one_probe_at_a_time() {
    let (mut gate, until) = opened();
    assert_eq!(gate.look(NOW), Look::At(until));
    assert_eq!(gate.look(Timestamp(until.0 - 1)), Look::At(until));
    assert_eq!(gate.look(until), Look::Go);
    assert!(gate.sent(until), "it is a probe");
    assert_eq!(gate.look(until), Look::WhenOneEnds);
}

#[test]
fn after_the_outage_requests_come_back_one_by_one() {
    let (mut gate, until) = opened();
    gate.sent(until);
    let change = gate.ended(Ended::Up, true, until, &mut Rng::with_seed(1));
    assert!(matches!(change, Some(Change::Closed { .. })));
    assert_eq!(send_all(&mut gate, until), 2);
    for _ in 0..2 {
        end(&mut gate, Ended::Up, until);
    }
    assert_eq!(send_all(&mut gate, until), 4);
}

#[test]
fn a_probe_waits_for_none_that_hangs_since_before() {
    let mut gate = Gate::new(policy(), NOW);
    gate.allowed = 64;
    for _ in 0..20 {
        gate.sent(NOW);
    }
    for _ in 0..10 {
        end(&mut gate, Ended::Down, NOW);
    }
    let until = gate.glance().opening.unwrap().until;
    assert_eq!((gate.in_flight, gate.look(until)), (10, Look::Go));
}

#[test]
fn a_pause_that_was_asked_for_holds_for_the_whole_endpoint_and_ends_slowly() {
    let mut gate = Gate::new(policy(), NOW);
    gate.sent(NOW);
    gate.sent(NOW);
    let (first, second) = (
        NOW.after(Duration::from_secs(30)),
        NOW.after(Duration::from_secs(5)),
    );
    end(&mut gate, Ended::Asked(first), NOW);
    end(&mut gate, Ended::Asked(second), NOW);
    assert_eq!(gate.look(NOW), Look::At(first), "the longer of two counts");
    assert_eq!(gate.look(first), Look::Go);
    assert_eq!(send_all(&mut gate, first), 1);
}

#[test]
fn the_rate_holds_across_breaker_and_pause() {
    let rate = Rate {
        requests: 10,
        per: Duration::from_secs(1),
    };
    let mut gate = Gate::new(
        GatePolicy {
            rate: Some(rate),
            ..policy()
        },
        NOW,
    );
    assert_eq!(gate.look(NOW), Look::At(Timestamp(NOW.0 + 100)));
    let later = NOW.after(Duration::from_secs(60));
    assert_eq!(send_all(&mut gate, later), 1, "an idle hour saves nothing up");
}

#[test]
fn what_needs_no_network_has_no_slow_start() {
    let local = GatePolicy {
        concurrency: 64,
        ..GatePolicy::default()
    };
    assert_eq!(send_all(&mut Gate::new(local, NOW), NOW), 64);
}

/// What may happen to a gate.
#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Send,
    End(Ended),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20_000_u64).prop_map(Step::Pass),
        Just(Step::Send),
        Just(Step::Send),
        Just(Step::End(Ended::Up)),
        Just(Step::End(Ended::Down)),
        Just(Step::End(Ended::Down)),
        Just(Step::End(Ended::Abandoned)),
        (0..60_000_u64).prop_map(|ms| Step::End(Ended::Asked(Timestamp(ms)))),
    ]
}

proptest! {
    /// Whatever happens: never more than the concurrency, one probe at a time and none early, nothing while a pause lasts,
    /// and a gate with nothing under way opens by itself.
    #[test]
    fn the_gate_keeps_its_word(steps in prop::collection::vec(step(), 1..200), seed: u64) {
        let mut random = Rng::with_seed(seed);
        let concurrency = 4;
        let mut gate = Gate::new(GatePolicy { concurrency, ..policy() }, NOW);
        let (mut now, mut under_way) = (NOW, Vec::new());
        for step in steps {
            match step {
                Step::Pass(ms) => now = Timestamp(now.0 + ms),
                Step::Send if gate.look(now) == Look::Go => {
                    let before = gate.glance();
                    prop_assert!(before.quiet_until <= now);
                    let probe = gate.sent(now);
                    prop_assert_eq!(probe, before.opening.is_some());
                    if let Some(opening) = before.opening {
                        prop_assert!(!opening.probing && opening.until <= now);
                    }
                    under_way.push(probe);
                    prop_assert!(under_way.len() <= concurrency);
                }
                Step::Send => {}
                Step::End(ended) => {
                    let Some(probe) = under_way.pop() else { continue };
                    let ended = match ended {
                        Ended::Asked(wait) => Ended::Asked(Timestamp(now.0 + wait.0)),
                        other => other,
                    };
                    gate.ended(ended, probe, now, &mut random);
                }
            }
        }
        while let Some(probe) = under_way.pop() {
            gate.ended(Ended::Abandoned, probe, now, &mut random);
        }
        match gate.look(now) {
            Look::Go => {}
            Look::At(at) => prop_assert_eq!(gate.look(at), Look::Go),
            Look::WhenOneEnds => prop_assert!(false, "nothing is under way"),
        }
    }
}
