//! Which trigger gets which event, and that it gets it as it was sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use harness::{Answer, Event, Heddle, Received, Resources, Sink, Trigger};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn three_triggers_with_different_filters_get_exactly_their_events_byte_for_byte() {
    let (orders, eu, everything) = (Sink::start().await, Sink::start().await, Sink::start().await);
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("orders", &orders.url("/orders")).attributes(json!({"type": "order.created"})))
        .trigger(Trigger::new("eu", &eu.url("/eu")).filters(json!([
            {"prefix": {"source": "/shop/eu"}},
            {"not": {"exact": {"type": "order.deleted"}}},
        ])))
        .trigger(Trigger::new("everything", &everything.url("/")));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");

    let mut sent = BTreeMap::new();
    for n in 0..60_usize {
        let event = varied(n);
        producer.accepted(&event).await;
        sent.insert(event.id.clone(), event);
    }
    for trigger in ["orders", "eu", "everything"] {
        heddle.idle_trigger(trigger).await;
    }
    let is_order = |event: &Event| event.ty == "order.created";
    let is_eu = |event: &Event| event.source.starts_with("/shop/eu") && event.ty != "order.deleted";
    exactly(&orders.received(), &sent, is_order);
    exactly(&eu.received(), &sent, is_eu);
    exactly(&everything.received(), &sent, |_| true);
    assert!(orders.received().iter().all(|request| request.path == "/orders"));
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_and_conditions_on_data_choose_events_and_explain_themselves() {
    let (sql, data) = (Sink::start().await, Sink::start().await);
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("sql", &sql.url("/")).filters(json!([
            {"cesql": "type = 'order.created' AND (source LIKE '%/eu/%' OR EXISTS partitionkey)"},
            {"cesql": "INT(partitionkey) % 2 = 0"},
        ])))
        .trigger(Trigger::new("data", &data.url("/")).filters(json!([
            {"heddle.dev/v1": {
                "attributes": {"partitionkey": {"gte": 20, "lt": "50.5"}, "source": {"wildcard": "*shop/?u*"}},
                "data": {"/n": {"gt": 24}},
            }},
        ])));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    let mut sent = BTreeMap::new();
    for n in 0..60_usize {
        let event = varied(n);
        producer.accepted(&event).await;
        sent.insert(event.id.clone(), event);
    }
    for trigger in ["sql", "data"] {
        heddle.idle_trigger(trigger).await;
    }
    let number = |event: &Event| {
        let key = event.others.iter().find(|(name, _)| name == "partitionkey");
        key.and_then(|(_, key)| key.parse::<usize>().ok()).unwrap()
    };
    exactly(&sql.received(), &sent, |event| {
        event.ty == "order.created" && number(event).is_multiple_of(2)
    });
    // Every fifth event has JSON data.
    exactly(&data.received(), &sent, |event| {
        let n = number(event);
        (25..=50).contains(&n) && n.is_multiple_of(5) && event.source.contains("shop/eu")
    });

    std::fs::write(
        heddle.folder().join("event.json"),
        r#"{"specversion":"1.0","id":"1","source":"/shop/us/1","type":"order.created","partitionkey":"7"}"#,
    )
    .unwrap();
    let explain = [
        "filter",
        "explain",
        "--trigger",
        "sql",
        "--event",
        "event.json",
        "--config",
        "mesh.yaml",
        "-o",
        "json",
    ];
    let explained = heddle.cli(&explain).await;
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained["matches"], false, "{explained}");
    assert_eq!(
        explained["decided"][0]["clause"], "cesql INT(partitionkey) % 2 = 0",
        "{explained}"
    );
    assert!(
        explained["decided"][0]["place"]
            .to_string()
            .contains("mesh.yaml:"),
        "{explained}"
    );

    // The heddle that runs says the same, as text too.
    let asked = |trigger, output| {
        [
            "filter",
            "explain",
            "--trigger",
            trigger,
            "--event",
            "event.json",
            "-o",
            output,
        ]
    };
    let told = heddle
        .cli(&[&asked("sql", "json")[..], &["--admin", heddle.admin()]].concat())
        .await;
    let mut told = told.json();
    // But for the name of the file, which it was given as a path.
    let place = |value: &Value| {
        value
            .to_string()
            .rsplit_once("mesh.yaml:")
            .map(|(_, at)| at.to_owned())
    };
    assert_eq!(
        place(&told["decided"][0]["place"]),
        place(&explained["decided"][0]["place"])
    );
    for field in ["trigger", "matches", "filter"] {
        assert_eq!(told[field].take(), explained[field], "{field}");
    }
    let told = heddle
        .cli(&[&asked("sql", "text")[..], &["--admin", heddle.admin()]].concat())
        .await;
    assert!(
        told.stdout
            .starts_with("the event does not pass the filter of default/sql\n"),
        "{told:?}"
    );
    assert!(
        told.stdout
            .contains("=> no     cesql INT(partitionkey) % 2 = 0  (found \"false\")  at "),
        "{told:?}"
    );
    let nobody = heddle
        .cli(&[&asked("nobody", "text")[..], &["--admin", heddle.admin()]].concat())
        .await;
    assert_eq!(nobody.code, Some(64), "{nobody:?}");
    assert!(
        nobody.stderr.contains("there is no Trigger default/nobody here"),
        "{nobody:?}"
    );
}

/// Events that differ in everything that can differ.
fn varied(n: usize) -> Event {
    let types = ["order.created", "order.deleted", "order.created.v2"];
    let sources = ["/shop/eu/1", "/shop/us/1", "/shop/eu", "shop/eu"];
    let event = Event::new(format!("id-{n} é\"%"))
        .ty(types[n % 3])
        .source(sources[n % 4]);
    let event = event
        .with("time", "2026-11-23T12:34:56.7890123+05:30")
        .with("partitionkey", &n.to_string());
    let event = if n.is_multiple_of(2) {
        event.with("subject", "a b/ü%20")
    } else {
        event
    };
    match n % 5 {
        0 => event.data("application/json", format!(r#"{{ "n" : {n}.10 }}"#)),
        1 => event.data("application/octet-stream", (0..=255).collect::<Vec<u8>>()),
        2 => event.data("text/plain; charset=utf-8", "naïve \r\n text"),
        3 => event.data("application/xml", "<a/>"),
        _ => Event {
            content_type: None,
            data: Bytes::new(),
            ..event
        },
    }
}

/// Asserts that the requests are the wanted events, each once, attribute for attribute and byte for byte.
fn exactly(received: &[Received], sent: &BTreeMap<String, Event>, wanted: impl Fn(&Event) -> bool) {
    let mut wanted: BTreeMap<_, _> = sent.iter().filter(|(_, event)| wanted(event)).collect();
    for request in received {
        let id = request.attribute("id");
        let event = wanted
            .remove(&id)
            .unwrap_or_else(|| panic!("{id} came twice or does not match"));
        assert_eq!(request.body, event.data, "{id}: data");
        assert_eq!(
            request
                .headers
                .get("content-type")
                .map(|_| request.header("content-type")),
            event.content_type.as_deref(),
            "{id}: media type"
        );
        let mut names = vec!["id", "source", "specversion", "type"];
        names.extend(event.others.iter().map(|(name, _)| name.as_str()));
        names.sort_unstable();
        assert_eq!(request.attributes(), names, "{id}: no attribute more or less");
        for (name, value) in &event.others {
            assert_eq!(&request.attribute(name), value, "{id}: {name}");
        }
        assert_eq!(
            (request.attribute("type"), request.attribute("source")),
            (event.ty.clone(), event.source.clone())
        );
    }
    assert!(wanted.is_empty(), "these never came: {:?}", wanted.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_dialect_lets_through_what_it_says() {
    let table: &[(&str, Value, &[&str])] = &[
        (
            "exact",
            json!([{"exact": {"type": "a.one", "source": "/x"}}]),
            &["1"],
        ),
        ("prefix", json!([{"prefix": {"type": "a."}}]), &["1", "2"]),
        ("suffix", json!([{"suffix": {"type": ".two"}}]), &["2", "3"]),
        (
            "all",
            json!([{"all": [{"prefix": {"type": "a."}}, {"exact": {"color": "red"}}]}]),
            &["2"],
        ),
        (
            "any",
            json!([{"any": [{"exact": {"type": "a.one"}}, {"exact": {"type": "b.two"}}]}]),
            &["1", "3"],
        ),
        ("not", json!([{"not": {"prefix": {"type": "a."}}}]), &["3", "4"]),
        (
            "notmissing",
            json!([{"not": {"exact": {"color": "red"}}}]),
            &["1", "3", "4"],
        ),
        (
            "and",
            json!([{"prefix": {"type": "a."}}, {"suffix": {"type": ".two"}}]),
            &["2"],
        ),
        (
            "nested",
            json!([{"not": {"any": [{"all": [{"exact": {"source": "/x"}}]}, {"suffix": {"type": "two"}}]}}]),
            &["4"],
        ),
        ("onid", json!([{"exact": {"id": "3"}}]), &["3"]),
        ("onsubject", json!([{"prefix": {"subject": "s/"}}]), &["4"]),
        (
            "onmediatype",
            json!([{"exact": {"datacontenttype": "text/plain"}}]),
            &["3"],
        ),
        (
            "onversion",
            json!([{"exact": {"specversion": "1.0"}}]),
            &["1", "2", "3", "4"],
        ),
        ("empty", json!([]), &["1", "2", "3", "4"]),
    ];
    let attributes: &[(&str, Value, &[&str])] = &[
        ("anyvalue", json!({"color": ""}), &["2", "3"]),
        ("both", json!({"type": "b.two", "color": "blue"}), &["3"]),
        ("missing", json!({"nosuch": "x"}), &[]),
        ("noattributes", json!({}), &["1", "2", "3", "4"]),
    ];
    let sink = Sink::start().await;
    let mut resources = Resources::with_default_broker();
    for (name, filters, _) in table {
        resources =
            resources.trigger(Trigger::new(name, &sink.url(&format!("/{name}"))).filters(filters.clone()));
    }
    for (name, wanted, _) in attributes {
        resources =
            resources.trigger(Trigger::new(name, &sink.url(&format!("/{name}"))).attributes(wanted.clone()));
    }
    let overriding = Trigger::new("overriding", &sink.url("/overriding"));
    let overriding = overriding
        .attributes(json!({"type": "a.one"}))
        .filters(json!([{"exact": {"type": "b.two"}}]));
    let heddle = Heddle::start(&resources.trigger(overriding)).await;
    let producer = heddle.producer("default/default");

    producer.accepted(&Event::new("1").ty("a.one").source("/x")).await;
    producer
        .accepted(&Event::new("2").ty("a.two").source("/y").with("color", "red"))
        .await;
    let third = Event::new("3").ty("b.two").source("/x").with("color", "blue");
    producer.accepted(&third.data("text/plain", "x")).await;
    producer
        .accepted(&Event::new("4").ty("b.three").source("/y").with("subject", "s/1"))
        .await;

    let all = table.iter().chain(attributes).map(|(name, _, ids)| (*name, *ids));
    for (name, ids) in all.chain([("overriding", &["3"][..])]) {
        heddle.idle_trigger(name).await;
        let path = format!("/{name}");
        let came = sink.received().into_iter().filter(|request| request.path == path);
        let mut came: Vec<String> = came.map(|request| request.attribute("id")).collect();
        came.sort();
        assert_eq!(came, ids, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_triggers_with_one_endpoint_deliver_twice() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("one", &sink.url("/")))
        .trigger(Trigger::new("two", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    heddle.idle_trigger("one").await;
    heddle.idle_trigger("two").await;
    assert_eq!(sink.ids(), ["x", "x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_do_not_see_each_others_events() {
    let (left, right) = (Sink::start().await, Sink::start().await);
    let resources = Resources::new()
        .broker("left", json!({}))
        .broker("right", json!({}))
        .trigger(Trigger::new("left", &left.url("/")).broker("left"))
        .trigger(Trigger::new("right", &right.url("/")).broker("right"));
    let heddle = Heddle::start(&resources).await;
    for n in 0..20 {
        heddle
            .producer("default/left")
            .accepted(&Event::new(format!("left-{n}")))
            .await;
        heddle
            .producer("default/right")
            .accepted(&Event::new(format!("right-{n}")))
            .await;
    }
    heddle.idle_trigger("left").await;
    heddle.idle_trigger("right").await;
    for (sink, side) in [(&left, "left"), (&right, "right")] {
        assert_eq!(sink.count(), 20, "{side}");
        assert!(
            sink.ids().iter().all(|id| id.starts_with(side)),
            "{side}: {:?}",
            sink.ids()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_triggers_accepts() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_ref_resolves_to_its_endpoint_and_a_relative_uri_is_its_path() {
    let sink = Sink::start().await;
    let endpoint = json!({"apiVersion": "heddle.dev/v1", "kind": "Endpoint", "metadata": {"name": "orders"}, "spec": {"url": sink.url("/base")}});
    let by_ref = |kind: &str, api: &str| json!({"ref": {"apiVersion": api, "kind": kind, "name": "orders"}});
    let with_path =
        json!({"ref": {"apiVersion": "heddle.dev/v1", "kind": "Endpoint", "name": "orders"}, "uri": "/more"});
    let resources = Resources::with_default_broker()
        .document(endpoint)
        .trigger(Trigger::new("service", "").subscriber(by_ref("Service", "serving.knative.dev/v1")))
        .trigger(Trigger::new("endpoint", "").subscriber(by_ref("Endpoint", "heddle.dev/v1")))
        .trigger(Trigger::new("path", "").subscriber(with_path));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_for(3).await;
    let mut paths: Vec<_> = received.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/base", "/base", "/more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_harms_no_other() {
    let (dead, slow, healthy) = (
        Sink::answering([Answer::status(500)]).await,
        Sink::answering([Answer::hang()]).await,
        Sink::start().await,
    );
    let patient = json!({"retry": 10, "backoffPolicy": "linear", "backoffDelay": "PT1S", "timeout": "PT30S"});
    let resources = Resources::with_default_broker()
        .trigger(Trigger::new("dead", &dead.url("/")).delivery(patient.clone()))
        .trigger(Trigger::new("slow", &slow.url("/")).delivery(patient))
        .trigger(Trigger::new("healthy", &healthy.url("/")));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    let began = std::time::Instant::now();
    for n in 0..500 {
        producer.accepted(&Event::new(n.to_string())).await;
    }
    healthy.wait_for(500).await;
    assert!(
        began.elapsed().as_secs() < 25,
        "the healthy endpoint waited for no timeout of its neighbours"
    );
}
