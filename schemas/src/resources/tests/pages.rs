//! Pages as people have them: several documents, other people's kinds, saved from a cluster; and text that is nothing at all.

use proptest::prelude::*;

use super::{check, decode};
use crate::resources::{Kind, Loose};

#[test]
fn kinds_that_do_nothing_here_are_accepted_with_a_warning_that_names_them() {
    let yaml = "\
apiVersion: v1
kind: Namespace
metadata: {name: n}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: event-display}
spec: {anything: [goes]}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: event-display}
---
apiVersion: messaging.knative.dev/v1
kind: Channel
metadata: {name: c}
";
    check(
        yaml,
        &[
            "2:7: warning: Namespace \"n\" (v1) does nothing here",
            "6:7: warning: Deployment \"event-display\" (apps/v1) does nothing here",
            "11:7: warning: Service \"event-display\" (serving.knative.dev/v1) does nothing here",
            "15:7: warning: Channel \"c\" (messaging.knative.dev/v1) does nothing here",
        ],
    );
}

#[test]
fn what_nobody_knows_is_an_error_with_the_nearest_kind() {
    check(
        "apiVersion: eventing.knative.dev/v1\nkind: Triger\nmetadata: {name: t}\n",
        &["2:7: error: unknown kind \"Triger\" (did you mean \"Trigger\"?)"],
    );
    check(
        "apiVersion: example.com/v1\nkind: Spaceship\n",
        &[
            "2:7: error: unknown kind \"Spaceship\" (the kinds read here are Broker, Trigger, PingSource, KafkaSource, \
           NatsSource, WebhookSource, Endpoint, Schema, EventType, Secret, ConfigMap)",
        ],
    );
    check(
        "apiVersion: eventing.knative.dev/v1beta1\nkind: Trigger\n",
        &[
            "1:13: error: Trigger is not known under apiVersion \"eventing.knative.dev/v1beta1\" \
           (write apiVersion: eventing.knative.dev/v1)",
        ],
    );
    check(
        "apiVersion: v1\nkind: Deployment\n",
        &["1:13: error: Deployment is not known under apiVersion \"v1\" (it is known in apps)"],
    );
    check(
        "apiVersion: eventing.knative.dev/v1alpha1\nkind: EventPolicy\n",
        &[
            "2:7: error: EventPolicy is not available in this version: its rules would not be enforced, and everyone could \
           send what it means to forbid",
        ],
    );
    check("- a\n", &["1:1: error: a document must be a mapping, not a list"]);
    check(
        "a: 1\n",
        &[
            "1:1: error: missing required field \"apiVersion\" in the document",
            "1:1: error: missing required field \"kind\" in the document",
        ],
    );
}

#[test]
fn what_kubectl_saves_can_be_read_again() {
    let yaml = "\
apiVersion: v1
kind: List
metadata: {resourceVersion: ''}
items:
- apiVersion: eventing.knative.dev/v1
  kind: Broker
  metadata:
    name: default
    namespace: default
    uid: 9a5a6f0e-0000-0000-0000-000000000000
    resourceVersion: '4711'
    generation: 1
    creationTimestamp: '2026-01-01T00:00:00Z'
    finalizers: [brokers.eventing.knative.dev]
    managedFields: [{manager: kubectl}]
    annotations:
      eventing.knative.dev/broker.class: MTChannelBasedBroker
      eventing.knative.dev/creator: admin
      eventing.knative.dev/lastModifier: admin
      kubectl.kubernetes.io/last-applied-configuration: '{}'
  spec:
    config: {apiVersion: v1, kind: ConfigMap, name: config-br-default-channel, namespace: knative-eventing}
    delivery: {retry: 10, backoffPolicy: exponential, backoffDelay: PT0.2S}
  status: {address: {url: 'http://x'}, conditions: [{type: Ready, status: 'True'}]}
";
    let decoded = check(
        yaml,
        &["22:5: notice: items[0].spec.config is ignored: the embedded engine needs none"],
    );
    assert_eq!(decoded.resources.len(), 1);
}

#[test]
fn five_mistakes_in_one_document_are_five_problems() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: Orders
  labels: {version: 1.10}
spec:
  brokr: default
  filter:
    attributes:
      Type: a
  delivery:
    retry: \"3\"
    backoffDelay: 2s
    backoffPolicy: exponentail
  subscriber:
    ref:
      apiVersion: v1
      kind: Service
";
    let decoded = check(
        yaml,
        &[
            "4:9: error: name `Orders` is invalid; use 1 to 253 lower-case letters, digits, `-` and `.`, with a letter or \
             digit first and last and around each `.`",
            "5:21: error: metadata.labels.version must be a string, not a number (put it in quotes: \"1.10\")",
            "6:1: error: missing required field \"broker\" in spec",
            "7:3: error: unknown field \"brokr\" in spec (did you mean \"broker\"?)",
            "10:7: error: \"Type\" is not the name of an attribute (did you mean \"type\"?)",
            "12:12: error: spec.delivery.retry must be an integer, not a string",
            "13:19: error: spec.delivery.backoffDelay is not an ISO 8601 duration: \"2s\" (write PT2S)",
            "14:20: error: spec.delivery.backoffPolicy cannot be \"exponentail\" (did you mean \"exponential\"?)",
            "16:5: error: missing required field \"name\" in spec.subscriber.ref",
        ],
    );
    assert!(decoded.resources.is_empty());
}

#[test]
fn a_resource_with_mistakes_is_still_known_by_its_name_and_by_what_it_refers_to() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t}
spec:
  broker: b
  filters: [{}]
  subscriber: {uri: 'http://h'}
";
    let expected = "6:13: error: spec.filters[0] needs one of exact, prefix, suffix, all, any, not, cesql, heddle.dev/v1";
    let decoded = check(yaml, &[expected]);
    let identity = decoded.broken[0]
        .identity
        .as_ref()
        .expect("kind and name are sound");
    assert_eq!(
        (identity.kind, identity.name.to_string().as_str()),
        (Kind::Trigger, "default/t")
    );
    let loose = &decoded.broken[0].loose;
    assert!(
        loose
            .iter()
            .any(|loose| matches!(loose, Loose::Broker(broker) if broker.value.name() == "b"))
    );
    assert!(loose.iter().any(|loose| matches!(loose, Loose::Destination(_))));
}

#[test]
fn annotations_are_understood_noticed_or_left_alone() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: t
  annotations:
    heddle.dev/strat: earliest
    knative.dev/dependency: '{}'
    kafka.eventing.knative.dev/delivery.order: ordered
    example.com/own: anything
spec: {broker: b, subscriber: {uri: 'http://h'}}
";
    check(
        yaml,
        &[
            "6:5: error: unknown annotation \"heddle.dev/strat\" on Trigger (did you mean \"heddle.dev/start\"?)",
            "7:5: notice: the annotation \"knative.dev/dependency\" does nothing here",
        ],
    );
    check(
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: b\n  annotations:\n    \
         eventing.knative.dev/broker.class: Kafka\n",
        &[
            "6:40: error: broker class \"Kafka\" is not available in this version (leave the annotation out or write \
           MTChannelBasedBroker: both mean the embedded engine)",
        ],
    );
}

/// Words that make up configuration, so that random text gets past the first line.
const WORDS: &[&str] = &[
    "apiVersion: eventing.knative.dev/v1",
    "apiVersion: heddle.dev/v1",
    "apiVersion: v1",
    "apiVersion: sources.knative.dev/v1",
    "kind: Trigger",
    "kind: Broker",
    "kind: Endpoint",
    "kind: NatsSource",
    "kind: KafkaSource",
    "kind: PingSource",
    "kind: WebhookSource",
    "kind: Secret",
    "kind: List",
    "metadata:",
    "  name: x",
    "  annotations: {heddle.dev/start: x}",
    "spec:",
    "  broker: b",
    "  filters: [{exact: {a: b}}, {not: {}}]",
    "  subscriber: {uri: '${A:-}${', ref: {kind: 5}}",
    "  delivery: {retry: 1e9}",
    "  url: {file: x}",
    "  headers: {a: ${B}}",
    "  sink: {}",
    "  jetstream: {stream: s, startTime: 1}",
    "  schedule: '@every 1s'",
    "  timezone: Mars",
    "  path: /../x",
    "  event: {type: [{}, 5], id: {pointer: ~}}",
    "items: [{}, 1]",
    "data: {a: '!', b: 1}",
    "---",
    "stringData: [1]",
    "  net: {sasl: {enable: true}, tls: []}",
    "  builtin: ehco",
    "  x: \u{1f600}",
    "&a",
    "*a",
    "- ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_configuration_makes_the_decoder_panic(lines in prop::collection::vec(prop::sample::select(WORDS), 0..14), noise in "\\PC{0,20}", at in 0..14usize) {
        let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        lines.insert(at.min(lines.len()), noise);
        let text = lines.join("\n");
        let decoded = decode("f.yaml", &text);
        for problem in decoded.problems {
            prop_assert!(problem.line >= 1 && problem.column >= 1 && !problem.message.is_empty());
        }
    }
}
