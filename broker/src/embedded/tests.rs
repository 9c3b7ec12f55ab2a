//! The embedded engine against the seam's contract, on a real directory, across restarts.

mod backup;
mod clock;
mod create;
mod damaged;
mod dedupe;
mod degraded;
mod fairness;
mod faults;
mod fixture;
mod histories;
mod letters;
mod many;
mod ordered;
mod position;
mod retention;
mod side;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use schemas::event::Event;
use schemas::filter::Filter;

use super::*;
use crate::limits::HOPS_MAX;
use crate::{
    Claim, DeadLetter, DeadLetterReason, Failure, Order, Outcome, Progress, Reply, Settlement, SourceState,
    Start, Step, Stored, SubscriptionId, SubscriptionStatus,
};

/// A clock that stands where it is put.
#[derive(Debug, Default)]
pub(in crate::embedded) struct ManualClock(pub(in crate::embedded) AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

type Rule = Box<dyn Fn(SubscriptionId, &Event) -> bool + Send + Sync>;

/// Matches by a rule, over these subscriptions.
struct Rules {
    of: Vec<(ResourceName, SubscriptionId)>,
    rule: Rule,
}

impl Matcher for Rules {
    fn match_all(
        &self,
        broker: &ResourceName,
        events: &[Arc<Stored>],
        on_match: &mut dyn FnMut(usize, SubscriptionId),
    ) {
        for (index, stored) in events.iter().enumerate() {
            for (of, id) in &self.of {
                if of == broker && (self.rule)(*id, &stored.event) {
                    on_match(index, *id);
                }
            }
        }
    }

    fn matches(&self, subscription: SubscriptionId, event: &Event) -> bool {
        (self.rule)(subscription, event)
    }
}

pub(in crate::embedded) fn name(name: &str) -> ResourceName {
    ResourceName::new("default", name).unwrap()
}

pub(in crate::embedded) fn event(id: u64) -> Event {
    Event::builder()
        .id(&id.to_string())
        .source("/test")
        .ty("demo.n")
        .build()
        .unwrap()
}

pub(in crate::embedded) fn batch(events: Vec<Event>) -> Batch {
    Batch {
        events,
        quarantined: Vec::new(),
        hops: HOPS_MAX,
        source_state: None,
        permit: None,
    }
}

pub(in crate::embedded) async fn open(directory: &Path) -> Embedded {
    open_at(directory, Arc::new(ManualClock::default())).await
}

async fn open_at(directory: &Path, clock: Arc<ManualClock>) -> Embedded {
    let options = Options {
        clock,
        segment_bytes: 4 * 1024 * 1024,
        ..Options::new(directory)
    };
    Embedded::open(options).await.unwrap().0
}

/// Declares the broker, attaches the trigger and matches everything.
pub(in crate::embedded) async fn attach(
    engine: &Embedded,
    broker: &str,
    trigger: &str,
) -> Arc<dyn Subscription> {
    engine.declare(&name(broker)).await.unwrap();
    let spec = SubscriptionSpec {
        name: name(trigger),
        broker: name(broker),
        start: Start::Latest,
        filter: Filter::everything(),
        order: Order::Unordered,
    };
    let subscription = engine.subscribe(spec).await.unwrap();
    engine.set_matcher(Arc::new(Rules {
        of: vec![(name(broker), subscription.id())],
        rule: Box::new(|_, _| true),
    }));
    subscription
}

pub(in crate::embedded) async fn next(subscription: &Arc<dyn Subscription>) -> Claim {
    tokio::time::timeout(Duration::from_secs(30), subscription.next())
        .await
        .expect("an event in time")
        .unwrap()
}

pub(in crate::embedded) async fn is_quiet(subscription: &Arc<dyn Subscription>) -> bool {
    tokio::time::timeout(Duration::from_secs(30), subscription.idle())
        .await
        .is_ok()
}

pub(in crate::embedded) fn delivered() -> Settlement {
    Settlement::Delivered {
        outcome: Outcome::Delivered,
        reply: None,
    }
}

pub(in crate::embedded) fn retry_at(at: u64, attempts: u32) -> Settlement {
    Settlement::RetryAt {
        at: Timestamp(at),
        progress: Progress {
            attempts,
            ..Progress::default()
        },
    }
}

pub(in crate::embedded) async fn ids(subscription: &Arc<dyn Subscription>, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let claim = next(subscription).await;
        ids.push(claim.event().id().to_string());
        claim.settle(delivered()).await.unwrap();
    }
    ids
}

#[tokio::test]
async fn what_is_settled_stays_settled_and_what_is_not_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let accepted = engine
        .append(&name("b"), batch(vec![event(1), event(2), event(3)]))
        .await
        .unwrap();
    assert_eq!(
        accepted
            .positions
            .iter()
            .map(|at| at.unwrap().sequence)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let first = next(&subscription).await;
    let second = next(&subscription).await;
    let third = next(&subscription).await;
    second.settle(delivered()).await.unwrap();
    drop((first, third));
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    assert_eq!(ids(&subscription, 2).await, ["1", "3"]);
    assert!(is_quiet(&subscription).await);
    let status = subscription.status();
    assert_eq!((status.delivered, status.cursor, status.backlog), (3, 3, 0));
    engine.close().await;
}

#[tokio::test]
async fn a_dropped_claim_comes_again_in_the_same_process() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    drop(next(&subscription).await);
    assert_eq!(ids(&subscription, 1).await, ["1"]);
    engine.close().await;
}

#[tokio::test]
async fn a_retry_survives_a_restart_with_its_progress_and_never_comes_early() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    engine
        .append(&name("b"), batch(vec![event(1), event(2)]))
        .await
        .unwrap();
    let progress = Progress {
        step: Step::DeadLetterSink,
        attempts: 3,
        subscriber_attempts: 2,
        failure: Some(Failure {
            destination: "http://e/".into(),
            code: Some(500),
            data: vec![1],
            message: "no".into(),
        }),
    };
    let claim = next(&subscription).await;
    claim
        .settle(Settlement::RetryAt {
            at: Timestamp(5_000),
            progress: progress.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        ids(&subscription, 1).await,
        ["2"],
        "a waiting retry holds nothing back"
    );
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open_at(directory.path(), Arc::clone(&clock)).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(3)])).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["3"]);
    clock.0.store(4_999, Ordering::SeqCst);
    engine.append(&name("b"), batch(vec![event(4)])).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["4"], "the retry is not due");
    assert_eq!(subscription.status().waiting_retry, 1);
    assert!(!subscription.status().is_idle());
    clock.0.store(5_000, Ordering::SeqCst);
    engine.append(&name("b"), batch(vec![event(5)])).await.unwrap();
    let (a, b) = (next(&subscription).await, next(&subscription).await);
    let retried = if a.event().id() == "1" { &a } else { &b };
    assert_eq!((retried.event().id(), retried.progress()), ("1", &progress));
    a.settle(delivered()).await.unwrap();
    b.settle(delivered()).await.unwrap();
    assert!(is_quiet(&subscription).await);
    assert_eq!(subscription.status().delivered, 5);
    engine.close().await;
}

#[tokio::test]
async fn losing_the_view_loses_no_retry_and_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine
        .append(&name("b"), batch((1..=10).map(event).collect()))
        .await
        .unwrap();
    for _ in 0..5 {
        next(&subscription).await.settle(delivered()).await.unwrap();
    }
    next(&subscription).await.settle(retry_at(1, 1)).await.unwrap();
    let letter = DeadLetter {
        reason: DeadLetterReason::Refused,
        event: event(7),
        failure: None,
        attempts: 1,
    };
    next(&subscription)
        .await
        .settle(Settlement::DeadLettered(letter))
        .await
        .unwrap();
    drop(subscription);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();

    let clock = Arc::new(ManualClock(AtomicU64::new(1)));
    let options = Options {
        clock,
        ..Options::new(directory.path())
    };
    let (engine, opened) = Embedded::open(options).await.unwrap();
    assert!(opened.view_rebuilt.is_some());
    let subscription = attach(&engine, "b", "t").await;
    let came: BTreeSet<_> = ids(&subscription, 4).await.into_iter().collect();
    assert_eq!(came, ["6", "8", "9", "10"].map(String::from).into());
    assert!(is_quiet(&subscription).await);
    let status = subscription.status();
    assert_eq!(
        (
            status.delivered,
            status.dead_lettered,
            status.retries,
            status.cursor
        ),
        (9, 1, 1, 10)
    );
    let query = DeadLetterQuery {
        limit: 10,
        ..DeadLetterQuery::default()
    };
    assert_eq!(engine.dead_letters(&query).unwrap().letters.len(), 1);
    engine.close().await;
}

#[tokio::test]
async fn a_reply_is_stored_with_the_settlement_of_its_cause() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    let reply = Reply {
        broker: name("b"),
        event: event(100),
        hops: 7,
    };
    let settlement = Settlement::Delivered {
        outcome: Outcome::Delivered,
        reply: Some(reply),
    };
    next(&subscription).await.settle(settlement).await.unwrap();
    let came = next(&subscription).await;
    assert_eq!(
        (
            came.event().id(),
            came.stored().hops,
            came.stored().position.sequence
        ),
        ("100", 7, 2)
    );
    let nowhere = Reply {
        broker: name("nowhere"),
        event: event(1),
        hops: 1,
    };
    let settlement = Settlement::Delivered {
        outcome: Outcome::Delivered,
        reply: Some(nowhere),
    };
    let unsettled = came.settle(settlement).await.unwrap_err();
    assert!(matches!(unsettled.error, AppendError::UnknownBroker { .. }));
    unsettled.claim.settle(delivered()).await.unwrap();
    assert!(is_quiet(&subscription).await);
    engine.close().await;
}

#[tokio::test]
async fn a_dead_letter_keeps_the_event_byte_for_byte_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(1)])).await.unwrap();
    let claim = next(&subscription).await;
    let original = claim.event().clone();
    let failure = Failure {
        destination: "http://e/".into(),
        code: Some(422),
        data: b"bad".to_vec(),
        message: "refused".into(),
    };
    let letter = DeadLetter {
        reason: DeadLetterReason::Refused,
        event: original.clone(),
        failure: Some(failure),
        attempts: 1,
    };
    claim.settle(Settlement::DeadLettered(letter)).await.unwrap();
    assert!(is_quiet(&subscription).await);
    let listed = engine
        .dead_letters(&DeadLetterQuery {
            limit: 9,
            ..DeadLetterQuery::default()
        })
        .unwrap();
    let [entry] = listed.letters.as_slice() else {
        panic!("one dead letter, not {listed:?}")
    };
    let copy = entry.copy.as_ref().unwrap();
    let failure = copy.failure.as_ref().unwrap();
    assert_eq!(
        (failure.code, failure.data.as_slice(), copy.event_id.as_str()),
        (Some(422), b"bad".as_slice(), "1")
    );
    let (_, event) = engine.dead_letter(&entry.id).unwrap().unwrap();
    assert_eq!(event.unwrap().to_record(), original.to_record());
    assert!(engine.dead_letter("1-2-x").unwrap().is_none());
    let other = DeadLetterFilter {
        trigger: Some(name("other")),
        ..DeadLetterFilter::default()
    };
    assert_eq!(engine.count_dead_letters(&other).unwrap(), 0);
    engine.close().await;
}

#[tokio::test]
async fn a_slow_subscription_reads_from_disk_and_gets_everything_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    // At the tail first, so that it has to leave it.
    engine.append(&name("b"), batch(vec![event(0)])).await.unwrap();
    assert_eq!(ids(&subscription, 1).await, ["0"]);
    for chunk in 0..50 {
        let events = (1..=100).map(|n| event(chunk * 100 + n)).collect();
        engine.append(&name("b"), batch(events)).await.unwrap();
    }
    let came = ids(&subscription, 5_000).await;
    let expected: Vec<_> = (1..=5_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(came, expected);
    assert!(is_quiet(&subscription).await);
    engine
        .append(&name("b"), batch(vec![event(9_999)]))
        .await
        .unwrap();
    assert_eq!(ids(&subscription, 1).await, ["9999"], "it is back at the tail");
    assert!(is_quiet(&subscription).await);
    assert!(!subscription.status().lagging);
    engine.close().await;
}

#[tokio::test]
async fn each_of_many_subscriptions_gets_exactly_its_events_while_producers_write() {
    const EVENTS: u64 = 3_000;
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    let mut subscriptions = Vec::new();
    for modulus in 1..=8_u64 {
        let spec = SubscriptionSpec {
            name: name(&format!("t{modulus}")),
            broker: name("b"),
            start: Start::Latest,
            filter: Filter::everything(),
            order: Order::Unordered,
        };
        subscriptions.push((modulus, engine.subscribe(spec).await.unwrap()));
    }
    let of = subscriptions
        .iter()
        .map(|(_, subscription)| (name("b"), subscription.id()))
        .collect();
    let moduli: Vec<_> = subscriptions
        .iter()
        .map(|(modulus, s)| (s.id(), *modulus))
        .collect();
    let rule: Rule = Box::new(move |id, event| {
        let n: u64 = event.id().parse().unwrap();
        moduli
            .iter()
            .any(|(of, modulus)| *of == id && n.is_multiple_of(*modulus))
    });
    engine.set_matcher(Arc::new(Rules { of, rule }));
    let producers: Vec<_> = (0..4_u64)
        .map(|producer| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for n in (producer..EVENTS).step_by(4) {
                    engine.append(&name("b"), batch(vec![event(n)])).await.unwrap();
                }
            })
        })
        .collect();
    for (modulus, subscription) in subscriptions {
        let expected: BTreeSet<u64> = (0..EVENTS).filter(|n| n.is_multiple_of(modulus)).collect();
        let came: Vec<u64> = ids(&subscription, expected.len())
            .await
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        assert_eq!(
            came.iter().copied().collect::<BTreeSet<_>>(),
            expected,
            "modulus {modulus}"
        );
        assert!(
            is_quiet(&subscription).await,
            "nothing twice for modulus {modulus}"
        );
    }
    for producer in producers {
        producer.await.unwrap();
    }
    engine.close().await;
}

#[tokio::test]
async fn a_new_subscription_starts_where_it_is_told_and_an_old_one_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    engine
        .append(&name("b"), batch(vec![event(1), event(2)]))
        .await
        .unwrap();
    let latest = engine.subscribe(SubscriptionSpec {
        name: name("l"),
        broker: name("b"),
        start: Start::Latest,
        filter: Filter::everything(),
        order: Order::Unordered,
    });
    let latest = latest.await.unwrap();
    let earliest = engine.subscribe(SubscriptionSpec {
        name: name("e"),
        broker: name("b"),
        start: Start::Earliest,
        filter: Filter::everything(),
        order: Order::Unordered,
    });
    let earliest = earliest.await.unwrap();
    let of = vec![(name("b"), latest.id()), (name("b"), earliest.id())];
    engine.set_matcher(Arc::new(Rules {
        of,
        rule: Box::new(|_, _| true),
    }));
    engine.append(&name("b"), batch(vec![event(3)])).await.unwrap();
    assert_eq!(ids(&latest, 1).await, ["3"]);
    assert_eq!(ids(&earliest, 3).await, ["1", "2", "3"]);

    let again = engine
        .subscribe(SubscriptionSpec {
            name: name("l"),
            broker: name("b"),
            start: Start::Latest,
            filter: Filter::everything(),
            order: Order::Unordered,
        })
        .await;
    assert!(matches!(again.err(), Some(SubscribeError::Attached { .. })));
    engine.declare(&name("c")).await.unwrap();
    let moved = engine
        .subscribe(SubscriptionSpec {
            name: name("l"),
            broker: name("c"),
            start: Start::Latest,
            filter: Filter::everything(),
            order: Order::Unordered,
        })
        .await;
    assert!(matches!(moved.err(), Some(SubscribeError::OtherBroker { .. })));
    let nowhere = engine.subscribe(SubscriptionSpec {
        name: name("n"),
        broker: name("n"),
        start: Start::Latest,
        filter: Filter::everything(),
        order: Order::Unordered,
    });
    assert!(matches!(
        nowhere.await.err(),
        Some(SubscribeError::UnknownBroker { .. })
    ));
    engine.close().await;
}

#[tokio::test]
async fn events_that_did_not_match_are_accounted_for_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    let of = vec![(name("b"), subscription.id())];
    engine.set_matcher(Arc::new(Rules {
        of,
        rule: Box::new(|_, event| event.id() == "2"),
    }));
    engine
        .append(&name("b"), batch((1..=4).map(event).collect()))
        .await
        .unwrap();
    assert_eq!(ids(&subscription, 1).await, ["2"]);
    assert!(is_quiet(&subscription).await);
    drop(subscription);
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let subscription = attach(&engine, "b", "t").await;
    engine.append(&name("b"), batch(vec![event(5)])).await.unwrap();
    assert_eq!(
        ids(&subscription, 1).await,
        ["5"],
        "1, 3 and 4 were judged by the filter of their time"
    );
    assert!(is_quiet(&subscription).await);
    assert_eq!(subscription.status().cursor, 5);
    engine.close().await;
}

#[tokio::test]
async fn source_state_is_stored_with_its_batch() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    let state = SourceState {
        key: "ping/default/p".into(),
        state: b"tick 7".to_vec(),
    };
    let accepted = engine
        .append(
            &name("b"),
            Batch {
                source_state: Some(state),
                ..batch(vec![event(1)])
            },
        )
        .await;
    assert_eq!(accepted.unwrap().positions.len(), 1);
    engine.close().await;
    drop(engine);
    std::fs::remove_dir_all(directory.path().join("view")).unwrap();
    let engine = open(directory.path()).await;
    assert_eq!(
        engine.source_state("ping/default/p").as_deref(),
        Some(b"tick 7".as_slice())
    );
    assert_eq!(engine.source_state("ping/default/q"), None);
    engine.close().await;
}

#[tokio::test]
async fn an_unknown_broker_is_refused_and_a_closed_engine_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let refused = engine.append(&name("b"), batch(vec![event(1)])).await;
    assert!(matches!(refused, Err(AppendError::UnknownBroker { .. })));
    let subscription = attach(&engine, "b", "t").await;
    engine.close().await;
    assert!(subscription.next().await.is_none());
    assert_eq!(
        engine.append(&name("b"), batch(vec![event(1)])).await,
        Err(AppendError::Closed)
    );
    assert_eq!(engine.health(), Health::Closed);
}

#[tokio::test]
async fn a_watcher_sees_what_was_there_and_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    engine.declare(&name("b")).await.unwrap();
    engine
        .append(&name("b"), batch(vec![event(1), event(2)]))
        .await
        .unwrap();
    let mut earliest = engine.tail(&name("b"), Start::Earliest).await.unwrap().unwrap();
    let mut latest = engine.tail(&name("b"), Start::Latest).await.unwrap().unwrap();
    engine.append(&name("b"), batch(vec![event(3)])).await.unwrap();
    for (tail, expected) in [(&mut earliest, vec!["1", "2", "3"]), (&mut latest, vec!["3"])] {
        for id in expected {
            let item = tokio::time::timeout(Duration::from_secs(30), tail.next())
                .await
                .unwrap();
            assert!(matches!(item, Some(TailItem::Event(stored)) if stored.event.id() == id));
        }
    }
    assert!(
        engine
            .tail(&name("nowhere"), Start::Latest)
            .await
            .unwrap()
            .is_none()
    );
    engine.close().await;
    assert!(latest.next().await.is_none());
}

/// Attaches `t` with a filter on the type, which the matcher evaluates as well.
async fn attach_filtered(engine: &Embedded, ty: &str) -> Arc<dyn Subscription> {
    engine.declare(&name("b")).await.unwrap();
    let filter = Filter::Exact("type".into(), ty.into());
    let spec = SubscriptionSpec {
        name: name("t"),
        broker: name("b"),
        start: Start::Latest,
        filter: filter.clone(),
        order: Order::Unordered,
    };
    let subscription = engine.subscribe(spec).await.unwrap();
    let of = vec![(name("b"), subscription.id())];
    let rule: Rule = Box::new(move |_, event| filter.matches(event));
    engine.set_matcher(Arc::new(Rules { of, rule }));
    subscription
}

fn typed(id: u64, ty: &str) -> Event {
    Event::builder()
        .id(&id.to_string())
        .source("/test")
        .ty(ty)
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_event_is_judged_by_the_filter_of_its_time_whatever_the_filter_is_now() {
    for loses_view in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path()).await;
        let subscription = attach_filtered(&engine, "a").await;
        engine
            .append(&name("b"), batch(vec![typed(1, "a"), typed(2, "b")]))
            .await
            .unwrap();
        drop(next(&subscription).await);
        drop(subscription);
        engine.close().await;
        drop(engine);
        if loses_view {
            std::fs::remove_dir_all(directory.path().join("view")).unwrap();
        }

        let engine = open(directory.path()).await;
        let subscription = attach_filtered(&engine, "b").await;
        engine
            .append(&name("b"), batch(vec![typed(3, "a"), typed(4, "b")]))
            .await
            .unwrap();
        assert_eq!(ids(&subscription, 2).await, ["1", "4"], "view lost: {loses_view}");
        assert!(is_quiet(&subscription).await);
        drop(subscription);
        engine.close().await;
        drop(engine);

        let engine = open(directory.path()).await;
        let subscription = attach_filtered(&engine, "a").await;
        engine
            .append(&name("b"), batch(vec![typed(5, "a")]))
            .await
            .unwrap();
        assert_eq!(ids(&subscription, 1).await, ["5"], "view lost: {loses_view}");
        engine.close().await;
    }
}
