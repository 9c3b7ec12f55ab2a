//! What a process has used, from `/proc/PID`: CPU, memory, bytes written.
//!
//! Bytes are those that reached the device of its files: the kernel's own count of a process (`/proc/PID/io`) takes each
//! piece of the page cache that it touches for written as a whole, and such a piece may have 64 KiB and more.

use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use serde::Serialize;

/// What a process has used up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of CPU, in user and kernel.
    pub(crate) cpu_seconds: f64,
    /// Bytes that were written to the device of its files, by whomever; to any device, as the kernel counts it, where that
    /// device has no counters.
    pub(crate) written_bytes: u64,
}

/// What a process holds in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// The most that was resident since it started (`VmHWM`).
    pub(crate) rss_peak_bytes: u64,
    /// Resident now (`VmRSS`).
    pub(crate) rss_bytes: u64,
    /// Resident now and not backed by a file (`RssAnon`).
    pub(crate) rss_anon_bytes: u64,
}

impl Usage {
    /// Of the process with this id, all its threads together, ended ones too.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let stat = read(pid, "stat")?;
        // The second field is the command in parentheses, and may hold blanks; utime and stime are the 14th and 15th.
        let fields = stat.rsplit_once(')').context("a command in parentheses")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
        Ok(Self {
            cpu_seconds: ticks as f64 / clock_ticks_per_second() as f64,
            written_bytes: match device_of(pid).and_then(written_to) {
                Some(bytes) => bytes,
                None => field(&read(pid, "io")?, "write_bytes:")?,
            },
        })
    }

    /// Of this process.
    pub(crate) fn own() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}

impl Memory {
    /// Of the process with this id.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = read(pid, "status")?;
        let kibibytes = |name| Ok::<u64, anyhow::Error>(field(&status, name)? * 1024);
        Ok(Self {
            rss_peak_bytes: kibibytes("VmHWM:")?,
            rss_bytes: kibibytes("VmRSS:")?,
            rss_anon_bytes: kibibytes("RssAnon:")?,
        })
    }
}

/// The device of the first file that the process has open.
fn device_of(pid: u32) -> Option<u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let mut files = open.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
    files.find(fs::Metadata::is_file).map(|file| file.dev())
}

/// Bytes written to a block device since it is there; the kernel's `Documentation/block/stat.rst`.
fn written_to(device: u64) -> Option<u64> {
    const SECTOR_BYTES: u64 = 512;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let counters = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    let sectors: u64 = counters.split_whitespace().nth(6)?.parse().ok()?;
    Some(sectors * SECTOR_BYTES)
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
}

fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next());
    let value = value.with_context(|| format!("no {name} in /proc"))?;
    Ok(value.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_usage_of_the_process() {
        let before = Usage::own().expect("a usage");
        let mut sum = 0_u64;
        while Usage::own().expect("a usage").since(before).cpu_seconds < 0.05 {
            sum = (0..100_000).fold(sum, u64::wrapping_add);
        }
        assert_ne!(sum, 1);
        let memory = Memory::of(std::process::id()).expect("a memory");
        assert!(memory.rss_peak_bytes >= memory.rss_bytes && memory.rss_bytes >= memory.rss_anon_bytes);
    }
}
