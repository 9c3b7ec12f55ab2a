//! What the servers here share: accept, no delay, HTTP/1.1, until standard input ends.

use std::convert::Infallible;
use std::future::Future;
use std::net::Ipv4Addr;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, stdin};
use tokio::net::TcpSocket;

use crate::process::say_address;

/// Connections that the kernel keeps until they are accepted. The generator opens all of its own at once, and one that is
/// dropped comes again after a second.
const WAITING: u32 = 4_096;

/// An answer with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// Serves on a free port of this machine until standard input ends.
///
/// # Errors
/// When the port cannot be had.
pub(super) async fn serve<H, F>(handle: H) -> Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(WAITING)?;
    say_address(listener.local_addr()?)?;
    let accept = async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            drop(stream.set_nodelay(true));
            let handle = handle.clone();
            let service = service_fn(move |request| {
                let answer = handle(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(serving.await) });
        }
    };
    tokio::select! {
        () = accept => Ok(()),
        () = parent_gone() => Ok(()),
    }
}

/// Waits until whoever started this process closes its standard input, which the system does for one that is killed.
pub(super) async fn parent_gone() {
    let mut nothing = [0; 64];
    while let Ok(1..) = stdin().read(&mut nothing).await {}
}

/// The whole body; `None` when it broke off.
pub(super) async fn body(request: Request<Incoming>) -> Option<Bytes> {
    Some(request.into_body().collect().await.ok()?.to_bytes())
}

/// An answer with this status.
pub(super) fn answer(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}
