//! One small HTTP request after the other: for metrics and commands, never for load.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a GET of this path answers; an error unless it is a 200.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<String> {
    exchange(address, "GET", path, "").await
}

/// Posts a JSON document and returns what is answered; an error unless it is a 2xx.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Result<String> {
    exchange(address, "POST", path, body).await
}

async fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let what = || format!("{method} http://{address}{path}");
    let mut stream = TcpStream::connect(address).await.with_context(what)?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    let request = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.with_context(what)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.with_context(what)?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(what)?;
    let status = head.get(9..12).unwrap_or_default();
    ensure!(status.starts_with('2'), "{}: {status} {body}", what());
    ensure!(
        !head.to_ascii_lowercase().contains("transfer-encoding"),
        "{}: an answer in chunks is not understood here",
        what()
    );
    Ok(body.to_owned())
}
