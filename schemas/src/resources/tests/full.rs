//! Every field of each kind.

use std::time::Duration;

use super::super::delivery::{BackoffPolicy, DeliveryFormat};
use super::super::destination::{ReferenceKind, Target};
use super::super::endpoint::{Address, Breaker, Pace, Rate};
use super::super::kafka_source::{InitialOffset, KeyType, Ordering};
use super::super::nats_source::{Credentials, Feed, JetStreamStart};
use super::super::trigger::Start;
use super::super::value::Origin;
use super::super::webhook_source::{CloudEvents, Rule, WebhookAuth};
use super::{Resource, check, expect_kind, one};
use crate::filter::{Comparison, Filter, Pointer, Sql, Test};

fn exact(name: &str, value: &str) -> Filter {
    Filter::Exact(name.to_owned(), value.to_owned())
}

#[test]
fn broker() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: orders
  namespace: shop
  labels: {team: shop}
  annotations:
    eventing.knative.dev/broker.class: MTChannelBasedBroker
spec:
  delivery:
    retry: 5
    timeout: PT30S
    backoffPolicy: linear
    backoffDelay: PT0.2S
    retryAfterMax: PT0S
    format: json
    deadLetterSink:
      ref: {apiVersion: v1, kind: Service, name: graveyard, namespace: shop}
      uri: /dead?from=orders
status:
  conditions: []
";
    let broker = expect_kind!(one(yaml), Broker);
    assert_eq!(broker.meta.identity.name.to_string(), "shop/orders");
    let delivery = broker.delivery.expect("it has one");
    assert_eq!(delivery.retry, Some(5));
    assert_eq!(delivery.timeout, Some(Duration::from_secs(30)));
    assert_eq!(delivery.backoff_policy, Some(BackoffPolicy::Linear));
    assert_eq!(delivery.backoff_delay, Some(Duration::from_millis(200)));
    assert_eq!(delivery.retry_after_max, Some(Duration::ZERO));
    assert_eq!(delivery.format, Some(DeliveryFormat::Json));
    let Target::Ref {
        reference,
        path: Some(path),
    } = delivery.dead_letter_sink.expect("it has one").target
    else {
        panic!()
    };
    assert_eq!(
        (reference.kind, reference.name.to_string().as_str()),
        (ReferenceKind::Service, "shop/graveyard")
    );
    assert_eq!(path.value, "/dead?from=orders");
}

#[test]
fn trigger_with_every_dialect() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: t
  annotations: {heddle.dev/start: earliest}
spec:
  broker: default
  filters:
    - exact: {type: a, source: b}
    - prefix: {type: com.}
    - suffix: {type: .created}
    - all: [{exact: {x: '1'}}, {exact: {y: '2'}}]
    - any: [{exact: {x: '1'}}, {not: {exact: {y: '2'}}}]
    - not: {prefix: {subject: test}}
  subscriber:
    ref: {apiVersion: heddle.dev/v1, kind: Endpoint, name: e}
    CACerts: {file: ca.pem}
  delivery: {}
";
    let decoded = check(yaml, &[]);
    assert_eq!(decoded.files, vec!["ca.pem".into()]);
    let trigger = expect_kind!(decoded.resources.into_iter().next().expect("one"), Trigger);
    assert_eq!(trigger.start, Start::Earliest);
    assert!(trigger.delivery.is_some(), "an empty delivery is one: no retries");
    assert_eq!(
        trigger.filter,
        Filter::All(vec![
            Filter::All(vec![exact("type", "a"), exact("source", "b")]),
            Filter::Prefix("type".to_owned(), "com.".to_owned()),
            Filter::Suffix("type".to_owned(), ".created".to_owned()),
            Filter::All(vec![exact("x", "1"), exact("y", "2")]),
            Filter::Any(vec![exact("x", "1"), Filter::Not(Box::new(exact("y", "2")))]),
            Filter::Not(Box::new(Filter::Prefix("subject".to_owned(), "test".to_owned()))),
        ])
    );
    assert!(
        matches!(trigger.subscriber.ca_certs.expect("given").origin, Origin::File(path) if path == "ca.pem")
    );
}

#[test]
fn expressions_and_tests_of_values_are_dialects_whose_places_are_known() {
    let yaml = r#"apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t}
spec:
  broker: b
  subscriber: {uri: "http://h"}
  filters:
  - cesql: type = 'a'
  - heddle.dev/v1:
      attributes:
        priority: {gte: 5, lt: 1e2}
      data:
        /ip: {cidr: 10.0.0.0/8}
        /country: {in: [DE, 7, true]}
"#;
    let trigger = expect_kind!(one(yaml), Trigger);
    let test = |name: &str, comparison, number: &str| {
        let number = number.parse().expect("a number");
        Filter::Attribute(name.to_owned(), Test::Compare(comparison, number))
    };
    let data =
        |pointer: &str, test| Filter::Data(Pointer::try_from(pointer.to_owned()).expect("a pointer"), test);
    let one_of = ["DE", "7", "true"].map(str::to_owned).to_vec();
    assert_eq!(
        trigger.filter,
        Filter::All(vec![
            Filter::Cesql(Sql::try_from("type = 'a'".to_owned()).expect("an expression")),
            Filter::All(vec![
                Filter::All(vec![
                    test("priority", Comparison::Less, "1e2"),
                    test("priority", Comparison::GreaterOrEqual, "5"),
                ]),
                data("/ip", Test::Cidr(vec!["10.0.0.0/8".parse().expect("a network")])),
                data("/country", Test::OneOf(one_of)),
            ]),
        ])
    );
    let lines: Vec<_> = trigger.conditions.iter().map(|place| place.mark.line).collect();
    assert_eq!(lines, [8, 11, 11, 13, 14]);
}

#[test]
fn attributes_are_anded_and_an_empty_value_asks_for_presence() {
    let spec = "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec:\n  broker: b\n  subscriber: {uri: http://h}\n";
    let filter = |more: &str| expect_kind!(one(&format!("{spec}{more}")), Trigger).filter;
    assert_eq!(
        filter("  filter: {attributes: {type: a, ext: ''}}\n"),
        Filter::All(vec![exact("type", "a"), Filter::Present("ext".to_owned())])
    );
    assert_eq!(filter("  filter: {attributes: {}}\n"), Filter::everything());
    assert_eq!(filter("  filter: {}\n"), Filter::everything());
    assert_eq!(filter("  filter:\n  filters:\n"), Filter::everything());
    assert_eq!(
        filter("  filter: {attributes: {type: a}}\n  filters: []\n"),
        exact("type", "a")
    );
    let replaced =
        format!("{spec}  filter: {{attributes: {{type: a}}}}\n  filters: [{{exact: {{type: b}}}}]\n");
    let decoded = check(
        &replaced,
        &["7:3: notice: spec.filter is ignored: spec.filters replaces it"],
    );
    let trigger = expect_kind!(decoded.resources.into_iter().next().expect("one"), Trigger);
    assert_eq!(trigger.filter, exact("type", "b"));
}

#[test]
fn every_name_of_knative_conformance_may_be_filtered_on() {
    for name in
        "source id specversion type subject time datacontenttype dataschema aaa c1d2e3 abcdefghijklmnopqrst"
            .split(' ')
    {
        let yaml = format!(
            "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: t}}\nspec:\n  broker: b\n  \
             subscriber: {{uri: http://h}}\n  filter: {{attributes: {{{name}: v}}}}\n"
        );
        assert_eq!(expect_kind!(one(&yaml), Trigger).filter, exact(name, "v"));
    }
}

#[test]
fn ping_source() {
    let yaml = "\
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p, namespace: n}
spec:
  schedule: '10 0/1 * * * ?'
  timezone: Europe/Berlin
  contentType: application/json
  data: '{\"a\": 1.10}'
  sink: {uri: 'http://${HOST:-localhost}:8080/x'}
  ceOverrides: {extensions: {team: shop, n1: '5'}}
";
    let source = expect_kind!(one(yaml), PingSource);
    assert_eq!(source.schedule.value, "10 0/1 * * * ?");
    assert_eq!(source.timezone.expect("given").value, "Europe/Berlin");
    assert_eq!(
        source.data.as_deref(),
        Some(br#"{"a": 1.10}"#.as_slice()),
        "byte for byte"
    );
    assert_eq!(
        source.spec.overrides,
        [
            ("team".to_owned(), "shop".to_owned()),
            ("n1".to_owned(), "5".to_owned())
        ]
    );
    let yaml = yaml
        .replace("  data: '{\"a\": 1.10}'\n", "  dataBase64: AAH/\n")
        .replace("'10 0/1 * * * ?'", "'@hourly'");
    let source = expect_kind!(one(&yaml), PingSource);
    assert_eq!(source.data.as_deref(), Some([0, 1, 255].as_slice()));
}

#[test]
fn kafka_source() {
    let yaml = "\
apiVersion: sources.knative.dev/v1beta1
kind: KafkaSource
metadata:
  name: k
  labels: {kafkasources.sources.knative.dev/key-type: int}
spec:
  bootstrapServers: [a:9092, '${KAFKA}']
  topics: [t1, t2]
  consumerGroup: g
  initialOffset: earliest
  consumers: 3
  ordering: unordered
  net:
    sasl:
      enable: true
      user: {secretKeyRef: {name: s, key: user}}
      password: {secretKeyRef: {name: s, key: password}}
      type: {secretKeyRef: {name: s, key: type}}
    tls:
      enable: true
      cert: {secretKeyRef: {name: s, key: user.crt}}
      key: {secretKeyRef: {name: s, key: user.key}}
      caCert: {secretKeyRef: {name: s, key: ca.crt}}
  delivery: {retry: 3, backoffPolicy: exponential, backoffDelay: PT1S}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
";
    let source = expect_kind!(one(yaml), KafkaSource);
    assert_eq!(
        source
            .topics
            .iter()
            .map(|topic| topic.value.as_str())
            .collect::<Vec<_>>(),
        ["t1", "t2"]
    );
    assert_eq!(source.consumer_group.as_deref(), Some("g"));
    assert_eq!(
        (source.initial_offset, source.consumers),
        (InitialOffset::Earliest, 3)
    );
    assert_eq!(
        (source.ordering, source.key_type),
        (Ordering::Unordered, KeyType::Int)
    );
    let sasl = source.sasl.expect("enabled");
    assert!(
        matches!(sasl.password.origin, Origin::Entry { name, key, .. } if name.to_string() == "default/s" && key == "password")
    );
    assert!(source.tls.expect("enabled").identity.is_some());
    assert_eq!(source.delivery.expect("given").retry, Some(3));

    let disabled = expect_kind!(one(&yaml.replace("enable: true", "enable: false")), KafkaSource);
    assert!(disabled.sasl.is_none() && disabled.tls.is_none());
}

#[test]
fn nats_source() {
    let yaml = "\
apiVersion: heddle.dev/v1
kind: NatsSource
metadata: {name: n}
spec:
  servers: [nats://a:4222, tls://b:4222]
  jetstream:
    stream: ORDERS
    consumer: heddle
    filterSubject: orders.>
    startTime: 2026-01-31T12:00:00Z
    ackWait: PT10S
    maxAckPending: 50
  credentials: {user: u, password: '${PASSWORD}'}
  tls: {caCerts: {file: ca.pem}, cert: {file: c.pem}, key: {file: k.pem}}
  event: {type: t, source: /s, subject: x}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
";
    let source = expect_kind!(one(yaml), NatsSource);
    let Feed::JetStream(jetstream) = source.feed else {
        panic!()
    };
    assert!(matches!(jetstream.start, JetStreamStart::Time(_)));
    assert_eq!(
        (jetstream.ack_wait, jetstream.ack_pending_max),
        (Some(Duration::from_secs(10)), Some(50))
    );
    assert!(matches!(
        source.credentials,
        Some(Credentials::UserPassword { .. })
    ));
    assert!(source.tls.expect("given").identity.is_some());
    assert_eq!(source.event.ty.as_deref(), Some("t"));

    let with = |start: &str| {
        let yaml = yaml.replace("startTime: 2026-01-31T12:00:00Z", start);
        let Feed::JetStream(jetstream) = expect_kind!(one(&yaml), NatsSource).feed else {
            panic!()
        };
        jetstream.start
    };
    assert_eq!(with("startSequence: 7"), JetStreamStart::Sequence(7));
    assert_eq!(with("deliverPolicy: new"), JetStreamStart::New);
    assert_eq!(with("deliverPolicy: last"), JetStreamStart::Last);

    let creds = yaml.replace("{user: u, password: '${PASSWORD}'}", "{credsFile: ./n.creds}");
    let decoded = check(&creds, &[]);
    assert!(decoded.files.contains(&"./n.creds".into()));
    let token = yaml.replace("{user: u, password: '${PASSWORD}'}", "{token: {env: TOKEN}}");
    assert!(matches!(
        expect_kind!(one(&token), NatsSource).credentials,
        Some(Credentials::Token(_))
    ));
}

#[test]
fn webhook_source() {
    let yaml = "\
apiVersion: heddle.dev/v1
kind: WebhookSource
metadata: {name: github}
spec:
  path: /hooks/github
  event:
    type: [{header: X-GitHub-Event}, {value: com.github.unknown}]
    source: {pointer: /repository/full_name}
    subject: {pointer: /a~1b/m~0n}
    id: {header: X-GitHub-Delivery}
  cloudEvents: pass
  auth: {bearer: '${TOKEN}'}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
";
    let source = expect_kind!(one(yaml), WebhookSource);
    assert_eq!(
        source.event.ty,
        [
            Rule::Header("x-github-event".parse().expect("a name")),
            Rule::Constant("com.github.unknown".to_owned())
        ]
    );
    assert_eq!(source.event.subject, [Rule::Pointer("/a~1b/m~0n".to_owned())]);
    assert_eq!(source.cloud_events, CloudEvents::Pass);
    assert!(matches!(source.auth, Some(WebhookAuth::Bearer(_))));
    let header = yaml.replace(
        "{bearer: '${TOKEN}'}",
        "{header: {name: X-Gitlab-Token, value: {file: token}}}",
    );
    assert!(matches!(
        expect_kind!(one(&header), WebhookSource).auth,
        Some(WebhookAuth::Header { .. })
    ));
}

#[test]
fn endpoint() {
    let yaml = "\
apiVersion: heddle.dev/v1
kind: Endpoint
metadata: {name: e}
spec:
  url: https://${HOST}/orders
  headers: {Authorization: 'Bearer ${TOKEN}', X-Plain: literal-secret}
  caCerts: |
    -----BEGIN CERTIFICATE-----
  concurrency: 16
  rate: {requests: 30, per: PT1M}
  timeout: PT5S
  breaker: {failures: 3, window: PT10S, wait: PT2S, waitMax: PT1M}
  webhook: true
";
    let endpoint = expect_kind!(one(yaml), Endpoint);
    let shown = format!("{endpoint:?}");
    assert!(!shown.contains("literal-secret"), "{shown}");
    let Address::Server(server) = endpoint.address else {
        panic!()
    };
    assert_eq!(server.headers[0].0, "authorization");
    assert_eq!(server.concurrency, Some(16));
    let seconds = Duration::from_secs;
    assert_eq!(
        server.pace,
        Pace {
            rate: Some(Rate {
                requests: 30,
                per: seconds(60)
            }),
            timeout: Some(seconds(5)),
            breaker: Breaker {
                enabled: true,
                failures: Some(3),
                window: Some(seconds(10)),
                wait: Some(seconds(2)),
                wait_max: Some(seconds(60)),
            },
            webhook: true,
        }
    );
}
