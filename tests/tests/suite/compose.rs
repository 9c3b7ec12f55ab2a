//! docker-compose.yml and what it wires: checked against the Compose specification as far as this stack uses it, run as
//! plain processes, and driven in a container engine where `make stack-test` has started one.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;

use bytes::Bytes;
use harness::not_run::not_run;
use harness::process::Process;
use harness::producer::content_type;
use harness::servers::kafka::{Kafka, Writer};
use harness::servers::nats::NatsServer;
use harness::{Cli, Event, Heddle, PATIENCE, Producer, Sink, eventually_async, repository, yaml};
use serde_json::{Value, json};

/// What each key may hold, of the Compose specification and of the file format 2.4 alike.
const TOP: &[(&str, Shape)] = &[
    ("version", Shape::Text),
    ("services", Shape::Map),
    ("volumes", Shape::Map),
    ("networks", Shape::Map),
    ("name", Shape::Text),
];
const SERVICE: &[(&str, Shape)] = &[
    ("build", Shape::Map),
    ("command", Shape::Texts),
    ("depends_on", Shape::Map),
    ("entrypoint", Shape::Texts),
    ("environment", Shape::Map),
    ("healthcheck", Shape::Map),
    ("image", Shape::Text),
    ("ports", Shape::Texts),
    ("restart", Shape::Text),
    ("stop_grace_period", Shape::Text),
    ("user", Shape::Text),
    ("volumes", Shape::Texts),
];
const BUILD: &[(&str, Shape)] = &[
    ("context", Shape::Text),
    ("dockerfile", Shape::Text),
    ("target", Shape::Text),
    ("args", Shape::Map),
];
const HEALTHCHECK: &[(&str, Shape)] = &[
    ("test", Shape::Texts),
    ("interval", Shape::Text),
    ("timeout", Shape::Text),
    ("retries", Shape::Number),
    ("start_period", Shape::Text),
];

#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    Texts,
    Map,
    Number,
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Texts => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Map => value.is_object(),
            Self::Number => value.is_u64(),
        }
    }
}

fn compose() -> Value {
    yaml::documents(&repository::read("docker-compose.yml")).remove(0)
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().expect("services").iter()
}

/// Asserts that a map holds known keys of the right shape only.
fn shaped(what: &str, map: &Value, keys: &[(&str, Shape)]) {
    for (name, value) in map
        .as_object()
        .unwrap_or_else(|| panic!("{what} is a map: {map}"))
    {
        let key = keys.iter().find(|(key, _)| key == name);
        let (_, shape) = key.unwrap_or_else(|| {
            panic!("{what}.{name} is not a key of the specification that this stack uses")
        });
        assert!(shape.fits(value), "{what}.{name} should be {shape:?}: {value}");
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn the_file_has_the_shape_of_the_compose_specification() {
    let compose = compose();
    shaped("the file", &compose, TOP);
    for (name, service) in services(&compose) {
        shaped(name, service, SERVICE);
        assert!(
            service["image"].is_string() || service["build"].is_object(),
            "{name} has an image or a build"
        );
        if service["build"].is_object() {
            shaped(&format!("{name}.build"), &service["build"], BUILD);
        }
        if service["healthcheck"].is_object() {
            shaped(
                &format!("{name}.healthcheck"),
                &service["healthcheck"],
                HEALTHCHECK,
            );
            let test = texts(&service["healthcheck"]["test"]);
            assert!(
                matches!(test.first(), Some(&("CMD" | "CMD-SHELL" | "NONE"))),
                "{name}: {test:?}"
            );
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            assert!(
                value.is_string() || value.is_number(),
                "{name}: {variable} is text or a number: {value}"
            );
        }
    }
}

#[test]
fn services_wait_for_services_that_can_be_healthy() {
    let compose = compose();
    for (name, service) in services(&compose) {
        for (needed, condition) in service["depends_on"].as_object().into_iter().flatten() {
            let other = &compose["services"][needed];
            assert!(
                other.is_object(),
                "{name} waits for {needed}, which does not exist"
            );
            assert_eq!(
                condition,
                &json!({"condition": "service_healthy"}),
                "{name} waits for {needed}"
            );
            let built_here =
                other["build"].is_object() && repository::read("Dockerfile").contains("\nHEALTHCHECK ");
            assert!(
                other["healthcheck"].is_object() || built_here,
                "{needed} has a health check"
            );
        }
    }
}

#[test]
fn every_path_volume_port_and_stage_exists() {
    let compose = compose();
    let dockerfile = repository::read("Dockerfile");
    let exposed = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("EXPOSE "))
        .expect("the image exposes ports");
    for (name, service) in services(&compose) {
        for volume in texts(&service["volumes"]) {
            let from = volume.split(':').next().expect("a volume has a source");
            let there = if from.starts_with('.') {
                repository::top().join(from).exists()
            } else {
                compose["volumes"].get(from).is_some()
            };
            assert!(there, "{name}: the volume {from} is not there");
        }
        for port in texts(&service["ports"]) {
            let inside = port.rsplit(':').next().expect("a port has an inside");
            assert!(inside.parse::<u16>().is_ok(), "{name}: {port}");
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name}: {port} is published on loopback alone"
            );
            let ours = service["image"] == "heddle:dev";
            assert!(
                !ours || exposed.split(' ').any(|port| port == inside),
                "{name}: the image exposes no {inside}"
            );
        }
        if let Some(target) = service["build"]["target"].as_str() {
            assert!(
                dockerfile.contains(&format!(" AS {target}\n")),
                "{name}: the Dockerfile has no stage {target}"
            );
            let context = service["build"]["context"].as_str().expect("a context");
            assert!(
                repository::top().join(context).join("Dockerfile").is_file(),
                "{name}: {context}"
            );
        }
    }
    let used: BTreeSet<_> = services(&compose)
        .flat_map(|(_, service)| texts(&service["volumes"]))
        .collect();
    for volume in compose["volumes"].as_object().expect("volumes").keys() {
        assert!(
            used.iter().any(|used| used.starts_with(&format!("{volume}:"))),
            "the volume {volume} is used"
        );
    }
}

#[test]
fn every_variable_has_a_default_or_is_set_where_it_is_read() {
    for variable in variables(&repository::read("docker-compose.yml")) {
        assert!(
            variable.contains(":-"),
            "docker-compose.yml: ${{{variable}}} has a default: `docker compose up` is all one types"
        );
    }
    let compose = compose();
    let set: BTreeSet<_> = compose["services"]["heddle"]["environment"]
        .as_object()
        .expect("environment")
        .keys()
        .cloned()
        .collect();
    let mut read = BTreeSet::new();
    for file in std::fs::read_dir(repository::top().join("examples/stack")).expect("examples/stack") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("text");
        read.extend(
            variables(&text)
                .into_iter()
                .map(|variable| variable.split(":-").next().unwrap_or_default().to_owned()),
        );
    }
    assert_eq!(
        set, read,
        "what docker-compose.yml sets is what examples/stack reads"
    );
}

/// What stands in `${...}`.
fn variables(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1);
    parts
        .filter_map(|part| part.split('}').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_wiring_works_as_plain_processes() {
    let kafka = Kafka::shared("the stack's wiring").await;
    kafka.create_topic("orders", 1).await;
    let nats = match NatsServer::start().await {
        Ok(nats) => nats,
        Err(why) => return not_run("the stack's wiring as plain processes", &why),
    };
    let sink = Sink::start().await;
    let sample = sink.url("/default/default");
    let (bootstrap, nats_url) = (kafka.bootstrap(), nats.url());
    let environment = [
        ("KAFKA_BOOTSTRAP", &bootstrap[..]),
        ("NATS_URL", &nats_url),
        ("SAMPLE_URL", &sample),
    ];
    let heddle = Heddle::start_at(repository::top().join("examples/stack"), &environment).await;
    drive(heddle.ingress(), heddle.admin(), &bootstrap, &nats_url).await;
    let binary: BTreeSet<_> = sink
        .received()
        .iter()
        .map(|request| request.attribute("type"))
        .collect();
    for ty in [
        "demo.hello",
        "dev.knative.kafka.event",
        "shop.message",
        "order.received",
    ] {
        assert!(binary.contains(ty), "{ty} is not among {binary:?}");
    }
    let structured = sink.received().into_iter().find(|request| {
        request
            .header("content-type")
            .starts_with("application/cloudevents+json")
    });
    assert_eq!(
        structured.expect("a heartbeat as JSON").json()["type"],
        "dev.knative.sources.ping"
    );
    if env::var_os("HEDDLE_STACK").is_none() {
        not_run(
            "docker-compose.yml in a container engine",
            "only `make stack-test` starts one; its wiring ran as plain processes",
        );
    }
}

/// `make stack-test` starts the containers and sets `HEDDLE_STACK`.
#[tokio::test(flavor = "multi_thread")]
async fn the_running_containers_deliver_from_every_source() {
    if env::var_os("HEDDLE_STACK").is_none() {
        return;
    }
    let port = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let local = |scheme: &str, port: String| format!("{scheme}127.0.0.1:{port}");
    let ingress = local("http://", port("HEDDLE_PORT", "8080"));
    let admin = local("http://", port("HEDDLE_ADMIN_PORT", "9090"));
    let (kafka, nats) = (
        local("", port("KAFKA_PORT", "19092")),
        local("nats://", port("NATS_PORT", "4222")),
    );
    drive(&ingress, &admin, &kafka, &nats).await;
}

/// What comes by each way in, as its type.
const TYPES: [&str; 5] = [
    "demo.hello",
    "dev.knative.kafka.event",
    "dev.knative.sources.ping",
    "order.received",
    "shop.message",
];

/// Sends one event by every way in, waits until the broker shows one of each, and until the sample endpoint has them.
async fn drive(ingress: &str, admin: &str, bootstrap: &str, nats: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(repository::heddle());
    command.args(["tail", "--from", "earliest", "--output", "json", "--admin", admin]);
    let tail = Process::spawn("tail", &mut command, folder.path()).expect("heddle starts");
    Producer::new(format!("{ingress}/default/default"))
        .accepted(&Event::new("1").ty("demo.hello"))
        .await;
    let hook = Producer::new(format!("{ingress}/hooks/orders"));
    let order = Bytes::from_static(br#"{"order": {"id": "4711"}}"#);
    let answered = hook.post(content_type("application/json"), order).await;
    assert_eq!(answered.status, 202, "{answered:?}");
    Writer::to(bootstrap)
        .write("orders", Some("4711"), &[], b"a record")
        .await;
    let client = async_nats::connect(nats).await.expect("nats takes a connection");
    eventually_async("the broker has an event of every source", PATIENCE, || async {
        // A core subject has no memory: published until the source listens.
        client
            .publish("shop.cart", "a cart".into())
            .await
            .expect("nats takes a message");
        client.flush().await.expect("nats answers");
        let shown = tail.stdout();
        TYPES
            .iter()
            .all(|ty| shown.contains(&format!("\"{ty}\"")))
            .then_some(())
    })
    .await;
    for trigger in ["sample", "heartbeat"] {
        get(admin, &["trigger", trigger, "--wait-idle", "30s"]).await;
        assert!(delivered(admin, trigger).await > 0, "{trigger} has delivered");
    }
    let sources = get(admin, &["sources"]).await;
    for source in ["orders", "shop", "heartbeat", "shop-system"] {
        assert!(sources.to_string().contains(source), "{source}: {sources}");
    }
}

/// How many events a trigger has delivered.
async fn delivered(admin: &str, trigger: &str) -> u64 {
    let trigger = get(admin, &["trigger", trigger]).await;
    trigger["delivered"]
        .as_u64()
        .unwrap_or_else(|| panic!("a trigger counts what it delivered: {trigger}"))
}

async fn get(admin: &str, what: &[&str]) -> Value {
    let arguments = [&["get"], what, &["--output", "json", "--admin", admin]].concat();
    let cli = Cli::run_in(&env::temp_dir(), &arguments, b"").await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    cli.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_hold_without_any_variable_set() {
    let heddle = Heddle::start_at(repository::top().join("examples/stack"), &[]).await;
    let answered = harness::producer::get(&format!("{}/healthz", heddle.admin())).await;
    assert_eq!(
        answered.status, 200,
        "sources whose servers are away do not stop heddle"
    );
}
