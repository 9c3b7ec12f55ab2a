//! A bounded load: so many events over so many connections, remembering which were answered 202.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, StatusCode};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::event::Event;
use crate::producer::Producer;

/// A load in progress: events `0..total`, taken in turn by the connections. Ends by itself when all are sent, or when
/// every connection has met a broken one.
#[derive(Debug)]
pub struct Load {
    connections: JoinSet<()>,
    accepted: Arc<Mutex<BTreeSet<usize>>>,
    count: watch::Receiver<usize>,
}

/// What the connections share.
#[derive(Clone, Debug)]
struct Shared {
    next: Arc<AtomicUsize>,
    total: usize,
    accepted: Arc<Mutex<BTreeSet<usize>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Load {
    /// Starts sending to `url`. Event `n` has the id `n` and a payload that names it (see [`payload`]). Events in
    /// `skip` are not sent.
    pub fn start(url: &str, total: usize, connections: usize, skip: &BTreeSet<usize>) -> Self {
        let (sender, count) = watch::channel(skip.len());
        let accepted = Arc::new(Mutex::new(skip.clone()));
        let shared = Shared {
            next: Arc::default(),
            total,
            accepted: Arc::clone(&accepted),
            count: Arc::new(sender),
        };
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            tasks.spawn(send(Producer::new(url), shared.clone(), skip.clone()));
        }
        Self {
            connections: tasks,
            accepted,
            count,
        }
    }

    /// Waits until so many events were answered 202 (counting the skipped ones), or all connections are done.
    pub async fn accepted(&mut self, at_least: usize) {
        // An error says that all connections ended: then no more will come.
        drop(self.count.wait_for(|&count| count >= at_least).await);
    }

    /// Waits for the end of all connections and returns the numbers of the events that were answered 202.
    pub async fn finish(mut self) -> BTreeSet<usize> {
        while let Some(ended) = self.connections.join_next().await {
            ended.expect("a connection's task does not panic");
        }
        self.accepted.lock().clone()
    }
}

/// The event number `n` of a load.
pub fn event(n: usize) -> Event {
    Event::new(n.to_string())
        .ty("load.event")
        .source("/load")
        .data("application/json", payload(n))
}

/// The payload of event number `n`: its number and some ballast.
pub fn payload(n: usize) -> Bytes {
    Bytes::from(format!(r#"{{"n":{n},"ballast":"{}"}}"#, "x".repeat(200)))
}

async fn send(producer: Producer, shared: Shared, skip: BTreeSet<usize>) {
    loop {
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        if n >= shared.total {
            return;
        }
        if skip.contains(&n) {
            continue;
        }
        let event = event(n);
        let sent = producer
            .try_request(Method::POST, event.binary_headers(), event.data.clone())
            .await;
        let Ok(answered) = sent else { return };
        // Anything else (429, 503) is an honest refusal: the event may be sent again, and nobody counts on it.
        if answered.status == StatusCode::ACCEPTED {
            shared.accepted.lock().insert(n);
            shared.count.send_modify(|count| *count += 1);
        }
    }
}
