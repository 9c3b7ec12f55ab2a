//! A server that misbehaves on purpose: reads a request to the end of its head and answers with bytes as they are given, or
//! with bytes that never end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What it answers.
#[derive(Clone, Debug)]
pub enum Rude {
    /// These bytes, then it closes.
    Says(Vec<u8>),
    /// These bytes, then the others over and over, as fast as they are taken.
    Floods(Vec<u8>, Vec<u8>),
    /// These bytes, then one byte each time.
    Trickles(Vec<u8>, Duration),
}

/// A running server on port 0; stops when it is dropped.
#[derive(Debug)]
pub struct RudeServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl RudeServer {
    /// Starts.
    pub async fn start(rude: Rude) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (requests, written) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, flooded) = (Arc::clone(&requests), Arc::clone(&written));
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a listening socket accepts");
                let (rude, counted, flooded) = (rude.clone(), Arc::clone(&counted), Arc::clone(&flooded));
                connections.spawn(answer(stream, rude, counted, flooded));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            requests,
            written,
            serving,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Bytes that others have let it write.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

impl Drop for RudeServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, rude: Rude, requests: Arc<AtomicUsize>, written: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    // The client may go away at any time: that is what these answers are for.
    let (start, rest, pause) = match &rude {
        Rude::Says(bytes) => (bytes, None, None),
        Rude::Floods(start, rest) => (start, Some(rest.as_slice()), None),
        Rude::Trickles(start, pause) => (start, Some(b"1".as_slice()), Some(*pause)),
    };
    if stream.write_all(start).await.is_err() {
        return;
    }
    while let Some(rest) = rest
        && stream.write_all(rest).await.is_ok()
    {
        written.fetch_add(rest.len(), Ordering::SeqCst);
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}
