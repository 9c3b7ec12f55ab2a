//! One keep-alive connection: writes a rendered request, reads one answer. Understands what the servers here answer: a
//! status and a length.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for the head of an answer; more comes in further reads.
const READ_BYTES: usize = 4096;
/// Headers of an answer that are looked at.
const HEADERS: usize = 32;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| to.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Sends a request and returns the status of its answer, which was read to its end.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some((status, bytes)) = parse(&self.buffer)?
                && self.buffer.len() >= bytes
            {
                return Ok(status);
            }
        }
    }
}

/// Status and length of an answer with its body, when its head is complete.
fn parse(answer: &[u8]) -> Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer)? else {
        return Ok(None);
    };
    let status = response.code.context("a status")?;
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .context("an answer without a length")?;
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    Ok(Some((status, head + length)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_read_to_the_end_of_its_body() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\ndate: now\r\n\r\nabc";
        assert_eq!(parse(answer).expect("an answer"), Some((202, answer.len())));
        assert_eq!(parse(&answer[..30]).expect("a part of it"), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
