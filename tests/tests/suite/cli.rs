//! heddle's own commands against a running heddle: what they send, show and print.

use harness::producer::get;
use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually, repository};
use serde_json::{Value, json};

async fn mesh() -> (Heddle, Sink) {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    (Heddle::start(&resources).await, sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_lines_are_a_thousand_events_of_the_first_example() {
    let mut heddle = Heddle::start_at(repository::top().join("examples/first"), &[]).await;
    let lines: String = (1..=1000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let event = [
        "--broker",
        "default/default",
        "--type",
        "demo.n",
        "--source",
        "/seq",
        "--data",
        "-",
        "--lines",
    ];
    let send = [&["send", "--url", heddle.ingress()], &event[..]].concat();
    let sent = heddle.cli_with_input(&send, lines.as_bytes()).await;
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(heddle.idle_trigger("echo").await["delivered"], 1000);
    assert_eq!(heddle.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_file_names_the_real_addresses_and_the_data_folder() {
    let (heddle, _sink) = mesh().await;
    let ready: Value =
        serde_json::from_slice(&std::fs::read(heddle.folder().join("ready.json")).unwrap()).unwrap();
    for name in ["ingress", "admin", "data"] {
        assert!(ready[name].is_string(), "{name}: {ready}");
    }
    assert!(!ready["ingress"].as_str().unwrap().ends_with(":0"), "{ready}");
    assert!(ready["data"].as_str().unwrap().ends_with("data"), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_file_of_an_earlier_run_stands_for_no_other() {
    let (mut heddle, _sink) = mesh().await;
    let ready = heddle.folder().join("ready.json");
    assert!(ready.exists());
    assert_eq!(heddle.terminate().await.code(), Some(0));
    assert!(!ready.exists(), "it goes with the process");
    std::fs::write(&ready, "{}").unwrap();
    std::fs::write(heddle.folder().join("bad.yaml"), "kind: Broker\n").unwrap();
    let run = heddle
        .cli(&["run", "--config", "bad.yaml", "--ready-file", "ready.json"])
        .await;
    assert_eq!(run.code, Some(65), "{run:?}");
    assert!(
        !ready.exists(),
        "a start that failed leaves nothing that says it listens"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn send_takes_every_attribute_and_every_way_to_give_data() {
    let (heddle, sink) = mesh().await;
    std::fs::write(heddle.folder().join("payload.json"), r#"{"from": "file"}"#).unwrap();
    let base = [
        "send",
        "--broker",
        "default/default",
        "--type",
        "t.x",
        "--source",
        "/cli",
        "--url",
        heddle.ingress(),
    ];
    let send = async |more: &[&str], input: &[u8]| {
        let cli = heddle.cli_with_input(&[&base[..], more].concat(), input).await;
        assert_eq!(cli.code, Some(0), "{more:?}: {cli:?}");
    };
    let attributes = [
        "--id",
        "1",
        "--subject",
        "a b",
        "--ext",
        "color=red",
        "--ext",
        "size=1",
    ];
    send(&[&attributes[..], &["--data", r#"{"n":1.10}"#]].concat(), b"").await;
    send(&["--id", "2", "--data", "@payload.json"], b"").await;
    send(&["--id", "3", "--data", "-"], br#"{"from": "stdin"}"#).await;
    send(&["--id", "4", "--data", r#"{"n":1.10}"#, "--structured"], b"").await;
    send(&["--id", "5"], b"").await;
    send(&["--data", "plain words"], b"").await;

    let received = sink.wait_for(6).await;
    let by_id = |id: &str| {
        received
            .iter()
            .find(|request| request.attribute("id") == id)
            .unwrap()
    };
    let first = by_id("1");
    assert_eq!(
        (first.attribute("type"), first.attribute("source")),
        ("t.x".to_owned(), "/cli".to_owned())
    );
    assert_eq!(
        (first.attribute("subject"), first.attribute("color")),
        ("a b".to_owned(), "red".to_owned())
    );
    assert_eq!(
        (first.header("content-type"), &first.body[..]),
        ("application/json", &br#"{"n":1.10}"#[..])
    );
    assert_eq!(by_id("2").body, r#"{"from": "file"}"#);
    assert_eq!(by_id("3").body, r#"{"from": "stdin"}"#);
    assert_eq!(by_id("4").body, r#"{"n":1.10}"#);
    assert!(by_id("5").body.is_empty());
    let generated = received
        .iter()
        .find(|request| request.body == "plain words")
        .unwrap();
    assert!(
        generated.attribute("id").len() > 8,
        "an id is made when none is given"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn send_fails_in_words_when_the_event_is_not_accepted() {
    let (heddle, _sink) = mesh().await;
    let send = [
        "send",
        "--broker",
        "default/nobody",
        "--type",
        "t",
        "--source",
        "/s",
        "--data",
        "{}",
        "--url",
        heddle.ingress(),
    ];
    let cli = heddle.cli(&send).await;
    assert_ne!(cli.code, Some(0), "{cli:?}");
    assert!(cli.stderr.contains("nobody"), "{cli:?}");
    let nobody = [
        "send",
        "--type",
        "t",
        "--data",
        "{}",
        "--url",
        "http://127.0.0.1:1",
    ];
    let cli = heddle.cli(&nobody).await;
    assert_eq!(cli.code, Some(74), "{cli:?}");
    assert!(
        cli.stderr.contains("127.0.0.1:1"),
        "it says where it looked: {cli:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_every_kind_as_table_json_and_yaml() {
    let (heddle, _sink) = mesh().await;
    for kind in ["broker", "trigger", "source", "endpoint"] {
        for output in ["table", "json", "yaml"] {
            let cli = heddle
                .cli(&["get", kind, "--output", output, "--admin", heddle.admin()])
                .await;
            assert_eq!(cli.code, Some(0), "get {kind} --output {output}: {cli:?}");
            if output == "json" {
                cli.json();
            }
        }
    }
    let table = heddle
        .cli(&["get", "triggers", "--admin", heddle.admin()])
        .await
        .stdout;
    assert!(
        table
            .lines()
            .any(|line| line.contains("t") && line.contains("default")),
        "{table}"
    );
    let missing = heddle
        .cli(&["get", "trigger", "nobody", "--admin", heddle.admin()])
        .await;
    assert_ne!(missing.code, Some(0));
    assert!(missing.stderr.contains("nobody"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_idle_gives_up_when_there_is_still_work() {
    let sink = Sink::answering([Answer::hang()]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(1).await;
    let cli = heddle
        .cli(&[
            "get",
            "trigger",
            "t",
            "--wait-idle",
            "300ms",
            "--admin",
            heddle.admin(),
        ])
        .await;
    assert_ne!(cli.code, Some(0), "{cli:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_shows_what_was_kept_and_what_comes() {
    let (heddle, _sink) = mesh().await;
    let producer = heddle.producer("default/default");
    producer
        .accepted(&Event::new("before").with("subject", "s"))
        .await;
    let earliest = heddle.background(
        "earliest",
        &[
            "tail",
            "--broker",
            "default/default",
            "--from",
            "earliest",
            "--url",
            heddle.admin(),
        ],
    );
    eventually("tail shows what was kept", PATIENCE, || {
        earliest.stdout().contains("before").then_some(())
    })
    .await;
    let latest = heddle.background(
        "latest",
        &[
            "tail",
            "--broker",
            "default/default",
            "--from",
            "latest",
            "--url",
            heddle.admin(),
        ],
    );
    // A reader that has just begun misses what was stored before it began: events are sent until it shows one.
    let mut sent = 0;
    while !latest.stdout().contains("after-") {
        assert!(
            sent < 1_000,
            "tail --from latest shows nothing: {}",
            latest.stderr()
        );
        producer.accepted(&Event::new(format!("after-{sent}"))).await;
        sent += 1;
    }
    eventually("the other tail shows them too", PATIENCE, || {
        earliest.stdout().contains("after-0").then_some(())
    })
    .await;
    assert!(
        !latest.stdout().contains("before"),
        "latest begins at the end: {}",
        latest.stdout()
    );
    let line = earliest.stdout().lines().next().unwrap_or_default().to_owned();
    let event: Value = serde_json::from_str(&line).expect("not on a terminal, an event is a line of JSON");
    assert!(event.to_string().contains("before"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_address_answers_probes_and_metrics() {
    let (heddle, sink) = mesh().await;
    for n in 0..7 {
        heddle
            .producer("default/default")
            .accepted(&Event::new(n.to_string()))
            .await;
    }
    sink.wait_for(7).await;
    heddle.idle_trigger("t").await;
    for path in ["healthz", "readyz"] {
        assert_eq!(
            get(&format!("{}/{path}", heddle.admin())).await.status,
            200,
            "{path}"
        );
    }
    let metrics = get(&format!("{}/metrics", heddle.admin())).await;
    assert_eq!(metrics.status, 200);
    let text = metrics.text();
    assert!(text.lines().any(|line| line.starts_with("heddle_")), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("heddle_") && line.ends_with(" 7")),
        "seven events are counted: {text}"
    );
    assert_eq!(get(&format!("{}/nothing", heddle.admin())).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_quiet_and_logs_json_away_from_a_terminal() {
    let (mut heddle, sink) = mesh().await;
    for n in 0..50 {
        heddle
            .producer("default/default")
            .accepted(&Event::new(n.to_string()))
            .await;
    }
    sink.wait_for(50).await;
    assert_eq!(heddle.terminate().await.code(), Some(0));
    let log = heddle.process().stderr();
    assert!(log.lines().count() < 20, "quiet by default:\n{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
    let said = format!("{log}{}", heddle.process().stdout());
    assert!(
        said.contains("fsync") || said.contains("disk") || said.contains("durab"),
        "start-up says the durability mode in words:\n{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_counts_what_it_did() {
    let sink = Sink::answering([
        Answer::status(500),
        Answer::ok(),
        Answer::status(422),
        Answer::ok(),
    ])
    .await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    for n in 0..3 {
        heddle
            .producer("default/default")
            .accepted(&Event::new(n.to_string()))
            .await;
        heddle.idle_trigger("t").await;
    }
    let trigger = heddle.idle_trigger("t").await;
    assert_eq!(trigger["delivered"], 2, "{trigger}");
    assert_eq!(heddle.dead_letters().await.len(), 1);
}
