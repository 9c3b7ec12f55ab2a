//! Endpoints of this process on port 0.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) version: http::Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A running endpoint; stops when dropped.
pub(crate) struct TestSink {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer with this status and an empty body.
pub(crate) fn status(code: u16) -> Answer {
    body(code, &[], "")
}

pub(crate) fn body(code: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::from(body.to_owned())).unwrap()
}

impl TestSink {
    /// Answers the n-th request (from 0) with what `answer` says.
    pub(crate) async fn start<F>(answer: impl Fn(usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::serve(None, answer).await
    }

    /// Always the same answer.
    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::start(move |_| std::future::ready(answer.clone())).await
    }

    /// Over TLS.
    pub(crate) async fn tls(tls: TlsAcceptor, answer: Answer) -> Self {
        Self::serve(Some(tls), move |_| std::future::ready(answer.clone())).await
    }

    async fn serve<F>(tls: Option<TlsAcceptor>, answer: impl Fn(usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Script {
            answer,
            received: Arc::clone(&received),
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, answer) = (tls.clone(), Arc::clone(&answer));
                connections.spawn(async move {
                    match tls {
                        None => answer.connection(stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer.connection(stream).await,
                            Err(_refused) => {}
                        },
                    }
                });
            }
        });
        Self {
            port,
            received,
            _server: server,
        }
    }

    pub(crate) fn url(&self) -> Uri {
        format!("http://127.0.0.1:{}/in", self.port).parse().unwrap()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// The attribute `id` of each event in binary mode, in the order received.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.received()
            .iter()
            .map(|request| request.header("ce-id").to_owned())
            .collect()
    }
}

struct Script<A> {
    answer: A,
    received: Arc<Mutex<Vec<Received>>>,
}

impl<A, F> Script<A>
where
    A: Fn(usize) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    async fn connection(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(|request| Arc::clone(&self).answer(request));
        let builder = auto::Builder::new(TokioExecutor::new());
        // The client may go away at any time.
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let path = head.uri.path().to_owned();
        let request = Received {
            method: head.method,
            path,
            version: head.version,
            headers: head.headers,
            body,
        };
        let number = {
            let mut received = self.received.lock();
            received.push(request);
            received.len() - 1
        };
        Ok((self.answer)(number).await)
    }
}

impl Received {
    /// A header's value; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// All extensions that the dispatcher may add, as sent in binary mode.
    pub(crate) fn error_extensions(&self) -> Vec<(&str, &str)> {
        let mut found: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("ce-knative"))
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        found.sort_unstable();
        found
    }
}
