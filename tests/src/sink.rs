//! An endpoint of the tests' own: an HTTP (or HTTPS) server in this process that answers as it is told and remembers
//! every request as it came.

mod answer;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use answer::Answer;
use answer::Script;
use serve::Acceptor;

use crate::wait::PATIENCE;

/// A scripted endpoint. Dropping it closes its port and all its connections.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its body had been read.
    pub at: Instant,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// What the connections share with the test.
#[derive(Debug)]
struct State {
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    script: Mutex<Script>,
    remembers: bool,
}

impl Sink {
    /// An endpoint that answers 200 with an empty body.
    pub async fn start() -> Self {
        Self::answering([]).await
    }

    /// An endpoint that gives these answers in turn; the last one (or 200) for ever.
    pub async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::listening(
            "127.0.0.1:0".parse().expect("an address"),
            Script::turns(answers),
            Acceptor::Plain,
        )
        .await
    }

    /// An endpoint whose answer depends on the request.
    pub async fn deciding(decide: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        Self::listening(anywhere, Script::decides(decide), Acceptor::Plain).await
    }

    /// An endpoint whose answer depends on the request, and that remembers nothing but how many came: for loads that
    /// would not fit into memory.
    pub async fn counting(decide: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        Self::serving(anywhere, Script::decides(decide), Acceptor::Plain, false).await
    }

    /// An endpoint at an address that was free a moment ago, such as that of a sink that was dropped.
    pub async fn at(address: SocketAddr, answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::listening(address, Script::turns(answers), Acceptor::Plain).await
    }

    /// An HTTPS endpoint for `localhost` whose certificate comes from an authority of its own; returns that
    /// authority's certificate as PEM.
    pub async fn start_tls() -> (Self, String) {
        let (acceptor, authority) = Acceptor::tls();
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        (
            Self::listening(anywhere, Script::turns([]), acceptor).await,
            authority,
        )
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this path.
    pub fn url(&self, path: &str) -> String {
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    /// Replaces what it answers from now on.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        *self.state.script.lock() = Script::turns(answers);
    }

    /// All requests so far, in the order in which their bodies were complete.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    /// How many requests came so far.
    pub fn count(&self) -> usize {
        *self.state.count.borrow()
    }

    /// Waits until at least `count` requests came, then returns all; panics after [`PATIENCE`].
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_within(count, PATIENCE).await
    }

    /// Like [`Self::wait_for`] with a deadline of its own.
    pub async fn wait_within(&self, count: usize, deadline: Duration) -> Vec<Received> {
        let mut counter = self.state.count.subscribe();
        let came = tokio::time::timeout(deadline, counter.wait_for(|&seen| seen >= count))
            .await
            .is_ok();
        assert!(
            came,
            "{} of {count} requests came within {deadline:?}: {:?}",
            self.count(),
            self.ids()
        );
        self.received()
    }

    /// Waits until `enough` says so of all requests; panics naming `what` after `deadline`.
    pub async fn wait_until(&self, what: &str, deadline: Duration, enough: impl Fn(&[Received]) -> bool) {
        let mut counter = self.state.count.subscribe();
        let came = async {
            while !enough(&self.state.received.lock()) {
                counter.changed().await.expect("the sink outlives its waiters");
            }
        };
        let came = tokio::time::timeout(deadline, came).await.is_ok();
        assert!(
            came,
            "not within {deadline:?}: {what}; {} requests came",
            self.count()
        );
    }

    /// The attribute `id` of every request (binary mode).
    pub fn ids(&self) -> Vec<String> {
        self.state
            .received
            .lock()
            .iter()
            .map(|request| request.attribute("id"))
            .collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("(not text)"))
    }

    /// An attribute of the binary mode, percent-decoded; empty when it is not there.
    pub fn attribute(&self, name: &str) -> String {
        let encoded = self.header(&format!("ce-{name}"));
        percent_decode_str(encoded)
            .decode_utf8()
            .map_or_else(|_| "(not text)".to_owned(), |text| text.into_owned())
    }

    /// The names of all attributes of the binary mode, sorted, without `datacontenttype`.
    pub fn attributes(&self) -> Vec<String> {
        let names = self
            .headers
            .keys()
            .filter_map(|name| name.as_str().strip_prefix("ce-"));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl Sink {
    async fn listening(address: SocketAddr, script: Script, acceptor: Acceptor) -> Self {
        Self::serving(address, script, acceptor, true).await
    }

    async fn serving(address: SocketAddr, script: Script, acceptor: Acceptor, remembers: bool) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = State {
            received: Mutex::default(),
            count: watch::Sender::new(0),
            script: Mutex::new(script),
            remembers,
        };
        let state = Arc::new(state);
        let scheme = acceptor.scheme();
        let serving = tokio::spawn(serve::serve(listener, acceptor, Arc::clone(&state)));
        Self {
            address,
            scheme,
            state,
            serving,
        }
    }
}

impl State {
    /// Remembers a request and decides its answer.
    fn take(&self, request: Received) -> Answer {
        let answer = self.script.lock().next(&request);
        if self.remembers {
            self.received.lock().push(request);
        }
        self.count.send_modify(|count| *count += 1);
        answer
    }
}
