//! The supervisor keeps sources running, apart from each other, and stops them in order.

use std::sync::atomic::{AtomicU32, Ordering};

use broker::AppendError;
use futures_util::future::BoxFuture;

use super::*;
use crate::status::State;
use crate::testing::{FakeEngine, TestClock, eventually, name, options, session, spec};
use crate::webhook::WebhookSpec;

/// Fails its first runs in the way asked for, then runs.
struct Flaky {
    runs: Arc<AtomicU32>,
    failures: u32,
    panics: bool,
}

/// Does not stop when told.
struct Deaf;

impl Source for Flaky {
    fn run<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let run = self.runs.fetch_add(1, Ordering::Relaxed);
            assert!(run >= self.failures || !self.panics, "run {run}");
            if run < self.failures {
                return Err(SourceError::outside("dialling", AppendError::Closed));
            }
            session.status.running();
            session.stop.cancelled().await;
            Ok(())
        })
    }
}

impl Source for Deaf {
    fn run<'a>(&'a self, _: &'a Session) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(std::future::pending())
    }
}

fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(3)
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_started_again_with_growing_pauses() {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let session = session(&FakeEngine::new(), clock, &[]);
    let (status, stop, metrics) = (
        Arc::clone(&session.status),
        session.stop.clone(),
        session.metrics.clone(),
    );
    let runs = Arc::new(AtomicU32::new(0));
    let source = Flaky {
        runs: Arc::clone(&runs),
        failures: 5,
        panics: false,
    };
    let started = Instant::now();
    let task = tokio::spawn(keep_running(Box::new(source), session, random()));
    eventually("it fails", || {
        matches!(status.status().state, State::Failing { .. })
    })
    .await;
    let State::Failing { last_error, .. } = status.status().state else {
        panic!("not failing")
    };
    assert_eq!(last_error, "dialling failed: the broker is shutting down");
    eventually("it runs", || status.status().state == State::Running).await;
    assert_eq!((runs.load(Ordering::Relaxed), metrics.restarts.get()), (6, 5));
    let shortest = Duration::from_millis(250 + 500 + 1_000 + 2_000 + 4_000);
    assert!(
        started.elapsed() >= shortest && started.elapsed() <= shortest * 2,
        "{:?}",
        started.elapsed()
    );
    stop.cancel();
    task.await.expect("the task ends");
    assert_eq!(status.status().state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_started_again() {
    let session = session(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"), &[]);
    let status = Arc::clone(&session.status);
    let source = Flaky {
        runs: Arc::default(),
        failures: 1,
        panics: true,
    };
    let task = tokio::spawn(keep_running(Box::new(source), session, random()));
    eventually("it fails", || {
        matches!(status.status().state, State::Failing { .. })
    })
    .await;
    let State::Failing { last_error, .. } = status.status().state else {
        panic!("not failing")
    };
    assert!(last_error.starts_with("the source panicked"), "{last_error}");
    eventually("it runs", || status.status().state == State::Running).await;
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_when_the_source_is_told_to_stop() {
    let session = session(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"), &[]);
    let stop = session.stop.clone();
    let source = Flaky {
        runs: Arc::default(),
        failures: u32::MAX,
        panics: false,
    };
    let task = tokio::spawn(keep_running(Box::new(source), session, random()));
    tokio::time::sleep(Duration::from_secs(300)).await;
    let stopped = Instant::now();
    stop.cancel();
    task.await.expect("the task ends");
    assert_eq!(stopped.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shutdown_names_who_did_not_finish_in_time() {
    let options = options(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"));
    let sources = Sources::start(options, Vec::new()).expect("nothing to refuse");
    let session = session(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"), &[]);
    let deaf = tokio::spawn(keep_running(Box::new(Deaf), session, random()));
    sources.inner.tasks.lock().push((name("default/deaf"), deaf));
    let began = Instant::now();
    assert_eq!(
        sources.shutdown(Duration::from_secs(3)).await,
        [name("default/deaf")]
    );
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn sources_that_exclude_each_other_are_refused() {
    let webhook = |path: &str| {
        SourceKind::Webhook(WebhookSpec {
            path: path.to_owned(),
            ..WebhookSpec::default()
        })
    };
    let options = || options(&FakeEngine::new(), TestClock::at("2026-01-01T00:00:00Z"));
    let twice = Sources::start(options(), vec![spec(webhook("/a")), spec(webhook("/b"))]);
    assert!(matches!(twice.err(), Some(StartError::SameName { .. })));
    let mut other = spec(webhook("/a"));
    other.name = name("default/two");
    let one_path = Sources::start(options(), vec![spec(webhook("/a")), other]);
    let Some(error @ StartError::SamePath { .. }) = one_path.err() else {
        panic!("accepted")
    };
    let wanted =
        "the webhooks default/one and default/two both ask for the path `/a`; give one of them another";
    assert_eq!(error.to_string(), wanted);
}
