//! What happens to events, told in one place: on the terminal for the echo endpoint, in the log what a person should
//! look at. The dispatcher counts for itself.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::Step;
use dispatcher::{
    Closed, DeadLettered, Delivered, Observer, Opened, Parked, Paused, ReplyStored, RetryScheduled, Stopped,
};
use parking_lot::Mutex;
use schemas::names::ResourceName;

use crate::console::Console;
use crate::telemetry::breakers::Breakers;
use crate::terminal;

/// Hears of every settlement.
#[derive(Debug)]
pub(crate) struct Narrator {
    console: Console,
    /// The hops of triggers at which events are printed.
    echoes: HashSet<(ResourceName, Step)>,
    failing: Failing,
    breakers: Breakers,
}

/// Triggers whose last attempt failed, so that a failure is logged when it begins and not once per event.
#[derive(Debug, Default)]
struct Failing {
    triggers: Mutex<BTreeSet<ResourceName>>,
    /// How many; read without the lock on every delivery.
    count: AtomicUsize,
}

impl Narrator {
    pub(crate) fn new(console: Console, echoes: HashSet<(ResourceName, Step)>) -> Arc<Self> {
        Arc::new(Self {
            console,
            echoes,
            failing: Failing::default(),
            breakers: Breakers::default(),
        })
    }

    /// The event and where it went, in one piece: other deliveries print between pieces, never inside.
    fn print(&self, delivered: &Delivered<'_>) {
        let mut text = terminal::event("event", delivered.event);
        let (trigger, status) = (delivered.trigger.name(), delivered.status);
        let took = terminal::duration(delivered.took);
        let role = match delivered.step {
            Step::Subscriber => "",
            Step::DeadLetterSink => " (dead letter sink)",
        };
        text.push_str(&format!("-> trigger {trigger} {status} in {took}{role}\n\n"));
        self.console.print(&text);
    }
}

impl Observer for Narrator {
    fn delivered(&self, delivered: &Delivered<'_>) {
        if !self.echoes.is_empty() && self.echoes.contains(&(delivered.trigger.clone(), delivered.step)) {
            self.print(delivered);
        }
        if delivered.step == Step::Subscriber && self.failing.end(delivered.trigger) {
            tracing::info!(trigger = %delivered.trigger, endpoint = delivered.endpoint, "deliveries succeed again");
        }
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        if self.failing.begin(retry.trigger) {
            tracing::warn!(
                trigger = %retry.trigger,
                endpoint = retry.endpoint,
                event = retry.event.id(),
                failure = retry.failure.message,
                attempts = retry.attempts,
                wait_ms = u64::try_from(retry.wait.as_millis()).unwrap_or(u64::MAX),
                "a delivery failed and is tried again; further failures of this trigger are not logged until it succeeds"
            );
        }
    }

    fn parked(&self, parked: &Parked<'_>) {
        tracing::warn!(
            trigger = %parked.trigger,
            event = parked.event.id(),
            key = parked.event.attribute("partitionkey").map(|key| key.value),
            failure = parked.failure.message,
            attempts = parked.attempts,
            "a key is parked: it waits until `heddle trigger release` lets it go on"
        );
    }

    fn dead_lettered(&self, dead: &DeadLettered<'_>) {
        tracing::warn!(
            trigger = %dead.trigger,
            event = dead.event.id(),
            reason = ?dead.reason,
            failure = dead.failure.map(|failure| failure.message.as_str()),
            "an event is in the dead-letter store; see it with `heddle dead-letters list`"
        );
    }

    fn reply_stored(&self, reply: &ReplyStored<'_>) {
        tracing::debug!(trigger = %reply.trigger, broker = %reply.broker, event = reply.event.id(), "a reply was stored");
    }

    fn opened(&self, opened: &Opened<'_>) {
        if let Some(unsaid) = self.breakers.say(opened.endpoint) {
            tracing::warn!(
                endpoint = opened.endpoint,
                failure = opened.failure,
                openings_not_logged = unsaid,
                "an endpoint keeps failing and is left alone: its events wait and use no attempts; \
                 `heddle get endpoints` shows it"
            );
        }
    }

    fn closed(&self, closed: &Closed<'_>) {
        if self.breakers.was_said(closed.endpoint) {
            tracing::info!(
                endpoint = closed.endpoint,
                after_s = closed.after.as_secs_f64(),
                "an endpoint is there again"
            );
        }
    }

    fn paused(&self, paused: &Paused<'_>) {
        tracing::warn!(
            trigger = %paused.trigger,
            reason = paused.reason,
            "a trigger is paused and keeps its events; `heddle trigger resume` lets it go on"
        );
    }

    fn stopped(&self, stopped: &Stopped<'_>) {
        tracing::error!(trigger = %stopped.trigger, reason = stopped.reason, "a trigger delivers nothing until a restart");
    }
}

impl Failing {
    /// Whether this is the first failure since the last success.
    fn begin(&self, trigger: &ResourceName) -> bool {
        let mut triggers = self.triggers.lock();
        let is_new = !triggers.contains(trigger) && triggers.insert(trigger.clone());
        self.count.store(triggers.len(), Ordering::Relaxed);
        is_new
    }

    /// Whether this is the first success since a failure.
    fn end(&self, trigger: &ResourceName) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut triggers = self.triggers.lock();
        let was_failing = triggers.remove(trigger);
        self.count.store(triggers.len(), Ordering::Relaxed);
        was_failing
    }
}
