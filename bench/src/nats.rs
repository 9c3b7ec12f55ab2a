//! NATS JetStream, as the yardstick that somebody else wrote: a server with a file store, and a client that does the
//! least that publishing with acknowledgement needs.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::clock;
use crate::context::Bench;
use crate::event::{Shape, id_text};
use crate::load::{Books, Extent, Tally};
use crate::process::Process;

/// How long the server may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where answers go, followed by the number of the request.
const INBOX: &str = "_INBOX.bench.";

/// A running nats-server. Dropping it kills the process and removes its store.
#[derive(Debug)]
pub(crate) struct NatsServer {
    process: Process,
    address: SocketAddr,
    _folder: TempDir,
}

/// One connection.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer has been understood.
    used: usize,
}

impl NatsServer {
    /// Starts a server whose store syncs as `sync_interval` says (nothing: its default), with a stream.
    pub(crate) async fn start(bench: &Bench, binary: &Path, sync_interval: Option<&str>) -> Result<Self> {
        ensure!(
            binary.is_file(),
            "{} is not there (scripts/servers nats fetches it)",
            binary.display()
        );
        let folder = bench.folder("nats")?;
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let sync = sync_interval.map_or_else(String::new, |interval| format!(", sync_interval: {interval}"));
        let store = folder.path().join("store");
        let configuration = format!(
            "listen: \"{address}\"\njetstream: {{store_dir: \"{}\"{sync}}}\n",
            store.display()
        );
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, configuration)?;
        let mut process = Process::start(
            "nats",
            Command::new(binary).arg("--config").arg(&file),
            folder.path(),
        )?;
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            process.still_runs()?;
            ensure!(began.elapsed() < READY_WITHIN, "nats-server does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        let server = Self {
            process,
            address,
            _folder: folder,
        };
        server.make_stream().await?;
        Ok(server)
    }

    /// What the binary says of itself.
    pub(crate) fn version(binary: &Path) -> Result<String> {
        let output = Command::new(binary).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    async fn make_stream(&self) -> Result<()> {
        let mut client = Client::connect(self.address).await?;
        let stream = r#"{"name":"bench","subjects":["bench"],"storage":"file","retention":"limits"}"#;
        let answer = client.request("$JS.API.STREAM.CREATE.bench", stream).await?;
        ensure!(
            !answer.contains("\"error\""),
            "the stream cannot be made: {answer}"
        );
        Ok(())
    }

    /// How many messages the stream holds.
    pub(crate) async fn messages(&self) -> Result<u64> {
        let mut client = Client::connect(self.address).await?;
        let answer = client.request("$JS.API.STREAM.INFO.bench", "").await?;
        let info: serde_json::Value = serde_json::from_str(&answer)?;
        info["state"]["messages"].as_u64().context("a number of messages")
    }

    /// Publishes events with so many in flight on one connection, in a closed loop.
    pub(crate) async fn publish(&self, first_id: u64, in_flight: u64, extent: Extent) -> Result<Tally> {
        let Extent::Time { warm_up, measured } = extent else {
            bail!("publishing lasts for a time")
        };
        let mut client = Client::connect(self.address).await?;
        let mut books = Books::new()?;
        let mut template = Shape::plain().render();
        let mut sent = HashMap::new();
        let (mut next, mut out) = (first_id, Vec::new());
        let began = Instant::now();
        let (mut window, mut used) = (None, None);
        while used.is_none() || !sent.is_empty() {
            while used.is_none() && (sent.len() as u64) < in_flight {
                let (_, fingerprint) = template.stamp(next, 0);
                publish(&mut out, next, template.data_of_first());
                sent.insert(next, (clock::now(), fingerprint));
                next += 1;
            }
            client.stream.write_all(&out).await?;
            out.clear();
            for (id, answer) in client.answers().await? {
                let (at, fingerprint) = sent.remove(&id).context("an answer to nothing")?;
                if answer.contains("\"error\"") || !answer.contains("\"seq\"") {
                    books.failed(&answer);
                } else {
                    books.acknowledged(1, fingerprint, clock::now() - at);
                }
            }
            if window.is_none() && began.elapsed() >= warm_up {
                window = Some(books.open(self.process.id())?);
            }
            if let Some(window) = window.filter(|_| used.is_none() && began.elapsed() >= warm_up + measured) {
                used = Some(books.shut(window)?);
            }
        }
        books.close(used.context("the time was over")?)
    }
}

impl Client {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            buffer: Vec::with_capacity(64 << 10),
            used: 0,
        };
        let hello = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";
        let subscribe = format!("SUB {INBOX}* 1\r\n");
        client
            .stream
            .write_all(format!("{hello}{subscribe}").as_bytes())
            .await?;
        Ok(client)
    }

    async fn request(&mut self, subject: &str, body: &str) -> Result<String> {
        let message = format!("PUB {subject} {INBOX}0 {}\r\n{body}\r\n", body.len());
        self.stream.write_all(message.as_bytes()).await?;
        let answers = self.answers().await?;
        Ok(answers.into_iter().next().context("an answer")?.1)
    }

    /// At least one message that came to the inbox: the number of its request, and its body with its headers.
    async fn answers(&mut self) -> Result<Vec<(u64, String)>> {
        let mut answers = Vec::new();
        loop {
            while let Some(answer) = self.parse().await? {
                answers.push(answer);
            }
            if !answers.is_empty() {
                return Ok(answers);
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            ensure!(
                read.context("nats-server does not answer")?? > 0,
                "nats-server closed the connection"
            );
        }
    }

    async fn parse(&mut self) -> Result<Option<(u64, String)>> {
        loop {
            let rest = &self.buffer[self.used..];
            let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
                return Ok(None);
            };
            let line = std::str::from_utf8(&rest[..end])?.to_owned();
            let mut words = line.split(' ');
            match words.next() {
                Some("MSG" | "HMSG") => {
                    let number = words.next().and_then(|subject| subject.strip_prefix(INBOX));
                    let number: u64 = number.context("a subject of the inbox")?.parse()?;
                    let bytes: usize = words.next_back().context("a length")?.parse()?;
                    let body = end + 2..end + 2 + bytes;
                    if rest.len() < body.end + 2 {
                        return Ok(None);
                    }
                    let text = String::from_utf8_lossy(&rest[body.clone()]).into_owned();
                    self.used += body.end + 2;
                    return Ok(Some((number, text)));
                }
                Some("PING") => self.stream.write_all(b"PONG\r\n").await?,
                Some("-ERR") => bail!("nats-server says {line}"),
                _ => {}
            }
            self.used += end + 2;
        }
    }
}

/// An event in the binary mode of the NATS binding.
fn publish(out: &mut Vec<u8>, id: u64, data: &[u8]) {
    let mut headers = String::with_capacity(512);
    let text = id_text(id);
    // Writing into a string does not fail.
    let _ = write!(
        headers,
        "NATS/1.0\r\nce-specversion: 1.0\r\nce-id: {text}\r\nce-source: /bench/producer\r\n\
         ce-type: com.example.order.created\r\nce-subject: orders/4711\r\nce-time: 2026-11-23T12:00:00.123456Z\r\n\
         ce-dataschema: https://example.com/schemas/order.json\r\nce-partitionkey: customer-7\r\n\
         content-type: application/json\r\n\r\n"
    );
    let (head, all) = (headers.len(), headers.len() + data.len());
    out.extend_from_slice(format!("HPUB bench {INBOX}{id} {head} {all}\r\n").as_bytes());
    out.extend_from_slice(headers.as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
