//! When a PingSource ticks across restarts, failures and clocks that are set. Time is tokio's, paused.

use std::sync::Arc;

use broker::AppendError;
use schemas::names::ResourceName;

use super::*;
use crate::spec::SourceKind;
use crate::status::State;
use crate::supervisor::Sources;
use crate::testing::{FakeEngine, TestClock, name, start, timestamp};

const KEY: &str = "pingsource/default/one";

fn ping(schedule: &str) -> PingSpec {
    let schedule = Schedule::parse(schedule, None).expect("a legal schedule");
    PingSpec {
        schedule,
        content_type: Some("application/json".into()),
        data: Some(Bytes::from_static(b"{\"a\": 1.10}")),
    }
}

fn every_minute(engine: &Arc<FakeEngine>, clock: &Arc<TestClock>) -> Sources {
    start(
        engine,
        Arc::clone(clock) as Arc<dyn broker::Clock>,
        SourceKind::Ping(ping("* * * * *")),
    )
}

fn times(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event.time().expect("a tick has a time"))
        .collect()
}

#[test]
fn the_event_is_as_knative_makes_it_and_the_data_keep_their_bytes() {
    let source: ResourceName = name("factory/heart");
    let at = timestamp("2026-01-01T00:01:00Z");
    let id = Uuid::from_u128(7);
    let event = ping("* * * * *").event(&source, at, &id).expect("a valid event");
    assert_eq!(event.ty(), "dev.knative.sources.ping");
    assert_eq!(event.source(), "/apis/v1/namespaces/factory/pingsources/heart");
    assert_eq!(event.id(), id.to_string());
    assert_eq!(event.time(), Some("2026-01-01T00:01:00Z"));
    assert_eq!(event.data_content_type(), Some("application/json"));
    assert_eq!(event.data().map(|data| &data[..]), Some(&b"{\"a\": 1.10}"[..]));
}

#[tokio::test(start_paused = true)]
async fn each_tick_is_stored_once_with_the_tick_as_its_state() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    let sources = every_minute(&engine, &clock);
    let events = engine.wait_for_events(3).await;
    assert_eq!(
        times(&events),
        [
            "2026-01-01T00:01:00Z",
            "2026-01-01T00:02:00Z",
            "2026-01-01T00:03:00Z"
        ]
    );
    assert_ne!(events[0].id(), events[1].id());
    let batch = &engine.batches()[1];
    assert_eq!(
        batch.state,
        Some((KEY.to_owned(), "2026-01-01T00:02:00Z".to_owned()))
    );
    assert_eq!((batch.broker.as_str(), batch.hops), ("default/default", 255));
    let status = &sources.status()[0];
    assert_eq!((&status.state, status.accepted), (&State::Running, 3));
    assert!(sources.shutdown(Duration::from_secs(1)).await.is_empty());
    assert_eq!(sources.status()[0].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_restart_repeats_no_tick_even_with_a_clock_that_is_behind() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:03:30Z"));
    engine.save(KEY, "2026-01-01T00:05:00Z");
    let _sources = every_minute(&engine, &clock);
    assert_eq!(times(&engine.wait_for_events(1).await), ["2026-01-01T00:06:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn ticks_missed_while_down_are_not_made_up_for() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T03:00:10Z"));
    engine.save(KEY, "2026-01-01T00:05:00Z");
    let _sources = every_minute(&engine, &clock);
    assert_eq!(times(&engine.wait_for_events(1).await), ["2026-01-01T03:01:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_is_offered_until_it_is_stored_with_the_same_id() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    let failed = AppendError::Failed { reason: "EIO".into() };
    engine.refuse([AppendError::NoSpace, AppendError::Busy, failed.clone(), failed]);
    let sources = every_minute(&engine, &clock);
    let events = engine.wait_for_events(2).await;
    assert_eq!(times(&events), ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]);
    let attempts = engine.attempts();
    assert_eq!(attempts.len(), 6);
    assert!(
        attempts[..5].iter().all(|id| id == events[0].id()),
        "one tick has one id"
    );
    assert_eq!(sources.status()[0].state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn ticks_that_pass_while_one_cannot_be_stored_are_missed_and_the_next_comes_in_time() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    engine.stall(true);
    let sources = every_minute(&engine, &clock);
    tokio::time::sleep(Duration::from_secs(200)).await;
    engine.stall(false);
    let events = engine.wait_for_events(2).await;
    assert_eq!(times(&events), ["2026-01-01T00:01:00Z", "2026-01-01T00:04:00Z"]);
    assert_eq!(sources.status()[0].accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_in_the_status_until_it_is_over() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    engine.refuse(std::iter::repeat_n(AppendError::NoSpace, 20));
    let sources = every_minute(&engine, &clock);
    tokio::time::sleep(Duration::from_secs(32)).await;
    let State::Failing { since, last_error } = &sources.status()[0].state else {
        panic!("not failing")
    };
    assert_eq!(*since, timestamp("2026-01-01T00:01:00Z"));
    assert!(last_error.contains("full"), "{last_error}");
    engine.wait_for_events(1).await;
    crate::testing::eventually("it runs again", || sources.status()[0].state == State::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_tick_saved_by_a_clock_that_was_wrong_does_not_silence_the_source() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    engine.save(KEY, "2050-01-01T00:00:00Z");
    let _sources = every_minute(&engine, &clock);
    assert_eq!(times(&engine.wait_for_events(1).await), ["2026-01-01T00:01:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_far_is_followed() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-06-01T00:00:30Z"));
    let _sources = every_minute(&engine, &clock);
    engine.wait_for_events(1).await;
    clock.set("2026-01-01T00:00:30Z");
    let events = engine.wait_for_events(2).await;
    assert_eq!(times(&events), ["2026-06-01T00:01:00Z", "2026-01-01T00:01:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_ticks_within_seconds() {
    let (engine, clock) = (FakeEngine::new(), TestClock::at("2026-01-01T00:00:30Z"));
    let kind = SourceKind::Ping(ping("0 * * * *"));
    let _sources = start(&engine, Arc::clone(&clock) as Arc<dyn broker::Clock>, kind);
    tokio::time::sleep(Duration::from_secs(1)).await;
    clock.set("2026-01-01T01:00:01Z");
    let waited = tokio::time::Instant::now();
    engine.wait_for_events(1).await;
    assert!(waited.elapsed() <= Duration::from_millis(CLOCK_CHECK_MS_MAX));
}
