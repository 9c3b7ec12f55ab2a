//! One endpoint never waits for another; connections are kept and their ends are noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dispatcher::{Dispatcher, HttpSink, Limits, Options, Sink, TriggerSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::engine::{FakeEngine, Settled};
use crate::fixture::{event, http, name, options, retries, start, trigger};
use crate::script::{Does, Script};
use crate::sink::{TestSink, status};

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_slows_no_other_trigger() {
    let script = Script::new(|host, _| {
        if host == "sick" {
            Does::Hangs
        } else {
            Does::Answers(200, vec![])
        }
    });
    let engine = FakeEngine::new();
    let limits = Limits {
        in_flight_max: 4,
        ..Limits::default()
    };
    let options = Options {
        transport: Arc::new(script.clone()),
        limits,
        ..options(&engine)
    };
    let sink = |host: &str| Sink::Http(HttpSink::new(host, format!("http://{host}/").parse().unwrap()));
    let triggers = vec![trigger("sick", sink("sick")), trigger("healthy", sink("healthy"))];
    let _dispatcher = Dispatcher::start(options, triggers).await.unwrap();
    let started = tokio::time::Instant::now();
    for n in 0..100 {
        engine.publish(event(&n.to_string(), "order.placed")).await;
    }
    engine.settled("default/healthy", 100).await;
    assert_eq!(started.elapsed(), Duration::ZERO, "a healthy delivery waited");
    assert_eq!(
        script.asked("sick").len(),
        5,
        "the bound over all, and the endpoint's own slot"
    );
}

#[tokio::test]
async fn an_endpoint_never_sees_more_than_its_concurrency() {
    let (engine, gate) = (FakeEngine::new(), Arc::new(Semaphore::new(0)));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (at_gate, counted, highest) = (Arc::clone(&gate), Arc::clone(&now), Arc::clone(&most));
    let sink = TestSink::start(move |_| {
        let (gate, now, most) = (Arc::clone(&at_gate), Arc::clone(&counted), Arc::clone(&highest));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            now.fetch_sub(1, Ordering::SeqCst);
            status(200)
        }
    })
    .await;
    let to = || {
        Sink::Http(HttpSink {
            concurrency: 3,
            ..HttpSink::new("sink", sink.url())
        })
    };
    let _dispatcher = start(&engine, vec![trigger("one", to()), trigger("other", to())]).await;
    for n in 0..10 {
        engine.publish(event(&n.to_string(), "order.placed")).await;
    }
    while now.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(20);
    engine.settled("default/one", 10).await;
    engine.settled("default/other", 10).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

const EMPTY_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Answers the first request of each connection; reads the second, and closes without an answer.
async fn closes_mid_exchange(listener: TcpListener, requests: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut bytes = vec![0; 64 * 1024];
            for answered in [true, false] {
                if stream.read(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
                requests.fetch_add(1, Ordering::SeqCst);
                if answered {
                    stream.write_all(EMPTY_ANSWER).await.unwrap();
                }
            }
        });
    }
}

/// Answers the first request of each connection and closes it; says so once the other side has closed it, too.
async fn closes_idle_connections(listener: TcpListener, closed: Arc<Semaphore>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 64 * 1024];
        assert!(stream.read(&mut bytes).await.unwrap() > 0, "a request");
        stream.write_all(EMPTY_ANSWER).await.unwrap();
        stream.shutdown().await.unwrap();
        while stream.read(&mut bytes).await.unwrap_or(0) > 0 {}
        closed.add_permits(1);
    }
}

#[tokio::test]
async fn a_connection_that_closes_while_it_is_idle_costs_no_attempt() {
    let engine = FakeEngine::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let closed = Arc::new(Semaphore::new(0));
    let server = tokio::spawn(closes_idle_connections(listener, Arc::clone(&closed)));
    let dispatcher = start(&engine, vec![trigger("t", http(url))]).await;
    for n in 1..=4 {
        engine.publish(event(&n.to_string(), "order.placed")).await;
        let log = engine.settled("default/t", n).await;
        assert!(matches!(log[n - 1], Settled::Delivered { .. }), "{log:?}");
        closed.acquire().await.unwrap().forget();
    }
    assert_eq!(dispatcher.status(&name("default/t")).unwrap().last_error, None);
    server.abort();
}

#[tokio::test]
async fn a_request_that_was_sent_before_its_connection_closed_was_an_attempt_and_is_not_repeated_untold() {
    let engine = FakeEngine::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn(closes_mid_exchange(listener, Arc::clone(&requests)));
    let triggers = vec![TriggerSpec {
        delivery: retries(0),
        ..trigger("t", http(url))
    }];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 1).await;
    assert!(matches!(log[0], Settled::Delivered { .. }), "{log:?}");
    engine.publish(event("2", "order.placed")).await;
    let log = engine.settled("default/t", 2).await;
    assert_eq!(log[1].dead_letter().attempts, 1);
    assert_eq!(requests.load(Ordering::SeqCst), 2, "it was sent once");
    server.abort();
}

#[tokio::test]
async fn an_endpoint_that_closes_every_connection_fails_once_an_attempt() {
    let engine = FakeEngine::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 64 * 1024];
            if stream.read(&mut bytes).await.unwrap_or(0) > 0 {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let triggers = vec![TriggerSpec {
        delivery: retries(2),
        ..trigger("t", http(url))
    }];
    let _dispatcher = start(&engine, triggers).await;
    engine.publish(event("1", "order.placed")).await;
    let log = engine.settled("default/t", 3).await;
    assert_eq!(log[2].dead_letter().attempts, 3);
    assert_eq!(log[2].failure().code, None);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
    server.abort();
}
