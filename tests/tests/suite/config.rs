//! What a person meets who writes YAML: every mistake at once, with its place and what would be right; Knative's own
//! pages unchanged.

use std::path::Path;

use harness::{Cli, Event, Heddle, Resources, Sink, Trigger, repository};
use serde_json::json;
use tempfile::TempDir;

/// Writes `mesh.yaml` and validates it.
async fn validate(yaml: &str) -> Cli {
    let folder = written(yaml);
    Cli::run_in(folder.path(), &["validate", "mesh.yaml"], b"").await
}

fn written(yaml: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("mesh.yaml"), yaml).expect("a temporary folder takes a file");
    folder
}

/// All that was said, on both outputs.
fn words(cli: &Cli) -> String {
    format!("{}{}", cli.stdout, cli.stderr)
}

const BROKER: &str = "apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: default}
";

/// A trigger with this spec, written after [`BROKER`]; its spec begins in line 8 of the file.
fn with_trigger(spec: &str) -> String {
    let indented = spec.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!(
        "{BROKER}---\napiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: t}}\nspec:\n{indented}"
    )
}

#[tokio::test]
async fn a_valid_file_is_0_and_says_so() {
    let cli = validate(&with_trigger(
        "broker: default\nsubscriber: {uri: 'http://127.0.0.1:1/'}",
    ))
    .await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once_with_file_line_and_column() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: orders
spec:
  delivry: {retry: 1}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: audit
spec:
  broker: ordrs
  filter:
    attributes:
      Source: /a
  subscriber:
    uri: /relative
  delivery:
    retry: many
    backoffDelay: 3 seconds
    backoffPolicy: quadratic
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: orders
---
apiVersion: eventing.knative.dev/v1
kind: Triger
metadata:
  name: typo
";
    let cli = validate(yaml).await;
    assert_eq!(cli.code, Some(65), "{cli:?}");
    let words = words(&cli);
    // Line and column (from 1) of each mistake, and a word that its message needs.
    let mistakes = [
        ("mesh.yaml:6:3", "delivery"),
        ("mesh.yaml:13:11", "orders"),
        ("mesh.yaml:16:7", "Source"),
        ("mesh.yaml:18:10", "/relative"),
        ("mesh.yaml:20:12", "retry"),
        ("mesh.yaml:21:19", "backoffDelay"),
        ("mesh.yaml:22:20", "exponential"),
        ("mesh.yaml:27:9", "orders"),
        ("mesh.yaml:30:7", "Trigger"),
    ];
    for (place, word) in mistakes {
        assert!(words.contains(place), "{place} ({word}) is not among:\n{words}");
        assert!(words.contains(word), "{word} is not among:\n{words}");
    }
}

#[tokio::test]
async fn each_mistake_is_refused_with_the_word_that_helps() {
    let table = [
        (
            "an unknown field",
            "broker: default\nsubscribr: {uri: 'http://a/'}",
            "subscriber",
        ),
        ("no subscriber", "broker: default", "subscriber"),
        ("no broker", "subscriber: {uri: 'http://a/'}", "broker"),
        ("neither ref nor uri", "broker: default\nsubscriber: {}", "uri"),
        (
            "a uri that is none",
            "broker: default\nsubscriber: {uri: 'not a url'}",
            "uri",
        ),
        (
            "a scheme that is not HTTP",
            "broker: default\nsubscriber: {uri: 'ftp://a/'}",
            "http",
        ),
        (
            "a ref to nothing",
            "broker: default\nsubscriber: {ref: {apiVersion: v1, kind: Service, name: display}}",
            "Endpoint",
        ),
        (
            "an expression that does not parse",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilters: [{cesql: \"type = 'a' AND\"}]",
            "no valid expression",
        ),
        (
            "an expression that calls what is no function",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilters: [{cesql: 'LENGHT(id) > 3'}]",
            "did you mean LENGTH?",
        ),
        (
            "the data as if it were an attribute",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilters: [{exact: {data: x}}]",
            "heddle.dev/v1",
        ),
        (
            "two dialects in one element",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilters: [{exact: {type: a}, prefix: {type: b}}]",
            "filters",
        ),
        (
            "an unknown dialect",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilters: [{prefx: {type: b}}]",
            "prefix",
        ),
        (
            "a filter on a name with a dash",
            "broker: default\nsubscriber: {uri: 'http://a/'}\nfilter: {attributes: {s-pace: x}}",
            "s-pace",
        ),
        (
            "a negative retry",
            "broker: default\nsubscriber: {uri: 'http://a/'}\ndelivery: {retry: -1}",
            "retry",
        ),
        (
            "a timeout of nothing",
            "broker: default\nsubscriber: {uri: 'http://a/'}\ndelivery: {timeout: PT0S}",
            "timeout",
        ),
        (
            "a format that does not exist",
            "broker: default\nsubscriber: {uri: 'http://a/'}\ndelivery: {format: xml}",
            "json",
        ),
        (
            "a number for a name",
            "broker: 12\nsubscriber: {uri: 'http://a/'}",
            "broker",
        ),
        (
            "a field twice",
            "broker: default\nbroker: default\nsubscriber: {uri: 'http://a/'}",
            "broker",
        ),
    ];
    for (what, spec, word) in table {
        let cli = validate(&with_trigger(spec)).await;
        let words = words(&cli);
        assert_eq!(cli.code, Some(65), "{what}: {words}");
        assert!(
            words.contains("mesh.yaml:") && words.contains(word),
            "{what}: {word} is not among:\n{words}"
        );
    }
}

#[tokio::test]
async fn mistakes_of_brokers_and_sources_are_refused() {
    let broker = |rest: &str| {
        format!("apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: b\n{rest}")
    };
    let source = |kind: &str, spec: &str| {
        format!(
            "{BROKER}---\napiVersion: sources.knative.dev/v1\nkind: {kind}\nmetadata: {{name: s}}\nspec:\n  sink: {{ref: {{apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}}}\n{spec}"
        )
    };
    let class = "  annotations: {eventing.knative.dev/broker.class: Kafka}\n";
    let table = [
        ("another broker class", broker(class), "Kafka"),
        (
            "a name in capitals",
            broker("").replace("name: b", "name: B"),
            "B",
        ),
        (
            "six words that are no schedule",
            source("PingSource", "  schedule: every now and then ok\n"),
            "schedule",
        ),
        (
            "a zone that does not exist",
            source("PingSource", "  timezone: Europe/Atlantis\n"),
            "timezone",
        ),
        (
            "both payloads",
            source("PingSource", "  data: a\n  dataBase64: YQ==\n"),
            "dataBase64",
        ),
        (
            "JSON that is none",
            source("PingSource", "  contentType: application/json\n  data: '{'\n"),
            "data",
        ),
        (
            "no topics",
            source("KafkaSource", "  bootstrapServers: ['127.0.0.1:1']\n"),
            "topics",
        ),
        (
            "no servers",
            source("KafkaSource", "  topics: [t]\n"),
            "bootstrapServers",
        ),
        ("not YAML", "a: [".to_owned(), "mesh.yaml:"),
        ("not a resource", "hello: world\n".to_owned(), "apiVersion"),
    ];
    for (what, yaml, word) in table {
        let cli = validate(&yaml).await;
        let words = words(&cli);
        assert_eq!(cli.code, Some(65), "{what}: {words}");
        assert!(words.contains(word), "{what}: {word} is not among:\n{words}");
    }
}

#[tokio::test]
async fn kubernetes_kinds_that_do_nothing_here_are_accepted_with_a_warning_that_names_them() {
    let kinds = [
        ("v1", "Namespace"),
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("serving.knative.dev/v1", "Service"),
    ];
    let documents = kinds.map(|(api, kind)| {
        format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{anything: [goes]}}\n")
    });
    let cli = validate(&format!("{BROKER}---\n{}", documents.join("---\n"))).await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    for (_, kind) in kinds {
        assert!(words(&cli).contains(kind), "{kind} is named: {cli:?}");
    }
}

#[tokio::test]
async fn the_class_of_knatives_default_broker_and_its_config_are_accepted() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: default
  annotations:
    eventing.knative.dev/broker.class: MTChannelBasedBroker
spec:
  config:
    apiVersion: v1
    kind: ConfigMap
    name: config-br-default-channel
    namespace: knative-eventing
  delivery:
    retry: 5
    backoffPolicy: exponential
    backoffDelay: PT2S
";
    let cli = validate(yaml).await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
    assert!(
        words(&cli).contains("config"),
        "spec.config is accepted with a notice: {cli:?}"
    );
}

#[tokio::test]
async fn a_page_in_the_shape_of_knatives_documentation_works_as_it_is() {
    let yaml = "\
# A broker, a source and a trigger as a tutorial has them.
apiVersion: v1
kind: Namespace
metadata:
  name: event-example
  labels:
    eventing.knative.dev/injection: enabled
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: default
  namespace: event-example
---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata:
  name: test-ping-source
  namespace: event-example
spec:
  schedule: \"*/1 * * * *\"
  contentType: \"application/json\"
  data: '{\"message\": \"Hello world!\"}'
  sink:
    ref:
      apiVersion: eventing.knative.dev/v1
      kind: Broker
      name: default
---
apiVersion: sources.knative.dev/v1beta1
kind: KafkaSource
metadata:
  name: kafka-source
  namespace: event-example
spec:
  consumerGroup: knative-group
  bootstrapServers:
  - 127.0.0.1:1
  topics:
  - knative-demo-topic
  sink:
    ref:
      apiVersion: eventing.knative.dev/v1
      kind: Broker
      name: default
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: hello-display
  namespace: event-example
  annotations:
    knative-eventing-injection: enabled
spec:
  broker: default
  filter:
    attributes:
      type: greeting
  subscriber:
    ref:
      apiVersion: v1
      kind: Service
      name: hello-display
---
apiVersion: heddle.dev/v1
kind: Endpoint
metadata:
  name: hello-display
  namespace: event-example
spec:
  url: http://127.0.0.1:1/
";
    let cli = validate(yaml).await;
    assert_eq!(cli.code, Some(0), "{cli:?}");
}

#[tokio::test]
async fn folders_and_several_files_are_read_together() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("mesh")).unwrap();
    write("mesh/broker.yaml", BROKER);
    write(
        "mesh/trigger.yml",
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec: {broker: default, subscriber: {uri: 'http://a/'}}\n",
    );
    write("mesh/notes.txt", "not YAML at all: [");
    write(
        "more.yaml",
        "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: u}\nspec: {broker: nobody, subscriber: {uri: 'http://a/'}}\n",
    );
    assert_eq!(
        Cli::run_in(folder.path(), &["validate", "mesh"], b"").await.code,
        Some(0)
    );
    let cli = Cli::run_in(folder.path(), &["validate", "mesh", "more.yaml"], b"").await;
    assert_eq!(cli.code, Some(65), "{cli:?}");
    assert!(words(&cli).contains("more.yaml:4:"), "{cli:?}");
}

#[tokio::test]
async fn run_starts_nothing_on_a_bad_configuration() {
    let folder = written(&with_trigger("broker: nobody\nsubscriber: {uri: 'http://a/'}"));
    let run = [
        "run",
        "--config",
        "mesh.yaml",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--ready-file",
        "r.json",
    ];
    let cli = Cli::run_in(folder.path(), &run, b"").await;
    assert_eq!(cli.code, Some(65), "{cli:?}");
    assert!(words(&cli).contains("mesh.yaml:9:"), "{cli:?}");
    for made in ["data", "r.json"] {
        assert!(!folder.path().join(made).exists(), "{made} was made");
    }
}

#[tokio::test]
async fn exit_codes_tell_usage_configuration_and_files_apart() {
    let folder = tempfile::tempdir().unwrap();
    let code = async |arguments: &[&str]| Cli::run_in(folder.path(), arguments, b"").await.code;
    for usage in [
        &["frobnicate"][..],
        &["run"],
        &["validate"],
        &["get"],
        &["send", "--data", "x"],
        &["run", "--nonsense"],
    ] {
        assert_eq!(code(usage).await, Some(64), "{usage:?}");
    }
    for fine in [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["dead-letters", "--help"],
    ] {
        assert_eq!(code(fine).await, Some(0), "{fine:?}");
    }
    assert_eq!(code(&["validate", "not-there.yaml"]).await, Some(74));
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_74() {
    let folder = written(BROKER);
    std::fs::write(folder.path().join("file"), "").unwrap();
    let run = [
        "run",
        "--config",
        "mesh.yaml",
        "--data",
        "file/data",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let cli = Cli::run_in(folder.path(), &run, b"").await;
    assert_eq!(cli.code, Some(74), "{cli:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_the_environment_and_from_files() {
    let sink = Sink::start().await;
    let endpoint = json!({
        "apiVersion": "heddle.dev/v1", "kind": "Endpoint", "metadata": {"name": "e"},
        "spec": {"url": "${SINK_URL}/path", "headers": {"authorization": "Bearer ${TOKEN}"}},
    });
    let trigger = Trigger::new("t", "")
        .subscriber(json!({"ref": {"apiVersion": "heddle.dev/v1", "kind": "Endpoint", "name": "e"}}));
    let resources = Resources::with_default_broker()
        .document(endpoint)
        .trigger(trigger);
    let url = sink.url("");
    let heddle = Heddle::start_with(&resources, &[], &[("SINK_URL", &url), ("TOKEN", "s3cret")]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_for(1).await;
    assert_eq!(received[0].path, "/path");
    assert_eq!(received[0].header("authorization"), "Bearer s3cret");
    let shown = heddle
        .cli(&[
            "get",
            "endpoint",
            "e",
            "--output",
            "json",
            "--admin",
            heddle.admin(),
        ])
        .await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        !shown.stdout.contains("s3cret"),
        "a secret is not shown: {}",
        shown.stdout
    );
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_an_error_with_its_place() {
    let yaml = format!(
        "{BROKER}---\napiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {{name: e}}\nspec:\n  url: ${{HEDDLE_TEST_UNSET}}/path\n"
    );
    let folder = written(&yaml);
    let run = [
        "run",
        "--config",
        "mesh.yaml",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let cli = Cli::run_in(folder.path(), &run, b"").await;
    assert_eq!(cli.code, Some(65), "{cli:?}");
    assert!(
        words(&cli).contains("HEDDLE_TEST_UNSET") && words(&cli).contains("mesh.yaml:9:"),
        "{cli:?}"
    );
}

#[tokio::test]
async fn an_admin_address_that_others_reach_needs_a_token_or_the_word_open() {
    let folder = written(BROKER);
    let run = [
        "run",
        "--config",
        "mesh.yaml",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "0.0.0.0:0",
    ];
    let cli = Cli::run_in(folder.path(), &run, b"").await;
    assert!(matches!(cli.code, Some(64 | 65)), "{cli:?}");
    let words = words(&cli);
    assert!(
        words.contains("--admin-token-file") && words.contains("--admin-open"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_token_is_asked_for_and_the_probes_stay_open() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret\n").unwrap();
    let path = token.path().display().to_string();
    let resources = Resources::with_default_broker();
    let heddle = Heddle::start_with(&resources, &["--admin-token-file", &path], &[]).await;
    let refused = heddle.cli(&["get", "brokers", "--admin", heddle.admin()]).await;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    let shown = heddle
        .cli(&["get", "brokers", "--admin", heddle.admin(), "--token-file", &path])
        .await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for probe in ["healthz", "readyz"] {
        assert_eq!(
            harness::producer::get(&format!("{}/{probe}", heddle.admin()))
                .await
                .status,
            200,
            "{probe}"
        );
    }
    assert_eq!(
        harness::producer::get(&format!("{}/api/v1/brokers", heddle.admin()))
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_token_is_asked_for() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret").unwrap();
    let path = token.path().display().to_string();
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start_with(&resources, &["--ingress-token-file", &path], &[]).await;
    let producer = heddle.producer("default/default");
    assert_eq!(producer.binary(&Event::new("x")).await.status, 401);
    let mut headers = Event::new("x").binary_headers();
    for (token, status) in [("Bearer wrong", 401), ("Bearer s3cret", 202)] {
        headers.insert("authorization", token.parse().unwrap());
        assert_eq!(
            producer.post(headers.clone(), "{}".into()).await.status,
            status,
            "{token}"
        );
    }
    let sent = heddle
        .cli(&[
            "send",
            "--type",
            "t",
            "--data",
            "{}",
            "--url",
            heddle.ingress(),
            "--token-file",
            &path,
        ])
        .await;
    assert_eq!(sent.code, Some(0), "{sent:?}");
    for request in sink.wait_for(2).await {
        assert_eq!(
            request.header("authorization"),
            "",
            "the producer's token goes no further"
        );
    }
}

#[tokio::test]
async fn every_example_is_valid() {
    let examples = repository::top().join("examples");
    let folders = std::fs::read_dir(&examples)
        .expect("examples")
        .map(|entry| entry.expect("an entry").path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    for named in ["first", "stack"] {
        assert!(
            folders.contains(&examples.join(named)),
            "examples/{named} is there"
        );
    }
    for folder in folders {
        let cli = Cli::run_in(Path::new("/"), &["validate", &folder.display().to_string()], b"").await;
        // A heddle without Kafka's TLS says so, and says how to build one that has it.
        let lacks_tls = folder.ends_with("kafka-tls") && words(&cli).contains("--features kafka-tls");
        assert!(cli.code == Some(0) || lacks_tls, "{}: {cli:?}", folder.display());
    }
}
