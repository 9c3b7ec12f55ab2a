//! More than heddle takes at once: refused with the word "later", bounded in memory, and over when the cause is.

use std::time::Duration;

use futures_util::future::select_all;
use harness::{Answer, Event, Heddle, PATIENCE, Resources, Sink, Trigger, eventually_async};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Announces a large event and sends a little of it: it holds its share of what is let in.
async fn half_an_event(address: &str, n: usize) -> TcpStream {
    let mut stream = announce(address, &format!("half-{n}"), 1_000_000).await;
    stream.write_all(b"x").await.expect("heddle reads");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn under_pressure_producers_are_told_to_come_later_and_then_are_taken() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    let address = heddle.ingress().trim_start_matches("http://").to_owned();
    let producer = heddle.producer("default/default");
    let large = Event::new("large").data("application/octet-stream", vec![0; 900_000]);
    let mut halves = Vec::new();
    // A megabyte each: more than is let in at a time.
    for n in 0..100 {
        halves.push(half_an_event(&address, n).await);
    }
    let answers = halves.iter_mut().map(|half| Box::pin(answer(half)));
    let (refused, ..) = tokio::time::timeout(PATIENCE, select_all(answers))
        .await
        .expect("somebody is told to come later");
    let refused = refused.to_lowercase();
    assert!(
        refused.starts_with("http/1.1 429 ") || refused.starts_with("http/1.1 503 "),
        "{refused}"
    );
    let later = refused
        .split("retry-after: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let later: u64 = later.expect("Retry-After").trim().parse().expect("seconds");
    assert!((1..=60).contains(&later) && refused.contains("json"), "{refused}");
    drop(halves);
    eventually_async("it takes events again", PATIENCE, || async {
        let sent = producer
            .try_request(Method::POST, large.binary_headers(), large.data.clone())
            .await;
        sent.is_ok_and(|answered| answered.status == 202).then_some(())
    })
    .await;
}

/// The answer to a request, complete or not.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 2048];
    let length = stream.read(&mut answer).await.expect("an answer can be read");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_ends_or_breaks_off_is_a_failure_like_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // The first connection is cut before its answer, the second in the middle of it, the third answers garbage, the
    // fourth sends header after header; the fifth is a good endpoint.
    let endpoint = tokio::spawn(async move {
        for turn in 0..5 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(read > 0, "turn {turn}");
            // A broken connection is what this endpoint is for.
            drop(match turn {
                0 => Ok(()),
                1 => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\ncontent-type: application/cloudevents+json\r\n\r\n{").await,
                2 => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await,
                3 => {
                    let header = [&b"x-flood: "[..], &[b'y'; 4000], b"\r\n"].concat();
                    let flood = [&b"HTTP/1.1 200 OK\r\n"[..], &header.repeat(500)].concat();
                    stream.write_all(&flood).await
                }
                _ => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await,
            });
            stream.shutdown().await.ok();
        }
    });
    let delivery =
        json!({"retry": 10, "backoffPolicy": "linear", "backoffDelay": "PT0.02S", "timeout": "PT2S"});
    let resources = Resources::with_default_broker().trigger(Trigger::new("t", &url).delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    tokio::time::timeout(PATIENCE, endpoint)
        .await
        .expect("five attempts")
        .unwrap();
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_read_up_to_a_cap() {
    let endless = Answer::ok()
        .header("content-type", "application/octet-stream")
        .body(vec![b'z'; 64 << 20]);
    let failing = endless.clone().with_status(500);
    let sink = Sink::answering([failing, endless]).await;
    let delivery = json!({"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT0.02S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let mut heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(2).await;
    heddle.idle_trigger("t").await;
    let peak = std::fs::read_to_string(format!("/proc/{}/status", heddle.process().id())).unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let megabytes = peak.split_whitespace().next().unwrap().parse::<usize>().unwrap() >> 10;
    assert!(megabytes < 150, "answers of 64 MiB left a peak of {megabytes} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_in_retry_after_a_retry_comes() {
    let odd = [
        "-1",
        "soon",
        "",
        "99999999999999999999",
        "1.5",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    let answers = odd.map(|value| Answer::status(503).header("retry-after", value));
    let sink = Sink::answering(answers.into_iter().chain([Answer::ok()])).await;
    let delivery =
        json!({"retry": 10, "backoffPolicy": "linear", "backoffDelay": "PT0.01S", "retryAfterMax": "PT0.1S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    sink.wait_for(odd.len() + 1).await;
    assert_eq!(heddle.idle_trigger("t").await["delivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_may_be_a_date() {
    let sink = Sink::deciding(|_| {
        let at = std::time::SystemTime::now() + Duration::from_secs(3);
        Answer::status(503).header("retry-after", &http_date(at))
    })
    .await;
    let delivery = json!({"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.01S"});
    let resources =
        Resources::with_default_broker().trigger(Trigger::new("t", &sink.url("/")).delivery(delivery));
    let heddle = Heddle::start(&resources).await;
    heddle
        .producer("default/default")
        .accepted(&Event::new("x"))
        .await;
    let received = sink.wait_for(2).await;
    let waited = received[1].at - received[0].at;
    // The date is of whole seconds: up to one less than three.
    assert!(
        waited >= Duration::from_millis(1_900),
        "a date three seconds ahead waited {waited:?}"
    );
}

/// RFC 9110's date, for times of this century.
fn http_date(at: std::time::SystemTime) -> String {
    let seconds = at
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let names = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let weekday =
        ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).expect("small")];
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!(
        "{weekday}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
        day + 1,
        names[month]
    )
}

/// Announces this many bytes of an event, without any of them.
async fn announce(address: &str, id: &str, bytes: usize) -> TcpStream {
    let head = format!(
        "POST /default/default HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: {id}\r\nce-type: t\r\nce-source: /s\r\ncontent-length: {bytes}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address)
        .await
        .expect("heddle takes connections");
    stream.write_all(head.as_bytes()).await.expect("heddle reads");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_sends_all_of_its_event_gets_to_read_429() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    let address = heddle.ingress().trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..80 {
        held.push(announce(&address, "announced", 1_000_000).await);
    }
    let large = Event::new("large").data("application/octet-stream", vec![0; 900_000]);
    // One of them is refused: no room for a megabyte is left.
    let answers = held.iter_mut().map(|announced| Box::pin(answer(announced)));
    let refused = tokio::time::timeout(PATIENCE, select_all(answers)).await;
    assert!(refused.is_ok(), "80 MB are let in at a time");
    let answered = heddle.producer("default/default").binary(&large).await;
    assert!(matches!(answered.status.as_u16(), 429 | 503), "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_known_to_be_too_large_is_413_also_when_its_sender_stalls() {
    let heddle = Heddle::start(&Resources::with_default_broker()).await;
    let mut stream = announce(heddle.ingress().trim_start_matches("http://"), "large", 5_000_000).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}
