use std::time::Duration;

use super::*;
use crate::testing::failure;

const NOW: Timestamp = Timestamp(1_000);

fn transient(code: Option<u16>, blame: Blame, retry_after: Option<u64>) -> Outcome {
    Outcome::Transient {
        failure: failure(code),
        retry_after: retry_after.map(Duration::from_secs),
        blame,
    }
}

fn check(outcome: &Outcome, expected: Ended) {
    let policy = DeliveryPolicy {
        retry_after_max: Duration::from_secs(10),
        ..DeliveryPolicy::default()
    };
    assert_eq!(ended(outcome, &policy, NOW), expected, "{outcome:?}");
}

#[test]
fn an_endpoint_that_answers_is_up_whatever_it_thinks_of_the_event() {
    let delivered = Outcome::Delivered {
        status: 204,
        reply: None,
    };
    check(&delivered, Ended::Up);
    for code in [404, 409, 425] {
        check(&transient(Some(code), Blame::Endpoint, None), Ended::Up);
    }
    check(&transient(Some(200), Blame::Reply, None), Ended::Up);
    check(&transient(Some(200), Blame::Storage, None), Ended::Up);
    let refused = Outcome::Permanent {
        failure: failure(Some(422)),
        blame: Blame::Endpoint,
    };
    check(&refused, Ended::Up);
    let gone = Outcome::Gone {
        failure: failure(Some(410)),
    };
    check(&gone, Ended::Up);
}

#[test]
fn an_endpoint_that_cannot_answer_now_is_down() {
    for code in [408, 429, 500, 502, 503, 504, 599, 700] {
        check(&transient(Some(code), Blame::Endpoint, None), Ended::Down);
    }
    for blame in [Blame::Network, Blame::Timeout] {
        check(&transient(None, blame, None), Ended::Down);
        check(&transient(Some(200), blame, None), Ended::Down);
    }
}

#[test]
fn a_wish_for_a_pause_counts_up_to_the_maximum_and_not_at_all_when_that_is_zero() {
    let asks = |seconds| transient(Some(429), Blame::Endpoint, Some(seconds));
    check(&asks(3), Ended::Asked(Timestamp(4_000)));
    check(&asks(u64::MAX), Ended::Asked(Timestamp(11_000)));
    check(&asks(0), Ended::Down);
    let ignores = DeliveryPolicy {
        retry_after_max: Duration::ZERO,
        ..DeliveryPolicy::default()
    };
    assert_eq!(ended(&asks(3), &ignores, NOW), Ended::Down);
}
