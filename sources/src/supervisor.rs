//! Runs the sources and keeps them running.
//!
//! A task for each; one that fails (or panics) is started again after a pause that doubles up to
//! [`RESTART_PAUSE_MS_MAX`] and starts over once it has run for [`HEALTHY_AFTER_MS`]. The others do not notice.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::{Admission, Clock, Engine, SchemaGate};
use futures_util::FutureExt;
use parking_lot::Mutex;
use schemas::limits::Limits;
use schemas::names::ResourceName;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::intake::{Intake, Parts};
use crate::limits::{HEALTHY_AFTER_MS, RESTART_PAUSE_MS_MAX, RESTART_PAUSE_MS_MIN};
use crate::metrics::Metrics;
use crate::source::{Session, Source, SourceError, explain};
use crate::spec::{KindName, SourceKind, SourceSpec};
use crate::status::{Reporter, SourceStatus};
use crate::webhook::{Webhook, Webhooks};

/// What the sources work with.
#[derive(Clone)]
pub struct Options {
    /// Where events go.
    pub engine: Arc<dyn Engine>,
    /// The budget of bytes on their way to the disk, shared with the ingress.
    pub admission: Admission,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What an event may measure.
    pub limits: Limits,
    /// What its data must look like.
    pub schemas: SchemaGate,
    /// Where they count.
    pub metrics: Metrics,
    /// Seeds the jitter of pauses.
    pub random_seed: u64,
}

/// The running sources. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    metrics: Metrics,
    stop: CancellationToken,
    webhooks: Webhooks,
    reporters: Vec<Arc<Reporter>>,
    tasks: Mutex<Vec<(ResourceName, JoinHandle<()>)>>,
}

/// Why nothing was started. The configuration should have refused both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Two sources of one kind and name would share a position.
    #[error("there are two sources {} {name}; give one of them another name", kind.as_str())]
    SameName {
        /// Their kind.
        kind: KindName,
        /// Their name.
        name: ResourceName,
    },
    /// Two webhooks on one path: one of them would never be called.
    #[error("the webhooks {first} and {second} both ask for the path `{path}`; give one of them another")]
    SamePath {
        /// The path.
        path: String,
        /// Who has it.
        first: ResourceName,
        /// Who wants it, too.
        second: ResourceName,
    },
}

// === impl Sources ===

impl Sources {
    /// Starts all of them; within a tokio runtime. Answers at once: whether a source gets through is in its status.
    ///
    /// # Errors
    /// [`StartError`] for sources that exclude each other; nothing is started then.
    pub fn start(options: Options, specs: Vec<SourceSpec>) -> Result<Self, StartError> {
        check_names(&specs)?;
        let stop = CancellationToken::new();
        let mut random = fastrand::Rng::with_seed(options.random_seed);
        let (mut reporters, mut webhooks, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for spec in specs {
            let session = session(&options, &spec, stop.clone(), random.fork());
            reporters.push(Arc::clone(&session.status));
            if let Some(source) = spec.kind.build(&spec.name) {
                runs.push((spec.name, source, session));
            } else if let SourceKind::Webhook(webhook) = spec.kind {
                webhooks.push(Webhook::new(spec.name, webhook, session));
            }
        }
        let webhooks = Webhooks::new(webhooks)?;
        let spawn =
            |(name, source, session)| (name, tokio::spawn(keep_running(source, session, random.fork())));
        let tasks = Mutex::new(runs.into_iter().map(spawn).collect());
        let inner = Inner {
            metrics: options.metrics,
            stop,
            webhooks,
            reporters,
            tasks,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// How each source is now, in the order they were given.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        self.inner
            .reporters
            .iter()
            .map(|reporter| reporter.status())
            .collect()
    }

    /// What the ingress hands webhook requests to.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks {
        self.inner.webhooks.clone()
    }

    /// Stops all sources and waits until what they were storing is stored and their positions are moved. Answers who
    /// had not finished in time; those are dropped, and repeat after the next start what they had not committed.
    pub async fn shutdown(&self, within: Duration) -> Vec<ResourceName> {
        let deadline = Instant::now() + within;
        self.inner.stop.cancel();
        let tasks = std::mem::take(&mut *self.inner.tasks.lock());
        let mut late = Vec::new();
        for (name, mut task) in tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                late.push(name);
            }
        }
        self.inner.webhooks.stopped();
        for SourceStatus { kind, name, .. } in self.status() {
            self.inner.metrics.remove(kind, &name);
        }
        late
    }
}

fn check_names(specs: &[SourceSpec]) -> Result<(), StartError> {
    let mut seen = BTreeSet::new();
    for spec in specs {
        let kind = spec.kind.name();
        if !seen.insert((kind.as_str(), &spec.name)) {
            return Err(StartError::SameName {
                kind,
                name: spec.name.clone(),
            });
        }
    }
    Ok(())
}

fn session(options: &Options, spec: &SourceSpec, stop: CancellationToken, random: fastrand::Rng) -> Session {
    let kind = spec.kind.name();
    let metrics = options.metrics.of(kind, &spec.name);
    let clock = Arc::clone(&options.clock);
    let status = Reporter::new(
        kind,
        spec.name.clone(),
        spec.target.clone(),
        Arc::clone(&clock),
        metrics.clone(),
    );
    let status = Arc::new(status);
    let intake = Intake::new(Parts {
        engine: Arc::clone(&options.engine),
        admission: options.admission.clone(),
        broker: spec.target.clone(),
        overrides: spec.overrides.clone(),
        schemas: options.schemas.clone(),
        status: Arc::clone(&status),
        metrics: metrics.clone(),
        stop: stop.clone(),
        random,
    });
    Session {
        intake,
        status,
        metrics,
        stop,
        clock,
        limits: options.limits.clone(),
    }
}

/// Runs a source until it is told to stop.
async fn keep_running(source: Box<dyn Source>, session: Session, random: fastrand::Rng) {
    let mut backoff = Backoff::new(RESTART_PAUSE_MS_MIN, RESTART_PAUSE_MS_MAX, random);
    while !session.stop.is_cancelled() {
        session.status.connecting();
        let started = Instant::now();
        let ended = AssertUnwindSafe(source.run(&session)).catch_unwind().await;
        let error = match ended {
            Ok(Ok(())) if session.stop.is_cancelled() => break,
            Ok(Ok(())) => SourceError::Ended,
            Ok(Err(error)) => error,
            Err(panic) => SourceError::Panicked(panic_text(&*panic)),
        };
        if started.elapsed() >= Duration::from_millis(HEALTHY_AFTER_MS) {
            backoff.reset();
        }
        session.status.failing(explain(&error));
        session.metrics.restarts.inc();
        let _stopped = session
            .stop
            .run_until_cancelled(tokio::time::sleep(backoff.next_pause()))
            .await;
    }
    session.status.stopped();
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests;
