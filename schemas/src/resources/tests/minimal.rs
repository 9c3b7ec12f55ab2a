//! The smallest resource of each kind, and the defaults that fill it.

use super::super::destination::{ReferenceKind, Target};
use super::super::endpoint::Address;
use super::super::kafka_source::{InitialOffset, KeyType, Ordering};
use super::super::nats_source::{Feed, JetStreamStart};
use super::super::trigger::Start;
use super::super::webhook_source::{CloudEvents, EventRules};
use super::{Resource, document, expect_kind, one};
use crate::filter::Filter;

const SINK: &str = "  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}\n";

#[test]
fn a_broker_needs_a_name_only_and_lives_in_the_default_namespace() {
    let broker = expect_kind!(
        one("apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: b\n"),
        Broker
    );
    assert_eq!(broker.meta.identity.name.to_string(), "default/b");
    assert_eq!(
        (
            broker.meta.identity.place.mark.line,
            broker.meta.identity.place.mark.column
        ),
        (4, 9)
    );
    assert!(broker.delivery.is_none());
}

#[test]
fn a_trigger_without_filter_takes_everything_from_now_on() {
    let yaml = document(
        "eventing.knative.dev/v1",
        "Trigger",
        "  broker: b\n  subscriber: {uri: http://h/}\n",
    );
    let trigger = expect_kind!(one(&yaml), Trigger);
    assert_eq!(trigger.broker.value.to_string(), "default/b");
    assert_eq!(trigger.filter, Filter::everything());
    assert_eq!(trigger.start, Start::Latest);
    assert!(trigger.delivery.is_none());
    assert!(matches!(trigger.subscriber.target, Target::Uri(_)));
}

#[test]
fn a_ping_source_ticks_every_minute() {
    let source = expect_kind!(
        one(&document("sources.knative.dev/v1", "PingSource", SINK)),
        PingSource
    );
    assert_eq!(source.schedule.value, "* * * * *");
    assert!(source.timezone.is_none() && source.data.is_none() && source.content_type.is_none());
    let Target::Ref {
        reference,
        path: None,
    } = &source.spec.sink.target
    else {
        panic!()
    };
    assert_eq!(
        (reference.kind, reference.name.to_string().as_str()),
        (ReferenceKind::Broker, "default/default")
    );
}

#[test]
fn a_kafka_source_starts_at_latest_with_one_ordered_consumer() {
    let spec = format!("  bootstrapServers: [k:9092]\n  topics: [t]\n{SINK}");
    for version in ["sources.knative.dev/v1", "sources.knative.dev/v1beta1"] {
        let source = expect_kind!(one(&document(version, "KafkaSource", &spec)), KafkaSource);
        assert_eq!(source.initial_offset, InitialOffset::Latest);
        assert_eq!(
            (source.consumers, source.ordering, source.key_type),
            (1, Ordering::Ordered, KeyType::String)
        );
        assert!(source.consumer_group.is_none() && source.sasl.is_none() && source.tls.is_none());
    }
}

#[test]
fn a_nats_source_reads_a_subject_or_all_of_a_stream() {
    let subject = format!("  url: nats://n:4222\n  subject: orders.>\n{SINK}");
    let source = expect_kind!(
        one(&document("heddle.dev/v1", "NatsSource", &subject)),
        NatsSource
    );
    assert!(matches!(
        source.feed,
        Feed::Subject {
            queue_group: None,
            ..
        }
    ));
    let stream = format!("  servers: [n1:4222, n2:4222]\n  jetstream: {{stream: ORDERS}}\n{SINK}");
    let source = expect_kind!(one(&document("heddle.dev/v1", "NatsSource", &stream)), NatsSource);
    assert_eq!(source.servers.len(), 2);
    let Feed::JetStream(jetstream) = source.feed else {
        panic!()
    };
    assert_eq!(jetstream.start, JetStreamStart::All);
    assert!(jetstream.consumer.is_none() && jetstream.ack_wait.is_none());
}

#[test]
fn a_webhook_source_needs_a_path_and_wraps_what_comes() {
    let spec = format!("  path: /hooks/a\n{SINK}");
    let source = expect_kind!(
        one(&document("heddle.dev/v1", "WebhookSource", &spec)),
        WebhookSource
    );
    assert_eq!(source.path.value, "/hooks/a");
    assert_eq!(
        (source.event, source.cloud_events),
        (EventRules::default(), CloudEvents::Wrap)
    );
    assert!(source.auth.is_none());
}

#[test]
fn an_endpoint_is_a_url_or_built_in() {
    let echo = expect_kind!(
        one(&document("heddle.dev/v1", "Endpoint", "  builtin: echo\n")),
        Endpoint
    );
    assert!(matches!(echo.address, Address::Echo));
    let server = expect_kind!(
        one(&document("heddle.dev/v1", "Endpoint", "  url: http://h/\n")),
        Endpoint
    );
    let Address::Server(server) = server.address else {
        panic!()
    };
    assert!(server.headers.is_empty() && server.ca_certs.is_none() && server.concurrency.is_none());
    assert_eq!(server.pace, crate::resources::endpoint::Pace::default());
    assert!(!server.pace.breaker.enabled, "a breaker is asked for");
    let yaml = document(
        "heddle.dev/v1",
        "Endpoint",
        "  url: http://h/\n  rate: {requests: 5}\n  breaker: {enabled: false}\n",
    );
    let Address::Server(server) = expect_kind!(one(&yaml), Endpoint).address else {
        panic!()
    };
    assert_eq!(
        server.pace.rate.map(|rate| (rate.requests, rate.per.as_secs())),
        Some((5, 1))
    );
    assert!(!server.pace.breaker.enabled);
}

#[test]
fn a_secret_gives_its_texts_and_string_data_wins() {
    let yaml = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: Opaque\n\
                data: {a: aGVsbG8=, b: d29ybGQ=, bin: /w==}\nstringData: {b: plain}\n";
    let secret = expect_kind!(one(yaml), Entries);
    assert_eq!(secret.get("a").map(|text| text.reveal()), Some("hello"));
    assert_eq!(secret.get("b").map(|text| text.reveal()), Some("plain"));
    assert!(secret.get("bin").is_none(), "not UTF-8");
    let shown = format!("{secret:?}");
    assert!(!shown.contains("hello") && !shown.contains("plain"), "{shown}");
}
