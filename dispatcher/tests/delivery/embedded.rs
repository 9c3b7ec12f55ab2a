//! The same dispatcher on the embedded engine: what the seam promises is what it gets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::embedded::Replay;
use broker::embedded::{DeadLetterQuery, Embedded, Options as EngineOptions};
use broker::{Batch, DeadLetterReason, Engine};
use broker::{SideEnd, Start};
use dispatcher::{DeliveryPolicy, Dispatcher, HttpSink, Options, Sink, TriggerSpec, TriggerStatus};
use schemas::event::Event;

use crate::fixture::{event, http, name, retries, trigger, trigger_for};
use crate::script::{Does, Script};
use crate::sink::{Answer, TestSink, body, status};

const DEADLINE: Duration = Duration::from_secs(30);

async fn open(directory: &Path) -> Embedded {
    let (engine, _) = Embedded::open(EngineOptions::new(directory)).await.unwrap();
    engine.declare(&name("default/default")).await.unwrap();
    engine
}

async fn run(engine: &Embedded, triggers: Vec<TriggerSpec>) -> Dispatcher {
    Dispatcher::start(Options::new(Arc::new(engine.clone())), triggers)
        .await
        .unwrap()
}

async fn publish(engine: &Embedded, ids: impl IntoIterator<Item = u32>) {
    let ids = ids.into_iter();
    publish_all(engine, ids.map(|id| event(&id.to_string(), "order.placed"))).await;
}

async fn publish_all(engine: &Embedded, events: impl IntoIterator<Item = Event>) {
    let batch = Batch {
        events: events.into_iter().collect(),
        quarantined: Vec::new(),
        hops: 255,
        source_state: None,
        permit: None,
    };
    engine.append(&name("default/default"), batch).await.unwrap();
}

async fn idle(dispatcher: &Dispatcher, trigger: &str) -> TriggerStatus {
    let handle = dispatcher.handle();
    let trigger = name(trigger);
    tokio::time::timeout(DEADLINE, handle.idle(&trigger))
        .await
        .expect("never idle")
        .unwrap()
}

fn reply() -> Answer {
    body(
        200,
        &[
            ("ce-specversion", "1.0"),
            ("ce-id", "r"),
            ("ce-source", "/sink"),
            ("ce-type", "checked"),
        ],
        "",
    )
}

#[tokio::test]
async fn a_thousand_events_and_their_replies_arrive_and_the_counts_add_up() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let (worker, next) = (
        TestSink::answering(reply()).await,
        TestSink::answering(status(200)).await,
    );
    let triggers = vec![
        trigger_for("worker", "order.placed", http(worker.url())),
        trigger_for("next", "checked", http(next.url())),
    ];
    let dispatcher = run(&engine, triggers).await;
    for batch in 0..10 {
        publish(&engine, batch * 100..(batch + 1) * 100).await;
    }
    let worked = idle(&dispatcher, "default/worker").await;
    let followed = idle(&dispatcher, "default/next").await;
    assert_eq!(
        (worked.subscription.delivered, followed.subscription.delivered),
        (1000, 1000)
    );
    let mut ids: Vec<u32> = worker.ids().iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..1000).collect::<Vec<_>>());
    assert_eq!(next.received().len(), 1000);
    assert!(dispatcher.shutdown(DEADLINE).await.abandoned.is_empty());
    engine.close().await;
}

#[tokio::test]
async fn an_event_goes_through_retries_and_a_failing_dead_letter_sink_into_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let (sink, dead) = (
        TestSink::answering(body(503, &[], "down")).await,
        TestSink::answering(status(500)).await,
    );
    let dead_letter_sink = Some(http(dead.url()));
    let delivery = retries(2);
    let triggers = vec![TriggerSpec {
        dead_letter_sink,
        delivery,
        ..trigger("t", http(sink.url()))
    }];
    let dispatcher = run(&engine, triggers).await;
    publish(&engine, [1]).await;
    let settled = idle(&dispatcher, "default/t").await;
    assert_eq!((sink.received().len(), dead.received().len()), (3, 3));
    assert_eq!(
        (settled.subscription.dead_lettered, settled.subscription.delivered),
        (1, 0)
    );
    let query = DeadLetterQuery {
        limit: 10,
        ..DeadLetterQuery::default()
    };
    let [letter] = engine.dead_letters(&query).unwrap().letters.try_into().unwrap();
    let copy = letter.copy.unwrap();
    assert_eq!(
        (letter.reason, copy.failure.unwrap().code, copy.attempts),
        (DeadLetterReason::RetriesExhausted, Some(503), 3)
    );
    let (_, original) = engine.dead_letter(&letter.id).unwrap().unwrap();
    assert_eq!(
        original.unwrap().to_record(),
        event("1", "order.placed").to_record()
    );
    drop(dispatcher.shutdown(DEADLINE).await);
    engine.close().await;
}

#[tokio::test]
async fn what_was_abandoned_is_delivered_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let hanging = TestSink::start(|_| std::future::pending()).await;
    let dispatcher = run(&engine, vec![trigger("t", http(hanging.url()))]).await;
    publish(&engine, 0..3).await;
    while hanging.received().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        dispatcher.shutdown(Duration::from_millis(10)).await.abandoned[0].deliveries,
        3
    );
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let sink = TestSink::answering(status(200)).await;
    let dispatcher = run(&engine, vec![trigger("t", http(sink.url()))]).await;
    assert_eq!(idle(&dispatcher, "default/t").await.subscription.delivered, 3);
    let mut ids = sink.ids();
    ids.sort_unstable();
    assert_eq!(ids, ["0", "1", "2"]);
    drop(dispatcher.shutdown(DEADLINE).await);
    engine.close().await;
}

/// Waits until every replay has ended.
async fn replays_end(engine: &Embedded) {
    let mut running = engine.sides();
    let ended = running.wait_for(|running| running.is_empty());
    tokio::time::timeout(DEADLINE, ended)
        .await
        .expect("a replay never ended")
        .unwrap();
}

#[tokio::test]
async fn a_replay_goes_to_the_triggers_endpoint_marked_and_live_events_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let sink = TestSink::answering(status(200)).await;
    let dispatcher = run(&engine, vec![trigger("t", http(sink.url()))]).await;
    publish(&engine, 1..=5).await;
    idle(&dispatcher, "default/t").await;
    let started = engine
        .replay(&Replay {
            of: name("default/t"),
            from: Start::Position(2),
            to: Start::Position(4),
            rate: Some(1_000),
        })
        .await
        .unwrap();
    replays_end(&engine).await;
    publish(&engine, 6..=6).await;
    let trigger = idle(&dispatcher, "default/t").await;
    assert_eq!(
        (trigger.subscription.delivered, trigger.subscription.replayed),
        (6, 3)
    );
    let marks: Vec<_> = sink
        .received()
        .iter()
        .map(|request| {
            let header = |name: &str| {
                request
                    .headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            (header("ce-id").unwrap(), header("ce-heddlereplay"))
        })
        .collect();
    let mut replayed: Vec<_> = marks.iter().filter(|(_, mark)| mark.is_some()).collect();
    replayed.sort();
    let mark = Some(started.id.to_string());
    let expected = ["2", "3", "4"].map(|id| (id.to_owned(), mark.clone()));
    assert_eq!(replayed, expected.iter().collect::<Vec<_>>());
    assert_eq!(marks.len(), 9, "six live, three replayed");
    let ended = engine.replays().remove(0).ended.map(|(how, _)| how);
    assert_eq!(ended, Some(SideEnd::Finished));
    assert!(dispatcher.shutdown(DEADLINE).await.abandoned.is_empty());
    engine.close().await;
}

#[tokio::test]
async fn a_replay_of_an_earlier_run_goes_on_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    let sink = TestSink::answering(status(200)).await;
    let dispatcher = run(&engine, vec![trigger("t", http(sink.url()))]).await;
    publish(&engine, 1..=3).await;
    idle(&dispatcher, "default/t").await;
    let replay = Replay {
        of: name("default/t"),
        from: Start::Earliest,
        to: Start::Latest,
        rate: Some(1),
    };
    engine.replay(&replay).await.unwrap();
    assert!(dispatcher.shutdown(DEADLINE).await.abandoned.is_empty());
    engine.close().await;
    drop(engine);

    let engine = open(directory.path()).await;
    let dispatcher = run(&engine, vec![trigger("t", http(sink.url()))]).await;
    replays_end(&engine).await;
    assert_eq!(idle(&dispatcher, "default/t").await.subscription.replayed, 3);
    assert!(dispatcher.shutdown(DEADLINE).await.abandoned.is_empty());
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_attempts_get_their_turns_however_many_retries_are_due() {
    const SICK: u32 = 1_500;
    const LIVE: u32 = 100;
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await;
    // Events of the first kind fail for ever, and are due again at once.
    let script = Script::telling(|request| match request.headers()["ce-type"] == "sick" {
        true => Does::Answers(503, vec![]),
        false => Does::Answers(200, vec![]),
    });
    let subscriber = Sink::Http(HttpSink {
        concurrency: 4,
        breaker: None,
        ..HttpSink::new("endpoint", "http://endpoint/".parse().unwrap())
    });
    let spec = TriggerSpec {
        delivery: DeliveryPolicy {
            delay: Duration::ZERO,
            ..retries(u32::MAX - 1)
        },
        ..trigger("t", subscriber)
    };
    let options = Options {
        transport: Arc::new(script.clone()),
        ..Options::new(Arc::new(engine.clone()))
    };
    let dispatcher = Dispatcher::start(options, vec![spec]).await.unwrap();
    publish_all(&engine, (0..SICK).map(|n| event(&format!("s{n}"), "sick"))).await;
    let handle = dispatcher.handle();
    let waiting = || handle.triggers()[0].subscription.retries;
    tokio::time::timeout(DEADLINE, async {
        while waiting() < u64::from(SICK) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("every one has failed once");
    let before = script.told(<[String]>::len);
    publish_all(&engine, (0..LIVE).map(|n| event(&format!("l{n}"), "live"))).await;
    let count = |kind: char, from: usize| {
        script.told(|told| told[from..].iter().filter(|id| id.starts_with(kind)).count())
    };
    tokio::time::timeout(DEADLINE, async {
        while count('l', before) < LIVE as usize {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("every live event is sent");
    let is_live = |id: &String| id.starts_with('l');
    let (first, last) = script.told(|told| {
        let first = told.iter().position(is_live).expect("all were sent");
        (first, told.iter().rposition(is_live).expect("all were sent"))
    });
    // From when the first of them is handed out they have every other turn, but for what is in other hands meanwhile.
    let (between, fair) = (last + 1 - first, 2 * LIVE as usize + 50);
    assert!(
        between <= fair,
        "{between} requests until {LIVE} live events were sent, {fair} at most are fair"
    );
    let retries = between - LIVE as usize;
    assert!(retries >= LIVE as usize / 2, "retries go on as well: {retries}");
    drop(dispatcher);
    engine.close().await;
}
