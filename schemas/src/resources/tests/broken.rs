//! Each rule of each kind broken, and what is said about it.

use super::{check, check_spec};

const SINK: &str = "  sink: {uri: 'http://h'}\n";

fn trigger(spec: &str, expected: &[&str]) {
    check_spec(
        "eventing.knative.dev/v1",
        "Trigger",
        &format!("  broker: b\n  subscriber: {{uri: 'http://h'}}\n{spec}"),
        expected,
    );
}

#[test]
fn filters_that_cannot_be_understood_are_errors_and_never_skipped() {
    trigger(
        "  filters: [{}]\n",
        &[
            "7:13: error: spec.filters[0] needs one of exact, prefix, suffix, all, any, not, cesql, heddle.dev/v1",
        ],
    );
    trigger(
        "  filters: [{exact: {a: b}, prefix: {a: b}}]\n",
        &["7:29: error: spec.filters[0] may have only one of exact, prefix"],
    );
    trigger(
        "  filters:\n  - cesql: \"type = 'a' AND\"\n",
        &[
            "8:27: error: spec.filters[0].cesql is no valid expression: expected a value: an attribute, a literal, a function or an opening parenthesis, found the end of the expression (at byte 14)",
        ],
    );
    trigger(
        "  filters:\n  - cesql: \"EXISTS a OR EXISTS b AND EXISTS c\"\n",
        &[
            "8:34: warning: spec.filters[0].cesql: OR and AND are mixed without parentheses and read from the right, as `EXISTS a OR (EXISTS b AND EXISTS c)`; write the parentheses you mean (at 21..24)",
        ],
    );
    trigger(
        "  filters:\n  - heddle.dev/v1: {attributes: {a: {gt: x, wildcart: y}}}\n",
        &[
            "8:42: error: spec.filters[0].heddle.dev/v1.attributes.a.gt: \"x\" is not a decimal number such as 5, -0.25 or 1e6",
            "8:45: error: unknown field \"wildcart\" in spec.filters[0].heddle.dev/v1.attributes.a (did you mean \"wildcard\"?)",
        ],
    );
    trigger(
        "  filters:\n  - heddle.dev/v1: {attributes: {a: {}, B: {exists: true}}, data: {x: {cidr: 10.0.0.0/33}}}\n",
        &[
            "8:34: error: spec.filters[0].heddle.dev/v1.attributes.a needs one of exact, in, prefix, suffix, wildcard, cidr, exists, eq, ne, lt, lte, gt, gte",
            "8:41: error: \"B\" is not the name of an attribute (did you mean \"b\"?)",
            "8:68: error: \"x\" is not a JSON pointer such as /order/items/0",
            "8:78: error: spec.filters[0].heddle.dev/v1.data.x.cidr: \"10.0.0.0/33\" is not a network such as 10.0.0.0/8, 2001:db8::/32 or a single address",
        ],
    );
    trigger(
        "  filters:\n  - heddle.dev/v1: {}\n",
        &["8:20: error: spec.filters[0].heddle.dev/v1 needs attributes or data"],
    );
    trigger(
        "  filters: [{exact: {}}]\n",
        &["7:21: error: spec.filters[0].exact needs at least one attribute"],
    );
    trigger(
        "  filters: [{all: []}]\n",
        &["7:19: error: spec.filters[0].all needs at least one element"],
    );
    trigger(
        "  filters: [{exact: {a: ''}}]\n",
        &["7:25: error: spec.filters[0].exact.a must not be empty"],
    );
    trigger(
        "  filters: [{exact: {a: 5}}]\n",
        &["7:25: error: spec.filters[0].exact.a must be a string, not a number (put it in quotes: \"5\")"],
    );
    trigger(
        "  filters: [{any: [{not: {exact: {SOURCE: b}}}, {suffx: {a: b}}]}]\n",
        &[
            "7:35: error: \"SOURCE\" is not the name of an attribute (did you mean \"source\"?)",
            "7:49: error: spec.filters[0].any[1] needs one of exact, prefix, suffix, all, any, not, cesql, heddle.dev/v1",
            "7:50: error: unknown field \"suffx\" in spec.filters[0].any[1] (did you mean \"suffix\"?)",
        ],
    );
    trigger(
        "  filters: {exact: {a: b}}\n",
        &["7:12: error: spec.filters must be a list, not a mapping"],
    );
    trigger(
        "  filters: [~]\n",
        &[
            "7:13: error: spec.filters[0] needs one of exact, prefix, suffix, all, any, not, cesql, heddle.dev/v1",
        ],
    );
}

#[test]
fn names_that_knative_refuses_in_filters_are_refused() {
    for name in [
        "SOURCE", "Source", "souRce", "s pace s", "s_pace_s", "s-pace-s", "123", "😊", "[]", "a.b", "",
    ] {
        let yaml = format!(
            "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {{name: t}}\nspec:\n  broker: b\n  \
             subscriber: {{uri: http://h}}\n  filter: {{attributes: {{'{name}': v}}}}\n"
        );
        let decoded = super::decode("f.yaml", &yaml);
        assert!(decoded.resources.is_empty(), "{name}");
        let message = format!("\"{name}\" is not the name of an attribute");
        assert_eq!(decoded.problems[0].message, message);
    }
}

#[test]
fn destinations() {
    let subscriber = |destination: &str, expected: &[&str]| {
        let spec = format!("  broker: b\n  subscriber: {destination}\n");
        check_spec("eventing.knative.dev/v1", "Trigger", &spec, expected);
    };
    subscriber("{}", &["6:3: error: spec.subscriber needs a ref or a uri"]);
    subscriber(
        "http://h",
        &["6:15: error: spec.subscriber must be a mapping, not a string"],
    );
    subscriber(
        "{ref: {apiVersion: v1, kind: Service, name: s}, uri: 'http://h/x'}",
        &[
            "6:68: error: spec.subscriber.uri must be relative when there is a ref: \"http://h/x\" (keep the ref and a path \
           such as /orders, or the uri alone)",
        ],
    );
    subscriber(
        "{ref: {apiVersion: messaging.knative.dev/v1, kind: Channel, name: c}}",
        &[
            "6:66: error: spec.subscriber.ref.kind: a Channel cannot receive events here (name an Endpoint here and add it, with \
           the URL where the Channel listens; a ref may name: Broker, Endpoint, Service)",
        ],
    );
    subscriber(
        "{ref: {apiVersion: v1, kind: Broker, name: b}}",
        &[
            "6:34: error: Broker is not known under apiVersion \"v1\" (write apiVersion: eventing.knative.dev/v1)",
        ],
    );
    subscriber(
        "{ref: {kind: Servce, namespace: other}}",
        &[
            "6:16: error: missing required field \"apiVersion\" in spec.subscriber.ref",
            "6:16: error: missing required field \"name\" in spec.subscriber.ref",
            "6:28: error: spec.subscriber.ref.kind: a Servce cannot receive events here (did you mean \"Service\"?)",
            "6:47: error: spec.subscriber.ref.namespace must be the namespace of the resource itself, \"default\"",
        ],
    );
    subscriber(
        "{uri: 'http://h', audience: me}",
        &["6:33: warning: spec.subscriber.audience is ignored: this version sends no OIDC tokens"],
    );
    subscriber(
        "{uri: 'http://${HOST'}",
        &["6:21: error: spec.subscriber.uri: ${ has no closing } (a plain ${ is written $${)"],
    );
    subscriber(
        "{uri: 'http://${2}'}",
        &[
            "6:21: error: spec.subscriber.uri: ${...} must hold the name of an environment variable (a plain ${ is written $${)",
        ],
    );
}

#[test]
fn windows_for_duplicates() {
    for (value, said) in [
        (
            "ten minutes",
            "is not an ISO 8601 duration: \"ten minutes\" (write it as PT10S, PT0.5S, PT1M30S or PT2H)",
        ),
        ("10m", "is not an ISO 8601 duration: \"10m\" (write PT10M)"),
        (
            "P1D",
            "is not an ISO 8601 duration: \"P1D\" (days and longer have no fixed length: write hours, such as PT24H)",
        ),
        ("PT0S", "must be from PT1S to PT168H, not \"PT0S\""),
        ("PT169H", "must be from PT1S to PT168H, not \"PT169H\""),
        ("-PT1M", "must not be negative: \"-PT1M\""),
    ] {
        let document = format!(
            "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: b\n  annotations:\n    heddle.dev/dedupe: {value}\n"
        );
        check(&document, &[&format!("6:24: error: heddle.dev/dedupe {said}")]);
    }
}

#[test]
fn ages_at_which_things_expire() {
    for (value, said) in [
        (
            "a day",
            "is not an ISO 8601 duration: \"a day\" (write it as PT10S, PT0.5S, PT1M30S or PT2H)",
        ),
        ("PT0.5S", "must be from PT1S to PT87600H, not \"PT0.5S\""),
    ] {
        for (kind, name) in [
            ("Broker", "heddle.dev/retain-unsettled"),
            ("Broker", "heddle.dev/dead-letter-retention"),
            ("Trigger", "heddle.dev/retain-unsettled"),
        ] {
            let spec = match kind {
                "Trigger" => "spec: {broker: b, subscriber: {uri: http://e}}\n",
                _ => "",
            };
            let document = format!(
                "apiVersion: eventing.knative.dev/v1\nkind: {kind}\nmetadata:\n  name: b\n  annotations:\n    {name}: {value}\n{spec}"
            );
            let column = 5 + name.len() + 2;
            check(&document, &[&format!("6:{column}: error: {name} {said}")]);
        }
    }
}

#[test]
fn deliveries() {
    let delivery =
        |fields: &str, expected: &[&str]| trigger(&format!("  delivery: {{{fields}}}\n"), expected);
    delivery(
        "retry: -1",
        &["7:21: error: spec.delivery.retry must be an integer from 0 to 2147483647, not -1"],
    );
    delivery(
        "retry: 1.5",
        &["7:21: error: spec.delivery.retry must be an integer from 0 to 2147483647, not 1.5"],
    );
    delivery(
        "timeout: PT0S",
        &["7:23: error: spec.delivery.timeout must be longer than zero"],
    );
    delivery(
        "timeout: 10",
        &["7:23: error: spec.delivery.timeout must be a string, not a number (put it in quotes: \"10\")"],
    );
    delivery(
        "timeout: -PT1S",
        &["7:23: error: spec.delivery.timeout must not be negative: \"-PT1S\""],
    );
    delivery(
        "timeout: P1D",
        &[
            "7:23: error: spec.delivery.timeout is not an ISO 8601 duration: \"P1D\" (days and longer have no fixed length: \
           write hours, such as PT24H)",
        ],
    );
    delivery(
        "timeout: soon",
        &[
            "7:23: error: spec.delivery.timeout is not an ISO 8601 duration: \"soon\" (write it as PT10S, PT0.5S, PT1M30S or PT2H)",
        ],
    );
    delivery(
        "retry: 1, backoffPolicy: linear",
        &[
            "7:24: warning: spec.delivery.backoffPolicy has no effect without backoffDelay: retries do not wait",
        ],
    );
    delivery(
        "retry: 1, backoffDelay: PT1S",
        &["7:24: notice: spec.delivery.backoffDelay without backoffPolicy grows exponentially"],
    );
    delivery(
        "format: xml",
        &["7:22: error: spec.delivery.format cannot be \"xml\" (it can be: binary, json)"],
    );
    delivery(
        "deadLetterSink: {uri: 5}",
        &[
            "7:36: error: spec.delivery.deadLetterSink.uri must be a string, not a number (put it in quotes: \"5\")",
        ],
    );
    delivery(
        "deadLeterSink: {uri: 'http://h'}",
        &["7:14: error: unknown field \"deadLeterSink\" in spec.delivery (did you mean \"deadLetterSink\"?)"],
    );
}

#[test]
fn ping_sources() {
    let ping = |spec: &str, expected: &[&str]| {
        check_spec(
            "sources.knative.dev/v1",
            "PingSource",
            &format!("{SINK}{spec}"),
            expected,
        );
    };
    ping(
        "  data: a\n  dataBase64: YQ==\n",
        &["7:15: error: spec may have only one of data, dataBase64"],
    );
    ping(
        "  dataBase64: '*'\n",
        &["6:15: error: spec.dataBase64 is not base64: Invalid symbol 42, offset 0."],
    );
    ping(
        "  contentType: application/vnd.x+json; charset=utf-8\n  data: '{a'\n",
        &[
            "7:9: error: spec.data is not the JSON that contentType promises: key must be a string at line 1 column 2",
        ],
    );
    ping("  contentType: text/plain\n  data: '{a'\n", &[]);
    ping(
        "  data: {a: 1}\n",
        &["6:9: error: spec.data must be a string, not a mapping"],
    );
    ping(
        "  date: x\n  ceOverrides: {extensions: {Type: a, id: b, n: 5}}\n",
        &[
            "6:3: error: unknown field \"date\" in spec (did you mean \"data\"?)",
            "7:30: error: \"Type\" is not an extension's name: lower-case letters and digits only",
            "7:39: error: \"id\" is not an extension and cannot be overridden",
            "7:49: error: spec.ceOverrides.extensions.n must be a string, not a number (put it in quotes: \"5\")",
        ],
    );
}

#[test]
fn kafka_sources() {
    let kafka = |spec: &str, expected: &[&str]| {
        check_spec(
            "sources.knative.dev/v1",
            "KafkaSource",
            &format!("{SINK}{spec}"),
            expected,
        );
    };
    kafka(
        "  topics: []\n",
        &[
            "4:1: error: missing required field \"bootstrapServers\" in spec",
            "6:11: error: spec.topics must not be empty",
        ],
    );
    kafka(
        "  bootstrapServers: [k:9092]\n  topics: [t]\n  initialOffset: middle\n  consumers: 0\n",
        &[
            "8:18: error: spec.initialOffset cannot be \"middle\" (it can be: earliest, latest)",
            "9:14: error: spec.consumers must be an integer from 1 to 64, not 0",
        ],
    );
    kafka(
        "  bootstrapServers: [k:9092]\n  topics: [t]\n  net: {sasl: {enable: true, roleARN: x}, tls: {enable: true, cert: c}}\n",
        &[
            "8:9: error: missing required field \"user\" in spec.net.sasl",
            "8:9: error: missing required field \"password\" in spec.net.sasl",
            "8:30: error: spec.net.sasl.roleARN is not available in this version (use a user and a password with PLAIN or SCRAM)",
            "8:43: error: missing required field \"key\" in spec.net.tls",
        ],
    );
}

#[test]
fn nats_sources() {
    let nats = |spec: &str, expected: &[&str]| {
        check_spec("heddle.dev/v1", "NatsSource", &format!("{SINK}{spec}"), expected);
    };
    nats(
        "  queueGroup: g\n",
        &[
            "4:1: error: spec needs one of url, servers",
            "4:1: error: spec needs one of subject, jetstream",
        ],
    );
    nats(
        "  url: nats://n\n  servers: [nats://n]\n  subject: s\n  jetstream: {stream: s}\n",
        &[
            "7:3: error: spec may have only one of url, servers",
            "9:3: error: spec may have only one of subject, jetstream",
        ],
    );
    nats(
        "  url: nats://n\n  jetstream: {stram: s, startSequence: 1, startTime: noon, ackWait: 5s}\n  queueGroup: g\n",
        &[
            "7:3: error: missing required field \"stream\" in spec.jetstream",
            "7:15: error: unknown field \"stram\" in spec.jetstream (did you mean \"stream\"?)",
            "7:43: error: spec.jetstream may have only one of startSequence, startTime",
            "7:54: error: spec.jetstream.startTime is not an RFC 3339 time: \"noon\" (write it as 2026-01-31T12:00:00Z)",
            "7:69: error: spec.jetstream.ackWait is not an ISO 8601 duration: \"5s\" (write PT5S)",
            "8:15: error: spec.queueGroup goes with subject, not with jetstream (processes that share a durable consumer \
             share its messages)",
        ],
    );
    nats(
        "  url: nats://n\n  subject: s\n  credentials: {user: u}\n  tls: {cert: c}\n",
        &[
            "8:3: error: missing required field \"password\" in spec.credentials",
            "9:3: error: missing required field \"key\" in spec.tls",
        ],
    );
    nats(
        "  url: nats://n\n  subject: s\n  credentials: {token: t, password: p}\n",
        &["8:37: error: spec.credentials.password goes with user"],
    );
}

#[test]
fn webhook_sources() {
    let webhook = |spec: &str, expected: &[&str]| {
        check_spec(
            "heddle.dev/v1",
            "WebhookSource",
            &format!("{SINK}{spec}"),
            expected,
        );
    };
    webhook("", &["4:1: error: missing required field \"path\" in spec"]);
    for path in ["hooks", "/", "/a/", "/a//b", "/a/../b", "/a?b", "/ä", "/a%20b"] {
        let message = format!(
            "6:9: error: spec.path is not a path that can be mounted: \"{path}\" (write /segment or /segment/segment of \
             letters, digits and -._~, without a slash at the end)"
        );
        webhook(&format!("  path: '{path}'\n"), &[&message]);
    }
    webhook(
        "  path: /a\n  event: {type: x, id: [{}, {header: 'a b'}], subject: {pointer: a/b}, source: {header: a, value: b}}\n",
        &[
            "7:17: error: spec.event.type must be {header: NAME}, {pointer: /PATH}, {value: TEXT} or a list of them, not a string",
            "7:25: error: spec.event.id[0] needs one of header, pointer, value",
            "7:38: error: spec.event.id[1].header is not the name of a header: \"a b\"",
            "7:66: error: spec.event.subject.pointer is not a JSON pointer: \"a/b\" (write it as /order/id; ~ is written ~0 \
             and / in a name ~1)",
            "7:92: error: spec.event.source may have only one of header, value",
        ],
    );
    let decoded = check_spec(
        "heddle.dev/v1",
        "WebhookSource",
        &format!("{SINK}  path: /a\n  auth: {{bearr: x}}\n"),
        &[
            "7:3: error: spec.auth needs one of bearer, header",
            "7:10: error: unknown field \"bearr\" in spec.auth (did you mean \"bearer\"?)",
        ],
    );
    assert!(
        decoded.resources.is_empty(),
        "a lock that cannot be read leaves no open door"
    );
}

#[test]
fn endpoints() {
    let endpoint = |spec: &str, expected: &[&str]| {
        check_spec("heddle.dev/v1", "Endpoint", spec, expected);
    };
    endpoint("  headers: {}\n", &["4:1: error: spec needs one of url, builtin"]);
    endpoint(
        "  builtin: ehco\n",
        &["5:12: error: spec.builtin cannot be \"ehco\" (did you mean \"echo\"?)"],
    );
    endpoint(
        "  builtin: echo\n  headers: {A: b}\n",
        &["6:3: error: spec.headers goes with url, not with builtin"],
    );
    endpoint(
        "  url: http://h\n  headers: {'a b': x, ce-id: x, Content-Type: x, n: 5}\n  concurrency: 0\n",
        &[
            "6:13: error: \"a b\" is not the name of a header",
            "6:23: error: the header ce-id is written by Heddle itself",
            "6:33: error: the header Content-Type is written by Heddle itself",
            "6:53: error: spec.headers.n must be a string, not a number (put it in quotes)",
            "7:16: error: spec.concurrency must be an integer from 1 to 10000, not 0",
        ],
    );
    endpoint(
        "  url: http://h\n  rate: {per: PT0S}\n  timeout: 5s\n  webhook: maybe\n  breaker: {failures: 0, wait: PT10S, waitMax: PT1S, windw: PT1S}\n",
        &[
            "6:3: error: missing required field \"requests\" in spec.rate",
            "6:15: error: spec.rate.per must be longer than zero",
            "7:12: error: spec.timeout is not an ISO 8601 duration: \"5s\" (write PT5S)",
            "8:12: error: spec.webhook must be true or false, not a string",
            "9:23: error: spec.breaker.failures must be an integer from 1 to 1000, not 0",
            "9:48: error: spec.breaker.waitMax must not be shorter than wait",
            "9:54: error: unknown field \"windw\" in spec.breaker (did you mean \"window\"?)",
        ],
    );
    endpoint(
        "  builtin: echo\n  rate: {requests: 1}\n",
        &["6:3: error: spec.rate goes with url, not with builtin"],
    );
    endpoint(
        "  url: {file: a, env: B}\n",
        &["5:18: error: spec.url may have only one of env, file"],
    );
    endpoint(
        "  url: {fil: a}\n",
        &[
            "5:3: error: spec.url needs one of env, file, secretKeyRef, configMapKeyRef",
            "5:9: error: unknown field \"fil\" in spec.url (did you mean \"file\"?)",
        ],
    );
}

#[test]
fn secrets_and_metadata() {
    check(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: '%'}\nstringData: {b: 5}\n",
        &[
            "4:11: error: data.a is not base64 (plain text goes under stringData)",
            "5:17: error: stringData.b must be a string, not a number (put it in quotes)",
        ],
    );
    check(
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\n",
        &["1:1: error: missing required field \"metadata\" in the document"],
    );
    check(
        "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {generateName: b-, namespace: A_}\n",
        &[
            "3:1: error: missing required field \"name\" in metadata",
            "3:12: error: metadata.generateName is not available in this version (give the resource a name of its own)",
        ],
    );
}

/// What stands in one line as it is, is pointed at in the file; what is folded or escaped, in a copy beside it.
#[test]
fn a_mistake_in_an_expression_is_pointed_at() {
    let parse = "expected an operator or the end of the expression, found `1`";
    for (written, place) in [("5 1", "8:14"), ("'5 1'", "8:15"), ("\"5 1\"", "8:15")] {
        trigger(
            &format!("  filters:\n  - cesql: {written}\n"),
            &[&format!(
                "{place}: error: spec.filters[0].cesql is no valid expression: {parse} (at bytes 2..3)"
            )],
        );
    }
    for (written, place, line) in [
        ("'''5'' 1'", "8:12", "'5' 1\n    ^"),
        ("\"'\\x35' 1\"", "8:12", "'5' 1\n    ^"),
        ("|\n      true AND\n      '5' 1\n", "9:7", "'5' 1\n    ^"),
    ] {
        let at = if place == "9:7" { "13..14" } else { "4..5" };
        trigger(
            &format!("  filters:\n  - cesql: {written}\n"),
            &[&format!(
                "{place}: error: spec.filters[0].cesql is no valid expression: {parse} (at bytes {at}) (in the expression, here:\n{line})"
            )],
        );
    }
}

#[test]
fn an_expression_that_can_let_no_event_pass_is_told() {
    trigger(
        "  filters:\n  - cesql: LENGHT(id) > 3\n",
        &[
            "8:12: error: spec.filters[0].cesql: there is no function LENGHT that takes 1 argument (at 0..10) (did you mean LENGTH?)",
        ],
    );
    trigger(
        "  filters:\n  - cesql: EXISTS id AND LEFT(id) = 'a'\n",
        &[
            "8:26: error: spec.filters[0].cesql: there is no function LEFT that takes 1 argument (at 14..22) (LEFT takes another number of arguments)",
        ],
    );
    trigger(
        "  filters:\n  - cesql: LENGTH(id)\n",
        &[
            "8:12: warning: spec.filters[0].cesql lets no event pass: its value is of the type Integer, and only the Boolean true lets one pass (compare the value with something, such as LENGTH(id) > 3)",
        ],
    );
    trigger("  filters:\n  - cesql: urgent\n", &[]);
}

/// Core specification, "Attribute Naming Convention": no attribute is called `data`.
#[test]
fn the_data_is_no_attribute() {
    let help = "(what is in the data is asked for by heddle.dev/v1: {data: {/pointer: {exact: ...}}})";
    for (written, place) in [
        ("filters: [{exact: {data: x}}]", "7:22"),
        (
            "filters: [{heddle.dev/v1: {attributes: {data: {exists: true}}}}]",
            "7:43",
        ),
        ("filter: {attributes: {data: x}}", "7:25"),
    ] {
        trigger(
            &format!("  {written}\n"),
            &[&format!(
                "{place}: error: \"data\" is not the name of an attribute {help}"
            )],
        );
    }
}
