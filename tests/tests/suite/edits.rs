//! An edit of the configuration between two runs: what was stored keeps the filter of its time.

use harness::{Answer, Event, Heddle, Resources, Sink, Trigger};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_filter_holds_for_what_comes_and_what_was_stored_keeps_the_old_one() {
    let sink = Sink::answering([Answer::status(503)]).await;
    let slow = json!({"retry": 50, "backoffPolicy": "linear", "backoffDelay": "PT0.05S"});
    let trigger = |ty: &str| {
        Trigger::new("t", &sink.url("/"))
            .attributes(json!({"type": ty}))
            .delivery(slow.clone())
    };
    let mut heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger("a"))).await;
    let producer = heddle.producer("default/default");
    producer.accepted(&Event::new("a-before").ty("a")).await;
    producer.accepted(&Event::new("b-before").ty("b")).await;
    sink.wait_for(1).await;
    heddle.kill();
    heddle.reconfigure(&Resources::with_default_broker().trigger(trigger("b")));
    sink.answer([Answer::ok()]);
    let failed = sink.count();
    heddle.restart().await;
    let producer = heddle.producer("default/default");
    producer.accepted(&Event::new("a-after").ty("a")).await;
    producer.accepted(&Event::new("b-after").ty("b")).await;
    heddle.idle_trigger("t").await;
    let mut ids = sink.ids().split_off(failed);
    ids.sort();
    assert_eq!(
        ids,
        ["a-before", "b-after"],
        "each event is matched by the filter of its time"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_hand_at_a_stop_is_not_lost_by_an_edited_filter() {
    let sink = Sink::answering([Answer::hang()]).await;
    let trigger = |ty: &str| Trigger::new("t", &sink.url("/")).attributes(json!({"type": ty}));
    let with = |ty: &str| Resources::with_default_broker().trigger(trigger(ty));
    let mut heddle = Heddle::start_with(&with("a"), &["--drain-timeout", "1s"], &[]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("1").ty("a"))
        .await;
    sink.wait_for(1).await;
    assert_eq!(heddle.terminate().await.code(), Some(0));
    sink.answer([Answer::ok()]);
    heddle.reconfigure(&with("b"));
    heddle.restart().await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("2").ty("b"))
        .await;
    heddle.idle_trigger("t").await;
    let mut ids = sink.ids().split_off(1);
    ids.sort();
    assert_eq!(
        ids,
        ["1", "2"],
        "an accepted event that matched is delivered, dead-lettered or shown"
    );
}
