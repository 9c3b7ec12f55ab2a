//! Clients that others wrote: programs made of their libraries (`tests/interop`, fetched by `scripts/interop`), told to send
//! events and telling what their library made of those that came.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};

use crate::repository;
use crate::wait::PATIENCE;

/// Whose library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `cloudevents` from PyPI.
    Python,
    /// `azure-eventgrid` from PyPI.
    EventGrid,
    /// `cloudevents` from npm.
    Node,
    /// The crate `cloudevents-sdk` with its binding for `reqwest`.
    Rust,
}

/// A running client. Dropping it ends its process.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    commands: ChildStdin,
    answers: mpsc::UnboundedReceiver<Value>,
    requests: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
    sink: String,
    /// Killed when it is dropped.
    _process: Child,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Python, Self::EventGrid, Self::Node, Self::Rust];

    /// The package, and where it is from.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "PyPI's cloudevents",
            Self::EventGrid => "PyPI's azure-eventgrid",
            Self::Node => "npm's cloudevents",
            Self::Rust => "the crate cloudevents-sdk",
        }
    }

    /// How its program is started, or why that cannot be.
    fn command(self) -> Result<Command, String> {
        let fetched = repository::servers().join("interop");
        let programs = repository::top().join("tests/interop");
        let there = |path: PathBuf| {
            let why = || format!("{} is not there (scripts/interop gets it)", path.display());
            path.exists().then(|| path.clone()).ok_or_else(why)
        };
        Ok(match self {
            Self::Python | Self::EventGrid => {
                there(fetched.join("python/stamp"))?;
                let package = match self {
                    Self::Python => "cloudevents",
                    _ => "azure-eventgrid",
                };
                let mut python = Command::new("python3");
                python.arg(programs.join("python/peer.py")).arg(package);
                python.env("PYTHONPATH", fetched.join("python"));
                python.env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
            Self::Node => {
                there(fetched.join("node/stamp"))?;
                let mut node = Command::new("node");
                node.arg(programs.join("node/peer.cjs")).arg(fetched.join("node"));
                node
            }
            Self::Rust => Command::new(there(fetched.join("rust/debug/heddle-interop"))?),
        })
    }
}

impl Peer {
    /// Starts a client's program, or says why there is none.
    pub async fn start(client: Client) -> Result<Self, String> {
        let mut command = client.command()?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", client.name()))?;
        let commands = process.stdin.take().expect("standard input is piped");
        let output = process.stdout.take().expect("standard output is piped");
        let mut lines = BufReader::new(output).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let first = first.unwrap_or_else(|_| panic!("{} says nothing", client.name()));
        let first = first.expect("its output is text");
        let first = first.unwrap_or_else(|| panic!("{} ended at once", client.name()));
        let sink = parse(&first)["sink"]
            .as_str()
            .unwrap_or_else(|| panic!("{} says where its sink is: {first}", client.name()))
            .to_owned();
        let requests = Arc::default();
        let (answered, answers) = mpsc::unbounded_channel();
        let (counted, count) = watch::channel(0);
        tokio::spawn(listen(lines, answered, Arc::clone(&requests), counted));
        Ok(Self {
            client,
            commands,
            answers,
            requests,
            count,
            sink,
            _process: process,
        })
    }

    /// The URL of its sink with this path.
    pub fn sink(&self, path: &str) -> String {
        format!("{}{path}", self.sink)
    }

    /// Has the library send these events in a mode (`binary`, `structured` or `batch`): the status of the answer, or
    /// the error that the library met.
    pub async fn send(&mut self, url: &str, mode: &str, events: &[Value]) -> Result<u64, String> {
        let command = json!({"url": url, "mode": mode, "events": events});
        let line = format!("{command}\n");
        let sent = self.commands.write_all(line.as_bytes()).await;
        sent.unwrap_or_else(|error| panic!("{} takes no commands: {error}", self.client.name()));
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{} does not answer {command}", self.client.name()));
        let answer = answer.unwrap_or_else(|| panic!("{} ended at {command}", self.client.name()));
        match answer["status"].as_u64() {
            Some(status) => Ok(status),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Waits until its sink has had so many requests, and gives what the library made of each: `{"path", "event"}`, or
    /// `{"path", "error"}`.
    pub async fn received(&self, count: usize) -> Vec<Value> {
        let mut counter = self.count.clone();
        let came = tokio::time::timeout(PATIENCE, counter.wait_for(|&seen| seen >= count)).await;
        let seen = self.requests.lock().clone();
        assert!(
            matches!(came, Ok(Ok(_))),
            "{}: {} of {count} requests came: {seen:#?}",
            self.client.name(),
            seen.len()
        );
        seen
    }
}

/// Sorts what a client says until its output ends.
async fn listen(
    mut lines: Lines<BufReader<ChildStdout>>,
    answered: mpsc::UnboundedSender<Value>,
    requests: Arc<Mutex<Vec<Value>>>,
    counted: watch::Sender<usize>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let told = parse(&line);
        if told.get("path").is_some() {
            requests.lock().push(told);
            counted.send_modify(|count| *count += 1);
        } else if answered.send(told).is_err() {
            break;
        }
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("a client says no JSON ({error}): {line}"))
}
