//! Apache Kafka itself: broker and controller in one process, its jars from `.servers/kafka/libs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tempfile::TempDir;

use super::EXCHANGE;
use crate::process::Process;
use crate::repository;
use crate::servers::free_port;
use crate::wait::{PATIENCE, eventually};

/// The line that the server logs when it takes clients.
const STARTED: &str = "Kafka Server started";

/// A running Apache Kafka. Dropping it kills the process and removes its logs.
#[derive(Debug)]
pub struct Apache {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Apache {
    /// Starts a server, or says why there is none.
    pub async fn start() -> Result<Self, String> {
        let libraries = libraries()?;
        for _ in 0..5 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (port, controller) = (free_port(), free_port());
            std::fs::write(
                folder.path().join("server.properties"),
                properties(folder.path(), port, controller),
            )
            .expect("a temporary folder takes a file");
            format(&libraries, folder.path())?;
            let mut process = spawn(&libraries, folder.path());
            if started(&mut process).await {
                return Ok(Self {
                    process,
                    port,
                    folder,
                });
            }
        }
        Err("Apache Kafka did not start on five pairs of free ports".to_owned())
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Makes a topic.
    pub async fn create_topic(&self, topic: &str, partitions: i32) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        let admin: AdminClient<DefaultClientContext> =
            config.create().expect("the client's options are valid");
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(EXCHANGE));
        let made = admin
            .create_topics([&wanted], &options)
            .await
            .expect("kafka answers");
        for topic in made {
            topic.unwrap_or_else(|(topic, error)| panic!("topic {topic}: {error}"));
        }
    }

    /// `kill -9` and start again on the same port and logs.
    pub async fn restart(&mut self) {
        self.process.kill();
        // The log keeps the first start's line: a file of its own for the next makes its line tell of it alone.
        let log = self.folder.path().join("kafka.out");
        std::fs::rename(&log, log.with_extension("out.before")).expect("the log can be set aside");
        self.process = spawn(&libraries().expect("looked at before"), self.folder.path());
        assert!(started(&mut self.process).await, "kafka starts again on its port");
    }
}

/// Waits until the server takes clients; false when it ended instead (a port was taken).
async fn started(process: &mut Process) -> bool {
    eventually("Apache Kafka starts", 2 * PATIENCE, || {
        if process.stdout().contains(STARTED) || process.stderr().contains(STARTED) {
            return Some(true);
        }
        process.exited().map(|_| false)
    })
    .await
}

fn libraries() -> Result<PathBuf, String> {
    let path = repository::servers().join("kafka/libs");
    if !path.is_dir() {
        return Err(format!(
            "{} is not there (scripts/servers gets it)",
            path.display()
        ));
    }
    let java = Command::new("java").arg("-version").output();
    java.map(|_| path.join("*"))
        .map_err(|error| format!("java does not run: {error}"))
}

/// Writes the metadata that a KRaft node needs before its first start.
fn format(libraries: &Path, folder: &Path) -> Result<(), String> {
    let mut command = java(libraries, folder);
    command.args([
        "kafka.tools.StorageTool",
        "format",
        "--cluster-id",
        "aGVkZGxlLWhhcm5lc3MtMQ",
        "--config",
    ]);
    command.arg("server.properties");
    let output = command
        .output()
        .map_err(|error| format!("java does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "kafka's format tool failed: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn spawn(libraries: &Path, folder: &Path) -> Process {
    let mut command = java(libraries, folder);
    command.args(["kafka.Kafka", "server.properties"]);
    Process::spawn("kafka", &mut command, folder).expect("java starts")
}

/// Java tuned for a short life: a small heap, the quick compiler only.
fn java(libraries: &Path, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command.args([
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-cp",
    ]);
    command.arg(libraries).current_dir(folder);
    command
}

fn properties(folder: &Path, port: u16, controller: u16) -> String {
    let logs = folder.join("logs");
    let lines = [
        "process.roles=broker,controller".to_owned(),
        "node.id=1".to_owned(),
        format!("controller.quorum.voters=1@127.0.0.1:{controller}"),
        format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
        format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}"),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=PLAINTEXT".to_owned(),
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
        format!("log.dirs={}", logs.display()),
        "auto.create.topics.enable=false".to_owned(),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        // One node: everything that Kafka wants three of, it gets once.
        "offsets.topic.num.partitions=1".to_owned(),
        "offsets.topic.replication.factor=1".to_owned(),
        "share.coordinator.state.topic.min.isr=1".to_owned(),
        "share.coordinator.state.topic.num.partitions=1".to_owned(),
        "share.coordinator.state.topic.replication.factor=1".to_owned(),
        "transaction.state.log.min.isr=1".to_owned(),
        "transaction.state.log.num.partitions=1".to_owned(),
        "transaction.state.log.replication.factor=1".to_owned(),
    ];
    lines.join("\n")
}
