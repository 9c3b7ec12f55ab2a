//! The process under test: `heddle run` on port 0 with a data folder of its own, and heddle's other commands.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::config::Resources;
use crate::metrics::Metrics;
use crate::process::Process;
use crate::producer::{Producer, get};
use crate::repository;
use crate::wait::{LOOK_AGAIN, PATIENCE, eventually};

/// A `heddle run` that was ready once. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Heddle {
    process: Process,
    ready: Ready,
    folder: TempDir,
    start: Start,
}

/// How `heddle run` is started, each time anew.
#[derive(Debug)]
struct Start {
    configuration: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// What a command of heddle's printed and how it ended.
#[derive(Clone, Debug)]
pub struct Cli {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The ready file: where the process really listens.
#[derive(Clone, Debug)]
struct Ready {
    ingress: String,
    admin: String,
}

impl Heddle {
    /// Starts heddle with these resources and waits until it takes traffic.
    pub async fn start(resources: &Resources) -> Self {
        Self::start_with(resources, &[], &[]).await
    }

    /// Starts heddle with these resources, more arguments for `heddle run` and more environment.
    pub async fn start_with(resources: &Resources, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = resources.write(folder.path());
        Self::start_in(folder, configuration, arguments, environment).await
    }

    /// Starts heddle with a configuration file or folder that is there already.
    pub async fn start_at(configuration: PathBuf, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, configuration, &[], environment).await
    }

    /// Starts heddle with these resources and more arguments on a data folder that is there already, such as a file
    /// system of its own. The caller keeps it until heddle has ended.
    pub async fn start_on(data: &Path, resources: &Resources, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink(data, folder.path().join("data")).expect("a link to the data folder");
        let configuration = resources.write(folder.path());
        Self::start_in(folder, configuration, arguments, &[]).await
    }

    async fn start_in(
        folder: TempDir,
        configuration: PathBuf,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let environment = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let start = Start {
            configuration,
            arguments,
            environment,
        };
        let process = start.spawn(folder.path());
        let mut heddle = Self {
            process,
            ready: Ready::unknown(),
            folder,
            start,
        };
        heddle.await_ready().await;
        heddle
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, and waits for the drain to end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process.terminate();
        self.process.wait(PATIENCE).await
    }

    /// Starts again on the same data and configuration; the process must have ended. Ports are new.
    pub async fn restart(&mut self) {
        self.launch();
        self.await_ready().await;
    }

    /// Starts again and does not wait: see [`Self::await_ready`].
    pub fn launch(&mut self) {
        assert!(
            self.process.exited().is_some(),
            "restart comes after the end of the earlier process"
        );
        self.process = self.start.spawn(self.folder.path());
    }

    /// Starts again expecting that it refuses: returns its exit status, with its words in [`Process::stderr`].
    pub async fn refused(&mut self) -> ExitStatus {
        self.launch();
        self.process.wait(PATIENCE).await
    }

    /// Keeps the folder for a person to look at, and says where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Replaces the configuration for the next start.
    pub fn reconfigure(&mut self, resources: &Resources) {
        resources.write(self.folder.path());
    }

    /// The ingress, as `http://host:port`.
    pub fn ingress(&self) -> &str {
        &self.ready.ingress
    }

    /// The admin address, as `http://host:port`.
    pub fn admin(&self) -> &str {
        &self.ready.admin
    }

    /// The URL of a broker's ingress, `name` as `namespace/name`.
    pub fn broker(&self, name: &str) -> String {
        format!("{}/{name}", self.ready.ingress)
    }

    /// A producer for this broker with connections of its own.
    pub fn producer(&self, broker: &str) -> Producer {
        Producer::new(self.broker(broker))
    }

    /// The folder that holds configuration, data (`data/`) and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process, for signals and its output.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits until all that a trigger has to do is done and returns its resource as JSON.
    pub async fn idle_trigger(&self, name: &str) -> Value {
        let cli = self
            .cli(&[
                "get",
                "trigger",
                name,
                "--output",
                "json",
                "--wait-idle",
                "60s",
                "--admin",
                self.admin(),
            ])
            .await;
        assert_eq!(cli.code, Some(0), "get trigger {name} --wait-idle: {cli:?}");
        self.adds_up().await;
        cli.json()
    }

    /// What `/metrics` says now.
    pub async fn metrics(&self) -> Metrics {
        let answered = get(&format!("{}/metrics", self.admin())).await;
        assert_eq!(answered.status.as_u16(), 200, "{answered:?}");
        Metrics::parse(&answered.text())
    }

    /// Waits until the metrics add up, which they do when nothing is on its way; panics with the equations that do not.
    /// Where the admin API asks for a token nothing is checked.
    pub async fn adds_up(&self) {
        let url = format!("{}/metrics", self.admin());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answered = get(&url).await;
            if answered.status.as_u16() == 401 {
                return;
            }
            let wrong = Metrics::parse(&answered.text()).discrepancies();
            if wrong.is_empty() {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the metrics do not add up: {wrong:#?}"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What `dead-letters list` shows, as JSON; an array.
    pub async fn dead_letters(&self) -> Vec<Value> {
        let cli = self
            .cli(&[
                "dead-letters",
                "list",
                "--output",
                "json",
                "--admin",
                self.admin(),
            ])
            .await;
        assert_eq!(cli.code, Some(0), "dead-letters list: {cli:?}");
        let listed = cli.json();
        let items = listed
            .as_array()
            .or_else(|| listed.get("items").and_then(Value::as_array));
        items
            .unwrap_or_else(|| panic!("dead-letters list prints a JSON array: {listed}"))
            .clone()
    }

    /// Runs one of heddle's commands in this process's folder.
    pub async fn cli(&self, arguments: &[&str]) -> Cli {
        Cli::run_in(self.folder.path(), arguments, b"").await
    }

    /// Runs one of heddle's commands with something on its standard input.
    pub async fn cli_with_input(&self, arguments: &[&str], input: &[u8]) -> Cli {
        Cli::run_in(self.folder.path(), arguments, input).await
    }

    /// Starts one of heddle's commands that runs on, such as `tail`; its output is in the process's files.
    pub fn background(&self, name: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(repository::heddle());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1");
        Process::spawn(name, &mut command, self.folder.path()).expect("heddle starts")
    }

    /// Waits until a process that was launched takes traffic.
    pub async fn await_ready(&mut self) {
        let path = self.folder.path().join("ready.json");
        let process = &mut self.process;
        let ready = eventually("heddle writes its ready file", PATIENCE, || {
            if let Some(status) = process.exited() {
                panic!(
                    "heddle ended ({status}) before it was ready:\n{}{}",
                    process.stdout(),
                    process.stderr()
                );
            }
            std::fs::read_to_string(&path).ok()
        })
        .await;
        self.ready = Ready::parse(&ready);
    }
}

impl Cli {
    /// Runs `heddle ARGUMENTS` in a folder, with `input` on its standard input, and waits for its end.
    pub async fn run_in(folder: &Path, arguments: &[&str], input: &[u8]) -> Self {
        let what = format!("heddle {}", arguments.join(" "));
        let mut command = tokio::process::Command::new(repository::heddle());
        command
            .args(arguments)
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("heddle starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let feed = async move {
            // A command that ends early closes the pipe: that is its right, the test looks at its exit code.
            drop(stdin.write_all(input).await);
        };
        let run = async { tokio::join!(feed, child.wait_with_output()).1 };
        let ended = tokio::time::timeout(2 * PATIENCE, run).await;
        let output = ended
            .unwrap_or_else(|_| panic!("{what} did not end"))
            .expect("a child can be waited for");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Standard output, parsed as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl Ready {
    fn unknown() -> Self {
        Self {
            ingress: String::new(),
            admin: String::new(),
        }
    }

    fn parse(text: &str) -> Self {
        let ready: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("ready file: {error}: {text}"));
        let address = |name: &str| {
            let address = ready[name]
                .as_str()
                .unwrap_or_else(|| panic!("the ready file names {name}: {text}"));
            if address.starts_with("http") {
                address.to_owned()
            } else {
                format!("http://{address}")
            }
        };
        Self {
            ingress: address("ingress"),
            admin: address("admin"),
        }
    }
}

impl Start {
    /// Starts `heddle run` on free ports with its data, ready file and logs in this folder.
    fn spawn(&self, folder: &Path) -> Process {
        let ready = folder.join("ready.json");
        if ready.exists() {
            std::fs::remove_file(&ready).expect("the ready file of the earlier process can be removed");
        }
        let mut command = Command::new(repository::heddle());
        command.args(["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.arg("--config").arg(&self.configuration);
        command.arg("--data").arg(folder.join("data"));
        command.arg("--ready-file").arg(&ready);
        command.args(&self.arguments).current_dir(folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::spawn("heddle", &mut command, folder).expect("heddle starts")
    }
}
