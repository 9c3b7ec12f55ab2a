use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;

async fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .await
        .expect("a request");
    stream
}

#[tokio::test]
async fn a_request_in_hand_finishes_after_the_port_is_closed() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (seen, held) = (Arc::clone(&entered), Arc::clone(&leave));
    let router = Router::new().route(
        "/",
        get(async move || {
            seen.notify_one();
            held.notified().await;
            "done"
        }),
    );
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), "--listen").expect("a free port");
    let (address, stop) = (listener.address(), CancellationToken::new());
    let server = tokio::spawn(listener.serve(TowerToHyperService::new(router), stop.clone()));
    let mut stream = connect(address).await;
    entered.notified().await;
    stop.cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished(), "the drain waits for the request in hand");
    leave.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("done"), "{answer}");
    tokio::time::timeout(Duration::from_secs(10), server)
        .await
        .expect("the drain ends")
        .expect("without a panic");
}

#[tokio::test]
async fn a_port_in_use_names_the_flag_to_change() {
    let taken = Listener::bind(([127, 0, 0, 1], 0).into(), "--listen").expect("a free port");
    let error = Listener::bind(taken.address(), "--listen").expect_err("the port is taken");
    assert!(error.to_string().contains("--listen"), "{error}");
}

#[tokio::test]
async fn a_thousand_clients_may_connect_at_once() {
    let kernel = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux says its limit");
    let clients = kernel.trim().parse::<usize>().expect("a number").min(1_000);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), "--listen").expect("a free port");
    let connects = (0..clients).map(|_| TcpStream::connect(listener.address()));
    // Nobody accepts: one that finds no room waits for ever.
    let connected = tokio::time::timeout(
        Duration::from_secs(30),
        futures_util::future::try_join_all(connects),
    )
    .await
    .expect("there is room for all of them");
    assert_eq!(connected.expect("connections").len(), clients);
}
