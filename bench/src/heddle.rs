//! The process under test: the released `heddle run`, on a data directory of its own, in the mode `always`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::context::Bench;
use crate::metrics;
use crate::process::Process;
use crate::web;

/// How long it may take to be ready, with a large directory too.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How often it is looked at what has to come.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Resources for `heddle run`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources(String);

/// A running heddle. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub(crate) struct Heddle {
    process: Process,
    ingress: SocketAddr,
    admin: SocketAddr,
    /// Removed after the process has ended: fields are dropped in order.
    _folder: TempDir,
}

impl Resources {
    /// The broker `default/default`.
    pub(crate) fn default_broker() -> Self {
        Self::default().broker("default")
    }

    /// A broker of the namespace `default`.
    pub(crate) fn broker(mut self, name: &str) -> Self {
        self.resource("eventing.knative.dev/v1", "Broker", name, "{}");
        self
    }

    fn resource(&mut self, version: &str, kind: &str, name: &str, spec: &str) {
        // Writing into a string does not fail.
        let _ = writeln!(
            self.0,
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}"
        );
    }
}

impl Heddle {
    /// Starts `heddle run` with these resources and waits until it takes traffic.
    pub(crate) async fn start(bench: &Bench, resources: &Resources) -> Result<Self> {
        let folder = bench.folder("heddle")?;
        std::fs::write(folder.path().join("mesh.yaml"), &resources.0)?;
        Self::launch(bench.heddle(), folder, &["run", "--config", "mesh.yaml"]).await
    }

    /// Starts `heddle dev`.
    pub(crate) async fn dev(bench: &Bench) -> Result<Self> {
        Self::launch(bench.heddle(), bench.folder("dev")?, &["dev"]).await
    }

    async fn launch(binary: &Path, folder: TempDir, arguments: &[&str]) -> Result<Self> {
        let (process, ready) = launch(binary, folder.path(), arguments).await?;
        Ok(Self {
            process,
            ingress: address(&ready, "ingress")?,
            admin: address(&ready, "admin")?,
            _folder: folder,
        })
    }

    /// Where events are posted.
    pub(crate) fn ingress(&self) -> SocketAddr {
        self.ingress
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The sum of a metric over all its labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let text = web::get(self.admin, "/metrics").await?;
        let mut sum = None;
        for line in text.lines().filter_map(|line| line.strip_prefix(name)) {
            if line.starts_with(['{', ' ']) {
                let value = line.rsplit(' ').next().context("a value")?;
                sum = Some(sum.unwrap_or(0.0) + value.parse::<f64>()?);
            }
        }
        // A counter without any labels yet is not shown.
        Ok(sum.unwrap_or(0.0))
    }

    /// Fails unless exactly so many events were stored since the process started.
    pub(crate) async fn check_stored(&self, acknowledged: u64) -> Result<()> {
        let stored = self.metric(metrics::STORED).await?;
        ensure!(
            stored == acknowledged as f64,
            "{acknowledged} events were acknowledged, {stored} were stored"
        );
        Ok(())
    }
}

/// Starts heddle in this folder and waits for its ready file; returns what that says.
async fn launch(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<(Process, Value)> {
    let ready = folder.join("ready.json");
    if ready.exists() {
        std::fs::remove_file(&ready)?;
    }
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args([
            "--durability",
            "always",
            "--data",
            "data",
            "--ready-file",
            "ready.json",
        ])
        .current_dir(folder);
    let began = Instant::now();
    let mut process = Process::start("heddle", &mut command, folder)?;
    while !ready.exists() {
        process.still_runs()?;
        ensure!(
            began.elapsed() < READY_WITHIN,
            "heddle was not ready within {READY_WITHIN:?}"
        );
        sleep(LOOK_AGAIN).await;
    }
    Ok((process, serde_json::from_slice(&std::fs::read(&ready)?)?))
}

/// An address of the ready file.
fn address(ready: &Value, name: &str) -> Result<SocketAddr> {
    let address = ready[name]
        .as_str()
        .with_context(|| format!("the ready file names {name}"))?;
    Ok(address.trim_start_matches("http://").parse()?)
}
