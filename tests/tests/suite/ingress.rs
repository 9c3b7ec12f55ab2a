//! What a producer meets: three content modes, every refusal with its status and its words, bytes kept as they came.

use bytes::Bytes;
use harness::producer::content_type;
use harness::{Answered, Event, Heddle, Producer, Resources, Sink, Trigger};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

/// A broker with one trigger for everything, its endpoint, and a producer.
struct Mesh {
    heddle: Heddle,
    sink: Sink,
    producer: Producer,
}

impl Mesh {
    async fn start() -> Self {
        let sink = Sink::start().await;
        let resources = Resources::with_default_broker().trigger(Trigger::new("all", &sink.url("/")));
        let heddle = Heddle::start(&resources).await;
        let producer = heddle.producer("default/default");
        Self {
            heddle,
            sink,
            producer,
        }
    }

    /// Sends one more event and waits until all is done: what came then is all that will come.
    async fn delivered_in_the_end(&self) -> Vec<String> {
        self.producer.accepted(&Event::new("the-last")).await;
        self.sink
            .wait_until("the last event comes", harness::PATIENCE, came("the-last"))
            .await;
        self.heddle.idle_trigger("all").await;
        self.sink.ids()
    }
}

fn came(id: &str) -> impl Fn(&[harness::Received]) -> bool {
    move |received| received.iter().any(|request| request.attribute("id") == id)
}

/// Asserts a refusal: its status, JSON that says so, and a word of what is wrong.
fn refused(what: &str, answered: &Answered, status: u16, word: &str) {
    assert_eq!(answered.status.as_u16(), status, "{what}: {answered:?}");
    assert!(
        answered.header("content-type").contains("json"),
        "{what}: a refusal is JSON: {answered:?}"
    );
    let problem = answered.json();
    assert!(
        problem.is_object(),
        "{what}: a refusal is a JSON object: {problem}"
    );
    assert!(
        answered.text().contains(word),
        "{what}: the refusal names {word:?}: {problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_structured_and_batched_events_are_accepted_and_delivered() {
    let mesh = Mesh::start().await;
    assert_eq!(mesh.producer.binary(&Event::new("b")).await.status, 202);
    assert_eq!(
        mesh.producer
            .structured(Event::new("s").structured())
            .await
            .status,
        202
    );
    let batch = [Event::new("b0"), Event::new("b1"), Event::new("b2")].map(|event| event.structured());
    let batch = batch
        .map(|event| String::from_utf8(event.to_vec()).unwrap())
        .join(",");
    assert_eq!(mesh.producer.batch(format!("[{batch}]")).await.status, 202);
    mesh.sink.wait_for(5).await;
    let mut ids = mesh.sink.ids();
    ids.sort();
    assert_eq!(ids, ["b", "b0", "b1", "b2", "s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_of_structured_and_batched_mode_are_case_insensitive_and_take_parameters() {
    let mesh = Mesh::start().await;
    let event = Event::new("cased").structured();
    let cased = content_type("Application/CloudEvents+JSON; charset=UTF-8");
    assert_eq!(mesh.producer.post(cased, event).await.status, 202);
    let received = mesh.sink.wait_for(1).await;
    assert_eq!(received[0].attribute("id"), "cased");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_batch_is_valid_and_stores_nothing() {
    let mesh = Mesh::start().await;
    let answered = mesh.producer.batch("[]").await;
    assert!(answered.status.is_success(), "{answered:?}");
    assert_eq!(mesh.delivered_in_the_end().await, ["the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_binary_event_is_refused_with_400_that_names_the_attribute() {
    let mesh = Mesh::start().await;
    for attribute in ["id", "source", "type"] {
        let name = format!("ce-{attribute}");
        let mut headers = Event::new("x").binary_headers();
        headers.remove(name.as_str());
        let answered = mesh.producer.post(headers, Bytes::from_static(b"{}")).await;
        refused(&format!("{attribute} missing"), &answered, 400, attribute);

        let mut headers = Event::new("x").binary_headers();
        headers.insert(
            http::HeaderName::try_from(name).unwrap(),
            HeaderValue::from_static(""),
        );
        let answered = mesh.producer.post(headers, Bytes::from_static(b"{}")).await;
        refused(&format!("{attribute} empty"), &answered, 400, attribute);
    }
    let table: [(&str, &str, &[u8], &str); 8] = [
        (
            "a version that does not exist",
            "ce-specversion",
            b"9000.1",
            "specversion",
        ),
        (
            "a version of two digits",
            "ce-specversion",
            b"10.0",
            "specversion",
        ),
        ("a name with an underscore", "ce-bad_name", b"x", "bad_name"),
        (
            "the media type as an attribute",
            "ce-datacontenttype",
            b"text/plain",
            "datacontenttype",
        ),
        ("the payload as an attribute", "ce-data", b"x", "data"),
        ("a time that is none", "ce-time", b"yesterday", "time"),
        (
            "overlong UTF-8 behind percent signs",
            "ce-subject",
            b"%C0%A0",
            "subject",
        ),
        ("an encoded surrogate", "ce-subject", b"%ED%A0%80", "subject"),
    ];
    for (what, name, value, word) in table {
        let mut headers = Event::new("x").binary_headers();
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        let answered = mesh.producer.post(headers, Bytes::from_static(b"{}")).await;
        refused(what, &answered, 400, word);
    }
    let mut headers = Event::new("x").binary_headers();
    headers.append("ce-id", HeaderValue::from_static("y"));
    let answered = mesh.producer.post(headers, Bytes::from_static(b"{}")).await;
    refused("an attribute given twice", &answered, 400, "id");

    let answered = mesh
        .producer
        .post(content_type("application/json"), Bytes::from_static(b"{}"))
        .await;
    refused("no event at all", &answered, 400, "specversion");
    assert_eq!(mesh.delivered_in_the_end().await, ["the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_structured_event_is_refused_with_400_that_says_what_and_where() {
    let mesh = Mesh::start().await;
    let with =
        |members: &str| format!(r#"{{"specversion":"1.0","id":"x","source":"/s","type":"t"{members}}}"#);
    let table = [
        ("no JSON", "{".to_owned(), ""),
        ("an array", "[]".to_owned(), ""),
        (
            "id missing",
            r#"{"specversion":"1.0","source":"/s","type":"t"}"#.to_owned(),
            "id",
        ),
        (
            "id a number",
            r#"{"specversion":"1.0","id":1,"source":"/s","type":"t"}"#.to_owned(),
            "id",
        ),
        (
            "id empty",
            r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#.to_owned(),
            "id",
        ),
        (
            "an unknown version",
            r#"{"specversion":"2.0","id":"x","source":"/s","type":"t"}"#.to_owned(),
            "specversion",
        ),
        ("an extension that is an object", with(r#","ext":{"a":1}"#), "ext"),
        ("an extension that is a list", with(r#","ext":[1]"#), "ext"),
        ("an integer over 32 bits", with(r#","ext":2147483648"#), "ext"),
        ("a fraction", with(r#","ext":1.5"#), "ext"),
        ("an attribute twice", with(r#","ext":"a","ext":"b""#), "ext"),
        ("a name in capitals", with(r#","Ext":"a""#), "Ext"),
        (
            "both payloads",
            with(r#","data":1,"data_base64":"AA==""#),
            "data_base64",
        ),
        (
            "a payload that is no base64",
            with(r#","data_base64":"%%""#),
            "data_base64",
        ),
        ("a time that is none", with(r#","time":"yesterday""#), "time"),
        ("something after the event", with("") + "x", ""),
    ];
    for (what, body, word) in table {
        let answered = mesh.producer.structured(body).await;
        refused(what, &answered, 400, word);
    }
    assert_eq!(mesh.delivered_in_the_end().await, ["the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_all_or_nothing_and_the_refusal_says_which_index() {
    let mesh = Mesh::start().await;
    let good = |id: &str| String::from_utf8(Event::new(id).structured().to_vec()).unwrap();
    let batch = format!(
        r#"[{},{},{{"specversion":"1.0","source":"/s","type":"t"}},{}]"#,
        good("0"),
        good("1"),
        good("3")
    );
    let answered = mesh.producer.batch(batch).await;
    refused("the third of four is invalid", &answered, 400, "id");
    let problem = answered.json();
    let said = problem.get("index") == Some(&json!(2)) || problem.to_string().contains('2');
    assert!(said, "the refusal says index 2: {problem}");
    let answered = mesh.producer.batch(format!("[{},", good("0"))).await;
    refused("a batch cut short", &answered, 400, "");
    assert_eq!(mesh.delivered_in_the_end().await, ["the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_broker_is_404() {
    let mesh = Mesh::start().await;
    for path in ["default/nobody", "nowhere/default"] {
        let answered = mesh.heddle.producer(path).binary(&Event::new("x")).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}: {answered:?}");
    }
    for path in ["", "default", "default/default/more"] {
        let answered = mesh.heddle.producer(path).binary(&Event::new("x")).await;
        assert!(answered.status.is_client_error(), "{path}: {answered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_405_with_allow_and_store_nothing() {
    let mesh = Mesh::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let event = Event::new("x");
        let answered = mesh
            .producer
            .request(method.clone(), event.binary_headers(), event.data)
            .await;
        assert_eq!(
            answered.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}: {answered:?}"
        );
        let allow = answered.header("allow");
        assert!(
            allow.contains("POST") && allow.contains("OPTIONS"),
            "{method}: Allow: {allow}"
        );
    }
    assert_eq!(mesh.delivered_in_the_end().await, ["the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_answers_the_webhook_handshake() {
    let mesh = Mesh::start().await;
    let mut headers = HeaderMap::new();
    headers.insert("webhook-request-origin", HeaderValue::from_static("example.com"));
    let answered = mesh
        .producer
        .request(Method::OPTIONS, headers, Bytes::new())
        .await;
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    assert!(answered.header("allow").contains("POST"), "{answered:?}");
    assert_eq!(answered.header("webhook-allowed-origin"), "*", "{answered:?}");
    assert_eq!(answered.header("webhook-allowed-rate"), "*", "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_over_the_limit_is_413_and_one_of_a_megabyte_less_a_header_is_not() {
    let mesh = Mesh::start().await;
    let sized = |id: &str, bytes: usize| Event::new(id).data("application/octet-stream", vec![7; bytes]);
    for bytes in [64 * 1024, 1_000_000] {
        let event = sized(&bytes.to_string(), bytes);
        mesh.producer.accepted(&event).await;
    }
    for body in [1024 * 1024 + 1, 3 * 1024 * 1024] {
        let answered = mesh.producer.binary(&sized("over", body)).await;
        refused("an event over the limit", &answered, 413, "");
    }
    let structured = format!(
        r#"{{"specversion":"1.0","id":"over","source":"/s","type":"t","data":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    refused(
        "a structured event over the limit",
        &mesh.producer.structured(structured).await,
        413,
        "",
    );
    let mut ids = mesh.delivered_in_the_end().await;
    ids.sort();
    assert_eq!(ids, ["1000000", "65536", "the-last"]);
    let bodies = mesh.sink.received();
    let largest = bodies
        .iter()
        .find(|request| request.attribute("id") == "1000000")
        .unwrap();
    assert!(largest.body.len() == 1_000_000 && largest.body.iter().all(|&byte| byte == 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_events_and_batches_are_accepted_and_delivered() {
    /// A field of bytes by its tag.
    fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }
    let message = |id: &str| {
        let hop = [field(0x0a, b"hop"), field(0x12, &[0x10, 41])].concat();
        [
            field(0x0a, id.as_bytes()),
            field(0x12, b"/s"),
            field(0x1a, b"1.0"),
            field(0x22, b"t"),
            field(0x2a, &hop),
            field(0x32, &[0, 159, 146, 150]),
        ]
        .concat()
    };
    let mesh = Mesh::start().await;
    let one = content_type("application/cloudevents+protobuf");
    assert_eq!(mesh.producer.post(one, message("p-1").into()).await.status, 202);
    let batch = [field(0x0a, &message("p-2")), field(0x0a, &message("p-3"))].concat();
    let batched = content_type("application/cloudevents-batch+protobuf; charset=utf-8");
    assert_eq!(mesh.producer.post(batched, batch.into()).await.status, 202);
    let broken = content_type("application/cloudevents+protobuf");
    let refused = mesh.producer.post(broken, Bytes::from_static(b"\x0a\x05p")).await;
    assert_eq!(refused.status, 400, "{}", refused.text());

    let ids = mesh.delivered_in_the_end().await;
    assert_eq!(ids.len(), 4, "{ids:?}");
    for received in mesh
        .sink
        .received()
        .iter()
        .filter(|received| received.header("ce-id") != "the-last")
    {
        assert_eq!(received.header("ce-hop"), "41");
        assert_eq!(received.body[..], [0, 159, 146, 150]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_format_is_415() {
    let mesh = Mesh::start().await;
    for format in [
        "application/cloudevents+avro",
        "application/cloudevents+xml",
        "application/cloudevents-batch+xml",
    ] {
        let answered = mesh
            .producer
            .post(content_type(format), Bytes::from_static(b"\0\0"))
            .await;
        refused(format, &answered, 415, "");
    }
}

/// RFC 9110, section 8.4. What is compressed would reach an endpoint that nobody tells so.
#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_415_and_not_stored() {
    let mesh = Mesh::start().await;
    for (id, coding, is_taken) in [
        ("gzip", "gzip", false),
        ("br", "BR, identity", false),
        ("plain", "Identity", true),
    ] {
        let mut headers = Event::new(id).binary_headers();
        headers.insert("content-encoding", HeaderValue::from_static(coding));
        let answered = mesh.producer.post(headers, Bytes::from_static(b"\x1f\x8b")).await;
        match is_taken {
            true => assert_eq!(answered.status, 202, "{answered:?}"),
            false => refused(coding, &answered, 415, "content-encoding"),
        }
    }
    let mut ids = mesh.delivered_in_the_end().await;
    ids.sort();
    assert_eq!(ids, ["plain", "the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_data_leaves_byte_for_byte() {
    let mesh = Mesh::start().await;
    let data = r#"{ "n":123456789012345678901234567890, "f": 1.10, "e":1E+2,"same":1, "same":2, "u":"\u00e9\/", "z":[ ] }"#;
    let event = format!(
        r#"{{"data": {data} ,"specversion":"1.0","id":"numbers","source":"/s","type":"t","datacontenttype":"application/json"}}"#
    );
    assert_eq!(mesh.producer.structured(event).await.status, 202);
    mesh.producer
        .accepted(&Event::new("binary").data("application/json", data))
        .await;
    let received = mesh.sink.wait_for(2).await;
    for request in received {
        assert_eq!(request.body, data, "{}", request.attribute("id"));
        assert_eq!(request.header("content-type"), "application/json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_the_json_format_reach_a_binary_endpoint_as_the_format_says() {
    let mesh = Mesh::start().await;
    let table: [(&str, &str, &[u8]); 6] = [
        (
            "text",
            r#""datacontenttype":"text/plain","data":"a \"b\" é""#,
            "a \"b\" é".as_bytes(),
        ),
        (
            "jsonstring",
            r#""datacontenttype":"application/json","data":"a \"b\"""#,
            br#""a \"b\"""#,
        ),
        ("implied", r#""data":{"a":1}"#, br#"{"a":1}"#),
        (
            "null",
            r#""datacontenttype":"application/json","data":null"#,
            b"null",
        ),
        (
            "base64",
            r#""datacontenttype":"application/octet-stream","data_base64":"AAH+/w==""#,
            b"\0\x01\xfe\xff",
        ),
        ("none", r#""subject":"s""#, b""),
    ];
    for (id, members, _) in table {
        let event = format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t",{members}}}"#);
        let answered = mesh.producer.structured(event).await;
        assert_eq!(answered.status, 202, "{id}: {answered:?}");
    }
    let received = mesh.sink.wait_for(table.len()).await;
    for (id, _, body) in table {
        let request = received
            .iter()
            .find(|request| request.attribute("id") == id)
            .unwrap();
        assert_eq!(request.body, body, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attribute_values_are_percent_encoded_once_in_each_direction() {
    let mesh = Mesh::start().await;
    let subject = "a b \"c\" 100% €uro 😀";
    mesh.producer
        .accepted(&Event::new("encoded").with("subject", subject))
        .await;
    let structured =
        json!({"specversion": "1.0", "id": "json", "source": "/s", "type": "t", "subject": subject});
    assert_eq!(mesh.producer.structured(structured.to_string()).await.status, 202);
    // Spelled by others: lower case, more encoded than needed, a quoted string.
    let mut headers = Event::new("lower").binary_headers();
    headers.insert("ce-subject", HeaderValue::from_static("%61%20b%e2%82%ac"));
    assert_eq!(
        mesh.producer
            .post(headers, Bytes::from_static(b"{}"))
            .await
            .status,
        202
    );

    for request in mesh.sink.wait_for(3).await {
        let header = request.header("ce-subject");
        let want = if request.attribute("id") == "lower" {
            "a b€"
        } else {
            subject
        };
        assert_eq!(request.attribute("subject"), want, "decoded once, from {header}");
        assert_eq!(
            header,
            harness::event::percent_encoded(want),
            "encoded as the binding says"
        );
    }
}

/// HTTP binding, section 3.1.3.2: a percent sign that encodes nothing stands for itself, since many clients send it so.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_percent_is_taken_as_it_is_and_counted() {
    let mesh = Mesh::start().await;
    let mut headers = Event::new("bare").binary_headers();
    headers.insert("ce-subject", HeaderValue::from_static("100%, 5%g0 and %20"));
    let answered = mesh.producer.post(headers, Bytes::new()).await;
    assert_eq!(answered.status, 202, "{answered:?}");
    let received = mesh.sink.wait_for(1).await;
    assert_eq!(received[0].header("ce-subject"), "100%25,%205%25g0%20and%20%20");
    let metrics = mesh.heddle.metrics().await;
    assert_eq!(metrics.get("heddle_ingress_bare_percents_total"), 2.0);
}

/// Every event within the limits is taken in binary mode as well, and delivered: as one document when its attributes are
/// more than servers take as headers.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_many_or_large_attributes_comes_in_as_headers_and_leaves_structured() {
    let mesh = Mesh::start().await;
    let large = "v".repeat(60 * 1024);
    for (version, producer) in [("1", &mesh.producer), ("2", &mesh.producer.over_http2())] {
        let many = Event::new(format!("many-{version}"));
        let many = (0..250).fold(many, |event, at| event.with(&format!("x{at}"), "€"));
        producer.accepted(&many).await;
        let event = Event::new(format!("large-{version}"));
        producer.accepted(&event.with("subject", &large)).await;
    }
    for request in mesh.sink.wait_for(4).await {
        assert_eq!(request.header("content-type"), "application/cloudevents+json");
        let event = request.json();
        let is_many = event["id"].as_str().is_some_and(|id| id.starts_with("many"));
        match is_many {
            true => assert_eq!(event["x249"], "€"),
            false => assert!(event["subject"] == large.as_str(), "{}", event["id"]),
        }
    }
    let more = (0..260).fold(Event::new("more"), |event, at| event.with(&format!("x{at}"), "v"));
    refused("260", &mesh.producer.binary(&more).await, 413, "256");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_version_0_3_stay_0_3() {
    let mesh = Mesh::start().await;
    let mut headers = Event::new("old").binary_headers();
    headers.insert("ce-specversion", HeaderValue::from_static("0.3"));
    assert_eq!(
        mesh.producer
            .post(headers, Bytes::from_static(b"{}"))
            .await
            .status,
        202
    );
    let event = json!({"specversion": "0.3", "id": "older", "source": "/s", "type": "t", "data": {"a": 1}});
    assert_eq!(mesh.producer.structured(event.to_string()).await.status, 202);
    for request in mesh.sink.wait_for(2).await {
        assert_eq!(
            request.header("ce-specversion"),
            "0.3",
            "{}",
            request.attribute("id")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_any_media_type_are_opaque() {
    let mesh = Mesh::start().await;
    for (id, media_type) in [
        ("t", "application/vnd.apache.thrift.binary"),
        ("x", "application/xml"),
        ("j", "application/json"),
    ] {
        // Not even JSON has to be JSON in the binary mode: the payload is bytes.
        mesh.producer
            .accepted(&Event::new(id).data(media_type, &b"\x80<not>{json"[..]))
            .await;
    }
    for request in mesh.sink.wait_for(3).await {
        assert_eq!(request.body, &b"\x80<not>{json"[..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_its_status_and_a_detail_in_words() {
    let mesh = Mesh::start().await;
    let answered = mesh.producer.structured("{}").await;
    let problem: Value = answered.json();
    assert_eq!(problem["status"], json!(400), "{problem}");
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
        "{problem}"
    );
}
