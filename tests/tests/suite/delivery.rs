//! What an endpoint meets: the request's headers and formats, what each answer leads to, retries and their times.

use std::time::Duration;

use harness::{Answer, Event, Heddle, RETRY_PATIENCE, Received, Resources, Sink, Trigger};
use serde_json::json;

mod dead_letters;
mod misbehaviour;
mod replies;

/// A broker, one trigger named `t` with this delivery, and an endpoint that gives these answers.
async fn mesh(delivery: serde_json::Value, answers: impl IntoIterator<Item = Answer>) -> (Heddle, Sink) {
    let sink = Sink::answering(answers).await;
    let trigger = Trigger::new("t", &sink.url("/")).delivery(delivery);
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    (heddle, sink)
}

/// The times between consecutive requests.
fn gaps(received: &[Received]) -> Vec<Duration> {
    received.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_five_times_and_then_works_gets_its_event() {
    let delivery = json!({"retry": 5, "backoffPolicy": "linear", "backoffDelay": "PT0.2S"});
    let answers = Answer::status(503).times(5).into_iter().chain([Answer::ok()]);
    let (heddle, sink) = mesh(delivery, answers).await;
    let event = Event::new("sixth")
        .with("subject", "s")
        .data("application/json", r#"{"a": 1.0}"#);
    heddle.producer("default/default").accepted(&event).await;
    let received = sink.wait_within(6, RETRY_PATIENCE).await;
    for request in &received {
        assert_eq!(request.attribute("id"), "sixth");
        assert_eq!(request.attribute("subject"), "s");
        assert_eq!(request.body, r#"{"a": 1.0}"#);
    }
    for (n, gap) in (1..).zip(gaps(&received)) {
        assert!(
            gap >= Duration::from_millis(200) * n,
            "the wait before retry {n} is {gap:?}: at least the delay times {n}"
        );
    }
    let trigger = heddle.idle_trigger("t").await;
    assert_eq!(
        (sink.count(), trigger["delivered"].as_u64()),
        (6, Some(1)),
        "{trigger}"
    );
    assert!(heddle.dead_letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn exponential_waits_are_at_least_the_delay_times_two_to_the_n() {
    let delivery = json!({"retry": 3, "backoffPolicy": "exponential", "backoffDelay": "PT0.1S"});
    let (heddle, sink) = mesh(delivery, [Answer::status(500)]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_within(4, RETRY_PATIENCE).await;
    for (n, gap) in (1..).zip(gaps(&received)) {
        let base = Duration::from_millis(100) * 2_u32.pow(n);
        assert!(
            gap >= base,
            "the wait before retry {n} is {gap:?}, at least {base:?}"
        );
        assert!(
            gap < base * 4 + Duration::from_secs(5),
            "the wait before retry {n} is {gap:?}, not far over {base:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_delivery_the_broker_default_retries() {
    let sink = Sink::answering([Answer::status(500), Answer::ok()]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_within(2, RETRY_PATIENCE).await;
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_retried_or_not_as_the_table_says() {
    let retried = [404, 408, 409, 429, 500, 502, 503, 504, 599];
    let refused = [300, 301, 302, 304, 307, 400, 401, 403, 405, 413, 415, 422, 451];
    let done = [200, 201, 202, 203, 204, 206];
    let sink = Sink::deciding(|request| {
        let status = request
            .path
            .trim_start_matches('/')
            .parse()
            .expect("the path is a status");
        Answer::status(status)
    })
    .await;
    let mut resources = Resources::with_default_broker();
    for status in retried.iter().chain(&refused).chain(&done) {
        let trigger = Trigger::new(&format!("s{status}"), &sink.url(&format!("/{status}")));
        let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
        resources = resources.trigger(trigger.delivery(delivery));
    }
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    for (statuses, attempts) in [(&retried[..], 2), (&refused[..], 1), (&done[..], 1)] {
        for status in statuses {
            heddle.idle_trigger(&format!("s{status}")).await;
            let path = format!("/{status}");
            let came = sink
                .received()
                .iter()
                .filter(|request| request.path == path)
                .count();
            assert_eq!(came, attempts, "attempts of an endpoint that answers {status}");
        }
    }
    let dead = heddle.dead_letters().await;
    assert_eq!(
        dead.len(),
        retried.len() + refused.len(),
        "all that was not delivered is a dead letter"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_and_retry_after_max_bounds_it() {
    let busy = |seconds: &str| Answer::status(429).header("retry-after", seconds);
    let sink = Sink::answering([busy("2"), Answer::ok()]).await;
    let ignoring = Sink::answering([busy("3000"), Answer::ok()]).await;
    let capped = Sink::answering([busy("3000"), Answer::ok()]).await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let with_max = |max: &str| {
        let mut delivery = delivery.clone();
        delivery["retryAfterMax"] = json!(max);
        delivery
    };
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("unset", &sink.url("/")).delivery(delivery.clone()))
        .trigger(Trigger::new("zero", &ignoring.url("/")).delivery(with_max("PT0S")))
        .trigger(Trigger::new("capped", &capped.url("/")).delivery(with_max("PT1S")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let waited = gaps(&sink.wait_for(2).await)[0];
    assert!(
        waited >= Duration::from_secs(2),
        "Retry-After: 2 waited {waited:?}"
    );
    ignoring.wait_for(2).await;
    let waited = gaps(&capped.wait_for(2).await)[0];
    assert!(
        waited >= Duration::from_secs(1),
        "capped at a second waited {waited:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_is_given_up_after_the_timeout() {
    let delivery =
        json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.05S", "timeout": "PT0.5S"});
    let (heddle, sink) = mesh(delivery, [Answer::hang(), Answer::ok()]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_for(2).await;
    let waited = gaps(&received)[0];
    assert!(waited >= Duration::from_millis(500), "given up after {waited:?}");
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_says_prefer_reply_and_its_namespace() {
    let (heddle, sink) = mesh(json!({}), []).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_for(1).await;
    assert_eq!(received[0].header("prefer"), "reply");
    assert_eq!(received[0].header("kn-namespace"), "default");
    assert_eq!(received[0].method, "POST");
    assert_eq!(
        received[0].header("authorization"),
        "",
        "nothing of the producer's credentials goes on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn format_decides_between_binary_and_structured_whatever_came() {
    let (json_sink, binary_sink) = (Sink::start().await, Sink::start().await);
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("json", &json_sink.url("/")).delivery(json!({"format": "json"})))
        .trigger(Trigger::new("binary", &binary_sink.url("/")).delivery(json!({"format": "binary"})));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    let data = r#"{"big":123456789012345678901234567890}"#;
    let event = Event::new("x")
        .with("subject", "a b")
        .with("comexample", "1")
        .data("application/json", data);
    producer.accepted(&event).await;
    assert_eq!(producer.structured(event.structured()).await.status, 202);
    let bytes = Event::new("bytes").data("application/octet-stream", &b"\0\xff"[..]);
    producer.accepted(&bytes).await;

    for request in json_sink.wait_for(3).await {
        assert!(
            request
                .header("content-type")
                .starts_with("application/cloudevents+json"),
            "{request:?}"
        );
        assert!(
            request.headers.get("ce-id").is_none(),
            "attributes are in the body alone"
        );
        let event = request.json();
        if event["id"] == "x" {
            assert_eq!(
                (&event["subject"], &event["comexample"]),
                (&json!("a b"), &json!("1"))
            );
            assert_eq!(event["datacontenttype"], "application/json");
            let text = String::from_utf8(request.body.to_vec()).unwrap();
            assert!(
                text.contains(data),
                "the data stands in the event as it came: {text}"
            );
        } else {
            assert_eq!(event["data_base64"], "AP8=", "{event}");
        }
    }
    for request in binary_sink.wait_for(3).await {
        assert!(request.headers.get("ce-id").is_some());
        let want: &[u8] = if request.attribute("id") == "x" {
            data.as_bytes()
        } else {
            b"\0\xff"
        };
        assert_eq!(request.body, want);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_endpoint_is_trusted_by_its_ca_certs_alone() {
    let (trusted, authority) = Sink::start_tls().await;
    let (stranger, _) = Sink::start_tls().await;
    let subscriber = json!({"uri": trusted.url("/"), "CACerts": authority});
    let once = json!({"retry": 0});
    let resources = Resources::with_default_broker()
        .trigger(
            Trigger::new("trusted", "")
                .subscriber(subscriber)
                .delivery(once.clone()),
        )
        .trigger(Trigger::new("stranger", &stranger.url("/")).delivery(once));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = trusted.wait_for(1).await;
    assert_eq!(received[0].attribute("id"), "x");
    heddle.idle_trigger("stranger").await;
    assert_eq!(
        stranger.count(),
        0,
        "an endpoint whose certificate nobody vouches for gets nothing"
    );
    assert_eq!(heddle.dead_letters().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let elsewhere = Sink::start().await;
    let moved = Answer::status(307).header("location", &elsewhere.url("/"));
    let (heddle, sink) = mesh(json!({"retry": 0}), [moved]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    heddle.idle_trigger("t").await;
    assert_eq!((sink.count(), elsewhere.count()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_there_yet_gets_its_event_when_it_is() {
    let sink = Sink::start().await;
    let (address, url) = (sink.address(), sink.url("/"));
    drop(sink);
    let delivery = json!({"retry": 100, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &url).delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let sink = Sink::at(address, []).await;
    sink.wait_within(1, RETRY_PATIENCE).await;
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_data_is_a_request_without_a_body() {
    let (heddle, sink) = mesh(json!({}), []).await;
    let event = Event {
        content_type: None,
        data: bytes::Bytes::new(),
        ..Event::new("bare")
    };
    heddle.producer("default/default").accepted(&event).await;
    let received = sink.wait_for(1).await;
    assert!(received[0].body.is_empty());
    assert!(
        received[0].headers.get("content-type").is_none(),
        "{:?}",
        received[0].headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_reach_many_endpoints_each_once() {
    let sinks = [Sink::start().await, Sink::start().await, Sink::start().await];
    let mut resources = Resources::with_default_broker();
    for (n, sink) in sinks.iter().enumerate() {
        resources = resources.trigger(Trigger::new(&format!("t{n}"), &sink.url("/")));
    }
    let heddle = Heddle::start(&resources).await;
    let load = harness::load::Load::start(&heddle.broker("default/default"), 2_000, 8, &[].into());
    assert_eq!(load.finish().await.len(), 2_000);
    for (n, sink) in sinks.iter().enumerate() {
        assert_eq!(heddle.idle_trigger(&format!("t{n}")).await["delivered"], 2_000);
        let mut ids = sink.ids();
        ids.sort();
        ids.dedup();
        assert_eq!(
            (ids.len(), sink.count()),
            (2_000, 2_000),
            "without a crash nothing comes twice"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_time_has_passed_is_not_delivered_and_counted() {
    let (heddle, sink) = mesh(json!({}), []).await;
    let producer = heddle.producer("default/default");
    for (id, expires) in [
        ("past", "2020-01-01T00:00:00Z"),
        ("future", "2999-01-01T00:00:00Z"),
        ("garbage", "soon"),
    ] {
        producer
            .accepted(&Event::new(id).with("expirytime", expires))
            .await;
    }
    let trigger = heddle.idle_trigger("t").await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(
        ids,
        ["future", "garbage"],
        "an event is not thrown away for a mistake in it"
    );
    assert_eq!(trigger["expired"], 1, "{trigger}");
    assert!(heddle.dead_letters().await.is_empty());
}
