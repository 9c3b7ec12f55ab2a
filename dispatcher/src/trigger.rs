//! One running trigger: what its deliveries share, and what can be asked of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::{Clock, Failure, SchemaGate, Side, Step, Subscription};
use fastrand::Rng;
use parking_lot::Mutex;
use schemas::event::Event;
use schemas::names::ResourceName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::endpoint::Endpoint;
use crate::limits::{Limits, PARKED_CLAIMS_OF_ONE_MAX, PARKED_CLAIMS_RESERVED};
use crate::metrics::{Metrics, TriggerMetrics};
use crate::next::Rules;
use crate::observer::{Observer, Stopped};
use crate::pace::Pace;
use crate::slots::Share;
use crate::spec::{AfterLastAttempt, DeliveryPolicy, TriggerSpec};
use crate::status::{LastError, TriggerStatus};
use crate::transport::Transport;

/// What all triggers share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) limits: Limits,
    /// What goes on into a broker is held to these.
    pub(crate) schemas: SchemaGate,
    /// For jitter.
    pub(crate) random: Mutex<Rng>,
    /// Places for claims that wait for a dead letter sink.
    pub(crate) parking: Arc<Semaphore>,
    /// What counts by endpoint.
    pub(crate) metrics: Metrics,
}

/// A trigger whose sinks were checked and resolved.
pub(crate) struct Ready {
    pub(crate) spec: TriggerSpec,
    pub(crate) subscriber: Endpoint,
    pub(crate) dead_letter_sink: Option<Endpoint>,
}

/// See the module's header.
pub(crate) struct Trigger {
    pub(crate) name: ResourceName,
    pub(crate) broker: ResourceName,
    pub(crate) subscriber: Arc<Endpoint>,
    pub(crate) dead_letter_sink: Option<Arc<Endpoint>>,
    pub(crate) policy: DeliveryPolicy,
    /// What marks its events: those of a replay.
    pub(crate) mark: Option<String>,
    /// What keeps it to a rate: a replay or redrive that was asked for one.
    pub(crate) pace: Option<Pace>,
    pub(crate) subscription: Arc<dyn Subscription>,
    pub(crate) metrics: TriggerMetrics,
    pub(crate) shared: Arc<Shared>,
    /// Places for claims that wait for their dead letter sink: its own, and its share of all.
    parking: Arc<Semaphore>,
    parking_share: Share,
    in_flight: AtomicUsize,
    last_error: Mutex<Option<LastError>>,
    stopped: Mutex<Option<String>>,
}

/// A place to wait for a dead letter sink.
pub(crate) struct Parked {
    _own: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

/// Counts one delivery for as long as it lives.
pub(crate) struct InFlight(Arc<Trigger>);

impl Trigger {
    pub(crate) fn new(
        ready: Ready,
        subscription: Arc<dyn Subscription>,
        metrics: TriggerMetrics,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            name: ready.spec.name,
            broker: ready.spec.broker,
            subscriber: Arc::new(ready.subscriber),
            dead_letter_sink: ready.dead_letter_sink.map(Arc::new),
            policy: ready.spec.delivery,
            mark: None,
            pace: None,
            subscription,
            metrics,
            parking: Arc::new(Semaphore::new(PARKED_CLAIMS_OF_ONE_MAX)),
            parking_share: Share::new(Arc::clone(&shared.parking), PARKED_CLAIMS_RESERVED),
            shared,
            in_flight: AtomicUsize::new(0),
            last_error: Mutex::new(None),
            stopped: Mutex::new(None),
        }
    }

    /// The same endpoints and policy for a subscription that runs beside this one. Its deliveries are in none of the
    /// trigger's counts; the engine counts them.
    pub(crate) fn beside(&self, side: &Side, subscription: Arc<dyn Subscription>) -> Self {
        Self {
            name: self.name.clone(),
            broker: self.broker.clone(),
            subscriber: Arc::clone(&self.subscriber),
            dead_letter_sink: self.dead_letter_sink.clone(),
            // It runs beside the keys of its trigger, and ends: nothing of it may wait for ever.
            policy: DeliveryPolicy {
                after_last_attempt: AfterLastAttempt::SkipToDeadLetter,
                ..self.policy.clone()
            },
            mark: side.id.mark(),
            pace: side.rate.map(|rate| Pace::new(rate, self.shared.clock.now())),
            subscription,
            metrics: Metrics::default().trigger(&self.name),
            parking: Arc::new(Semaphore::new(PARKED_CLAIMS_OF_ONE_MAX)),
            parking_share: Share::new(Arc::clone(&self.shared.parking), PARKED_CLAIMS_RESERVED),
            shared: Arc::clone(&self.shared),
            in_flight: AtomicUsize::new(0),
            last_error: Mutex::new(None),
            stopped: Mutex::new(None),
        }
    }

    /// A place to wait for the dead letter sink; waits for one when all are taken. Cancel safe.
    pub(crate) async fn park(&self) -> Parked {
        let places = Arc::clone(&self.parking);
        let own = places
            .acquire_owned()
            .await
            .expect("the places to park are never closed");
        Parked {
            _own: own,
            _share: self.parking_share.acquire().await,
        }
    }

    /// Where this hop leads. `None` when the dead letter sink was taken out of the configuration since.
    pub(crate) fn endpoint(&self, step: Step) -> Option<&Endpoint> {
        match step {
            Step::Subscriber => Some(&self.subscriber),
            Step::DeadLetterSink => self.dead_letter_sink.as_deref(),
        }
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            policy: &self.policy,
            broker: &self.broker,
            has_dead_letter_sink: self.dead_letter_sink.is_some(),
        }
    }

    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.metrics.in_flight.inc();
        InFlight(Arc::clone(self))
    }

    /// Deliveries in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn note_failure(&self, failure: &Failure, event: &Event) {
        let error = LastError::new(failure, event.id(), self.shared.clock.now());
        *self.last_error.lock() = Some(error);
    }

    /// Notes that this trigger delivers no more, and says so; the first reason stays.
    pub(crate) fn note_stopped(&self, reason: String) {
        let mut stopped = self.stopped.lock();
        if stopped.is_some() {
            return;
        }
        self.metrics.stopped.set(1);
        self.shared.observer.stopped(&Stopped {
            trigger: &self.name,
            reason: &reason,
        });
        *stopped = Some(reason);
    }

    /// Its endpoints, the dead letter sink's last.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let sink = self.dead_letter_sink.as_deref();
        std::iter::once(&*self.subscriber).chain(sink)
    }

    pub(crate) fn status(&self) -> TriggerStatus {
        TriggerStatus {
            name: self.name.clone(),
            broker: self.broker.clone(),
            endpoint: self.subscriber.label.to_string(),
            dead_letter_endpoint: self.dead_letter_sink.as_ref().map(|sink| sink.label.to_string()),
            stopped: self.stopped.lock().clone(),
            last_error: self.last_error.lock().clone(),
            subscription: self.subscription.status(),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.in_flight.dec();
    }
}
