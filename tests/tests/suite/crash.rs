//! `kill -9` and what must survive it: every event that was answered 202, every retry, every dead letter.

mod damage;
mod kills;
mod traffic;

use std::collections::BTreeSet;
use std::time::Duration;

use harness::load::{self, Load};
use harness::{Answer, Event, Heddle, PATIENCE, RETRY_PATIENCE, Resources, Sink, Trigger};
use serde_json::json;

const EVENTS: usize = 20_000;
const CONNECTIONS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_answered_202_arrives_after_kill_nine_in_the_middle_of_a_load() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let mut accepted = BTreeSet::new();
    for kill_at in [EVENTS / 4, EVENTS / 2, 3 * EVENTS / 4] {
        let mut load = Load::start(&heddle.broker("default/default"), EVENTS, CONNECTIONS, &accepted);
        load.accepted(kill_at).await;
        heddle.kill();
        accepted = load.finish().await;
        assert!(
            accepted.len() >= kill_at && accepted.len() < EVENTS,
            "killed in the middle: {}",
            accepted.len()
        );
        heddle.restart().await;
    }
    let load = Load::start(&heddle.broker("default/default"), EVENTS, CONNECTIONS, &accepted);
    assert_eq!(load.finish().await.len(), EVENTS);
    heddle.idle_trigger("t").await;
    all_arrived(&sink, &(0..EVENTS).collect());
}

/// Asserts that each of these events came at least once, with its bytes.
fn all_arrived(sink: &Sink, accepted: &BTreeSet<usize>) {
    let received = sink.received();
    let mut came = BTreeSet::new();
    for request in &received {
        let n = request.attribute("id").parse().expect("the ids are numbers");
        assert_eq!(request.body, load::payload(n), "event {n}");
        came.insert(n);
    }
    let lost: Vec<_> = accepted.difference(&came).take(10).collect();
    assert!(
        lost.is_empty(),
        "answered 202 and never seen, among others: {lost:?}"
    );
    println!("{} deliveries of {} events", received.len(), accepted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_batch_survive_together_or_not_at_all() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let batch = |n: usize| {
        let events =
            (0..50).map(|i| String::from_utf8(Event::new(format!("{n}/{i}")).structured().to_vec()).unwrap());
        format!("[{}]", events.collect::<Vec<_>>().join(","))
    };
    let producer = heddle.producer("default/default");
    let sending = tokio::spawn(async move {
        let headers = harness::producer::content_type("application/cloudevents-batch+json");
        let mut accepted = Vec::new();
        for n in 0..1_000 {
            match producer
                .try_request(http::Method::POST, headers.clone(), batch(n).into())
                .await
            {
                Ok(answered) if answered.status == 202 => accepted.push(n),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        accepted
    });
    sink.wait_for(1_000).await;
    heddle.kill();
    let accepted = sending.await.unwrap();
    heddle.restart().await;
    heddle.idle_trigger("t").await;
    let ids: BTreeSet<String> = sink.ids().into_iter().collect();
    for n in accepted.iter().copied().chain([accepted.len()]) {
        let came = (0..50).filter(|i| ids.contains(&format!("{n}/{i}"))).count();
        let whole = came == 50 || (came == 0 && !accepted.contains(&n));
        assert!(whole, "{came} of 50 events of batch {n} came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_survives_kill_nine_with_its_count() {
    let sink = Sink::answering([Answer::status(503)]).await;
    let delivery = json!({"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT0.5S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let mut heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(2).await;
    heddle.kill();
    heddle.restart().await;
    sink.wait_within(4, RETRY_PATIENCE).await;
    heddle.idle_trigger("t").await;
    assert!(
        (4..=5).contains(&sink.count()),
        "four attempts, one of them perhaps twice: {}",
        sink.count()
    );
    assert_eq!(heddle.dead_letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_waits_does_not_start_over_at_a_restart() {
    let sink = Sink::answering([Answer::status(503), Answer::ok()]).await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT5S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let mut heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(1).await;
    // The answer to the first attempt has to be on disk before the kill: another event's 202 says that it is.
    heddle
        .producer("default/default")
        .accepted(&Event::new("later"))
        .await;
    sink.wait_for(2).await;
    heddle.terminate().await;
    heddle.restart().await;
    sink.wait_until("the retry comes", RETRY_PATIENCE, |received| {
        received
            .iter()
            .filter(|request| request.attribute("id") == "x")
            .count()
            == 2
    })
    .await;
    let received = sink.received();
    let of_x: Vec<_> = received
        .iter()
        .filter(|request| request.attribute("id") == "x")
        .collect();
    let waited = of_x[1].at - of_x[0].at;
    assert!(
        waited >= Duration::from_secs(5),
        "its time is kept, not shortened: {waited:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_loses_nothing() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let mut load = Load::start(
        &heddle.broker("default/default"),
        EVENTS,
        CONNECTIONS,
        &BTreeSet::new(),
    );
    load.accepted(3_000).await;
    let status = heddle.terminate().await;
    assert_eq!(status.code(), Some(0), "a drain is a good end");
    let accepted = load.finish().await;
    heddle.restart().await;
    heddle.idle_trigger("t").await;
    all_arrived(&sink, &accepted);
    let ids = sink.ids();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(
        ids.len(),
        distinct.len(),
        "a drain leaves no settlement unwritten: nothing comes twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_data_folder() {
    let mut heddle = Heddle::start(&Resources::with_default_broker()).await;
    let folder = heddle.folder().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    let arguments = [
        "run",
        "--config",
        &path("mesh.yaml"),
        "--data",
        &path("data"),
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let mut second = heddle.background("second", &arguments);
    let status = second.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(74), "{}", second.stderr());
    assert!(
        second.stderr().contains("data"),
        "it says which folder: {}",
        second.stderr()
    );
    assert!(heddle.process().exited().is_none(), "the first goes on");
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_of_progress_can_be_deleted_and_is_rebuilt() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let load = Load::start(&heddle.broker("default/default"), 500, 4, &BTreeSet::new());
    assert_eq!(load.finish().await.len(), 500);
    heddle.idle_trigger("t").await;
    heddle.kill();
    let data = heddle.folder().join("data");
    let views: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let view = views.iter().find(|path| {
        path.is_dir() && (path.ends_with("sled") || path.ends_with("progress") || path.ends_with("view"))
    });
    let view = view.unwrap_or_else(|| panic!("the view has a folder of its own: {views:?}"));
    std::fs::remove_dir_all(view).unwrap();
    heddle.restart().await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("500").data("application/json", load::payload(500)))
        .await;
    heddle.idle_trigger("t").await;
    all_arrived(&sink, &(0..=500).collect());
}
