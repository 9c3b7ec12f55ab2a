//! WebhookSource: any POST to its path becomes an event, its attributes taken from header, body or constant.

use bytes::Bytes;
use harness::{Heddle, PATIENCE, Producer, Resources, Sink, Trigger};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn mesh(spec: Value) -> (Heddle, Sink, Producer) {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker()
        .source("heddle.dev/v1", "WebhookSource", "hook", spec)
        .trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("hooks/github");
    (heddle, sink, producer)
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_come_from_headers_json_pointers_and_constants() {
    let spec = json!({
        "path": "/hooks/github",
        "event": {
            "type": [{"header": "x-github-event"}, {"value": "unknown"}],
            "source": {"value": "/github"},
            "subject": {"pointer": "/repository/name"},
            "id": {"header": "x-github-delivery"},
        },
    });
    let (_heddle, sink, hook) = mesh(spec).await;
    let body = r#"{"repository": {"name": "loom é"}, "n": 1.10}"#;
    let sent = headers(&[
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", "d-1"),
    ]);
    let answered = hook.post(sent, Bytes::from_static(body.as_bytes())).await;
    assert_eq!(answered.status, 202, "{answered:?}");
    let received = sink.wait_for(1).await;
    let event = &received[0];
    assert_eq!(
        (event.attribute("id"), event.attribute("type")),
        ("d-1".to_owned(), "push".to_owned())
    );
    assert_eq!(
        (event.attribute("source"), event.attribute("subject")),
        ("/github".to_owned(), "loom é".to_owned())
    );
    assert_eq!(
        (event.header("content-type"), &event.body[..]),
        ("application/json", body.as_bytes())
    );

    let answered = hook
        .post(
            headers(&[("content-type", "text/plain")]),
            Bytes::from_static(b"not JSON"),
        )
        .await;
    assert_eq!(answered.status, 202, "{answered:?}");
    let received = sink.wait_for(2).await;
    let event = received
        .iter()
        .find(|request| request.body == "not JSON")
        .unwrap();
    assert_eq!(
        (event.attribute("type"), event.attribute("subject")),
        ("unknown".to_owned(), String::new())
    );
    assert!(
        !event.attribute("id").is_empty(),
        "an id is made when none is found"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_posts_are_taken_and_the_limit_holds() {
    let (_heddle, sink, hook) = mesh(json!({"path": "/hooks/github"})).await;
    for method in [Method::GET, Method::PUT] {
        let answered = hook.request(method.clone(), HeaderMap::new(), Bytes::new()).await;
        assert_eq!(answered.status, 405, "{method}");
        assert!(answered.header("allow").contains("POST"), "{method}");
    }
    let answered = hook
        .post(HeaderMap::new(), vec![b'x'; 2 * 1024 * 1024].into())
        .await;
    assert_eq!(answered.status, 413);
    assert_eq!(
        hook.post(HeaderMap::new(), Bytes::from_static(b"x")).await.status,
        202
    );
    let received = sink.wait_for(1).await;
    assert_eq!(received[0].attribute("type"), "dev.heddle.webhook");
    assert_eq!(
        received[0].attribute("source"),
        "/apis/v1/namespaces/default/webhooksources/hook"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_asked_for_where_one_is_configured() {
    let sink = Sink::start().await;
    let spec = json!({"path": "/hooks/github", "auth": {"header": {"name": "x-hook-secret", "value": "${HOOK_SECRET}"}}});
    let resources = Resources::with_default_broker()
        .source("heddle.dev/v1", "WebhookSource", "hook", spec)
        .trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start_with(&resources, &[], &[("HOOK_SECRET", "s3cret")]).await;
    let hook = heddle.producer("hooks/github");
    for wrong in [headers(&[]), headers(&[("x-hook-secret", "guess")])] {
        let answered = hook.post(wrong, Bytes::from_static(b"x")).await;
        assert!(matches!(answered.status.as_u16(), 401 | 403), "{answered:?}");
    }
    assert_eq!(
        hook.post(headers(&[("x-hook-secret", "s3cret")]), Bytes::from_static(b"x"))
            .await
            .status,
        202
    );
    let received = sink.wait_for(1).await;
    assert!(
        !format!("{:?}", received[0].headers).contains("s3cret"),
        "the secret goes no further"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_without_the_secret_is_refused_before_its_body_is_awaited() {
    let spec = json!({"path": "/hooks/github", "auth": {"bearer": "right"}});
    let (heddle, _sink, _hook) = mesh(spec).await;
    let mut stream = TcpStream::connect(heddle.ingress().trim_start_matches("http://"))
        .await
        .unwrap();
    let head = "POST /hooks/github HTTP/1.1\r\nhost: h\r\nauthorization: Bearer wrong\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .expect("an answer although the body never comes")
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}
