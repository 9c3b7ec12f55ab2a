//! Which delivery is in force, with its defaults.

use std::time::Duration;

use schemas::resources::delivery::{BackoffPolicy, DeliveryFormat, DeliverySpec};
use schemas::resources::order::{AFTER_LAST_ATTEMPT, AfterLastAttempt};
use schemas::resources::trigger::Trigger;
use schemas::yaml::Problem;

use super::Resolver;
use crate::config::plan::Delivery;

/// What holds when neither trigger nor broker has a delivery: what Knative's installation gives its brokers.
const RETRY_DEFAULT: u32 = 10;
const BACKOFF_DELAY_DEFAULT: Duration = Duration::from_millis(200);
/// How long an attempt may take when nothing is said.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long a receiver may ask to wait when nothing is said.
const RETRY_AFTER_MAX_DEFAULT: Duration = Duration::from_secs(3600);

impl Delivery {
    /// The delivery when nobody says anything.
    pub(crate) fn when_unsaid() -> Delivery {
        Delivery {
            retry: RETRY_DEFAULT,
            backoff_policy: Some(BackoffPolicy::Exponential),
            backoff_delay: BACKOFF_DELAY_DEFAULT,
            timeout: TIMEOUT_DEFAULT,
            retry_after_max: RETRY_AFTER_MAX_DEFAULT,
            format: DeliveryFormat::Binary,
            dead_letter_sink: None,
        }
    }
}

impl Resolver<'_> {
    /// What a `delivery` says. Unsaid fields do not fall back on [`Delivery::when_unsaid`]: no retry, no wait.
    pub(super) fn delivery(&mut self, spec: &DeliverySpec) -> Delivery {
        Delivery {
            retry: spec.retry.unwrap_or(0),
            backoff_policy: spec.backoff_policy,
            backoff_delay: spec.backoff_delay.unwrap_or_default(),
            timeout: spec.timeout.unwrap_or(TIMEOUT_DEFAULT),
            retry_after_max: spec.retry_after_max.unwrap_or(RETRY_AFTER_MAX_DEFAULT),
            format: spec.format.unwrap_or(DeliveryFormat::Binary),
            dead_letter_sink: spec.dead_letter_sink.as_ref().and_then(|sink| self.sink(sink)),
        }
    }

    /// A trigger's own delivery replaces its broker's whole; it is not merged with it.
    pub(super) fn trigger_delivery(&mut self, trigger: &Trigger) -> Delivery {
        let of_broker = self.broker_deliveries.get(&trigger.broker.value).cloned();
        let Some(spec) = &trigger.delivery else {
            return of_broker.unwrap_or_else(Delivery::when_unsaid);
        };
        let loses_sink = spec.dead_letter_sink.is_none()
            && of_broker.is_some_and(|of_broker| of_broker.dead_letter_sink.is_some());
        if loses_sink {
            let message = format!(
                "{} replaces the broker's whole: its deadLetterSink is not used",
                spec.place.path
            );
            let help = "repeat the deadLetterSink here if it should be; the dead-letter store keeps the events otherwise";
            self.problems
                .push(Problem::notice(&spec.place, message).with_help(help));
        }
        self.delivery(spec)
    }

    /// A key that waits for its event passes nothing on to a dead letter sink: who gave one may not know.
    pub(super) fn check_order(&mut self, trigger: &Trigger, delivery: &Delivery) {
        let after = &trigger.after_last_attempt;
        if after.value == AfterLastAttempt::SkipToDeadLetter || delivery.dead_letter_sink.is_none() {
            return;
        }
        let Some(place) = &after.place else { return };
        let message = format!(
            "{AFTER_LAST_ATTEMPT}: {} sends nothing to the dead letter sink: the event keeps its key waiting instead",
            after.value
        );
        let help = "leave the annotation out to have such events dead-lettered, or the deadLetterSink";
        self.problems
            .push(Problem::warning(place, message).with_help(help));
    }
}
