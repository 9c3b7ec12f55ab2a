//! Starts, stops and changes: what a drain waits for, where a new trigger begins, what a changed filter means.

use std::time::{Duration, Instant};

use harness::producer::get;
use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually, eventually_async};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_in_time_although_an_endpoint_hangs_and_a_tail_is_open() {
    let sink = Sink::answering([Answer::hang()]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start_with(&resources, &["--drain-timeout", "2s"], &[]).await;
    let tail = heddle.background("tail", &["tail", "--from", "earliest", "--admin", heddle.admin()]);
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(1).await;
    eventually("the tail shows it", PATIENCE, || {
        tail.stdout().contains("\"x\"").then_some(())
    })
    .await;
    // A connection that is kept open and says nothing more.
    let mut idle = TcpStream::connect(heddle.ingress().trim_start_matches("http://"))
        .await
        .unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let began = Instant::now();
    let status = heddle.terminate().await;
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{}", heddle.process().stderr());
    assert!(took < Duration::from_secs(10), "a drain of 2 s took {took:?}");
    sink.answer([Answer::ok()]);
    heddle.restart().await;
    sink.wait_for(2).await;
    assert_eq!(
        heddle.idle_trigger("t").await["delivered"],
        1,
        "what was in hand is delivered after the restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let sink = Sink::answering([Answer::hang()]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start_with(&resources, &["--drain-timeout", "50s"], &[]).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(1).await;
    heddle.process().terminate();
    eventually_async("the drain has begun", PATIENCE, || async {
        let url = heddle.admin().to_owned() + "/readyz";
        let client = harness::Producer::new(url);
        let answered = client
            .try_request(http::Method::GET, http::HeaderMap::new(), bytes::Bytes::new())
            .await;
        (!answered.is_ok_and(|answered| answered.status == 200)).then_some(())
    })
    .await;
    let began = Instant::now();
    heddle.process().terminate();
    heddle.process().wait(PATIENCE).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it waited for its drain: {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_is_new_gets_what_comes_and_one_that_was_there_goes_on() {
    let (old, new) = (Sink::start().await, Sink::start().await);
    let resources = Resources::with_default_broker().trigger(Trigger::new("old", &old.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("before"))
        .await;
    heddle.idle_trigger("old").await;
    heddle.terminate().await;
    heddle.reconfigure(&resources.trigger(Trigger::new("new", &new.url("/"))));
    heddle.restart().await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("after"))
        .await;
    heddle.idle_trigger("old").await;
    heddle.idle_trigger("new").await;
    assert_eq!(old.ids(), ["before", "after"]);
    assert_eq!(
        new.ids(),
        ["after"],
        "a new trigger begins at the end, as Knative's do"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_may_go_from_broker_to_broker_and_its_loop_ends() {
    let to = |name: &str| json!({"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": name}});
    let sink = Sink::start().await;
    let resources = Resources::new()
        .broker("left", json!({}))
        .broker("right", json!({}))
        .trigger(Trigger::new("there", "").broker("left").subscriber(to("right")))
        .trigger(Trigger::new("back", "").broker("right").subscriber(to("left")))
        .trigger(Trigger::new("seen", &sink.url("/")).broker("left"));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/left")
        .accepted(&Event::new("round"))
        .await;
    let dead = eventually_async("the loop ends", PATIENCE, || async {
        let dead = heddle.dead_letters().await;
        (!dead.is_empty()).then_some(dead)
    })
    .await;
    assert!(
        dead.len() == 1 && dead[0].to_string().contains("loop"),
        "{dead:?}"
    );
    for trigger in ["there", "back", "seen"] {
        heddle.idle_trigger(trigger).await;
    }
    assert!(
        (120..=130).contains(&sink.count()),
        "255 hops over two brokers: {}",
        sink.count()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_does_not_grow_the_memory() {
    let sink = Sink::answering([Answer::hang()]).await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let mut heddle = Heddle::start(&resources).await;
    let producer = heddle.producer("default/default");
    let big = |n: usize| Event::new(n.to_string()).data("application/octet-stream", vec![1; 500_000]);
    for n in 0..600 {
        producer.accepted(&big(n)).await;
    }
    let bytes = resident_bytes(heddle.process().id());
    assert!(
        bytes < 250 << 20,
        "300 MB of backlog leave {} MB resident",
        bytes >> 20
    );
    assert_eq!(get(&format!("{}/healthz", heddle.admin())).await.status, 200);
}

fn resident_bytes(id: u32) -> usize {
    let status =
        std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running process has a status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a resident size");
    line.split_whitespace()
        .next()
        .and_then(|kilobytes| kilobytes.parse::<usize>().ok())
        .expect("kilobytes")
        * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_stops_in_the_middle_stores_nothing() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    let address = heddle.ingress().trim_start_matches("http://");
    let head = "POST /default/default HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: cut\r\nce-type: t\r\nce-source: /s\r\ncontent-length: 100\r\n\r\n";
    let mut cut = TcpStream::connect(address).await.unwrap();
    cut.write_all(head.as_bytes()).await.unwrap();
    cut.write_all(b"half of it").await.unwrap();
    drop(cut);
    let mut chunked = TcpStream::connect(address).await.unwrap();
    let head = head
        .replace("content-length: 100", "transfer-encoding: chunked")
        .replace("ce-id: cut", "ce-id: chunked");
    chunked.write_all(head.as_bytes()).await.unwrap();
    chunked.write_all(b"2\r\n{}\r\n0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    chunked.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    heddle
        .producer("default/default")
        .accepted(&Event::new("the-last"))
        .await;
    heddle.idle_trigger("t").await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["chunked", "the-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_over_the_limit_is_413() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    let address = heddle.ingress().trim_start_matches("http://");
    let head = "POST /default/default HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: big\r\nce-type: t\r\nce-source: /s\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [&b"10000\r\n"[..], &[b'x'; 0x10000], b"\r\n"].concat();
    // More than the limit, but bounded: the answer may come before all of it is sent.
    for _ in 0..20 {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_with_prior_knowledge() {
    let sink = Sink::start().await;
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")));
    let heddle = Heddle::start(&resources).await;
    let stream = TcpStream::connect(heddle.ingress().trim_start_matches("http://"))
        .await
        .unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let event = Event::new("h2");
    let mut request = http::Request::new(http_body_util::Full::new(event.data.clone()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = heddle.broker("default/default").parse().unwrap();
    *request.headers_mut() = event.binary_headers();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 202);
    assert_eq!(sink.wait_for(1).await[0].attribute("id"), "h2");
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn expect_100_continue_is_answered() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    let mut stream = TcpStream::connect(heddle.ingress().trim_start_matches("http://"))
        .await
        .unwrap();
    let head = "POST /default/default HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: x\r\nce-type: t\r\nce-source: /s\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
}
