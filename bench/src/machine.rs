//! What was measured on: cores, memory, kernel, file system, how busy, and how fast it syncs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::disk::Disk;
use crate::histogram::Percentiles;

/// How long syncs are timed.
const SYNCS_DURING: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// What the processor calls itself.
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// All memory.
    pub(crate) memory_bytes: u64,
    /// Release of the kernel.
    pub(crate) kernel: String,
    /// Type and device of the file system under the data directories.
    pub(crate) file_system: String,
    /// Running tasks, averaged over the last minute before the run: what others do on this machine.
    pub(crate) load_average: f64,
    /// Writes of 4 KiB into a preallocated file, each synced, one after the other: how many a second.
    pub(crate) syncs_per_second: f64,
    /// How long each of them took.
    pub(crate) sync_ms: Percentiles,
}

impl Machine {
    /// Looks at this machine.
    ///
    /// # Errors
    /// When the data would lie in memory: nothing durable can be measured there.
    pub(crate) fn look(data: &Path, disk: &mut Disk) -> Result<Self> {
        let file_system = file_system(data)?;
        if ["tmpfs", "ramfs", "devtmpfs"]
            .iter()
            .any(|kind| file_system.starts_with(kind))
        {
            bail!(
                "{} is in memory ({file_system}): name a folder on a disk with --data",
                data.display()
            );
        }
        let syncs = disk.syncs(SYNCS_DURING)?;
        let load = std::fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: after("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            memory_bytes: memory_bytes()?,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            file_system,
            load_average: load.split(' ').next().context("a load")?.parse()?,
            syncs_per_second: syncs.count() as f64 / SYNCS_DURING.as_secs_f64(),
            sync_ms: syncs.percentiles(),
        })
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} ({} cores), {:.1} GiB, Linux {}, {}, {:.0} syncs/s (p50 {:.2} ms, p99 {:.2} ms), load {:.2} before",
            self.processor,
            self.cores,
            self.memory_bytes as f64 / f64::from(1_u32 << 30),
            self.kernel,
            self.file_system,
            self.syncs_per_second,
            self.sync_ms.p50,
            self.sync_ms.p99,
            self.load_average,
        )
    }
}

/// The commit that was built, with `-dirty` when files differ from it; `unknown` outside a repository.
pub(crate) fn commit() -> String {
    let git = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
        .output();
    let said = git.ok().filter(|output| output.status.success());
    said.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn memory_bytes() -> Result<u64> {
    let total = after("/proc/meminfo", "MemTotal").context("no MemTotal in /proc/meminfo")?;
    let kibibytes: u64 = total.trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// The first value of a name in a file of `name : value` lines.
fn after(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Type and device of the mount that a path is on: the one with the longest mount point above it.
fn file_system(path: &Path) -> Result<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let mut best: Option<(&str, String)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(device), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let longer = best.as_ref().is_none_or(|(best, _)| point.len() >= best.len());
        if path.starts_with(point) && longer {
            best = Some((point, format!("{kind} on {device}")));
        }
    }
    Ok(best.context("no mount above the data directory")?.1)
}
