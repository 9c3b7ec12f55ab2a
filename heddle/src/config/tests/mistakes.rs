//! What is wrong between resources, and between them and the world.

use super::{BROKER, TO_BROKER, check, loaded, with_files};

/// A trigger `t` whose spec begins in line 9.
fn trigger(spec: &str) -> String {
    format!(
        "{BROKER}apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: t}}\nspec:\n{spec}"
    )
}

/// An endpoint whose spec begins in line 9.
fn endpoint(spec: &str) -> String {
    format!("{BROKER}apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata: {{name: e}}\nspec:\n{spec}")
}

#[test]
fn a_broker_that_does_not_exist_is_named_with_the_nearest() {
    check(
        &loaded(
            &trigger("  broker: defualt\n  subscriber: {uri: 'http://h'}\n"),
            &[],
        ),
        &["9:11: error: there is no Broker \"defualt\" in namespace \"default\" (did you mean \"default\"?)"],
    );
    check(
        &loaded(
            &trigger("  broker: orders\n  subscriber: {uri: 'http://h'}\n"),
            &[],
        ),
        &[
            "9:11: error: there is no Broker \"orders\" in namespace \"default\" (add this:\n---\n\
           apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: orders\n  namespace: default)",
        ],
    );
    let elsewhere = trigger("  broker: default\n  subscriber: {uri: 'http://h'}\n")
        .replace("{name: t}", "{name: t, namespace: shop}");
    check(
        &loaded(&elsewhere, &[]),
        &[
            "9:11: error: there is no Broker \"default\" in namespace \"shop\" (there is one in namespace \"default\"; a \
           reference stays in its own namespace)",
        ],
    );
}

#[test]
fn a_service_without_endpoint_comes_with_the_endpoint_to_paste() {
    let yaml =
        trigger("  broker: default\n  subscriber: {ref: {apiVersion: v1, kind: Service, name: display}}\n");
    check(
        &loaded(&yaml, &[]),
        &[
            "10:59: error: no Endpoint stands for the Service \"display\" in namespace \"default\" (add this:\n---\n\
           apiVersion: heddle.dev/v1\nkind: Endpoint\nmetadata:\n  name: display\n  namespace: default\nspec:\n  \
           url: http://127.0.0.1:8081 # where display listens)",
        ],
    );
}

#[test]
fn two_resources_of_one_kind_and_name_are_refused() {
    let again = format!("{BROKER}{}", BROKER.trim_end_matches("---\n"));
    check(
        &loaded(&again, &[]),
        &[
            "7:18: error: Broker \"default/default\" is written twice, first in f.yaml:3 (rename one of them or take it out)",
        ],
    );
    let elsewhere = again.replacen("{name: default}", "{name: default, namespace: other}", 1);
    check(&loaded(&elsewhere, &[]), &[]);
}

#[test]
fn what_a_broken_resource_refers_to_is_checked_all_the_same() {
    let yaml = trigger("  broker: ordrs\n  filters: [{}]\n  subscriber: {uri: /relative}\n");
    check(
        &loaded(&yaml, &[]),
        &[
            "9:11: error: there is no Broker \"ordrs\" in namespace \"default\" (add this:\n---\n\
             apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: ordrs\n  namespace: default)",
            "10:13: error: spec.filters[0] needs one of exact, prefix, suffix, all, any, not, cesql, heddle.dev/v1",
            "11:21: error: spec.subscriber.uri is not an absolute http or https URL: relative URL without a base (write it \
             as http://host:port/path)",
        ],
    );
}

#[test]
fn who_refers_to_a_broken_resource_is_not_blamed() {
    let yaml = endpoint("  url: 5\n")
        + "---\napiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec:\n  broker: default\n  \
           subscriber: {ref: {apiVersion: v1, kind: Service, name: e}}\n";
    check(
        &loaded(&yaml, &[]),
        &["9:8: error: spec.url must be a string, not a number (put it in quotes: \"5\")"],
    );
}

#[test]
fn values_that_cannot_be_found_are_errors_with_their_place() {
    let unset =
        "9:8: error: the environment variable HOST is not set (set it, or give it a default: ${HOST:-...})";
    check(&loaded(&endpoint("  url: http://${HOST}/\n"), &[]), &[unset]);
    check(
        &loaded(&endpoint("  url: {env: HOST}\n"), &[("HOST", "")]),
        &[
            "9:8: error: spec.url is not an absolute http or https URL: relative URL without a base (write it as http://host:port/path)",
        ],
    );
    let file = loaded(&endpoint("  url: http://h\n  caCerts: {file: ca.pem}\n"), &[]);
    check(
        &with_files(file, &[("ca.pem", Err("No such file or directory (os error 2)"))]),
        &["10:12: error: cannot read the file ca.pem: No such file or directory (os error 2)"],
    );
    let file = loaded(&endpoint("  url: http://h\n  caCerts: {file: ca.pem}\n"), &[]);
    check(
        &with_files(file, &[("ca.pem", Ok("not PEM"))]),
        &[
            "10:12: error: spec.caCerts must be certificates in PEM: it holds none (paste from -----BEGIN CERTIFICATE----- on, \
           or name a file: {file: ca.pem})",
        ],
    );
    check(
        &loaded(&endpoint("  url: http://h\n  headers: {A: \"x\\ny\"}\n"), &[]),
        &["10:16: error: spec.headers.A holds characters that a header cannot"],
    );
}

#[test]
fn entries_that_do_not_exist_are_named_with_what_there_is() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: t}\n";
    let header = |key: &str| {
        endpoint(&format!(
            "  url: http://h\n  headers: {{A: {{secretKeyRef: {{name: s, key: {key}}}}}}}\n"
        ))
    };
    check(
        &loaded(&(header("tokn") + secret), &[]),
        &["10:16: error: Secret \"s\" has no text under the key \"tokn\" (did you mean \"token\"?)"],
    );
    check(
        &loaded(&header("token"), &[]),
        &[
            "10:16: error: there is no Secret \"s\" in namespace \"default\" (add this:\n---\napiVersion: v1\nkind: Secret\n\
           metadata:\n  name: s\n  namespace: default\nstringData: {})",
        ],
    );
    check(&loaded(&(header("token") + secret), &[]), &[]);
    check(
        &loaded(&format!("{BROKER}{}", secret.trim_start_matches("---\n")), &[]),
        &["7:18: warning: Secret \"s\" does nothing here: nothing refers to it"],
    );
}

#[test]
fn sinks_that_cannot_be_sent_to_are_refused() {
    let subscriber = |subscriber: &str| trigger(&format!("  broker: default\n  subscriber: {subscriber}\n"));
    check(
        &loaded(&subscriber("{uri: 'ftp://h/'}"), &[]),
        &[
            "10:21: error: spec.subscriber.uri is not an absolute http or https URL: its scheme is ftp (write it as \
           http://host:port/path)",
        ],
    );
    check(
        &loaded(
            &subscriber("{ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}, uri: /x}"),
            &[],
        ),
        &["10:94: error: spec.subscriber.uri has no effect: a Broker has no paths (take the uri out)"],
    );
}

#[test]
fn schedules_are_judged_by_who_keeps_them() {
    let ping = |spec: &str| {
        format!(
            "{BROKER}apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {{name: p}}\nspec:\n  {TO_BROKER}\n{spec}"
        )
    };
    let place = |yaml: &str| {
        let report = super::resolve(&loaded(yaml, &[])).report;
        assert_eq!(report.counts().errors, 1, "{yaml}\n{:?}", report.problems());
        (
            report.problems()[0].line,
            report.problems()[0].column,
            report.problems()[0].message.clone(),
        )
    };
    let (line, column, message) = place(&ping("  schedule: '61 * * * *'\n"));
    assert_eq!((line, column), (10, 13));
    assert!(message.starts_with("spec.schedule: "), "{message}");
    let (line, column, message) = place(&ping("  timezone: Europe/Berln\n"));
    assert_eq!((line, column), (10, 13));
    assert!(message.contains("Europe/Berlin"), "{message}");
    for schedule in ["@every 5s", "@hourli", "* * * *", "0 0 31 2 *"] {
        place(&ping(&format!("  schedule: '{schedule}'\n")));
    }
    for schedule in ["@hourly", "10 0/1 * * * ?", "*/5 * * * *"] {
        check(&loaded(&ping(&format!("  schedule: '{schedule}'\n")), &[]), &[]);
    }
}

#[test]
fn webhook_paths_collide_with_brokers_and_with_each_other() {
    let webhook = |name: &str, path: &str| {
        format!(
            "apiVersion: heddle.dev/v1\nkind: WebhookSource\nmetadata: {{name: {name}}}\nspec:\n  path: {path}\n  {TO_BROKER}\n---\n"
        )
    };
    let yaml = format!(
        "{BROKER}{}{}{}",
        webhook("a", "/default/default"),
        webhook("b", "/x"),
        webhook("c", "/x")
    );
    check(
        &loaded(&yaml, &[]),
        &[
            "9:9: error: the path \"/default/default\" is taken by Broker \"default/default\" (choose another path)",
            "23:9: error: the path \"/x\" is taken by WebhookSource \"default/b\" (choose another path)",
        ],
    );
}

#[test]
fn settings_of_kafka_and_nats_are_checked_once_they_are_known() {
    let yaml = format!(
        "{BROKER}apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {{name: k}}
spec:
  bootstrapServers: ['kafka://h:9092']
  topics: [t]
  net: {{sasl: {{enable: true, user: u, password: p, type: OAUTHBEARER}}}}
  {TO_BROKER}
---
apiVersion: heddle.dev/v1
kind: NatsSource
metadata: {{name: n}}
spec:
  servers: ['http://h', 'nats://u:p4ss@h', 'nats://']
  subject: s
  {TO_BROKER}
"
    );
    let resolved = check(
        &loaded(&yaml, &[]),
        &[
            "9:22: error: spec.bootstrapServers[0] must be host:port (such as 127.0.0.1:9092, without a scheme)",
            "11:58: error: spec.net.sasl.type names a mechanism that is not available in this version (it can be PLAIN, \
             SCRAM-SHA-256, SCRAM-SHA-512)",
            "18:13: error: spec.servers[0] is not a NATS URL: its scheme is http (write it as nats://host:4222 or \
             tls://host:4222)",
            "18:25: error: spec.servers[1] is not a NATS URL: it holds credentials (put them under spec.credentials)",
            "18:44: error: spec.servers[2] is not a NATS URL: it has no host (write it as nats://host:4222)",
        ],
    );
    assert!(resolved.plan.is_none(), "nothing starts when any error exists");
}
