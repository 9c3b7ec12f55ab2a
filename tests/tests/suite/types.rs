//! The catalogue of event types, and schemas at the brokers' doors.

use bytes::Bytes;
use harness::config::resource;
use harness::{
    Answer, Answered, Cli, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually_async, producer,
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// A Schema of namespace `default` for the broker `default`.
fn schema(name: &str, mode: &str, ty: &str, schema: Value) -> Value {
    let spec = json!({"broker": "default", "match": {"type": ty}, "mode": mode, "schema": schema});
    resource("heddle.dev/v1", "Schema", "default", name, spec)
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id"],
        "properties": {"total": {"type": "number"}, "id": {"type": "string"}},
    })
}

fn event(id: &str, ty: &str, data: &str) -> Event {
    Event::new(id).ty(ty).data("application/json", data.to_owned())
}

/// A command that asks this heddle, as JSON.
async fn asked(heddle: &Heddle, arguments: &[&str]) -> Value {
    let rest = ["--output", "json", "--admin", heddle.admin()];
    let cli = heddle.cli(&[arguments, &rest].concat()).await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    cli.json()
}

async fn metrics(heddle: &Heddle) -> String {
    producer::get(&format!("{}/metrics", heddle.admin())).await.text()
}

fn assert_refused(answer: &Answered, index: Option<u64>) {
    assert_eq!(answer.status.as_u16(), 400, "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:heddle:problem:schema");
    assert_eq!(problem["at"], "/data/total");
    assert_eq!(problem["errors"][0]["at"], "/data/total");
    assert_eq!(problem["index"].as_u64(), index);
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_does_not_fit_is_refused_with_its_path_in_every_mode_of_the_binding() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker()
        .document(schema("orders", "reject", "order.*", order()))
        .trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    let good = r#"{"id": "a", "total": 12345678901234567890123.10}"#;
    let bad = r#"{"id": "a", "total": "hunter2"}"#;
    assert_refused(&producer.binary(&event("1", "order.placed", bad)).await, None);
    assert_refused(
        &producer
            .structured(event("2", "order.placed", bad).structured())
            .await,
        None,
    );
    let batch = [event("3", "order.placed", good), event("4", "order.placed", bad)];
    let batch = batch.map(|event| String::from_utf8(event.structured().to_vec()).expect("JSON"));
    assert_refused(
        &producer
            .batch(Bytes::from(format!("[{}]", batch.join(","))))
            .await,
        Some(1),
    );
    for event in [
        event("5", "order.placed", good),
        event("6", "invoice.sent", bad),
        Event::new("7").ty("invoice.sent").data("text/plain", "no JSON"),
    ] {
        producer.accepted(&event).await;
    }
    let text = Event::new("8").ty("order.placed").data("text/plain", "no JSON");
    let answer = producer.binary(&text).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["at"].clone()),
        (400, json!("/datacontenttype"))
    );
    heddle.idle_trigger("t").await;
    let received = sink.received();
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(
        ids,
        ["5", "6", "7"],
        "of a batch with one that does not fit nothing is stored"
    );
    let order = received
        .iter()
        .find(|event| event.attribute("id") == "5")
        .expect("it came");
    assert_eq!(
        &order.body[..],
        good.as_bytes(),
        "what was checked is not what was changed"
    );
    let metrics = metrics(&heddle).await;
    let failed = r#"heddle_schema_failed_events_total{schema="default/orders",mode="reject"} 4"#;
    assert!(metrics.contains(failed), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_warns_accepts_counts_and_logs_once() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker()
        .document(schema("orders", "warn", "*", order()))
        .document(schema("off", "off", "*", json!(false)))
        .trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    for id in ["1", "2", "3"] {
        let event = event(id, "order.placed", r#"{"total": "hunter2"}"#);
        heddle.producer("default/default").accepted(&event).await;
    }
    heddle.idle_trigger("t").await;
    assert_eq!(sink.count(), 3);
    let metrics = metrics(&heddle).await;
    let failed = r#"heddle_schema_failed_events_total{schema="default/orders",mode="warn"} 3"#;
    assert!(metrics.contains(failed), "{metrics}");
    assert!(!metrics.contains("default/off"), "{metrics}");
    let log = heddle.process().stderr();
    assert_eq!(log.matches("does not fit the schema").count(), 1, "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_tells_its_sender_and_a_schedule_leaves_out_and_goes_on() {
    let hook = json!({"path": "/hooks/a", "event": {"type": {"value": "order.placed"}}});
    let ping =
        json!({"schedule": "* * * * * *", "contentType": "application/json", "data": "{\"total\": \"x\"}"});
    let resources = Resources::with_default_broker()
        .document(schema("all", "reject", "*", order()))
        .source("heddle.dev/v1", "WebhookSource", "hook", hook)
        .source("sources.knative.dev/v1", "PingSource", "ping", ping);
    let heddle = Heddle::start(&resources).await;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let hook = heddle.producer("hooks/a");
    let bad = hook
        .post(
            headers.clone(),
            Bytes::from_static(br#"{"id": "a", "total": "hunter2"}"#),
        )
        .await;
    assert_refused(&bad, None);
    let good = hook.post(headers, Bytes::from_static(br#"{"id": "a"}"#)).await;
    assert_eq!(good.status.as_u16(), 202, "{good:?}");
    let left_out = |text: &str| {
        let series = r#"heddle_source_misfitting_events_total{kind="PingSource",source="default/ping"} "#;
        let (_, count) = text.split_once(series)?;
        count.split_whitespace().next()?.parse::<u64>().ok()
    };
    eventually_async("two ticks are left out", PATIENCE, async || {
        left_out(&metrics(&heddle).await).filter(|count| *count >= 2)
    })
    .await;
    let broker = asked(&heddle, &["get", "broker", "default"]).await;
    assert_eq!(broker["events"], 1);
}

fn mended() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}}})
}

/// One batch, one commit: what fits is delivered, what does not is kept byte for byte, and comes in when its schema is mended.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_quarantined_is_kept_byte_for_byte_and_comes_in_when_the_schema_is_mended() {
    let sink = Sink::start().await;
    let resources = |schema_text: Value| {
        Resources::with_default_broker()
            .document(schema("orders", "quarantine", "order.*", schema_text))
            .trigger(Trigger::new("t", &sink.url("/")))
    };
    let mut heddle = Heddle::start(&resources(order())).await;
    let bad = r#"{"id": "a",  "total": "12345678901234567890123.10"}"#;
    let batch = [
        event("1", "order.placed", bad).with("subject", "Euro € 😀"),
        event("2", "order.placed", r#"{"id": "a", "total": 1.10}"#),
    ];
    let batch = batch.map(|event| String::from_utf8(event.structured().to_vec()).expect("JSON"));
    let batch = Bytes::from(format!("[{}]", batch.join(",")));
    let answer = heddle.producer("default/default").batch(batch).await;
    assert_eq!(answer.status.as_u16(), 202, "{answer:?}");
    heddle.idle_trigger("t").await;
    assert_eq!(sink.ids(), ["2"], "what is kept is delivered to nobody");
    let counted = metrics(&heddle).await;
    for sample in [
        r#"heddle_broker_quarantined_total{broker="default/default"} 1"#,
        r#"heddle_schema_failed_events_total{schema="default/orders",mode="quarantine"} 1"#,
    ] {
        assert!(counted.contains(sample), "{counted}");
    }

    // A kill and a lost view change nothing of it.
    heddle.kill();
    std::fs::remove_dir_all(heddle.folder().join("data/view")).expect("the view is there");
    heddle.restart().await;
    let list = asked(&heddle, &["dead-letters", "list", "--reason", "schema"]).await;
    let letter = list["items"][0].clone();
    let group = json!({"broker": "default/default", "reason": "schema", "count": 1});
    for field in ["broker", "reason", "count"] {
        assert_eq!(list["groups"][0][field], group[field], "{list}");
    }
    assert_eq!(letter.get("trigger"), None, "{letter}");
    assert_eq!(letter["destination"], "schema:default/orders", "{letter}");
    let message = letter["message"].as_str().expect("a message");
    assert!(
        message.contains("/data/total") && !message.contains("12345"),
        "{message}"
    );
    let id = letter["id"].as_str().expect("an id").to_owned();
    let shown = producer::get(&format!("{}/api/v1/dead-letters/{id}", heddle.admin())).await;
    assert!(shown.text().contains(bad), "byte for byte: {shown:?}");
    let table = heddle
        .cli(&["dead-letters", "list", "--admin", heddle.admin()])
        .await;
    assert!(
        table.stdout.contains("(broker default/default)"),
        "{}",
        table.stdout
    );

    let redrive = async |heddle: &Heddle| {
        let arguments = [
            "dead-letters",
            "redrive",
            "--reason",
            "schema",
            "--admin",
            heddle.admin(),
        ];
        heddle.cli(&arguments).await.stdout
    };
    assert_eq!(
        redrive(&heddle).await,
        "0 dead letters are redriven; 1 cannot be and stay\n"
    );
    heddle.reconfigure(&resources(mended()));
    heddle.terminate().await;
    heddle.restart().await;
    assert_eq!(redrive(&heddle).await, "1 dead letters are redriven\n");
    heddle.idle_trigger("t").await;
    let received = sink.received();
    let [_, late] = &received[..] else {
        panic!("the other and this one: {:?}", sink.ids())
    };
    assert_eq!(
        (late.attribute("id"), &late.body[..]),
        ("1".to_owned(), bad.as_bytes())
    );
    assert_eq!(late.attribute("subject"), "Euro € 😀");
    assert_eq!(heddle.dead_letters().await.len(), 0);
}

/// The delivery was good; its reply waits for a person, and goes where it was to go.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_quarantined_ends_its_delivery_and_comes_in_when_the_schema_is_mended() {
    let reply = event("r", "order.checked", r#"{"id": "a", "total": "x"}"#);
    let (sink, next) = (
        Sink::answering([Answer::reply(&reply)]).await,
        Sink::start().await,
    );
    let of = |ty: &str| json!([{"exact": {"type": ty}}]);
    let resources = |schema_text: Value| {
        Resources::with_default_broker()
            .document(schema("orders", "quarantine", "order.*", schema_text))
            .trigger(Trigger::new("asks", &sink.url("/")).filters(of("a")))
            .trigger(Trigger::new("next", &next.url("/")).filters(of("order.checked")))
    };
    let mut heddle = Heddle::start(&resources(order())).await;
    heddle
        .producer("default/default")
        .accepted(&event("1", "a", "{}"))
        .await;
    heddle.idle_trigger("asks").await;
    let [letter] = heddle.dead_letters().await.try_into().expect("the reply");
    assert_eq!(
        (&letter["eventId"], &letter["reason"], &letter["trigger"]),
        (&json!("r"), &json!("schema"), &json!("default/asks")),
        "{letter}"
    );
    heddle.reconfigure(&resources(mended()));
    heddle.terminate().await;
    heddle.restart().await;
    let redrive = [
        "dead-letters",
        "redrive",
        "--trigger",
        "default/asks",
        "--admin",
        heddle.admin(),
    ];
    let redrove = heddle.cli(&redrive).await;
    assert_eq!(redrove.stdout, "1 dead letters are redriven\n", "{redrove:?}");
    heddle.idle_trigger("next").await;
    assert_eq!((sink.count(), next.ids()), (1, vec!["r".to_owned()]));
}

/// The cause is what must not be lost: it is tried again, then kept with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_does_not_fit_is_a_delivery_that_failed() {
    let bad = Answer::reply(&event("r", "order.checked", r#"{"total": "hunter2"}"#));
    let good = Answer::reply(&event("r", "order.checked", r#"{"id": "a", "total": 1.10}"#));
    let stubborn = Sink::answering([bad.clone()]).await;
    let learning = Sink::answering([bad, good]).await;
    let next = Sink::start().await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let of = |ty: &str| json!([{"exact": {"type": ty}}]);
    let resources = Resources::with_default_broker()
        .document(schema("orders", "reject", "order.checked", order()))
        .trigger(
            Trigger::new("stubborn", &stubborn.url("/"))
                .filters(of("a"))
                .delivery(delivery.clone()),
        )
        .trigger(
            Trigger::new("learning", &learning.url("/"))
                .filters(of("b"))
                .delivery(delivery),
        )
        .trigger(Trigger::new("next", &next.url("/")).filters(of("order.checked")));
    let heddle = Heddle::start(&resources).await;
    for (id, ty) in [("1", "a"), ("2", "b")] {
        heddle
            .producer("default/default")
            .accepted(&event(id, ty, "{}"))
            .await;
    }
    for trigger in ["stubborn", "learning", "next"] {
        heddle.idle_trigger(trigger).await;
    }
    assert_eq!((stubborn.count(), learning.count()), (2, 2));
    let [reply] = next.received().try_into().expect("the reply that fits");
    assert_eq!(&reply.body[..], br#"{"id": "a", "total": 1.10}"#);
    let [letter] = heddle
        .dead_letters()
        .await
        .try_into()
        .expect("the cause of the one that does not");
    let said = letter.to_string();
    assert_eq!(letter["eventId"], "1", "{said}");
    assert!(
        said.contains("the schema default/orders: ") && said.contains("/data/total"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

/// A door is a door: what comes from another broker is looked at as well, and once is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_event_that_does_not_fit_is_tried_once() {
    let to = json!({"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "strict"}});
    let spec = json!({"broker": "strict", "match": {"type": "*"}, "schema": order()});
    let resources = Resources::with_default_broker()
        .broker("strict", json!({}))
        .document(resource("heddle.dev/v1", "Schema", "default", "orders", spec))
        .trigger(Trigger::new("forward", "http://unused").subscriber(to));
    let heddle = Heddle::start(&resources).await;
    for (id, data) in [("1", r#"{"total": "x"}"#), ("2", r#"{"id": "a"}"#)] {
        heddle
            .producer("default/default")
            .accepted(&event(id, "t", data))
            .await;
    }
    heddle.idle_trigger("forward").await;
    let [letter] = heddle
        .dead_letters()
        .await
        .try_into()
        .expect("the one that does not fit");
    assert_eq!(
        (&letter["eventId"], &letter["reason"]),
        (&json!("1"), &json!("refused")),
        "{letter}"
    );
    let broker = asked(&heddle, &["get", "broker", "strict"]).await;
    assert_eq!(broker["events"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_fills_itself_and_first_seen_survives_a_kill_and_a_lost_view() {
    let declared = json!({
        "reference": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"},
        "description": "an order",
        "attributes": [{"name": "type", "required": true, "value": "order.placed"}],
    });
    let unseen = json!({"type": "order.lost", "source": "/orders", "broker": "default"});
    let resources = Resources::with_default_broker()
        .document(resource(
            "eventing.knative.dev/v1beta3",
            "EventType",
            "default",
            "placed",
            declared,
        ))
        .document(resource(
            "eventing.knative.dev/v1beta2",
            "EventType",
            "default",
            "lost",
            unseen,
        ));
    let mut heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    producer
        .accepted(&event("1", "order.placed", r#"{"n": 1}"#).source("/a"))
        .await;
    producer
        .accepted(&event("2", "order.placed", r#"{"n": 2}"#).source("/b"))
        .await;
    producer.accepted(&event("3", "a/b?c", "{}").source("/a")).await;

    let list = asked(&heddle, &["types", "list"]).await;
    let types: Vec<_> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["type"].clone())
        .collect();
    assert_eq!(types, ["a/b?c", "order.placed", "order.lost"]);
    let shown = asked(&heddle, &["types", "show", "order.placed"]).await;
    let before = shown["items"][0].clone();
    assert_eq!(
        (&before["count"], &before["sources"]),
        (&json!(2), &json!(["/a", "/b"]))
    );
    assert_eq!(
        (&before["sample"], &before["contentType"]),
        (&json!(r#"{"n": 1}"#), &json!("application/json"))
    );
    assert_eq!(before["declared"][0]["description"], "an order");
    let odd = asked(
        &heddle,
        &["types", "show", "a/b?c", "--broker", "default/default"],
    )
    .await;
    assert_eq!(odd["items"][0]["count"], 1);
    let table = heddle.cli(&["types", "list", "--admin", heddle.admin()]).await;
    assert!(table.stdout.contains("/a ..."), "{table:?}");
    let none = heddle
        .cli(&["types", "show", "nobody", "--admin", heddle.admin()])
        .await;
    assert_ne!(none.code, Some(0), "{none:?}");

    for lose_view in [false, true] {
        heddle.kill();
        if lose_view {
            let data = heddle.folder().join("data");
            std::fs::remove_dir_all(data.join("view")).expect("the view is there");
        }
        heddle.restart().await;
        let shown = asked(&heddle, &["types", "show", "order.placed"]).await;
        let after = &shown["items"][0];
        assert_eq!(after["firstSeen"], before["firstSeen"], "view lost: {lose_view}");
        assert_eq!((&after["sources"], &after["count"]), (&json!(["/a"]), &json!(0)));
        assert_eq!(after["sample"], before["sample"]);
    }
}

#[tokio::test]
async fn the_configuration_describes_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = Cli::run_in(folder.path(), &["schema"], b"").await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert_eq!(
        printed.json()["definitions"]["Schema"]["properties"]["kind"]["const"],
        "Schema"
    );
}

#[tokio::test]
async fn a_schema_in_a_file_is_read_beside_the_configuration_and_mistakes_in_it_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = json!({"match": {"type": "*"}, "file": "order.json"});
    Resources::with_default_broker()
        .document(resource("heddle.dev/v1", "Schema", "default", "orders", spec))
        .write(folder.path());
    for (text, code, said) in [
        (Some(order().to_string()), 0, ""),
        (Some(r#"{"type": "objekt"}"#.to_owned()), 65, "/type"),
        (None, 65, "cannot read the file"),
    ] {
        let path = folder.path().join("order.json");
        match text {
            Some(text) => std::fs::write(path, text).expect("a temporary folder takes a file"),
            None => std::fs::remove_file(path).expect("it is there"),
        }
        let cli = Cli::run_in(folder.path(), &["validate", "mesh.yaml"], b"").await;
        assert_eq!(cli.code, Some(code), "{cli:?}");
        assert!(format!("{}{}", cli.stdout, cli.stderr).contains(said), "{cli:?}");
    }
}
