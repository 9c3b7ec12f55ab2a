//! The dead-letter store as a person uses it: counted, listed by pages, shown although damaged, purged for good.

use std::collections::HashSet;

use super::*;
use crate::{Position, SchemaGate};

/// Stores these events and dead-letters each of them, a millisecond after the one before.
async fn store_letters(
    engine: &Embedded,
    clock: &ManualClock,
    subscription: &Arc<dyn Subscription>,
    ids: &[u64],
) {
    for id in ids {
        engine
            .append(&name("b"), batch(vec![typed(*id, "a")]))
            .await
            .unwrap();
        let claim = next(subscription).await;
        let letter = DeadLetter {
            reason: match id % 2 {
                0 => DeadLetterReason::Refused,
                _ => DeadLetterReason::RetriesExhausted,
            },
            event: claim.event().clone(),
            failure: None,
            attempts: 1,
        };
        claim.settle(Settlement::DeadLettered(letter)).await.unwrap();
        clock.0.fetch_add(1, Ordering::SeqCst);
    }
    assert!(is_quiet(subscription).await);
    let stream = engine.shared.streams.by_name(&name("b")).unwrap().dead_letters;
    let last = engine.shared.last(stream);
    let is_indexed = || {
        let indexed = engine
            .shared
            .view()
            .dead_letters_indexed(journal::StreamId(stream));
        (indexed.unwrap() >= last).then_some(())
    };
    engine.shared.wait_for(is_indexed).await.unwrap();
}

fn page(
    engine: &Embedded,
    before: Option<DeadLetterPlace>,
    limit: usize,
) -> (Vec<String>, Option<DeadLetterPlace>) {
    let query = DeadLetterQuery {
        limit,
        before,
        ..DeadLetterQuery::default()
    };
    let page = engine.dead_letters(&query).unwrap();
    let ids = page
        .letters
        .into_iter()
        .map(|letter| letter.copy.unwrap().event_id);
    (ids.collect(), page.next)
}

fn refused() -> DeadLetterFilter {
    DeadLetterFilter {
        reason: Some(DeadLetterReason::Refused),
        ..DeadLetterFilter::default()
    }
}

#[tokio::test]
async fn a_list_goes_by_pages_from_the_newest_on_and_counts_by_reason() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    store_letters(&engine, &clock, &subscription, &[1, 2, 3, 4, 5]).await;

    let (first, next) = page(&engine, None, 2);
    assert_eq!(first, ["5", "4"]);
    let text = next.unwrap().to_string();
    let (second, next) = page(&engine, Some(text.parse().unwrap()), 2);
    assert_eq!(second, ["3", "2"]);
    assert_eq!(page(&engine, next, 2), (vec!["1".to_owned()], None));
    assert_eq!(
        page(&engine, None, 5).1,
        None,
        "a page that has all of them is the last"
    );
    assert!("5".parse::<DeadLetterPlace>().is_err());

    let groups = engine.dead_letter_groups(&DeadLetterFilter::default()).unwrap();
    let counts: Vec<_> = groups.iter().map(|group| (group.reason, group.count)).collect();
    assert_eq!(
        counts,
        [
            (DeadLetterReason::RetriesExhausted, 3),
            (DeadLetterReason::Refused, 2)
        ]
    );
    assert_eq!(
        (groups[0].oldest, groups[0].newest),
        (Timestamp(1_000), Timestamp(1_004))
    );

    let count = |filter: DeadLetterFilter| engine.count_dead_letters(&filter).unwrap();
    let all = DeadLetterFilter::default;
    assert_eq!(
        count(DeadLetterFilter {
            since: Some(Timestamp(1_003)),
            ..all()
        }),
        2
    );
    assert_eq!(
        count(DeadLetterFilter {
            until: Some(Timestamp(1_003)),
            ..all()
        }),
        3
    );
    assert_eq!(
        count(DeadLetterFilter {
            ty: Some("a".into()),
            ..refused()
        }),
        2
    );
    assert_eq!(
        count(DeadLetterFilter {
            ty: Some("b".into()),
            ..all()
        }),
        0
    );
    assert_eq!(
        count(DeadLetterFilter {
            broker: Some(name("c")),
            ..all()
        }),
        0
    );
    engine.close().await;
}

#[tokio::test]
async fn what_was_purged_stays_gone_over_a_restart_and_the_loss_of_the_view() {
    for loses_view in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
        let engine = open_at(directory.path(), Arc::clone(&clock)).await;
        let subscription = attach(&engine, "b", "t").await;
        store_letters(&engine, &clock, &subscription, &[1, 2, 3, 4]).await;
        let listed = engine
            .dead_letters(&DeadLetterQuery {
                limit: 9,
                ..DeadLetterQuery::default()
            })
            .unwrap();
        let one = listed.letters[3].id.clone();
        assert_eq!(engine.purge(&refused()).await.unwrap().letters, 2);
        assert_eq!(
            engine.purge(&refused()).await.unwrap().letters,
            0,
            "they are gone when it has answered"
        );
        let by_id = DeadLetterFilter {
            ids: HashSet::from([one.clone(), "9-9-9".to_owned()]),
            ..DeadLetterFilter::default()
        };
        assert_eq!(engine.purge(&by_id).await.unwrap().letters, 1);
        assert!(engine.dead_letter(&one).unwrap().is_none());
        assert_eq!(subscription.status().purged, 3);
        drop(subscription);
        engine.close().await;
        drop(engine);
        if loses_view {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }

        let engine = open_at(directory.path(), clock).await;
        assert_eq!(page(&engine, None, 9).0, ["3"], "view lost: {loses_view}");
        let gone: Vec<_> = engine
            .shared
            .view()
            .dump()
            .into_iter()
            .filter(|(key, _)| key[0] == b'g')
            .collect();
        assert_eq!(gone, [], "nothing is kept of what is gone");
        engine.close().await;
    }
}

#[tokio::test]
async fn a_letter_that_came_again_is_another_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::<ManualClock>::default();
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    store_letters(&engine, &clock, &subscription, &[1]).await;
    let cause = Position {
        stream: engine.shared.streams.by_name(&name("b")).unwrap().events,
        sequence: 1,
    };
    let letter = engine
        .shared
        .view()
        .dead_letter(subscription.id(), cause)
        .unwrap()
        .unwrap();
    let gone = |copy| records::LetterGone {
        subscription: subscription.id(),
        cause,
        copy,
    };
    let other = Position {
        sequence: letter.copy.sequence - 1,
        ..letter.copy
    };
    engine.shared.view().remove_dead_letters(&[gone(other)]).unwrap();
    assert_eq!(page(&engine, None, 9).0, ["1"]);
    engine
        .shared
        .view()
        .remove_dead_letters(&[gone(letter.copy)])
        .unwrap();
    assert_eq!(page(&engine, None, 9).0.len(), 0);
    engine.close().await;
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_is_shown_as_that_and_can_be_purged() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    store_letters(&engine, &clock, &subscription, &[1]).await;
    let meta = records::DeadLetterMeta {
        broker: name("b"),
        trigger: Some(name("t")),
        subscription: subscription.id(),
        cause: Position {
            stream: 16,
            sequence: 77,
        },
        reason: DeadLetterReason::Refused,
        failure: None,
        attempts: 1,
        at: clock.now(),
        side: None,
        hops: None,
    };
    let nowhere = Position {
        stream: 17,
        sequence: 99,
    };
    engine.shared.view().put_dead_letter(nowhere, &meta).unwrap();
    let listed = engine
        .dead_letters(&DeadLetterQuery {
            limit: 9,
            ..DeadLetterQuery::default()
        })
        .unwrap();
    let readable: Vec<_> = listed.letters.iter().map(|letter| letter.copy.is_ok()).collect();
    assert_eq!(readable, [false, true]);
    let (shown, event) = engine.dead_letter(&listed.letters[0].id).unwrap().unwrap();
    assert!(shown.copy.unwrap_err().contains("not in the journal"));
    assert!(event.is_none());
    assert_eq!(engine.purge(&refused()).await.unwrap().letters, 1);
    engine.close().await;
}

#[tokio::test]
async fn a_redriven_letter_is_in_the_store_or_in_the_redrive_and_fails_into_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    store_letters(&engine, &clock, &subscription, &[1, 2, 4]).await;
    let redrove = engine
        .redrive_dead_letters(&refused(), Some(9), &SchemaGate::default())
        .await
        .unwrap();
    assert_eq!(
        (redrove.letters, redrove.stayed, redrove.redrives.len()),
        (2, 0, 1)
    );
    let count = |filter: &DeadLetterFilter| engine.count_dead_letters(filter).unwrap();
    assert_eq!(count(&refused()), 0);
    let side = &engine.replays()[0];
    assert_eq!(side.id, redrove.redrives[0]);
    assert_eq!(subscription.status().letters_redriven, 2);
    let again = engine
        .redrive_dead_letters(&refused(), None, &SchemaGate::default())
        .await
        .unwrap();
    assert_eq!(again.letters, 0);
    drop(subscription);
    let deleted = engine
        .redrive_dead_letters(&DeadLetterFilter::default(), None, &SchemaGate::default())
        .await;
    assert!(matches!(deleted, Err(LettersError::Trigger(_))), "{deleted:?}");
    assert_eq!(count(&DeadLetterFilter::default()), 1, "an error, not a drop");
    engine.close().await;
}

/// A gate whose one schema, for everything, quarantines what is not of this kind.
fn doors(kind: &str) -> SchemaGate {
    let schema = schemas::validation::DataSchema::compile(&serde_json::json!({"type": kind})).unwrap();
    SchemaGate::new(vec![crate::SchemaRule {
        name: name("s"),
        brokers: vec![name("b")],
        ty: None,
        data_schema: None,
        mode: crate::RuleMode::Quarantine,
        schema: Arc::new(schema),
    }])
}

fn quarantined(event: &Event) -> crate::Quarantined {
    match doors("object").check(&name("b"), event) {
        crate::Verdict::Quarantined(mismatch) => crate::Quarantined {
            event: event.clone(),
            mismatch,
        },
        other => panic!("the schema keeps it: {other:?}"),
    }
}

fn texts(id: u64) -> Event {
    let builder = Event::builder().id(&id.to_string()).source("/s").ty("a");
    builder.json(r#""no \u20ac object""#).build().unwrap()
}

#[tokio::test]
async fn what_is_kept_at_the_door_outlives_the_view_and_comes_in_when_its_schema_was_mended() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let mixed = Batch {
        quarantined: vec![quarantined(&texts(2)), quarantined(&texts(3))],
        ..batch(vec![typed(1, "a")])
    };
    let accepted = engine.append(&name("b"), mixed).await.unwrap();
    assert_eq!(accepted.positions.len(), 1, "of events that are stored");
    let alone = Batch {
        quarantined: vec![quarantined(&texts(3))],
        ..batch(Vec::new())
    };
    engine.append(&name("b"), alone).await.unwrap();
    let tally = || {
        engine
            .tallies()
            .into_iter()
            .find(|(broker, _)| *broker == name("b"))
            .unwrap()
            .1
    };
    let counts = tally();
    assert_eq!((counts.received, counts.stored, counts.quarantined), (4, 1, 3));
    let claim = next(&subscription).await;
    assert_eq!(claim.event().id(), "1");
    claim
        .settle(Settlement::Delivered {
            outcome: Outcome::Delivered,
            reply: None,
        })
        .await
        .unwrap();
    assert!(is_quiet(&subscription).await, "nobody gets what is kept");

    let schema = DeadLetterFilter {
        reason: Some(DeadLetterReason::Schema),
        ..DeadLetterFilter::default()
    };
    let page = |engine: &Embedded| {
        let query = DeadLetterQuery {
            filter: schema.clone(),
            limit: 9,
            before: None,
        };
        engine.dead_letters(&query).unwrap().letters
    };
    let is_there = || (page(&engine).len() == 3).then_some(());
    engine.shared.wait_for(is_there).await.unwrap();
    let kept = page(&engine);
    for letter in &kept {
        assert_eq!((&letter.broker, &letter.trigger), (&name("b"), &None));
        let failure = letter.copy.as_ref().unwrap().failure.as_ref().unwrap();
        assert!(failure.message.contains("default/s: /data"), "{failure:?}");
        let (_, event) = engine.dead_letter(&letter.id).unwrap().unwrap();
        assert_eq!(
            event.unwrap().data().unwrap(),
            &r#""no \u20ac object""#.as_bytes()
        );
    }
    engine.close().await;
    drop((subscription, engine));
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();

    let engine = open(directory.path()).await;
    assert_eq!(
        page(&engine),
        kept,
        "a view that is made again has the same letters by the same names"
    );
    let subscription = attach(&engine, "b", "t").await;
    let still = engine
        .redrive_dead_letters(&schema, None, &doors("object"))
        .await
        .unwrap();
    assert_eq!(
        (still.letters, still.stayed),
        (0, 3),
        "what still does not fit stays"
    );
    let one = DeadLetterFilter {
        ids: [kept[0].id.clone()].into(),
        ..DeadLetterFilter::default()
    };
    assert_eq!(engine.purge(&one).await.unwrap().letters, 1);
    let redrove = engine
        .redrive_dead_letters(&schema, None, &doors("string"))
        .await
        .unwrap();
    assert_eq!((redrove.letters, redrove.stayed), (2, 0));
    assert_eq!(page(&engine), []);
    for id in ["2", "3"] {
        let claim = next(&subscription).await;
        assert_eq!(
            (claim.event().id(), &claim.event().data().unwrap()[..]),
            (id, texts(2).data().unwrap().as_ref())
        );
        claim
            .settle(Settlement::Delivered {
                outcome: Outcome::Delivered,
                reply: None,
            })
            .await
            .unwrap();
    }
    engine.close().await;
    drop((subscription, engine));
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    let engine = open(directory.path()).await;
    assert_eq!(page(&engine), [], "what came in does not come back as a letter");
    let subscription = attach(&engine, "b", "t").await;
    assert!(is_quiet(&subscription).await);
}
