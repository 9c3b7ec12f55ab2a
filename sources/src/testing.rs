//! What the tests of this crate stand on: an engine in memory that can refuse and stall, a clock that follows tokio's
//! time, and sources started on both.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use broker::{
    Accepted, Admission, AppendError, Batch, Clock, Engine, Matcher, Position, SchemaGate, SubscribeError,
    Subscription, SubscriptionSpec, Timestamp,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use schemas::event::Event;
use schemas::limits::Limits;
use schemas::names::ResourceName;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::intake::{Intake, Parts};
use crate::metrics::Metrics;
use crate::source::Session;
use crate::spec::{KindName, SourceKind, SourceSpec};
use crate::status::Reporter;
use crate::supervisor::{Options, Sources};

/// Long enough for a few ticks of a minute in paused time, short enough to fail a test in real time.
const PATIENCE: Duration = Duration::from_secs(200);

/// An engine in memory.
#[derive(Debug)]
pub(crate) struct FakeEngine {
    inner: Mutex<Inner>,
    /// Appends stored so far; for waiting.
    stored: watch::Sender<usize>,
    /// Appends wait while this is true.
    stalled: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Inner {
    batches: Vec<StoredBatch>,
    refusals: VecDeque<AppendError>,
    states: HashMap<String, Vec<u8>>,
    attempts: Vec<String>,
    open: usize,
    open_most: usize,
}

/// What one append stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredBatch {
    pub(crate) broker: ResourceName,
    pub(crate) events: Vec<Event>,
    /// How many events were kept as dead letters.
    pub(crate) quarantined: usize,
    pub(crate) hops: u8,
    pub(crate) state: Option<(String, String)>,
}

/// A clock that follows tokio's time (which tests pause) and can be set.
#[derive(Debug)]
pub(crate) struct TestClock {
    start: Instant,
    offset_ms: AtomicI64,
}

impl FakeEngine {
    pub(crate) fn new() -> Arc<Self> {
        let inner = Mutex::new(Inner::default());
        Arc::new(Self {
            inner,
            stored: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
        })
    }

    /// The next appends fail with these.
    pub(crate) fn refuse(&self, errors: impl IntoIterator<Item = AppendError>) {
        self.inner.lock().refusals.extend(errors);
    }

    pub(crate) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    pub(crate) fn save(&self, key: &str, state: &str) {
        self.inner
            .lock()
            .states
            .insert(key.to_owned(), state.as_bytes().to_vec());
    }

    pub(crate) fn batches(&self) -> Vec<StoredBatch> {
        self.inner.lock().batches.clone()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.inner
            .lock()
            .batches
            .iter()
            .flat_map(|batch| batch.events.clone())
            .collect()
    }

    /// The id of the first event of each append that was tried.
    pub(crate) fn attempts(&self) -> Vec<String> {
        self.inner.lock().attempts.clone()
    }

    /// Most appends that were open at once.
    pub(crate) fn open_most(&self) -> usize {
        self.inner.lock().open_most
    }

    /// Waits until at least this many events are stored.
    pub(crate) async fn wait_for_events(&self, count: usize) -> Vec<Event> {
        let mut stored = self.stored.subscribe();
        let enough = stored.wait_for(|stored| *stored >= count);
        let in_time = tokio::time::timeout(PATIENCE, enough)
            .await
            .map(|found| *found.expect("the engine lives"));
        assert!(
            in_time.is_ok(),
            "only {} of {count} events were stored",
            self.events().len()
        );
        self.events()
    }

    async fn take(&self, broker: &ResourceName, batch: Batch) -> Result<Accepted, AppendError> {
        {
            let mut inner = self.inner.lock();
            inner.open += 1;
            inner.open_most = inner.open_most.max(inner.open);
        }
        let mut stalled = self.stalled.subscribe();
        let _flowing = stalled.wait_for(|stalled| !stalled).await;
        let mut inner = self.inner.lock();
        inner.open -= 1;
        // A batch may have nothing but a position.
        let first = batch.events.first().map(|event| event.id().to_owned());
        inner.attempts.extend(first);
        if let Some(error) = inner.refusals.pop_front() {
            return Err(error);
        }
        let state = batch.source_state.map(|state| {
            inner.states.insert(state.key.clone(), state.state.clone());
            (
                state.key,
                String::from_utf8(state.state).expect("states are text"),
            )
        });
        let first = inner
            .batches
            .iter()
            .map(|batch| batch.events.len())
            .sum::<usize>() as u64
            + 1;
        let positions = (0..batch.events.len() as u64)
            .map(|at| Position {
                stream: 1,
                sequence: first + at,
            })
            .map(Some)
            .collect();
        let events = batch.events;
        let count = events.len();
        inner.batches.push(StoredBatch {
            broker: broker.clone(),
            events,
            quarantined: batch.quarantined.len(),
            hops: batch.hops,
            state,
        });
        drop(inner);
        self.stored.send_modify(|stored| *stored += count);
        Ok(Accepted {
            positions,
            duplicates: 0,
        })
    }
}

impl Engine for FakeEngine {
    fn append<'a>(
        &'a self,
        broker: &'a ResourceName,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Accepted, AppendError>> {
        Box::pin(self.take(broker, batch))
    }

    fn subscribe(
        &self,
        subscription: SubscriptionSpec,
    ) -> BoxFuture<'_, Result<Arc<dyn Subscription>, SubscribeError>> {
        let SubscriptionSpec { name, broker, .. } = subscription;
        Box::pin(std::future::ready(Err(SubscribeError::UnknownBroker {
            broker,
            subscription: name,
        })))
    }

    fn set_matcher(&self, _: Arc<dyn Matcher>) {}

    fn source_state(&self, key: &str) -> Option<Vec<u8>> {
        self.inner.lock().states.get(key).cloned()
    }
}

impl TestClock {
    /// Starts at an RFC 3339 time.
    pub(crate) fn at(time: &str) -> Arc<Self> {
        let offset_ms = AtomicI64::new(ms(time));
        Arc::new(Self {
            start: Instant::now(),
            offset_ms,
        })
    }

    /// Sets the clock, as a person or NTP would.
    pub(crate) fn set(&self, time: &str) {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).expect("tests are short");
        self.offset_ms.store(ms(time) - elapsed, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).expect("tests are short");
        let now = self.offset_ms.load(Ordering::Relaxed) + elapsed;
        Timestamp(u64::try_from(now).expect("after 1970"))
    }
}

fn ms(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>()
        .expect("an RFC 3339 time")
        .as_millisecond()
}

pub(crate) fn timestamp(time: &str) -> Timestamp {
    Timestamp(u64::try_from(ms(time)).expect("after 1970"))
}

pub(crate) fn name(text: &str) -> ResourceName {
    text.parse().expect("a legal name")
}

pub(crate) fn options(engine: &Arc<FakeEngine>, clock: Arc<dyn Clock>) -> Options {
    Options {
        engine: Arc::clone(engine) as Arc<dyn Engine>,
        admission: Admission::new(1 << 20),
        clock,
        limits: Limits::default(),
        metrics: Metrics::register(&mut Registry::default()),
        schemas: SchemaGate::default(),
        random_seed: 1,
    }
}

/// A source `default/one` that stores into `default/default`.
pub(crate) fn spec(kind: SourceKind) -> SourceSpec {
    SourceSpec {
        name: name("default/one"),
        target: name("default/default"),
        overrides: Vec::new(),
        kind,
    }
}

pub(crate) fn start(engine: &Arc<FakeEngine>, clock: Arc<dyn Clock>, kind: SourceKind) -> Sources {
    Sources::start(options(engine, clock), vec![spec(kind)]).expect("the source starts")
}

/// A session for what is called directly.
pub(crate) fn session(
    engine: &Arc<FakeEngine>,
    clock: Arc<dyn Clock>,
    overrides: &[(&str, &str)],
) -> Session {
    session_with(engine, clock, overrides, SchemaGate::default())
}

/// The same with schemas at its broker's door.
pub(crate) fn session_with(
    engine: &Arc<FakeEngine>,
    clock: Arc<dyn Clock>,
    overrides: &[(&str, &str)],
    schemas: SchemaGate,
) -> Session {
    let Options {
        engine,
        admission,
        metrics,
        limits,
        ..
    } = options(engine, Arc::clone(&clock));
    let kind = KindName::PingSource;
    let (source, broker) = (name("default/one"), name("default/default"));
    let metrics = metrics.of(kind, &source);
    let status = Reporter::new(kind, source, broker.clone(), Arc::clone(&clock), metrics.clone());
    let status = Arc::new(status);
    let stop = CancellationToken::new();
    let intake = Intake::new(Parts {
        engine,
        admission,
        broker,
        overrides: overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        schemas,
        status: Arc::clone(&status),
        metrics: metrics.clone(),
        stop: stop.clone(),
        random: fastrand::Rng::with_seed(1),
    });
    Session {
        intake,
        status,
        metrics,
        stop,
        clock,
        limits,
    }
}

/// Waits until something holds that is told nowhere, by asking often.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let asking = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "{what}");
}

/// A small event.
pub(crate) fn event(id: &str) -> Event {
    Event::builder()
        .id(id)
        .source("/tests")
        .ty("test")
        .build()
        .expect("a valid event")
}
