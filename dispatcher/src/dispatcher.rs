//! The dispatcher as a component: options, start, a handle to ask, a timed drain.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{AppendError, Clock, Engine, SchemaGate, SubscribeError, SystemClock};
use schemas::names::ResourceName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use crate::endpoint::SinkError;
use crate::index::SharedIndex;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::observer::{Observer, Silent};
use crate::sides::{self, Beside};
use crate::spec::TriggerSpec;
use crate::status::{EndpointStatus, TriggerStatus};
use crate::transport::Transport;
use crate::transport::client::HttpTransport;
use crate::trigger::Trigger;
use crate::worker::{self, Stop};

mod start;

/// What a dispatcher is made of.
pub struct Options {
    /// Where events come from and settlements go. Its brokers are declared already.
    pub engine: Arc<dyn Engine>,
    /// For retries and `Retry-After` dates; the engine's, so that both mean the same moment.
    pub clock: Arc<dyn Clock>,
    /// What carries requests.
    pub transport: Arc<dyn Transport>,
    /// Who hears of every settlement.
    pub observer: Arc<dyn Observer>,
    /// What counts.
    pub metrics: Metrics,
    /// What may be in flight and how large replies may be.
    pub limits: Limits,
    /// The schemas at the brokers' doors, which replies and forwarded events pass as well.
    pub schemas: SchemaGate,
    /// Seed of the jitter; equal seeds give equal waits.
    pub seed: u64,
}

/// A running dispatcher: owns the triggers' tasks. Stop it with [`Dispatcher::shutdown`]; dropping it abandons what is
/// in flight, which comes again after a restart.
pub struct Dispatcher {
    handle: Handle,
    workers: JoinSet<()>,
    stop: Stop,
}

/// Answers questions about triggers. Cheap to clone; keeps nothing running.
#[derive(Clone)]
pub struct Handle {
    triggers: Arc<BTreeMap<ResourceName, Arc<Trigger>>>,
    beside: Arc<Beside>,
}

/// How the drain ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "names who was abandoned"]
pub struct Drained {
    /// Triggers whose deliveries were given up at the deadline, by name. Empty when all ended in time.
    pub abandoned: Vec<StillRunning>,
}

/// Deliveries that were given up. Their events are delivered again after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillRunning {
    /// Whose.
    pub trigger: ResourceName,
    /// How many.
    pub deliveries: usize,
    /// Where they went.
    pub endpoint: String,
}

/// Why no trigger was started.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// Two triggers of one name.
    #[error("there are two triggers named {trigger}; each needs a name of its own")]
    Duplicate {
        /// The name.
        trigger: ResourceName,
    },
    /// A sink that cannot be delivered to.
    #[error("trigger {trigger}: {source}")]
    Sink {
        /// Whose sink.
        trigger: ResourceName,
        /// Why.
        source: SinkError,
    },
    /// The subscriptions of new triggers could not be stored.
    #[error("the subscriptions of new triggers could not be stored: {0}")]
    Create(#[source] AppendError),
    /// The engine does not give the subscription.
    #[error("trigger {trigger}: {source}")]
    Subscribe {
        /// Whose subscription.
        trigger: ResourceName,
        /// Why.
        source: SubscribeError,
    },
}

// === impl Options ===

impl Options {
    /// The machine's clock, HTTP, nothing printed, nothing observed, default limits.
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            clock: Arc::new(SystemClock::new()),
            transport: Arc::new(HttpTransport::default()),
            observer: Arc::new(Silent),
            metrics: Metrics::default(),
            limits: Limits::default(),
            schemas: SchemaGate::default(),
            seed: fastrand::u64(..),
        }
    }
}

// === impl Dispatcher ===

impl Dispatcher {
    /// Checks every sink, subscribes every trigger, installs the matcher, then starts to deliver.
    ///
    /// # Errors
    /// [`StartError`] for the first trigger that cannot start; then none runs.
    pub async fn start(options: Options, specs: Vec<TriggerSpec>) -> Result<Self, StartError> {
        let prepared = start::prepare(&options, specs)?;
        let subscriptions = start::subscribe(&*options.engine, &prepared).await?;
        options.engine.set_matcher(Arc::new(SharedIndex::new(start::index(
            &prepared,
            &subscriptions,
        ))));
        let engine = Arc::clone(&options.engine);
        let triggers = Arc::new(start::assemble(options, prepared, subscriptions));
        let beside = Arc::<Beside>::default();
        let stop = Stop {
            claiming: CancellationToken::new(),
            delivering: CancellationToken::new(),
        };
        let mut workers = JoinSet::new();
        for trigger in triggers.values() {
            workers.spawn(worker::run(Arc::clone(trigger), stop.clone()));
        }
        workers.spawn(sides::run(
            engine,
            Arc::clone(&triggers),
            Arc::clone(&beside),
            stop.clone(),
        ));
        Ok(Self {
            handle: Handle { triggers, beside },
            workers,
            stop,
        })
    }

    /// A handle to ask with.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// See [`Handle::status`].
    #[must_use]
    pub fn status(&self, name: &ResourceName) -> Option<TriggerStatus> {
        self.handle.status(name)
    }

    /// See [`Handle::triggers`].
    #[must_use]
    pub fn triggers(&self) -> Vec<TriggerStatus> {
        self.handle.triggers()
    }

    /// Claims no more, waits for what is in flight, and gives up what is not settled by the deadline: it stays in the
    /// broker and is delivered again after a restart.
    pub async fn shutdown(mut self, deadline: Duration) -> Drained {
        self.stop.claiming.cancel();
        let drain = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, drain).await.is_ok() {
            return Drained::default();
        }
        let abandoned = self.handle.still_running();
        for still in &abandoned {
            tracing::warn!(
                trigger = %still.trigger,
                deliveries = still.deliveries,
                endpoint = still.endpoint,
                "deliveries abandoned at the drain deadline; their events are delivered again after a restart"
            );
        }
        self.stop.delivering.cancel();
        while self.workers.join_next().await.is_some() {}
        Drained { abandoned }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.stop.claiming.cancel();
        self.stop.delivering.cancel();
    }
}

// === impl Handle ===

impl Handle {
    /// One trigger at this moment; `None` when there is none of that name.
    #[must_use]
    pub fn status(&self, name: &ResourceName) -> Option<TriggerStatus> {
        self.triggers.get(name).map(|trigger| trigger.status())
    }

    /// All triggers, by name.
    #[must_use]
    pub fn triggers(&self) -> Vec<TriggerStatus> {
        self.triggers.values().map(|trigger| trigger.status()).collect()
    }

    /// All HTTP endpoints that triggers send to, each once.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        let endpoints = self.triggers.values().flat_map(|trigger| {
            let now = trigger.shared.clock.now();
            trigger.endpoints().map(move |endpoint| (now, endpoint))
        });
        let mut seen = BTreeMap::new();
        for (now, endpoint) in endpoints.filter(|(_, endpoint)| endpoint.is_http()) {
            let status = || EndpointStatus::of(endpoint, now);
            seen.entry(endpoint.slots.key()).or_insert_with(status);
        }
        seen.into_values().collect()
    }

    /// Resolves with the trigger's status when it has nothing to do; `None` when there is none of that name.
    pub async fn idle(&self, name: &ResourceName) -> Option<TriggerStatus> {
        let trigger = self.triggers.get(name)?;
        trigger.subscription.idle().await;
        Some(trigger.status())
    }

    fn still_running(&self) -> Vec<StillRunning> {
        let beside = self.beside.lock();
        let all = self.triggers.values().chain(beside.values());
        let busy = all.filter(|trigger| trigger.in_flight() > 0);
        busy.map(|trigger| StillRunning {
            trigger: trigger.name.clone(),
            deliveries: trigger.in_flight(),
            endpoint: trigger.subscriber.label.to_string(),
        })
        .collect()
    }
}
