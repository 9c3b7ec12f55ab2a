//! Arguments of the commands that run a configuration or check it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::embedded::{Durability, Options, Retain};
use clap::{Args, ValueEnum};

use super::{bytes, durability, duration};

/// Where the ingress listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// Where the admin API listens unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:9090";
/// The smallest journal file: a batch of the largest size has to fit one.
const SEGMENT_BYTES_MIN: u64 = 8 << 20;
/// The largest.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Arguments of `heddle dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// Arguments of `heddle run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Files or folders with Knative YAML; may be repeated.
    #[arg(long, short, required = true, num_args = 1.., value_name = "FILE_OR_DIR")]
    pub(crate) config: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// What `dev` and `run` share.
#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArgs {
    /// The folder that keeps events and progress; made when it is not there.
    #[arg(
        long,
        default_value = "./heddle-data",
        env = "HEDDLE_DATA",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
    /// Address that producers post events to; port 0 takes any free one.
    #[arg(long, default_value = LISTEN_DEFAULT, env = "HEDDLE_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Address of health, metrics and the API that `heddle get` uses; port 0 takes any free one.
    #[arg(long, default_value = ADMIN_DEFAULT, env = "HEDDLE_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub(crate) admin: SocketAddr,
    /// File with the bearer token that producers must send.
    #[arg(long, value_name = "FILE")]
    pub(crate) ingress_token_file: Option<PathBuf>,
    /// File with the bearer token that the admin API asks for.
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Let anyone who reaches the admin address use it, even when it is not loopback.
    #[arg(long, conflicts_with = "admin_token_file")]
    pub(crate) admin_open: bool,
    /// File that receives the real addresses as JSON once traffic is accepted.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How long a stop waits for work in hand before it gives up on it; nothing is lost either way.
    #[arg(long, default_value = "20s", value_parser = duration::parse, value_name = "DURATION")]
    pub(crate) drain_timeout: Duration,
}

/// How the data directory is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct StorageArgs {
    /// What 202 promises: `always` (on disk before it is answered), `interval:100ms` (on disk at most that much later)
    /// or `os` (when the system writes it back). Only `always` loses nothing in a power cut.
    #[arg(long, default_value = "always", env = "HEDDLE_DURABILITY", value_parser = durability::parse, value_name = "MODE")]
    pub(crate) durability: Durability,
    /// Size of one journal file; smaller ones suit a small disk.
    #[arg(long, default_value = "64MiB", env = "HEDDLE_SEGMENT_BYTES", value_parser = segment_bytes, value_name = "SIZE")]
    pub(crate) segment_bytes: u64,
    /// Room that is taken ahead so that what was accepted can be finished when the disk is full; rounded up to whole
    /// journal files.
    #[arg(long, default_value = "128MiB", env = "HEDDLE_RESERVE_BYTES", value_parser = bytes::parse, value_name = "SIZE")]
    pub(crate) reserve_bytes: u64,
    /// Room on the file system that is left to others: with less, new events are refused with 507.
    #[arg(long, default_value = "128MiB", env = "HEDDLE_FREE_BYTES_MIN", value_parser = bytes::parse, value_name = "SIZE")]
    pub(crate) free_bytes_min: u64,
    /// How long delivered events stay for replays and for looking at; what is not delivered stays in any case.
    #[arg(long, default_value = "24h", env = "HEDDLE_RETAIN_AGE", value_parser = duration::parse, value_name = "DURATION")]
    pub(crate) retain_age: Duration,
    /// Size past which the journal lets its oldest file go, all brokers together; what is not delivered stays, and
    /// the limit is never less than twice that.
    #[arg(long, default_value = "10GiB", env = "HEDDLE_RETAIN_BYTES", value_parser = bytes::parse, value_name = "SIZE")]
    pub(crate) retain_bytes: u64,
}

/// Arguments of `heddle validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Files or folders with Knative YAML.
    #[arg(required = true, value_name = "FILE_OR_DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print what is to be said about it.
    #[arg(long, short, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: ReportOutput,
}

/// How `heddle validate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportOutput {
    /// For people.
    Text,
    /// As JSON, on standard output.
    Json,
}

impl StorageArgs {
    /// Options for opening this data directory.
    pub(crate) fn options(&self, directory: &Path) -> Options {
        let reserve = self.reserve_bytes.div_ceil(self.segment_bytes);
        Options {
            durability: self.durability,
            segment_bytes: self.segment_bytes,
            reserve_segments: usize::try_from(reserve).unwrap_or(usize::MAX),
            free_bytes_min: self.free_bytes_min,
            retain: Retain {
                age: self.retain_age,
                bytes: self.retain_bytes,
            },
            ..Options::new(directory)
        }
    }
}

fn segment_bytes(text: &str) -> Result<u64, String> {
    let found = bytes::parse(text)?;
    if (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&found) {
        Ok(found)
    } else {
        Err("a journal file has between 8MiB and 1GiB".to_owned())
    }
}
