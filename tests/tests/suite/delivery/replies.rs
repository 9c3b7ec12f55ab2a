//! Events in answers: which become events of the broker, which are ignored, and that a loop of them ends.

use harness::{Answer, Event, Heddle, RETRY_PATIENCE, Resources, Sink, Trigger};
use serde_json::json;

/// A broker where events of type `ask` go to `asked`, and events of type `reply` to the returned sink.
async fn mesh(asked: &Sink) -> (Heddle, Sink) {
    let replies = Sink::start().await;
    let quick = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let resources = Resources::with_default_broker()
        .trigger(
            Trigger::new("ask", &asked.url("/"))
                .attributes(json!({"type": "ask"}))
                .delivery(quick),
        )
        .trigger(Trigger::new("reply", &replies.url("/")).attributes(json!({"type": "reply"})));
    (Heddle::start(&resources).await, replies)
}

fn ask(id: &str) -> Event {
    Event::new(id).ty("ask")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_a_200_goes_back_into_the_broker() {
    let data = r#"{ "n" : 1.10 }"#;
    let reply = Event::new("r")
        .ty("reply")
        .with("subject", "ü")
        .data("application/json", data);
    let structured = Answer::ok()
        .header("content-type", "application/cloudevents+json")
        .body(reply.structured());
    let asked = Sink::answering([Answer::reply(&reply), structured]).await;
    let (heddle, replies) = mesh(&asked).await;
    for id in ["1", "2"] {
        heddle.producer("default/default").accepted(&ask(id)).await;
    }
    for reply in replies.wait_for(2).await {
        assert_eq!(
            (reply.attribute("id"), reply.attribute("subject")),
            ("r".to_owned(), "ü".to_owned())
        );
        assert_eq!(reply.body, data);
        let names = ["id", "source", "specversion", "subject", "type"];
        assert_eq!(
            reply.attributes(),
            names,
            "the loop guard's count is not shown to endpoints"
        );
    }
    assert_eq!(heddle.idle_trigger("ask").await["delivered"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_36_000_bytes_goes_back_once() {
    let reply = Event::new("r")
        .ty("reply")
        .data("application/octet-stream", vec![9; 36_000]);
    let asked = Sink::answering([Answer::reply(&reply)]).await;
    let (heddle, replies) = mesh(&asked).await;
    heddle.producer("default/default").accepted(&ask("1")).await;
    assert_eq!(replies.wait_for(1).await[0].body, vec![9; 36_000]);
    heddle.idle_trigger("reply").await;
    assert_eq!(replies.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_a_202_or_another_2xx_is_not_a_reply() {
    let reply = Event::new("r").ty("reply");
    let asked =
        Sink::answering([202, 201, 203].map(|status| Answer::reply(&reply).with_status(status))).await;
    let (heddle, replies) = mesh(&asked).await;
    for id in ["1", "2", "3"] {
        heddle.producer("default/default").accepted(&ask(id)).await;
    }
    assert_eq!(heddle.idle_trigger("ask").await["delivered"], 3);
    heddle.idle_trigger("reply").await;
    assert_eq!((asked.count(), replies.count()), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_claims_to_be_no_event_is_ignored() {
    let html = Answer::ok().header("content-type", "text/html").body("<p>thanks");
    let asked = Sink::answering([
        html,
        Answer::ok().body("thanks"),
        Answer::ok().header("content-type", "application/json").body("{}"),
    ])
    .await;
    let (heddle, _replies) = mesh(&asked).await;
    for id in ["1", "2", "3"] {
        heddle.producer("default/default").accepted(&ask(id)).await;
    }
    assert_eq!(heddle.idle_trigger("ask").await["delivered"], 3);
    assert_eq!(asked.count(), 3);
    assert!(heddle.dead_letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_claims_to_be_an_event_and_is_none_is_a_failure() {
    let claims = Answer::ok()
        .header("ce-specversion", "1.0")
        .header("ce-type", "reply")
        .body("x");
    let broken = Answer::ok()
        .header("content-type", "application/cloudevents+json")
        .body("{}");
    let asked = Sink::answering([claims, broken]).await;
    let (heddle, replies) = mesh(&asked).await;
    heddle.producer("default/default").accepted(&ask("1")).await;
    heddle.idle_trigger("ask").await;
    assert_eq!((asked.count(), replies.count()), (2, 0), "a failure is retried");
    assert_eq!(heddle.dead_letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_replies_ends_and_its_last_reply_is_a_dead_letter_named_loop() {
    let again = Sink::answering([Answer::reply(&Event::new("again"))]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &again.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("first"))
        .await;
    again.wait_within(255, RETRY_PATIENCE).await;
    let trigger = heddle.idle_trigger("t").await;
    assert!((255..=256).contains(&again.count()), "{} passes", again.count());
    assert_eq!(
        trigger["delivered"],
        again.count(),
        "the cause of the last reply counts as delivered: {trigger}"
    );
    let dead = heddle.dead_letters().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    let words = dead[0].to_string();
    assert!(words.contains("loop") && words.contains("again"), "{words}");
    for request in again.received() {
        assert!(
            request.headers.get("ce-knativebrokerttl").is_none(),
            "the count is stripped before endpoints"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_count_that_comes_with_an_event_is_kept() {
    let again = Sink::answering([Answer::reply(&Event::new("again"))]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &again.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("first").with("knativebrokerttl", "3"))
        .await;
    again.wait_for(3).await;
    heddle.idle_trigger("t").await;
    assert!((3..=4).contains(&again.count()), "{} passes of 3", again.count());
    assert_eq!(heddle.dead_letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_seen_by_the_trigger_that_caused_it() {
    let shrinking = Sink::deciding(|request| match request.attribute("id").as_str() {
        "3" => Answer::reply(&Event::new("2")),
        "2" => Answer::reply(&Event::new("1")),
        _ => Answer::ok(),
    })
    .await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &shrinking.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("3"))
        .await;
    shrinking.wait_for(3).await;
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 3);
    assert_eq!(shrinking.ids(), ["3", "2", "1"]);
}
