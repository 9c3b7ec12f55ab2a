//! The parts of a running node and the order in which they start.

use std::sync::Arc;

use broker::embedded::Embedded;
use broker::limits::ADMISSION_BYTES_MAX;
use broker::{Admission, SchemaGate, WallClock};
use dispatcher::{Dispatcher, Handle};
use hyper_util::service::TowerToHyperService;
use schemas::limits::Limits;
use sources::Sources;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use crate::cli::node::NodeArgs;
use crate::console::Console;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::metrics::{IngressMetrics, Metrics};
use crate::ready_file::base_url;
use crate::server::accept::Listener;
use crate::server::admin::{self, Admin, Catalogue, Phase};
use crate::server::ingress::{self, Ingress};
use crate::signals::Signals;
use crate::telemetry::narrator::Narrator;
use crate::wiring::Wiring;

/// Both ports, bound and not yet served.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) ingress: Listener,
    pub(super) admin: Listener,
}

/// Everything that runs. Ended by [`super::drain::drain`].
pub(super) struct Running {
    pub(super) phase: Phase,
    pub(super) engine: Embedded,
    pub(super) dispatcher: Dispatcher,
    pub(super) sources: Sources,
    pub(super) ingress: Server,
    pub(super) admin: Server,
}

/// A server's task and how it is told to stop.
pub(super) struct Server {
    pub(super) task: JoinHandle<()>,
    pub(super) stop: CancellationToken,
}

/// What both servers work with.
struct Common {
    engine: Embedded,
    metrics: Metrics,
    sources: Sources,
    catalogue: Catalogue,
    schemas: SchemaGate,
    access: Access,
}

impl Listeners {
    /// Binds both before any real work, so that a port that is taken costs nothing.
    pub(super) fn bind(args: &NodeArgs) -> Outcome<Self> {
        Ok(Self {
            ingress: Listener::bind(args.listen, "--listen").or_exit(Exit::Io)?,
            admin: Listener::bind(args.admin, "--admin").or_exit(Exit::Io)?,
        })
    }
}

impl Running {
    /// Starts the triggers first, so that nothing is accepted that is not looked at, then the sources, then the servers.
    pub(super) async fn start(
        engine: Embedded,
        listeners: Listeners,
        access: Access,
        wiring: Wiring,
        console: Console,
    ) -> Outcome<Self> {
        let metrics = Metrics::new();
        metrics.register_engine(engine.clone());
        metrics.register_schemas(wiring.schemas.clone());
        let admission = Admission::new(ADMISSION_BYTES_MAX);
        let narrator = Narrator::new(console, wiring.echoes);

        let options = dispatcher_options(&engine, narrator, &metrics, &wiring.schemas);
        let dispatcher = Dispatcher::start(options, wiring.triggers)
            .await
            .or_exit(Exit::Data)?;
        let options = source_options(&engine, &admission, &metrics, &wiring.schemas);
        let sources = Sources::start(options, wiring.sources).or_exit(Exit::Data)?;

        let phase = Phase::default();
        let common = Common {
            engine,
            metrics,
            sources,
            catalogue: wiring.catalogue,
            schemas: wiring.schemas,
            access,
        };
        let admin = common.admin(
            listeners.admin,
            &listeners.ingress,
            dispatcher.handle(),
            phase.clone(),
        );
        let ingress = common.ingress(listeners.ingress, admission);
        phase.running();
        Ok(Self {
            phase,
            engine: common.engine,
            dispatcher,
            sources: common.sources,
            ingress,
            admin,
        })
    }

    /// Returns at the first signal, or fails when a server ends by itself.
    pub(super) async fn until_stopped(&mut self, signals: &mut Signals) -> Outcome {
        let server = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping; a second signal ends the process at once");
                return Ok(());
            }
            ended = &mut self.ingress.task => ("ingress", ended),
            ended = &mut self.admin.task => ("admin", ended),
        };
        Err(ended_by_itself(server))
    }
}

impl Server {
    /// The listener's `serving` until `stop`.
    fn spawn(serving: impl Future<Output = ()> + Send + 'static, stop: CancellationToken) -> Self {
        Self {
            task: tokio::spawn(serving),
            stop,
        }
    }
}

impl Common {
    fn ingress(&self, listener: Listener, admission: Admission) -> Server {
        let parts = ingress::Parts {
            engine: self.engine.clone(),
            admission,
            brokers: self.catalogue.brokers.clone(),
            webhooks: self.sources.webhooks(),
            limits: Limits::default(),
            schemas: self.schemas.clone(),
            guard: self.access.ingress.clone(),
            metrics: IngressMetrics::new(&self.metrics),
        };
        let (ingress, stop) = (Ingress::new(parts).service(), CancellationToken::new());
        Server::spawn(listener.serve(ingress, stop.clone()), stop)
    }

    fn admin(&self, listener: Listener, ingress: &Listener, dispatcher: Handle, phase: Phase) -> Server {
        let stop = CancellationToken::new();
        let parts = admin::Parts {
            engine: self.engine.clone(),
            dispatcher,
            sources: self.sources.clone(),
            catalogue: self.catalogue.clone(),
            schemas: self.schemas.clone(),
            metrics: self.metrics.clone(),
            phase,
            ingress: base_url(ingress.address()),
            guard: self.access.admin.clone(),
            stop: stop.clone(),
        };
        let admin = TowerToHyperService::new(Admin::new(parts).router());
        Server::spawn(listener.serve(admin, stop.clone()), stop)
    }
}

fn dispatcher_options(
    engine: &Embedded,
    narrator: Arc<Narrator>,
    metrics: &Metrics,
    schemas: &SchemaGate,
) -> dispatcher::Options {
    let mut options = dispatcher::Options::new(Arc::new(engine.clone()));
    options.clock = engine.clock();
    options.observer = narrator;
    options.metrics = metrics.register(dispatcher::Metrics::register);
    options.schemas = schemas.clone();
    options
}

fn source_options(
    engine: &Embedded,
    admission: &Admission,
    metrics: &Metrics,
    schemas: &SchemaGate,
) -> sources::Options {
    sources::Options {
        engine: Arc::new(engine.clone()),
        admission: admission.clone(),
        clock: Arc::new(WallClock),
        limits: Limits::default(),
        schemas: schemas.clone(),
        metrics: metrics.register(sources::Metrics::register),
        random_seed: seed(),
    }
}

/// Differs from start to start, so that a herd of processes does not retry in step.
fn seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

fn ended_by_itself((server, ended): (&str, Result<(), JoinError>)) -> Failure {
    let why = ended
        .err()
        .map_or_else(|| "nobody told it to".to_owned(), |error| error.to_string());
    Failure::new(Exit::Internal, format!("the {server} server ended: {why}"))
}
