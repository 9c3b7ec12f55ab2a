//! HTTP over TCP and TLS: pooled HTTP/1.1, HTTP/2 where TLS negotiates it, one client per trust.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::RwLock;
use rustls::RootCertStore;

use super::connection::{Connector, Sent};
use super::{AnswerBody, Transport, TransportError, Trust, TrustError, TrustId, roots};
use crate::limits;

type HttpClient = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// How connections are made and kept.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Time for a TCP connection to come about.
    pub connect_timeout: Duration,
    /// Idle connections kept for one host.
    pub idle_connections_max: usize,
    /// How long a connection is kept idle.
    pub idle_connection_timeout: Duration,
}

/// See the module's header.
pub struct HttpTransport {
    options: HttpOptions,
    system_roots: OnceLock<RootCertStore>,
    clients: RwLock<Vec<(Trust, HttpClient)>>,
}

// === impl HttpOptions ===

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: limits::CONNECT_TIMEOUT,
            idle_connections_max: limits::IDLE_CONNECTIONS_MAX,
            idle_connection_timeout: limits::IDLE_CONNECTION_TIMEOUT,
        }
    }
}

// === impl HttpTransport ===

impl HttpTransport {
    /// A transport without connections. The system's root certificates are loaded when they are first needed.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        Self {
            options,
            system_roots: OnceLock::new(),
            clients: RwLock::new(Vec::new()),
        }
    }

    fn client(&self, trust: &Trust) -> Result<HttpClient, TrustError> {
        let tls = roots::client_config(trust, || self.system_roots.get_or_init(roots::system))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.options.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Connector(tcp));
        Ok(Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.options.idle_connection_timeout)
            .pool_max_idle_per_host(self.options.idle_connections_max)
            .http2_keep_alive_interval(limits::HTTP2_PING_INTERVAL)
            .build(connector))
    }
}

impl Default for HttpTransport {
    fn default() -> Self {
        Self::new(HttpOptions::default())
    }
}

impl Transport for HttpTransport {
    fn trust(&self, trust: &Trust) -> Result<TrustId, TrustError> {
        let mut clients = self.clients.write();
        if let Some(known) = clients.iter().position(|(of, _)| of == trust) {
            return Ok(TrustId(known));
        }
        let client = self.client(trust)?;
        clients.push((trust.clone(), client));
        Ok(TrustId(clients.len() - 1))
    }

    fn send(
        &self,
        trust: TrustId,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<AnswerBody>, TransportError>> {
        let client = self.clients.read().get(trust.0).map(|(_, client)| client.clone());
        Box::pin(async move {
            let client = client.ok_or_else(|| TransportError {
                message: "the sink's trust is unknown".to_owned(),
            })?;
            exchange(&client, request).await
        })
    }
}

/// One exchange; on a fresh connection when an idle one turned out to be closed before anything was sent on it. (Where
/// the request was not even begun, the client itself takes another connection.)
async fn exchange(
    client: &HttpClient,
    request: Request<Bytes>,
) -> Result<Response<AnswerBody>, TransportError> {
    let again = request.clone();
    let result = match client.request(request.map(Full::new)).await {
        Err(error) if was_not_sent(&error) => client.request(again.map(Full::new)).await,
        result => result,
    };
    let response = result.map_err(|error| TransportError::from_chain(&error))?;
    Sent::note(&response);
    Ok(response.map(|body| {
        body.map_err(|error| TransportError::from_chain(&error))
            .boxed_unsync()
    }))
}

fn was_not_sent(error: &Error) -> bool {
    !error.is_connect() && error.connect_info().is_some_and(Sent::nothing_since_an_answer)
}
