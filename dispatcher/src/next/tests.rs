use super::*;
use crate::outcome::Blame;
use crate::testing::{builder, event, failure, name, stored};

const NOW: Timestamp = Timestamp(1_000_000);

struct Case {
    retries: u32,
    then: AfterLastAttempt,
    sink: bool,
    progress: Progress,
    hops: u8,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            retries: 0,
            then: AfterLastAttempt::SkipToDeadLetter,
            sink: false,
            progress: Progress::default(),
            hops: 255,
        }
    }
}

impl Case {
    fn with<T>(&self, ask: impl FnOnce(&Rules<'_>, &Stored) -> T) -> T {
        let delay = Duration::from_secs(1);
        let policy = DeliveryPolicy {
            retries: self.retries,
            delay,
            after_last_attempt: self.then,
            ..DeliveryPolicy::default()
        };
        let broker = name("default/default");
        let rules = Rules {
            policy: &policy,
            broker: &broker,
            has_dead_letter_sink: self.sink,
        };
        ask(&rules, &stored(event(), self.hops))
    }

    fn after(&self, outcome: &Outcome) -> Next {
        self.with(|rules, event| rules.after(outcome, event, &self.progress, NOW, &mut Rng::with_seed(1)))
    }

    fn forward(&self, to: &str) -> Next {
        self.with(|rules, stored| rules.forward(&name(to), &stored.event, stored, &self.progress))
    }
}

fn transient() -> Outcome {
    Outcome::Transient {
        failure: failure(Some(503)),
        retry_after: None,
        blame: Blame::Endpoint,
    }
}

fn refused() -> Outcome {
    Outcome::Permanent {
        failure: failure(Some(422)),
        blame: Blame::Endpoint,
    }
}

fn replied(reply: Event) -> Outcome {
    Outcome::Delivered {
        status: 200,
        reply: Some(reply),
    }
}

fn at(attempts: u32) -> Progress {
    Progress {
        step: Step::Subscriber,
        attempts,
        subscriber_attempts: 0,
        failure: (attempts > 0).then(|| failure(Some(503))),
    }
}

fn at_sink(attempts: u32, code: Option<u16>) -> Progress {
    Progress {
        step: Step::DeadLetterSink,
        attempts,
        subscriber_attempts: 0,
        failure: Some(failure(code)),
    }
}

fn hops(next: &Next) -> u8 {
    let Next::Done {
        reply: Some(reply), ..
    } = next
    else {
        panic!("{next:?}")
    };
    reply.hops
}

#[test]
fn success_is_the_end() {
    let next = Case::default().after(&Outcome::Delivered {
        status: 204,
        reply: None,
    });
    assert!(
        matches!(
            next,
            Next::Done {
                step: Step::Subscriber,
                status: 204,
                reply: None
            }
        ),
        "{next:?}"
    );
    let settlement = next.settlement().unwrap();
    assert!(matches!(
        settlement,
        Settlement::Delivered {
            outcome: SettledAs::Delivered,
            reply: None
        }
    ));
}

#[test]
fn retries_are_attempts_after_the_first() {
    for (retries, attempts, expect_retry) in [
        (0, 0, false),
        (1, 0, true),
        (1, 1, false),
        (3, 2, true),
        (3, 3, false),
    ] {
        let next = Case {
            retries,
            progress: at(attempts),
            ..Case::default()
        }
        .after(&transient());
        match next {
            Next::Again {
                at, wait, progress, ..
            } if expect_retry => {
                assert_eq!(
                    progress,
                    Progress {
                        attempts: attempts + 1,
                        ..self::at(attempts + 1)
                    }
                );
                assert!(wait >= Duration::from_secs(2_u64.pow(attempts + 1)), "{wait:?}");
                assert_eq!(at, NOW.after(wait));
            }
            Next::Store(letter) if !expect_retry => {
                assert_eq!(letter.reason, DeadLetterReason::RetriesExhausted);
                assert_eq!(letter.attempts, attempts + 1);
            }
            next => panic!("retries {retries}, attempts {attempts}: {next:?}"),
        }
    }
}

#[test]
fn a_refusal_is_never_retried() {
    let next = Case {
        retries: 10,
        ..Case::default()
    }
    .after(&refused());
    let Next::Store(letter) = next else {
        panic!("{next:?}")
    };
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Refused, 1));
    assert_eq!(letter.failure.unwrap().code, Some(422));
    assert_eq!(letter.event.id(), "1");
}

#[test]
fn after_the_last_attempt_the_dead_letter_sink_gets_a_claim_of_its_own_at_once() {
    for outcome in [transient(), refused()] {
        let next = Case {
            sink: true,
            ..Case::default()
        }
        .after(&outcome);
        let Next::Again { at, progress, .. } = next else {
            panic!("{next:?}")
        };
        assert_eq!(at, NOW);
        assert_eq!((progress.step, progress.attempts), (Step::DeadLetterSink, 0));
        assert!(progress.failure.is_some());
    }
}

#[test]
fn the_dead_letter_sink_is_retried_by_the_same_rules_and_keeps_the_subscribers_failure() {
    let case = Case {
        retries: 2,
        sink: true,
        progress: at_sink(1, Some(500)),
        ..Case::default()
    };
    let next = case.after(&transient());
    let Next::Again {
        progress, failure, ..
    } = next
    else {
        panic!("{next:?}")
    };
    assert_eq!(progress, at_sink(2, Some(500)));
    assert_eq!(failure.code, Some(503));
}

#[test]
fn when_the_dead_letter_sink_fails_too_the_store_gets_the_original_with_the_subscribers_failure() {
    for (code, reason, attempts) in [
        (Some(500), DeadLetterReason::RetriesExhausted, 3),
        (None, DeadLetterReason::RetriesExhausted, 3),
        (Some(422), DeadLetterReason::Refused, 1),
    ] {
        let case = Case {
            retries: 2,
            sink: true,
            progress: at_sink(2, code),
            ..Case::default()
        };
        let next = case.after(&transient());
        let Next::Store(letter) = next else {
            panic!("{next:?}")
        };
        assert_eq!((letter.reason, letter.attempts), (reason, attempts));
        assert_eq!(letter.failure.unwrap().code, code);
        assert_eq!(letter.event.to_record(), event().to_record());
    }
}

#[test]
fn a_dead_letter_says_how_often_the_subscriber_was_tried_whatever_ended_it() {
    // Refused at the second attempt of five: neither the first nor the policy's last.
    let case = Case {
        retries: 4,
        sink: true,
        progress: at(1),
        ..Case::default()
    };
    let Next::Again { progress, .. } = case.after(&refused()) else {
        panic!("it goes to the dead letter sink")
    };
    assert_eq!(progress.subscriber_attempts, 2);
    let mut progress = progress;
    for _ in 0..4 {
        let case = Case {
            retries: 4,
            sink: true,
            progress: progress.clone(),
            ..Case::default()
        };
        let Next::Again { progress: next, .. } = case.after(&transient()) else {
            panic!("the dead letter sink has attempts left")
        };
        progress = next;
    }
    let last = Case {
        retries: 4,
        sink: true,
        progress: progress.clone(),
        ..Case::default()
    };
    let Next::Store(letter) = last.after(&transient()) else {
        panic!("the dead letter sink was tried five times")
    };
    assert_eq!(letter.attempts, 2);
    let gone = last.with(|rules, stored| rules.no_dead_letter_sink(&stored.event, &progress));
    assert!(matches!(gone, Next::Store(letter) if letter.attempts == 2));
}

#[test]
fn a_reply_of_the_dead_letter_sink_goes_into_the_broker_until_its_passes_are_spent() {
    let case = |hops| Case {
        then: AfterLastAttempt::SkipToDeadLetter,
        hops,
        sink: true,
        progress: Progress {
            subscriber_attempts: 3,
            ..at_sink(1, Some(500))
        },
        ..Case::default()
    };
    let next = case(9).after(&replied(event()));
    assert_eq!(hops(&next), 8);
    let Settlement::Delivered { outcome, reply } = next.settlement().unwrap() else {
        panic!("{next:?}")
    };
    assert_eq!((outcome, reply.is_some()), (SettledAs::DeadLetterSink, true));
    let next = case(1).after(&replied(event()));
    let Settlement::DeliveredReplyDeadLettered { outcome, dead_letter } = next.settlement().unwrap() else {
        panic!("{next:?}")
    };
    assert_eq!(
        (outcome, dead_letter.reason, dead_letter.attempts),
        (SettledAs::DeadLetterSink, DeadLetterReason::Loop, 3),
        "the sink has the event, the reply is what looped"
    );
}

#[test]
fn a_sink_that_left_the_configuration_is_replaced_by_the_store() {
    let progress = at_sink(0, Some(503));
    let case = Case {
        retries: 4,
        progress: progress.clone(),
        ..Case::default()
    };
    let next = case.with(|rules, stored| rules.no_dead_letter_sink(&stored.event, &progress));
    let Next::Store(letter) = next else {
        panic!("{next:?}")
    };
    assert_eq!(
        (letter.reason, letter.attempts),
        (DeadLetterReason::RetriesExhausted, 5)
    );
}

#[test]
fn a_reply_goes_into_the_triggers_broker_with_one_pass_less() {
    let next = Case {
        hops: 200,
        ..Case::default()
    }
    .after(&replied(event()));
    assert_eq!(hops(&next), 199);
    let Settlement::Delivered {
        outcome: SettledAs::Delivered,
        reply: Some(reply),
    } = next.settlement().unwrap()
    else {
        panic!("{next:?}")
    };
    assert_eq!(reply.broker, name("default/default"));
}

#[test]
fn a_lower_count_that_the_reply_brings_wins_and_is_taken_off() {
    for (own, expected) in [
        ("7", 7),
        ("254", 100),
        ("100000000000", 100),
        ("1", 1),
        ("nonsense", 100),
    ] {
        let reply = builder()
            .attribute("knativebrokerttl", own)
            .unwrap()
            .build()
            .unwrap();
        let next = Case {
            hops: 101,
            ..Case::default()
        }
        .after(&replied(reply));
        assert_eq!(hops(&next), expected, "knativebrokerttl: {own}");
        let Next::Done {
            reply: Some(reply), ..
        } = next
        else {
            unreachable!()
        };
        assert!(reply.event.attribute("knativebrokerttl").is_none());
    }
}

#[test]
fn a_reply_without_passes_is_dead_lettered_as_a_loop_and_its_cause_is_delivered() {
    let spent = builder()
        .attribute("knativebrokerttl", 0)
        .unwrap()
        .build()
        .unwrap();
    let below = builder()
        .attribute("knativebrokerttl", "-3")
        .unwrap()
        .build()
        .unwrap();
    for (hops, reply) in [(1, event()), (0, event()), (255, spent), (255, below)] {
        let next = Case {
            hops,
            ..Case::default()
        }
        .after(&replied(reply));
        assert!(
            matches!(next, Next::ReplyLooped { status: 200, .. }),
            "{hops}: {next:?}"
        );
        let Settlement::DeliveredReplyDeadLettered {
            outcome,
            dead_letter: letter,
        } = next.settlement().unwrap()
        else {
            panic!("{next:?}")
        };
        assert_eq!(outcome, SettledAs::Delivered);
        assert_eq!(letter.reason, DeadLetterReason::Loop);
        assert!(letter.event.attribute("knativebrokerttl").is_none());
    }
}

#[test]
fn forwarding_into_a_broker_is_a_pass_like_any_other() {
    let next = Case {
        hops: 9,
        ..Case::default()
    }
    .forward("default/other");
    assert_eq!(hops(&next), 8);
    let next = Case {
        hops: 1,
        ..Case::default()
    }
    .forward("default/other");
    assert!(matches!(next, Next::ReplyLooped { .. }), "{next:?}");
}

#[test]
fn a_broker_as_dead_letter_sink_settles_as_such_and_the_store_gets_the_original_when_passes_are_spent() {
    let case = |hops| Case {
        then: AfterLastAttempt::SkipToDeadLetter,
        retries: 3,
        sink: true,
        progress: at_sink(0, Some(500)),
        hops,
    };
    let next = case(9).forward("default/dead");
    assert_eq!(hops(&next), 8);
    let settlement = next.settlement().unwrap();
    assert!(matches!(
        settlement,
        Settlement::Delivered {
            outcome: SettledAs::DeadLetterSink,
            reply: Some(_)
        }
    ));
    let next = case(1).forward("default/dead");
    let Next::Store(letter) = next else {
        panic!("{next:?}")
    };
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Loop, 4));
    assert_eq!(letter.failure.unwrap().code, Some(500));
}

#[test]
fn what_is_settled_can_be_settled_again() {
    let next = Case::default().after(&replied(event()));
    for _ in 0..2 {
        assert!(matches!(
            next.settlement(),
            Some(Settlement::Delivered { reply: Some(_), .. })
        ));
    }
}

#[test]
fn a_key_is_parked_after_the_last_attempt_and_after_a_refusal_and_not_before() {
    let case = |attempts| Case {
        retries: 2,
        then: AfterLastAttempt::Park,
        progress: at(attempts),
        ..Case::default()
    };
    for attempts in [0, 1] {
        let next = case(attempts).after(&transient());
        assert!(matches!(next, Next::Again { blocks: false, .. }), "{next:?}");
    }
    for (attempts, outcome, code) in [(2, transient(), 503), (0, refused(), 422)] {
        let Some(Settlement::Park { progress }) = case(attempts).after(&outcome).settlement() else {
            panic!("not parked")
        };
        assert_eq!(
            (progress.step, progress.attempts),
            (Step::Subscriber, attempts + 1)
        );
        assert_eq!(progress.failure, Some(failure(Some(code))));
    }
}

#[test]
fn a_blocked_key_is_tried_for_ever_at_the_longest_wait_and_never_in_a_busy_loop() {
    let case = |retries, attempts| Case {
        retries,
        then: AfterLastAttempt::Block,
        progress: at(attempts),
        ..Case::default()
    };
    for (retries, attempts, outcome, seconds) in [
        (3, 3, transient(), 8),
        (3, 3_000, transient(), 8),
        (3, u32::MAX, transient(), 8),
        (0, 0, refused(), 2),
    ] {
        let next = case(retries, attempts).after(&outcome);
        let Next::Again {
            wait, blocks: true, ..
        } = &next
        else {
            panic!("not blocked: {next:?}")
        };
        assert!(
            (seconds..=seconds * 11 / 10).contains(&wait.as_secs()),
            "{wait:?}"
        );
        assert!(matches!(next.settlement(), Some(Settlement::Block { .. })));
    }
    let hasty = Case {
        then: AfterLastAttempt::Block,
        ..Case::default()
    };
    let next = hasty.with(|rules, stored| {
        let policy = DeliveryPolicy {
            delay: Duration::ZERO,
            ..rules.policy.clone()
        };
        let rules = Rules {
            policy: &policy,
            ..*rules
        };
        rules.after(&transient(), stored, &at(0), NOW, &mut Rng::with_seed(1))
    });
    assert!(
        matches!(next, Next::Again { wait, .. } if wait >= Duration::from_secs(1)),
        "{next:?}"
    );
}
