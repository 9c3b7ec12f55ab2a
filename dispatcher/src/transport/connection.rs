//! Connections that remember whether anything was sent since they answered last.
//!
//! A server may close an idle connection at the very moment a request is to go out on it. When nothing of the request was
//! sent, the endpoint has had no attempt, and the request deserves a fresh connection. Once a byte was sent, nobody knows
//! what the endpoint has seen of it: then it was an attempt.
//!
//! Only HTTP/1 connections remember: there an answer is the end of all that was sent before it. On HTTP/2 other requests
//! may be on their way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Extensions, Response, Uri, Version};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes TCP connections that remember.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) HttpConnector);

/// A TCP connection that remembers.
#[derive(Debug)]
pub(super) struct Remembering {
    stream: TokioIo<TcpStream>,
    sent: Sent,
}

/// What was sent on a connection. Found in an answer's extensions and in an error's.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    /// Of these, the bytes up to the last answer; 0 before the first.
    answered: AtomicU64,
}

impl Sent {
    /// Notes that everything that was sent on the connection of this answer is answered.
    pub(super) fn note<B>(response: &Response<B>) {
        if response.version() <= Version::HTTP_11
            && let Some(sent) = response.extensions().get::<Self>()
        {
            let bytes = sent.0.bytes.load(Ordering::Acquire);
            sent.0.answered.store(bytes, Ordering::Release);
        }
    }

    /// Whether the connection that failed has answered before, and nothing was sent on it since.
    pub(super) fn nothing_since_an_answer(connection: &Connected) -> bool {
        let mut extensions = Extensions::new();
        connection.get_extras(&mut extensions);
        extensions.get::<Self>().is_some_and(|sent| {
            let answered = sent.0.answered.load(Ordering::Acquire);
            answered > 0 && answered == sent.0.bytes.load(Ordering::Acquire)
        })
    }

    fn add(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.0.bytes.fetch_add(*bytes as u64, Ordering::AcqRel);
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Remembering;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Remembering, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            Ok(Remembering {
                stream: connecting.await?,
                sent: Sent::default(),
            })
        })
    }
}

impl Connection for Remembering {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.sent.clone())
    }
}

impl Read for Remembering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Remembering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent.add(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent.add(&written);
        written
    }
}
