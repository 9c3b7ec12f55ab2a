//! The order of delivery as annotations say it.

use super::{check, one};
use crate::resources::order::{AfterLastAttempt, Chosen, DeliveryOrder};
use crate::resources::trigger::Trigger;
use crate::resources::{Decoded, Resource};

fn page(annotations: &str) -> String {
    format!(
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata:\n  name: t\n  annotations:\n{annotations}\
         spec: {{broker: b, subscriber: {{uri: 'http://h'}}}}\n"
    )
}

fn trigger(annotations: &str) -> Trigger {
    match one(&page(annotations)) {
        Resource::Trigger(trigger) => *trigger,
        other => panic!("a trigger was expected, not {other:?}"),
    }
}

fn refused(annotations: &str, expected: &str) -> Decoded {
    check(&page(annotations), &[expected])
}

#[test]
fn the_order_is_said_by_either_name_or_by_both_alike() {
    for (annotations, order) in [
        ("    x: y\n", DeliveryOrder::Unordered),
        (
            "    kafka.eventing.knative.dev/delivery.order: ordered\n",
            DeliveryOrder::Ordered,
        ),
        (
            "    kafka.eventing.knative.dev/delivery.order: unordered\n",
            DeliveryOrder::Unordered,
        ),
        ("    heddle.dev/delivery-order: ordered\n", DeliveryOrder::Ordered),
        (
            "    heddle.dev/delivery-order: ordered\n    kafka.eventing.knative.dev/delivery.order: ordered\n",
            DeliveryOrder::Ordered,
        ),
    ] {
        let trigger = trigger(annotations);
        assert_eq!(trigger.order, order, "{annotations}");
        assert_eq!(trigger.after_last_attempt, Chosen::default());
    }
}

#[test]
fn names_that_contradict_each_other_are_an_error() {
    refused(
        "    heddle.dev/delivery-order: ordered\n    kafka.eventing.knative.dev/delivery.order: unordered\n",
        "6:32: error: heddle.dev/delivery-order: ordered contradicts kafka.eventing.knative.dev/delivery.order: \
         unordered, and both mean the order of delivery (say it once, or the same twice)",
    );
}

#[test]
fn an_order_that_is_not_known_is_an_error_that_names_the_nearest() {
    refused(
        "    heddle.dev/delivery-order: orderd\n",
        "6:32: error: heddle.dev/delivery-order cannot be \"orderd\" (did you mean \"ordered\"?)",
    );
    refused(
        "    kafka.eventing.knative.dev/delivery.order: fifo\n",
        "6:48: error: kafka.eventing.knative.dev/delivery.order cannot be \"fifo\" (it can be: ordered, unordered)",
    );
}

#[test]
fn what_comes_after_the_last_attempt_is_chosen_by_word() {
    for (word, value) in [
        ("skip-to-dead-letter", AfterLastAttempt::SkipToDeadLetter),
        ("park", AfterLastAttempt::Park),
        ("block", AfterLastAttempt::Block),
    ] {
        let annotations =
            format!("    heddle.dev/delivery-order: ordered\n    heddle.dev/after-last-attempt: {word}\n");
        let chosen = trigger(&annotations).after_last_attempt;
        assert_eq!((chosen.value, chosen.value.to_string().as_str()), (value, word));
        assert!(chosen.place.is_some());
    }
    refused(
        "    heddle.dev/delivery-order: ordered\n    heddle.dev/after-last-attempt: parked\n",
        "7:36: error: heddle.dev/after-last-attempt cannot be \"parked\" (did you mean \"park\"?)",
    );
}

#[test]
fn a_choice_for_keys_on_an_unordered_trigger_is_an_error() {
    refused(
        "    heddle.dev/after-last-attempt: park\n",
        "6:36: error: heddle.dev/after-last-attempt is for ordered triggers, and this one is unordered (add \
         heddle.dev/delivery-order: ordered, or leave it out)",
    );
}
