//! Endpoints that misbehave, as a person sees it: at the endpoint, in `heddle get`, in the dead-letter store.

use std::time::Duration;

use harness::rude::{Rude, RudeServer};
use harness::{
    Answer, Event, Heddle, PATIENCE, RETRY_PATIENCE, Resources, Sink, Trigger, config, eventually_async,
};
use serde_json::{Value, json};

fn endpoint(name: &str, url: &str, mut spec: Value) -> Value {
    spec["url"] = json!(url);
    config::resource("heddle.dev/v1", "Endpoint", "default", name, spec)
}

fn to_endpoint(trigger: &str, endpoint: &str) -> Trigger {
    let reference = json!({"ref": {"apiVersion": "heddle.dev/v1", "kind": "Endpoint", "name": endpoint}});
    Trigger::new(trigger, "http://replaced/").subscriber(reference)
}

async fn get(heddle: &Heddle, kind: &str, name: &str) -> Value {
    let cli = heddle
        .cli(&["get", kind, name, "--output", "json", "--admin", heddle.admin()])
        .await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    cli.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_410_pauses_the_trigger_until_a_person_lets_it_go_on() {
    let sink = Sink::answering([Answer::status(410)]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    producer.accepted(&Event::new("first")).await;
    sink.wait_for(1).await;
    let shown = || async {
        let trigger = get(&heddle, "trigger", "t").await;
        (!trigger["paused"].is_null()).then_some(trigger)
    };
    let trigger = eventually_async("the trigger is paused", PATIENCE, shown).await;
    assert_eq!(trigger["paused"]["by"], "gone", "{trigger}");
    heddle.kill();
    heddle.restart().await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("second"))
        .await;
    assert!(heddle.dead_letters().await.is_empty());
    assert_eq!(sink.count(), 1, "the pause outlives the process");
    sink.answer([Answer::ok()]);
    let cli = heddle
        .cli(&["trigger", "resume", "t", "--admin", heddle.admin()])
        .await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    sink.wait_for(3).await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["first", "first", "second"]);
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_opens_shows_itself_and_closes_and_no_event_is_given_up() {
    let sink = Sink::answering([Answer::status(503)]).await;
    let breaker = json!({"breaker": {"failures": 3, "wait": "PT0.2S", "waitMax": "PT0.2S"}});
    let delivery = json!({"retry": 50, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let resources = Resources::with_default_broker()
        .document(endpoint("sick", &sink.url("/"), breaker))
        .trigger(to_endpoint("t", "sick").delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    for n in 0..20 {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    sink.wait_for(8).await;
    let shown = get(&heddle, "endpoint", "sick").await;
    let status = &shown["status"];
    assert!(
        ["open", "half-open"]
            .iter()
            .any(|state| status["state"] == *state),
        "{shown}"
    );
    assert_eq!(status["lastError"]["code"], 503, "{shown}");
    let table = heddle.cli(&["get", "endpoints", "--admin", heddle.admin()]).await;
    assert!(table.stdout.contains("open"), "{table:?}");
    sink.answer([Answer::ok()]);
    let trigger = heddle.idle_trigger("t").await;
    assert_eq!(
        (&trigger["delivered"], &trigger["deadLettered"]),
        (&json!(20), &json!(0))
    );
    assert_eq!(
        get(&heddle, "endpoint", "sick").await["status"]["state"],
        "closed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_met_at_the_endpoint_also_after_a_restart() {
    let sink = Sink::start().await;
    let rate = json!({"rate": {"requests": 50}});
    let resources = Resources::with_default_broker()
        .document(endpoint("slow", &sink.url("/"), rate))
        .trigger(to_endpoint("t", "slow"));
    let mut heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    for n in 0..200 {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    sink.wait_within(60, RETRY_PATIENCE).await;
    heddle.terminate().await;
    heddle.restart().await;
    sink.wait_within(200, RETRY_PATIENCE).await;
    let received = sink.received();
    for (first, request) in received.iter().enumerate() {
        let inside = received[first..]
            .iter()
            .take_while(|other| other.at < request.at + Duration::from_secs(1))
            .count();
        // Five per cent over the rate, and what a moment of waiting may add at once.
        assert!(inside <= 55, "{inside} requests in a second, at 50");
    }
    let took = received[199].at - received[0].at;
    assert!(
        took >= Duration::from_millis(3_800),
        "200 at 50 a second in {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_data_goes_structured_to_a_webhook_alone() {
    let (webhook, plain) = (Sink::start().await, Sink::start().await);
    let resources = Resources::with_default_broker()
        .document(endpoint("hook", &webhook.url("/"), json!({"webhook": true})))
        .trigger(to_endpoint("webhook", "hook"))
        .trigger(Trigger::new("plain", &plain.url("/")));
    let heddle = Heddle::start(&resources).await;
    let event = Event {
        content_type: None,
        data: bytes::Bytes::new(),
        ..Event::new("empty")
    };
    heddle.producer("default/default").accepted(&event).await;
    let received = webhook.wait_for(1).await;
    assert!(
        received[0]
            .header("content-type")
            .starts_with("application/cloudevents+json")
    );
    assert_eq!(received[0].json()["id"], "empty");
    let received = plain.wait_for(1).await;
    assert_eq!(
        (received[0].attribute("id").as_str(), received[0].body.len()),
        ("empty", 0)
    );
}

/// A head with these header lines, then whatever follows.
fn head(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_harm_cost_one_attempt_and_little_memory() {
    let megabyte = vec![b'x'; 1 << 20];
    let chunk = [b"100000\r\n".as_slice(), &megabyte, b"\r\n"].concat();
    let event = "ce-id: 1\r\nce-source: /s\r\nce-type: t\r\nce-specversion: 1.0\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    let flood: String = (0..200_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let cases = [
        (
            "endless-error",
            Rude::Floods(head("500 No", chunked), chunk.clone()),
        ),
        (
            "endless-refusal",
            Rude::Floods(head("422 No", chunked), chunk.clone()),
        ),
        (
            "endless-reply",
            Rude::Floods(head("200 OK", &format!("{event}{chunked}")), chunk),
        ),
        (
            "slow-body",
            Rude::Trickles(
                head("500 No", "content-length: 100000\r\n"),
                Duration::from_millis(20),
            ),
        ),
        (
            "slow-reply",
            Rude::Trickles(
                head("200 OK", &format!("{event}content-length: 100000\r\n")),
                Duration::from_millis(20),
            ),
        ),
        (
            "slow-head",
            Rude::Trickles(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec(), Duration::from_millis(20)),
        ),
        ("header-flood", Rude::Says(head("200 OK", &flood))),
        (
            "endless-head",
            Rude::Floods(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), megabyte),
        ),
        (
            "invalid-header",
            Rude::Says(b"HTTP/1.1 200 OK\r\nx-bad\x01: \x02\r\n\r\n".to_vec()),
        ),
        ("no-http", Rude::Says(b"220 smtp.example ESMTP\r\n".to_vec())),
        ("nothing", Rude::Says(Vec::new())),
        (
            "cut-body",
            Rude::Says(head("200 OK", &format!("{event}content-length: 10\r\n"))),
        ),
        (
            "bomb",
            Rude::Says(
                [
                    head("500 No", "content-encoding: gzip\r\ncontent-length: 8\r\n"),
                    b"\x1f\x8b\x08bomb!".to_vec(),
                ]
                .concat(),
            ),
        ),
    ];
    let mut resources = Resources::with_default_broker();
    let mut servers = Vec::new();
    for (name, rude) in cases {
        let server = RudeServer::start(rude).await;
        let delivery =
            json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S", "timeout": "PT1S"});
        resources = resources.trigger(Trigger::new(name, &server.url()).delivery(delivery));
        servers.push((name, server));
    }
    let good = Sink::start().await;
    let heddle = Heddle::start(&resources.trigger(Trigger::new("good", &good.url("/")))).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    good.wait_for(1).await;
    for (name, server) in &servers {
        let trigger = heddle.idle_trigger(name).await;
        assert_eq!(trigger["deadLettered"], 1, "{name}: {trigger}");
        let attempts = if *name == "endless-refusal" { 1 } else { 2 };
        assert_eq!(server.requests(), attempts, "{name}");
        assert!(
            server.written() < 64 << 20,
            "{name}: {} bytes were taken",
            server.written()
        );
    }
    assert_eq!(heddle.dead_letters().await.len(), servers.len());
}
