//! Where an event goes when its endpoint will not have it: the dead letter sink with what went wrong, else the store.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::{Answer, Event, Heddle, Resources, Sink, Trigger};
use serde_json::json;

/// A delivery that tries once more, quickly, and then gives up to `sink`.
fn giving_up_to(sink: &Sink) -> serde_json::Value {
    json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S", "deadLetterSink": {"uri": sink.url("/dead")}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_answered_422_reaches_the_dead_letter_sink_exactly_once_with_the_error() {
    let body = br#"{"why": "not that one"}"#;
    let endpoint = Sink::answering([Answer::status(422).body(&body[..])]).await;
    let dead = Sink::start().await;
    let trigger = Trigger::new("t", &endpoint.url("/orders?a=b")).delivery(giving_up_to(&dead));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    let event = Event::new("x")
        .with("subject", "s")
        .data("application/json", r#"{"a": 1.0}"#);
    heddle.producer("default/default").accepted(&event).await;
    let received = dead.wait_for(1).await;
    heddle.idle_trigger("t").await;
    assert_eq!(
        (endpoint.count(), dead.count()),
        (1, 1),
        "422 is not retried, a dead letter is sent once"
    );

    let letter = &received[0];
    assert_eq!(
        (letter.attribute("id"), letter.attribute("subject")),
        ("x".to_owned(), "s".to_owned())
    );
    assert_eq!(letter.body, r#"{"a": 1.0}"#);
    assert_eq!(letter.attribute("knativeerrordest"), endpoint.url("/orders?a=b"));
    assert_eq!(letter.attribute("knativeerrorcode"), "422");
    assert_eq!(letter.attribute("knativeerrordata"), BASE64_STANDARD.encode(body));
    let names = [
        "id",
        "knativeerrorcode",
        "knativeerrordata",
        "knativeerrordest",
        "source",
        "specversion",
        "subject",
        "type",
    ];
    assert_eq!(letter.attributes(), names, "nothing else is added");
    assert!(
        heddle.dead_letters().await.is_empty(),
        "what the dead letter sink took is not in the store too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_dead_letter_sink_the_store_keeps_the_event_and_shows_it() {
    let endpoint = Sink::answering([Answer::status(422).body("no")]).await;
    let trigger = Trigger::new("t", &endpoint.url("/")).delivery(json!({"retry": 3}));
    let mut heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("kept").data("text/plain", "the payload"))
        .await;
    heddle.idle_trigger("t").await;
    assert_eq!(endpoint.count(), 1);
    let listed = heddle.dead_letters().await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let words = listed[0].to_string();
    for word in ["kept", "422"] {
        assert!(words.contains(word), "the list names {word}: {words}");
    }

    heddle.kill();
    heddle.restart().await;
    assert_eq!(heddle.dead_letters().await.len(), 1, "the store survives kill -9");
    let table = heddle
        .cli(&["dead-letters", "list", "--admin", heddle.admin()])
        .await;
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(
        table.stdout.contains("kept") && table.stdout.contains("422"),
        "{}",
        table.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_sink_that_fails_too_leaves_the_event_in_the_store() {
    let endpoint = Sink::answering([Answer::status(500)]).await;
    let dead = Sink::answering([Answer::status(500)]).await;
    let trigger = Trigger::new("t", &endpoint.url("/")).delivery(giving_up_to(&dead));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    dead.wait_for(2).await;
    heddle.idle_trigger("t").await;
    assert_eq!(
        (endpoint.count(), dead.count()),
        (2, 2),
        "the dead letter sink is retried by the same rules"
    );
    let listed = heddle.dead_letters().await;
    assert_eq!(listed.len(), 1, "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_endpoint_is_named_in_the_dead_letter() {
    let gone = Sink::start().await.url("/gone");
    let dead = Sink::start().await;
    let trigger = Trigger::new("t", &gone).delivery(giving_up_to(&dead));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = dead.wait_for(1).await;
    assert_eq!(received[0].attribute("knativeerrordest"), gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_an_endpoints_url_are_not_told_to_the_dead_letter_sink() {
    let endpoint = Sink::answering([Answer::status(422)]).await;
    let dead = Sink::start().await;
    let secret = endpoint.url("/").replace("http://", "http://user:secret@");
    let trigger = Trigger::new("t", &secret).delivery(giving_up_to(&dead));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = dead.wait_for(1).await;
    assert_eq!(received[0].attribute("knativeerrordest"), endpoint.url("/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_error_body_is_cut_not_dropped() {
    let body = vec![b'e'; 100_000];
    let endpoint = Sink::answering([Answer::status(400).body(body)]).await;
    let dead = Sink::start().await;
    let trigger = Trigger::new("t", &endpoint.url("/")).delivery(giving_up_to(&dead));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = dead.wait_for(1).await;
    let data = BASE64_STANDARD
        .decode(received[0].attribute("knativeerrordata"))
        .expect("base64");
    assert!(
        !data.is_empty() && data.len() < 10_000 && data.iter().all(|&byte| byte == b'e'),
        "{} bytes",
        data.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggers_delivery_replaces_the_brokers_whole() {
    let endpoint = Sink::answering([Answer::status(500)]).await;
    let brokers = Sink::start().await;
    let own = Sink::start().await;
    let delivery = giving_up_to(&brokers);
    let resources = Resources::new()
        .broker("default", json!({"delivery": delivery}))
        .trigger(Trigger::new("inherits", &endpoint.url("/inherits")))
        .trigger(Trigger::new("replaces", &endpoint.url("/replaces")).delivery(json!({"retry": 0})))
        .trigger(Trigger::new("own", &endpoint.url("/own")).delivery(giving_up_to(&own)));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    for trigger in ["inherits", "replaces", "own"] {
        heddle.idle_trigger(trigger).await;
    }
    let attempts = |path: &str| {
        endpoint
            .received()
            .iter()
            .filter(|request| request.path == path)
            .count()
    };
    assert_eq!(
        (attempts("/inherits"), attempts("/replaces"), attempts("/own")),
        (2, 1, 2)
    );
    assert_eq!((brokers.count(), own.count()), (1, 1));
    assert_eq!(
        heddle.dead_letters().await.len(),
        1,
        "the trigger that replaced it has no dead letter sink"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_shown_with_its_event() {
    let endpoint = Sink::answering([Answer::status(422).body("no such order")]).await;
    let trigger = Trigger::new("t", &endpoint.url("/")).delivery(json!({"retry": 0}));
    let heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("shown").data("text/plain", "the payload"))
        .await;
    heddle.idle_trigger("t").await;
    let listed = heddle.dead_letters().await;
    let key = ["key", "id", "name"]
        .iter()
        .find_map(|field| listed[0][field].as_str())
        .expect("a dead letter has a key");
    let shown = heddle
        .cli(&["dead-letters", "show", key, "--admin", heddle.admin()])
        .await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for word in ["shown", "422", "the payload", &endpoint.url("/")] {
        assert!(shown.stdout.contains(word), "it shows {word:?}: {}", shown.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_counted_by_reason_and_purged_by_command_for_good() {
    let endpoint = Sink::answering([Answer::status(422).body("no")]).await;
    let trigger = Trigger::new("t", &endpoint.url("/orders"));
    let mut heddle = Heddle::start(&Resources::with_default_broker().trigger(trigger)).await;
    let producer = heddle.producer("default/default");
    for n in 0..5 {
        let ty = if n == 4 { "other" } else { "demo" };
        producer
            .accepted(&Event::new(format!("e{n}")).with("type", ty))
            .await;
    }
    heddle.idle_trigger("t").await;

    let run = async |heddle: &Heddle, arguments: &str| {
        let admin = ["--admin", heddle.admin()];
        let arguments: Vec<_> = ["dead-letters"]
            .into_iter()
            .chain(arguments.split(' '))
            .chain(admin)
            .collect();
        heddle.cli(&arguments).await
    };
    let listed = run(&heddle, "list --limit 2").await;
    assert!(
        listed.stdout.contains("default/t") && listed.stdout.contains("refused"),
        "{listed:?}"
    );
    assert!(
        listed.stdout.contains("there are more: add --before "),
        "{listed:?}"
    );
    let first = run(&heddle, "list --limit 2 --output json").await.json();
    assert_eq!(first["groups"][0]["count"], 5);
    let next = first["next"].as_str().expect("there are more");
    let second = run(&heddle, &format!("list --limit 9 --output json --before {next}"))
        .await
        .json();
    assert_eq!(second["items"].as_array().map(Vec::len), Some(3), "{second}");

    let id = first["items"][1]["id"].as_str().expect("an id").to_owned();
    let shown = run(&heddle, &format!("show {id} --output json")).await.json();
    let extensions = &shown["errorExtensions"];
    assert_eq!(extensions["knativeerrordest"], endpoint.url("/orders"));
    assert_eq!(
        (&extensions["knativeerrorcode"], &extensions["knativeerrordata"]),
        (&json!(422), &json!("bm8="))
    );
    assert!(
        shown["event"].get("knativeerrorcode").is_none(),
        "the event is as it came: {shown}"
    );

    let nothing = run(&heddle, "purge").await;
    assert_eq!(
        nothing.code,
        Some(64),
        "a purge of everything is asked for: {nothing:?}"
    );
    let counted = run(&heddle, "purge --type demo --dry-run").await;
    assert_eq!(counted.stdout, "4 dead letters would be removed\n");
    let purged = run(&heddle, "purge --type demo").await;
    assert_eq!(purged.stdout, "4 dead letters are removed\n", "{purged:?}");
    heddle.kill();
    heddle.restart().await;
    assert_eq!(heddle.dead_letters().await.len(), 1);
    let purged = run(&heddle, "purge --all").await;
    assert_eq!(purged.stdout, "1 dead letters are removed\n");
    assert!(heddle.dead_letters().await.is_empty());
    heddle.adds_up().await;
    let metrics = heddle.metrics().await;
    assert_eq!(
        metrics.get(r#"heddle_trigger_dead_lettered_total{trigger="default/t"}"#),
        5.0
    );
    assert_eq!(
        metrics.get(r#"heddle_trigger_dead_letters_purged_total{trigger="default/t"}"#),
        5.0
    );
}
