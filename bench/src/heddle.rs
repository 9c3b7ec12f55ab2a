//! The process under test: the released `heddle run`, on a data directory of its own, in the mode `always`.

use std::fmt::Write;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::fs::{Advice, fadvise};
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

/// A process that takes traffic.
#[derive(Debug)]
struct Launched {
    process: Process,
    /// What its ready file says.
    ready: Value,
    after: Duration,
}

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
    folder: TempDir,
    binary: PathBuf,
    /// From the start of the process until it took traffic.
    ready_after: Duration,
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

    /// A trigger on `default/default` that sends events of this type, or all, to a URL.
    pub(crate) fn trigger(mut self, name: &str, ty: Option<&str>, url: &str) -> Self {
        let filter = ty.map_or_else(String::new, |ty| {
            format!("filter: {{attributes: {{type: {ty}}}}}, ")
        });
        let spec = format!("{{broker: default, {filter}subscriber: {{uri: \"{url}\"}}}}");
        self.resource("eventing.knative.dev/v1", "Trigger", name, &spec);
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
        let launched = launch(binary, folder.path(), arguments).await?;
        Ok(Self {
            process: launched.process,
            ingress: address(&launched.ready, "ingress")?,
            admin: address(&launched.ready, "admin")?,
            folder,
            binary: binary.to_owned(),
            ready_after: launched.after,
        })
    }

    /// `kill -9`, and starts again on the same data with more arguments.
    pub(crate) async fn restart(&mut self, more: &[&str]) -> Result<()> {
        self.process.kill();
        let arguments = [&["run", "--config", "mesh.yaml"], more].concat();
        let launched = launch(&self.binary, self.folder.path(), &arguments).await?;
        self.ingress = address(&launched.ready, "ingress")?;
        self.admin = address(&launched.ready, "admin")?;
        self.ready_after = launched.after;
        self.process = launched.process;
        Ok(())
    }

    /// From the start of the process until it took traffic.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Holds a trigger up.
    pub(crate) async fn pause(&self, trigger: &str) -> Result<()> {
        let path = format!("/api/v1/triggers/default/{trigger}/pause");
        web::post(self.admin, &path, r#"{"reason":"bench"}"#)
            .await
            .map(drop)
    }

    /// Lets it go on.
    pub(crate) async fn resume(&self, trigger: &str) -> Result<()> {
        let path = format!("/api/v1/triggers/default/{trigger}/resume");
        web::post(self.admin, &path, "{}").await.map(drop)
    }

    /// Where events are posted.
    pub(crate) fn ingress(&self) -> SocketAddr {
        self.ingress
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Where metrics and the API are.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The sum of a metric over all its labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        metrics::sum(self.admin, name).await
    }

    /// Bytes of the files of the journal.
    pub(crate) fn bytes_on_disk(&self) -> Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.folder.path().join("data/journal"))? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }

    /// `kill -9`, and takes its files out of the system's cache, as if the machine had been started anew.
    pub(crate) fn kill_and_forget(&mut self) -> Result<()> {
        self.process.kill();
        for folder in ["data/journal", "data"] {
            for entry in std::fs::read_dir(self.folder.path().join(folder))? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    let file = File::open(entry.path())?;
                    // Only what is on disk leaves the cache.
                    file.sync_all()?;
                    fadvise(&file, 0, None, Advice::DontNeed)?;
                }
            }
        }
        Ok(())
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

/// Starts heddle in this folder and waits for its ready file.
async fn launch(binary: &Path, folder: &Path, arguments: &[&str]) -> Result<Launched> {
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
    Ok(Launched {
        process,
        after: began.elapsed(),
        ready: serde_json::from_slice(&std::fs::read(&ready)?)?,
    })
}

/// An address of the ready file.
fn address(ready: &Value, name: &str) -> Result<SocketAddr> {
    let address = ready[name]
        .as_str()
        .with_context(|| format!("the ready file names {name}"))?;
    Ok(address.trim_start_matches("http://").parse()?)
}
