//! What a person sees who has nothing but `curl`: requests written byte by byte, and what arrives of them in both modes.

use harness::{Heddle, Received, Resources, Sink, Trigger};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The required attributes but `ce-id`.
const REQUIRED: &str = "ce-source: /s\r\nce-type: t\r\nce-specversion: 1.0\r\n";

/// A broker with two triggers for everything, one for each mode.
struct Mesh {
    heddle: Heddle,
    binary: Sink,
    structured: Sink,
}

impl Mesh {
    async fn start() -> Self {
        let (binary, structured) = (Sink::start().await, Sink::start().await);
        let trigger = |format: &str, sink: &Sink| {
            Trigger::new(format, &sink.url("/")).delivery(json!({"format": format}))
        };
        let resources = Resources::with_default_broker()
            .trigger(trigger("binary", &binary))
            .trigger(trigger("json", &structured));
        let heddle = Heddle::start(&resources).await;
        Self {
            heddle,
            binary,
            structured,
        }
    }

    /// Posts these header lines and this body, and answers the status.
    async fn post(&self, headers: &str, body: &str) -> u16 {
        let address = self.heddle.ingress().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("the ingress listens");
        let request = format!(
            "POST /default/default HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no answer of HTTP: {answer}"))
    }

    /// What arrived in each mode once `count` events have, in the order of their ids.
    async fn arrived(&self, count: usize) -> Vec<(Received, Value)> {
        let mut binary = self.binary.wait_for(count).await;
        let mut structured: Vec<Value> = self
            .structured
            .wait_for(count)
            .await
            .iter()
            .map(Received::json)
            .collect();
        binary.sort_by_key(|event| event.attribute("id"));
        structured.sort_by_key(|event| event["id"].to_string());
        binary.into_iter().zip(structured).collect()
    }
}

/// HTTP binding, section 3.1.3.2.
#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_in_any_alphabet_arrives_as_text_and_percent_encoded_again() {
    let mesh = Mesh::start().await;
    let encoded = "Euro%20%E2%82%AC%20%F0%9F%98%80";
    let headers = format!("ce-id: 1\r\n{REQUIRED}ce-subject: {encoded}\r\n");
    assert_eq!(mesh.post(&headers, "").await, 202);
    let (binary, structured) = mesh.arrived(1).await.remove(0);
    assert_eq!(structured["subject"], "Euro € 😀");
    assert_eq!(binary.header("ce-subject"), encoded);
}

/// JSON format, section 3.1: data is a value that is carried, not one that is parsed and printed.
#[tokio::test(flavor = "multi_thread")]
async fn json_arrives_byte_for_byte_whichever_way_it_comes_and_goes() {
    let mesh = Mesh::start().await;
    let data = r#"{"a":12345678901234567890123,"b":1.10}"#;
    let headers = format!("ce-id: 1\r\n{REQUIRED}content-type: application/json\r\n");
    assert_eq!(mesh.post(&headers, data).await, 202);
    let event = format!(r#"{{"specversion":"1.0","id":"2","source":"/s","type":"t","data":{data}}}"#);
    let headers = "content-type: Application/CloudEvents+JSON; charset=UTF-8\r\n";
    assert_eq!(mesh.post(headers, &event).await, 202);
    for received in mesh.binary.wait_for(2).await {
        assert_eq!(received.body, data, "{received:?}");
        assert_eq!(received.header("content-type"), "application/json");
    }
    for received in mesh.structured.wait_for(2).await {
        let text = std::str::from_utf8(&received.body).expect("JSON is UTF-8");
        assert!(text.contains(&format!(r#""data":{data}"#)), "{text}");
    }
}

/// Core specification, "Context Attributes": each is there at most once. In a structured message headers are copies at
/// most, and say nothing (HTTP binding, section 3.2.3).
#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_there_twice_is_400_and_nothing_is_stored() {
    let mesh = Mesh::start().await;
    for twice in [
        "ce-id: 1\r\nce-id: 1\r\n",
        "ce-id: 1\r\nCE-Id: 2\r\n",
        "ce-id: 1\r\nce-hop: 1\r\nce-hop: 2\r\n",
        "ce-id: 1\r\ncontent-type: text/plain\r\ncontent-type: text/plain\r\n",
    ] {
        assert_eq!(mesh.post(&format!("{twice}{REQUIRED}"), "").await, 400, "{twice}");
    }
    let event = r#"{"specversion":"1.0","id":"good","source":"/s","type":"t"}"#;
    let copies = "content-type: application/cloudevents+json\r\nce-id: 1\r\nce-id: 2\r\nce-data: x\r\n";
    assert_eq!(mesh.post(copies, event).await, 202);
    let (binary, structured) = mesh.arrived(1).await.remove(0);
    assert_eq!(
        (binary.header("ce-id"), &structured["id"]),
        ("good", &json!("good"))
    );
    assert_eq!(binary.attributes(), ["id", "source", "specversion", "type"]);
}

/// HTTP binding, section 3.1.3.2: quoted parts are unquoted, then one round of percent-decoding; what is no UTF-8 then is
/// refused. What is no attribute value, or no attribute, is refused as well (core specification).
#[tokio::test(flavor = "multi_thread")]
async fn header_values_are_unquoted_and_decoded_once_and_what_is_no_text_is_400() {
    let mesh = Mesh::start().await;
    let spellings = [
        ("a \"b c\" d", "a b c d"),
        (r#""a\"b\\c""#, r#"a"b\c"#),
        ("%2525", "%25"),
        ("%e2%82%aC", "€"),
        ("€", "€"),
        ("\"%22\"", "\""),
        ("%", "%"),
        ("%g0%", "%g0%"),
    ];
    for (id, (spelling, _)) in spellings.iter().enumerate() {
        let headers = format!("ce-id: {id}\r\n{REQUIRED}ce-subject: {spelling}\r\n");
        assert_eq!(mesh.post(&headers, "").await, 202, "{spelling}");
    }
    for line in [
        "ce-subject: %C0%A0",
        "ce-subject: %ED%A0%80",
        "ce-subject: %F4%90%80%80",
        "ce-subject: %E2%82",
        "ce-subject: \"open",
        "ce-subject: %00",
        "ce-subject: %C2%85",
        "ce-subject: %EF%BF%BE",
        "ce-subject:",
        "ce-data: x",
        "ce-datacontenttype: text/plain",
        "ce-my_name: x",
        "ce-: x",
    ] {
        let headers = format!("ce-id: bad\r\n{REQUIRED}{line}\r\n");
        assert_eq!(mesh.post(&headers, "").await, 400, "{line}");
    }
    let arrived = mesh.arrived(spellings.len()).await;
    for ((spelling, value), (binary, structured)) in spellings.iter().zip(arrived) {
        assert_eq!(structured["subject"], *value, "{spelling}");
        assert_eq!(binary.attribute("subject"), *value, "{spelling}");
    }
}
