//! What the intake does on the way of an event, and when it answers.

use std::sync::Arc;
use std::time::Duration;

use ::schemas::event::Event;
use ::schemas::filter::Wildcard;
use ::schemas::validation::DataSchema;
use broker::{RuleMode, SchemaRule};

use super::*;
use crate::testing::{FakeEngine, TestClock, event, session, session_with};

fn clock() -> Arc<TestClock> {
    TestClock::at("2026-01-01T00:00:00Z")
}

fn with_hops(id: &str, left: i32) -> Event {
    event(id)
        .with(&[(BROKER_TTL, Value::Integer(left))])
        .expect("a valid extension")
}

#[tokio::test(start_paused = true)]
async fn overrides_replace_what_an_event_brings() {
    let session = session(&FakeEngine::new(), clock(), &[("team", "blue")]);
    let before = event("1")
        .with(&[("team", Value::String("red"))])
        .expect("a valid extension");
    let after = session.intake.overridden(before).expect("a valid override");
    assert_eq!(
        after.attribute("team").map(|attribute| attribute.value),
        Some("blue")
    );
}

#[tokio::test(start_paused = true)]
async fn a_lower_count_of_hops_is_kept_and_the_order_too() {
    let engine = FakeEngine::new();
    let session = session(&engine, clock(), &[]);
    let events = vec![
        event("1"),
        event("2"),
        with_hops("3", 4),
        with_hops("4", 900),
        with_hops("5", -1),
    ];
    let state = SourceState {
        key: "k".into(),
        state: b"5".to_vec(),
    };
    let accepted = session.intake.store(events, Some(state)).await.expect("stored");
    assert_eq!(accepted.positions.len(), 5);
    let batches = engine.batches();
    let shape: Vec<(u8, usize)> = batches
        .iter()
        .map(|batch| (batch.hops, batch.events.len()))
        .collect();
    assert_eq!(shape, [(255, 2), (4, 1), (255, 1), (0, 1)]);
    let ids: Vec<String> = engine
        .events()
        .iter()
        .map(|event| event.id().to_owned())
        .collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
    let states: Vec<bool> = batches.iter().map(|batch| batch.state.is_some()).collect();
    assert_eq!(
        states,
        [false, false, false, true],
        "the position rides on the last"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cures_is_waited_for_and_the_rest_is_answered() {
    let engine = FakeEngine::new();
    let session = session(&engine, clock(), &[]);
    engine.refuse([AppendError::Busy, AppendError::NoSpace]);
    session
        .intake
        .store(vec![event("1")], None)
        .await
        .expect("stored in the end");
    let failed = AppendError::Failed { reason: "EIO".into() };
    for error in [
        failed,
        AppendError::Closed,
        AppendError::TooLarge {
            bytes: 2,
            bytes_max: 1,
        },
    ] {
        engine.refuse([error.clone()]);
        let answer = session.intake.store(vec![event("2")], None).await;
        assert_eq!(answer, Err(error));
    }
    assert_eq!(engine.events().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_would_be_refused_for_ever_does_not_keep_back_the_others() {
    let engine = FakeEngine::new();
    let session = session(&engine, clock(), &[]);
    let conflict = |index| AppendError::Conflict {
        index,
        event_source: "/s".into(),
        event_id: "2".into(),
    };
    engine.refuse([conflict(1)]);
    let events = vec![event("1"), event("2"), event("3")];
    session
        .intake
        .store(events, None)
        .await
        .expect("the others are stored");
    let ids: Vec<_> = engine
        .events()
        .iter()
        .map(|event| event.id().to_owned())
        .collect();
    assert_eq!(ids, ["1", "3"]);
    engine.refuse([conflict(7)]);
    let answer = session.intake.store(vec![event("4")], None).await;
    assert_eq!(
        answer,
        Err(conflict(7)),
        "an answer about an event that is not there is no reason to go on"
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_told_to_stop_does_not_wait_on() {
    let engine = FakeEngine::new();
    let session = session(&engine, clock(), &[]);
    engine.refuse(std::iter::repeat_n(AppendError::NoSpace, 1_000));
    let store = session.intake.store(vec![event("1")], None);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        session.stop.cancel();
    };
    let (answer, ()) = tokio::join!(store, stop);
    assert_eq!(answer, Err(AppendError::NoSpace));
}

#[tokio::test(start_paused = true)]
async fn the_permit_is_held_until_the_append_has_answered() {
    let engine = FakeEngine::new();
    let session = session(&engine, clock(), &[]);
    let admission = session.intake.admission().clone();
    let free = admission.bytes_free();
    engine.stall(true);
    let store = session.intake.store(vec![event("1")], None);
    let watch = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(admission.bytes_free(), free - event("1").size());
        engine.stall(false);
    };
    let (answer, ()) = tokio::join!(store, watch);
    assert!(answer.is_ok());
    assert_eq!(admission.bytes_free(), free);
}

/// A gate whose one schema, for the type `checked`, nothing fits.
fn nothing_checked_fits(mode: RuleMode) -> SchemaGate {
    let schema = DataSchema::compile(&serde_json::json!(false)).expect("a valid schema");
    SchemaGate::new(vec![SchemaRule {
        name: ResourceName::new("default", "s").expect("a legal name"),
        brokers: vec![ResourceName::new("default", "default").expect("a legal name")],
        ty: Some(Wildcard::from("checked".to_owned())),
        data_schema: None,
        mode,
        schema: Arc::new(schema),
    }])
}

fn checked() -> Event {
    let builder = Event::builder().id("2").source("/s").ty("checked");
    builder.json("1").build().expect("a valid event")
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_schema_quarantines_is_kept_in_the_commit_of_the_position() {
    let engine = FakeEngine::new();
    let session = session_with(&engine, clock(), &[], nothing_checked_fits(RuleMode::Quarantine));
    let state = |at: &str| SourceState {
        key: "k".into(),
        state: at.into(),
    };
    let mixed = session
        .intake
        .store(vec![event("1"), checked()], Some(state("1")))
        .await;
    assert_eq!(mixed.expect("all of it is stored").positions.len(), 1);
    let alone = session
        .intake
        .store(vec![checked(), checked()], Some(state("2")))
        .await;
    assert_eq!(alone.expect("all of it is stored").positions.len(), 0);
    let without = session.intake.store(vec![checked()], None).await;
    assert!(without.is_ok());
    let kept: Vec<_> = engine
        .batches()
        .into_iter()
        .map(|batch| {
            (
                batch.events.len(),
                batch.quarantined,
                batch.state.map(|(_, at)| at),
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            (1, 1, Some("1".to_owned())),
            (0, 2, Some("2".to_owned())),
            (0, 1, None)
        ]
    );
    assert_eq!(
        (session.metrics.misfits.get(), session.metrics.events.get()),
        (0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_schema_refuses_is_left_out_and_the_position_moves_past_it() {
    let engine = FakeEngine::new();
    let session = session_with(&engine, clock(), &[], nothing_checked_fits(RuleMode::Reject));
    let state = SourceState {
        key: "k".into(),
        state: b"3".to_vec(),
    };
    let accepted = session.intake.store(vec![event("1"), checked()], None).await;
    assert_eq!(accepted.expect("the other is stored").positions.len(), 1);
    let none = session.intake.store(vec![checked()], Some(state)).await;
    assert_eq!(none.expect("the position is stored").positions.len(), 0);
    let states: Vec<_> = engine.batches().into_iter().map(|batch| batch.state).collect();
    assert_eq!(states, [None, Some(("k".to_owned(), "3".to_owned()))]);
    assert_eq!(session.metrics.misfits.get(), 2);
}
