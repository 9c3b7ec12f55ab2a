//! What correct configurations come to.

use std::time::Duration;

use schemas::filter::Filter;
use schemas::resources::delivery::{BackoffPolicy, DeliveryFormat};
use schemas::resources::trigger::Start;

use super::super::plan::{Delivery, NatsFeed, SaslMechanism, Sink, SourceKind, WebhookAuth};
use super::{BROKER, TO_BROKER, check, loaded, plan, url_of, with_files};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn trigger(name: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: {name}}}\nspec:\n  broker: default\n{rest}"
    )
}

fn endpoint(name: &str, spec: &str) -> String {
    format!("---\napiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// The delivery of a trigger with this `delivery`, under a broker with that one.
fn delivery(of_broker: &str, of_trigger: &str, problems: &[&str]) -> Delivery {
    let yaml = format!(
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {{name: default}}\nspec:\n  delivery: {of_broker}\n{}",
        trigger(
            "t",
            &format!("  subscriber: {{uri: 'http://h/'}}\n  delivery: {of_trigger}\n")
        )
    );
    let plan = check(&loaded(&yaml, &[]), problems).plan.expect("no errors");
    plan.triggers.into_iter().next().expect("one trigger").delivery
}

#[test]
fn a_subscriber_may_be_a_uri_an_endpoint_a_service_or_a_broker() {
    let cases = [
        ("{uri: 'https://h.example/x?y=1'}", "https://h.example/x?y=1"),
        (
            "{ref: {apiVersion: heddle.dev/v1, kind: Endpoint, name: e}}",
            "http://e:8081/base/",
        ),
        (
            "{ref: {apiVersion: v1, kind: Service, name: e}}",
            "http://e:8081/base/",
        ),
        (
            "{ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: e}, uri: /other?a=b}",
            "http://e:8081/other?a=b",
        ),
        (
            "{ref: {apiVersion: v1, kind: Service, name: e, namespace: default}, uri: more}",
            "http://e:8081/base/more",
        ),
    ];
    for (subscriber, url) in cases {
        let yaml = format!(
            "{BROKER}{}{}",
            endpoint("e", "{url: 'http://e:8081/base/'}"),
            trigger("t", &format!("  subscriber: {subscriber}\n"))
        );
        assert_eq!(
            url_of(&plan(&loaded(&yaml, &[])).triggers[0].subscriber),
            url,
            "{subscriber}"
        );
    }
    let to_broker =
        "  subscriber: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}\n";
    let plan = plan(&loaded(&format!("{BROKER}{}", trigger("t", to_broker)), &[]));
    assert!(
        matches!(&plan.triggers[0].subscriber, Sink::Broker(name) if name.to_string() == "default/default")
    );
}

#[test]
fn an_endpoint_brings_its_headers_certificates_and_concurrency_along() {
    let spec = "{url: 'https://${HOST}/', headers: {Authorization: 'Bearer ${TOKEN}'}, caCerts: {file: tls/ca.pem}, concurrency: 3}";
    let yaml = format!(
        "{BROKER}{}{}",
        endpoint("e", spec),
        trigger(
            "t",
            "  subscriber: {ref: {apiVersion: v1, kind: Service, name: e}, uri: /x}\n"
        )
    );
    let loaded = loaded(&yaml, &[("HOST", "h.example"), ("TOKEN", "tok-123")]);
    let plan = plan(&with_files(loaded, &[("tls/ca.pem", Ok(CERTIFICATE))]));
    let Sink::Http(http) = &plan.triggers[0].subscriber else {
        panic!()
    };
    assert_eq!(http.url.as_str(), "https://h.example/x");
    assert_eq!(http.headers[0].1, "Bearer tok-123");
    assert_eq!(
        (http.concurrency, http.ca_certs.as_deref()),
        (Some(3), Some(CERTIFICATE))
    );
    assert_eq!(http.label, "e/x");
    assert_eq!(
        http.endpoint.as_ref().map(ToString::to_string).as_deref(),
        Some("default/e")
    );
    let shown = format!("{plan:?}");
    assert!(!shown.contains("tok-123"), "{shown}");
}

#[test]
fn the_label_of_a_plain_uri_hides_what_may_be_secret() {
    let yaml = format!(
        "{BROKER}{}",
        trigger(
            "t",
            "  subscriber: {uri: 'https://u:p4ss@h:8443/x?token=abc#f'}\n"
        )
    );
    let plan = plan(&loaded(&yaml, &[]));
    let Sink::Http(http) = &plan.triggers[0].subscriber else {
        panic!()
    };
    assert_eq!(http.label, "https://h:8443/x");
    let shown = format!("{plan:?}");
    assert!(!shown.contains("p4ss") && !shown.contains("abc"), "{shown}");
}

#[test]
fn when_nobody_speaks_of_delivery_knatives_default_holds() {
    let yaml = format!("{BROKER}{}", trigger("t", "  subscriber: {uri: 'http://h/'}\n"));
    let delivery = plan(&loaded(&yaml, &[])).triggers.remove(0).delivery;
    assert_eq!(
        (delivery.retry, delivery.backoff_policy),
        (10, Some(BackoffPolicy::Exponential))
    );
    assert_eq!(delivery.backoff_delay, Duration::from_millis(200));
    assert_eq!(
        (delivery.timeout, delivery.retry_after_max),
        (Duration::from_secs(60), Duration::from_secs(3600))
    );
    assert_eq!(delivery.format, DeliveryFormat::Binary);
    assert!(delivery.dead_letter_sink.is_none());
}

#[test]
fn a_triggers_delivery_replaces_its_brokers_whole() {
    let broker = "{retry: 7, backoffPolicy: linear, backoffDelay: PT1S, format: json, deadLetterSink: {uri: 'http://dead/'}}";
    let inherited = delivery(broker, "null", &[]);
    assert_eq!((inherited.retry, inherited.format), (7, DeliveryFormat::Json));
    assert_eq!(
        url_of(inherited.dead_letter_sink.as_ref().expect("inherited")),
        "http://dead/"
    );

    let own = "{retry: 1, timeout: PT5S, retryAfterMax: PT0S, deadLetterSink: {uri: 'http://own/'}}";
    let replaced = delivery(broker, own, &[]);
    assert_eq!((replaced.retry, replaced.backoff_policy), (1, None));
    assert_eq!(
        (replaced.backoff_delay, replaced.format),
        (Duration::ZERO, DeliveryFormat::Binary)
    );
    assert_eq!(
        (replaced.timeout, replaced.retry_after_max),
        (Duration::from_secs(5), Duration::ZERO)
    );

    let notice = "13:3: notice: spec.delivery replaces the broker's whole: its deadLetterSink is not used (repeat the \
                  deadLetterSink here if it should be; the dead-letter store keeps the events otherwise)";
    let empty = delivery(broker, "{}", &[notice]);
    assert_eq!(empty.retry, 0, "an empty delivery replaces too");
    assert!(empty.dead_letter_sink.is_none());
}

#[test]
fn a_brokers_window_for_duplicates_is_carried_over() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: once, annotations: {heddle.dev/dedupe: PT10M}}
";
    let plan = plan(&loaded(&format!("{BROKER}{yaml}"), &[]));
    let windows: Vec<_> = plan.brokers.iter().map(|broker| broker.dedupe).collect();
    assert_eq!(
        windows,
        [None, Some(Duration::from_secs(600))],
        "events are stored as they come unless it is asked for"
    );
}

#[test]
fn filters_and_starts_are_carried_over() {
    let yaml = "\
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t, annotations: {heddle.dev/start: earliest}}
spec:
  broker: default
  filter: {attributes: {type: a}}
  subscriber: {uri: http://h}
";
    let plan = plan(&loaded(&format!("{BROKER}{yaml}"), &[]));
    assert_eq!(plan.triggers[0].start, Start::Earliest);
    assert_eq!(
        plan.triggers[0].filter,
        Filter::Exact("type".to_owned(), "a".to_owned())
    );
    assert_eq!(plan.triggers[0].place.mark.line, 7);
}

#[test]
fn a_kafka_source_takes_its_login_from_a_secret_and_servers_from_one_variable() {
    let yaml = format!(
        "{BROKER}apiVersion: v1
kind: Secret
metadata: {{name: s}}
data: {{user: dQ==}}
stringData: {{password: p4ss, type: scram-sha-256}}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {{name: k}}
spec:
  bootstrapServers: ['${{KAFKA}}', c:9092]
  topics: [t]
  net:
    sasl:
      enable: true
      user: {{secretKeyRef: {{name: s, key: user}}}}
      password: {{secretKeyRef: {{name: s, key: password}}}}
      type: {{secretKeyRef: {{name: s, key: type}}}}
    tls: {{enable: true}}
  {TO_BROKER}
"
    );
    let plan = plan(&loaded(&yaml, &[("KAFKA", "a:9092, b:9092")]));
    assert!(!format!("{plan:?}").contains("p4ss"));
    let SourceKind::Kafka(kafka) = &plan.sources[0].kind else {
        panic!()
    };
    assert_eq!(kafka.bootstrap_servers, ["a:9092", "b:9092", "c:9092"]);
    assert!(kafka.consumer_group.is_none());
    let sasl = kafka.sasl.as_ref().expect("enabled");
    assert_eq!((sasl.user.as_str(), sasl.password.reveal()), ("u", "p4ss"));
    assert_eq!(sasl.mechanism, SaslMechanism::ScramSha256);
    assert!(kafka.tls.is_some());
}

#[test]
fn a_nats_source_and_a_webhook_are_carried_over() {
    let yaml = format!(
        "{BROKER}apiVersion: heddle.dev/v1
kind: NatsSource
metadata: {{name: n}}
spec:
  servers: [n1, tls://n2:4443]
  subject: a.>
  credentials: {{credsFile: n.creds}}
  {TO_BROKER}
---
apiVersion: heddle.dev/v1
kind: WebhookSource
metadata: {{name: w}}
spec:
  path: /hooks
  auth: {{bearer: {{env: TOKEN}}}}
  {TO_BROKER}
"
    );
    let loaded = with_files(loaded(&yaml, &[("TOKEN", "tok-9")]), &[("n.creds", Ok("seed"))]);
    let plan = plan(&loaded);
    let SourceKind::Nats(nats) = &plan.sources[0].kind else {
        panic!()
    };
    assert_eq!(
        nats.servers.iter().map(url::Url::as_str).collect::<Vec<_>>(),
        ["nats://n1", "tls://n2:4443"]
    );
    assert!(matches!(&nats.feed, NatsFeed::Subject { subject, .. } if subject == "a.>"));
    let SourceKind::Webhook(webhook) = &plan.sources[1].kind else {
        panic!()
    };
    assert!(matches!(&webhook.auth, Some(WebhookAuth::Bearer(token)) if token.reveal() == "tok-9"));
    assert!(!format!("{plan:?}").contains("seed"));
}

#[test]
fn a_source_may_send_past_the_brokers() {
    let yaml = "\
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p}
spec: {sink: {uri: 'http://h/'}}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: k}
spec:
  bootstrapServers: [k]
  topics: [t]
  delivery: {retry: 2}
  sink: {ref: {apiVersion: heddle.dev/v1, kind: Endpoint, name: e}}
---
apiVersion: heddle.dev/v1
kind: Endpoint
metadata: {name: e}
spec: {builtin: echo}
";
    let plan = plan(&loaded(yaml, &[]));
    assert_eq!(
        (url_of(&plan.sources[0].sink), plan.sources[0].delivery.retry),
        ("http://h/", 10)
    );
    assert!(matches!(&plan.sources[1].sink, Sink::Echo(name) if name.name() == "e"));
    assert_eq!(plan.sources[1].delivery.retry, 2);
}
