//! The accept loop of both listeners: TCP without Nagle's delay, a cap on connections, a timeout on headers, and a
//! drain that lets requests in hand finish.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// A bound port that accepts nothing yet.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

/// A port that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose another address with {flag}")]
pub(crate) struct BindError {
    address: SocketAddr,
    /// The argument that sets the address.
    flag: &'static str,
    source: io::Error,
}

impl Listener {
    /// Binds; port 0 takes any free one. `flag` is the argument that a person would change.
    pub(crate) fn bind(address: SocketAddr, flag: &'static str) -> Result<Self, BindError> {
        let bound = || {
            let tcp = listen(address)?;
            let address = tcp.local_addr()?;
            Ok(Self { tcp, address })
        };
        bound().map_err(|source| BindError {
            address,
            flag,
            source,
        })
    }

    /// The real address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then closes the port and lets requests in hand finish.
    ///
    /// Returns when the last connection has ended; a caller that cannot wait drops the future, and what is left ends
    /// with the runtime.
    pub(crate) async fn serve<S>(self, service: S, stop: CancellationToken)
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let connections = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let server = server();
        while let Some((stream, permit)) = self.accept(&connections, &stop).await {
            let watcher = graceful.watcher();
            let (server, service) = (server.clone(), service.clone());
            tokio::spawn(async move {
                serve_connection(server, stream, service, watcher).await;
                drop(permit);
            });
        }
        drop(self.tcp);
        graceful.shutdown().await;
    }

    /// The next connection and its place among [`limits::CONNECTIONS_MAX`]; `None` at `stop`.
    async fn accept(
        &self,
        connections: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let accepted = async {
            let permit = Arc::clone(connections)
                .acquire_owned()
                .await
                .expect("the connection semaphore is never closed");
            loop {
                match self.tcp.accept().await {
                    Ok((stream, _)) => break (stream, permit),
                    Err(error) => after_failed_accept(&error).await,
                }
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            accepted = accepted => Some(accepted),
        }
    }
}

/// Binds as the standard library does, but with room for all who connect at once: the kernel drops the others, and they
/// try again after a second at the soonest.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::CONNECTIONS_WAITING_MAX)
}

/// A peer that gave up is nothing; a want of files or memory passes, but not at once.
async fn after_failed_accept(error: &io::Error) {
    let is_peers = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !is_peers {
        tracing::warn!(%error, "cannot accept a connection; is the limit of open files too low?");
        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
    }
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    // Without a timer hyper leaves the timeouts out in silence.
    server
        .http1()
        .timer(TokioTimer::new())
        .max_headers(limits::HEADERS_MAX)
        .header_read_timeout(limits::HEADER_READ_TIMEOUT);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits::HTTP2_HEADER_BYTES_MAX)
        .keep_alive_interval(limits::HEADER_READ_TIMEOUT);
    server
}

/// Whether the peer has sent enough to tell which HTTP it speaks. hyper looks for that without a timer, so that a peer
/// that sends nothing, or half of the HTTP/2 preface, would hold its connection for ever.
async fn has_begun(stream: &TcpStream) -> bool {
    const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let begun = async {
        let mut first = [0; HTTP2_PREFACE.len()];
        loop {
            match stream.peek(&mut first).await {
                Ok(read) if read == first.len() || !HTTP2_PREFACE.starts_with(&first[..read]) => return true,
                Ok(0) | Err(_) => return false,
                // The rest of a preface: peeking answers at once as long as there is anything.
                Ok(_) => tokio::time::sleep(limits::PREFACE_POLL).await,
            }
        }
    };
    tokio::time::timeout(limits::HEADER_READ_TIMEOUT, begun)
        .await
        .unwrap_or(false)
}

async fn serve_connection<S>(
    server: auto::Builder<TokioExecutor>,
    stream: TcpStream,
    service: S,
    watcher: Watcher,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    if !has_begun(&stream).await {
        tracing::debug!("a connection sent nothing in time");
        return;
    }
    let connection = server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

#[cfg(test)]
mod tests;
