//! The command line: what a person types (`run`), and the servers that `run` starts of this binary.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::rounds::Pace;

/// Measures heddle against the machine's own limits.
#[derive(Debug, Parser)]
#[command(name = "heddle-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What this binary can be.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the scenarios, print the table and write the results.
    Run(RunArgs),
    /// Yardstick: a server that appends bodies to a preallocated file and answers after a shared sync.
    #[command(hide = true)]
    Fsync(FsyncArgs),
    /// Yardstick: a server that reads the body and answers.
    #[command(hide = true)]
    Discard,
    /// Where events are delivered to: counts them, sums their fingerprints and tells how long they took.
    #[command(hide = true)]
    Sink,
    /// Yardstick: a client that posts events.
    #[command(hide = true)]
    Post(PostArgs),
    /// Yardstick: a server that hands each body to a client, which posts it.
    #[command(hide = true)]
    Relay(RelayArgs),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// How long and how much to measure.
    #[arg(long, default_value = "full", value_name = "MODE")]
    pub(crate) mode: Mode,
    /// Only the scenarios whose names begin so, or `plots`; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// The binary under test; the one beside this binary unless told otherwise.
    #[arg(long, value_name = "FILE")]
    pub(crate) heddle: Option<PathBuf>,
    /// Where data directories are made; must not be in memory.
    #[arg(long, default_value = "target/bench", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where `latest.json` and the plots go.
    #[arg(long, default_value = "bench/results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// The nats-server to compare with; `scripts/servers nats` fetches it.
    #[arg(long, default_value = ".servers/nats/nats-server", value_name = "FILE")]
    pub(crate) nats_server: PathBuf,
}

/// How long and how much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// All scenarios in short: under 90 seconds, and only good for a first look.
    Quick,
    /// Five rounds of each, and the plots: under 10 minutes.
    Full,
    /// Only what takes long and much disk: millions of events waiting, a directory of 10 GiB.
    Large,
}

/// Arguments of `fsync`.
#[derive(Debug, Args)]
pub(crate) struct FsyncArgs {
    /// The file to write round and round; its size stays as it is.
    #[arg(long)]
    pub(crate) file: PathBuf,
}

/// Arguments of `post`.
#[derive(Debug, Args)]
pub(crate) struct PostArgs {
    /// The server.
    #[arg(long)]
    pub(crate) to: SocketAddr,
    /// How many events.
    #[arg(long)]
    pub(crate) count: u64,
    /// Requests at once.
    #[arg(long)]
    pub(crate) in_flight: usize,
}

/// Arguments of `relay`.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// The server that gets the bodies.
    #[arg(long)]
    pub(crate) to: SocketAddr,
    /// Requests at once.
    #[arg(long)]
    pub(crate) in_flight: usize,
}

impl Mode {
    /// How often each side is measured, when its rounds may take so many seconds in a full run.
    pub(crate) fn pace(self, seconds: u64) -> Pace {
        let budget = Duration::from_secs(seconds);
        match self {
            Self::Quick => Pace {
                rounds: 2,
                least: 1,
                budget: budget / 8,
            },
            Self::Full => Pace {
                rounds: 5,
                least: 3,
                budget,
            },
            Self::Large => Pace {
                rounds: 5,
                least: 5,
                budget,
            },
        }
    }

    /// How long a side is measured in one round.
    pub(crate) fn measured(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(600),
            Self::Full | Self::Large => Duration::from_secs(2),
        }
    }

    /// How long a side is under load before it is measured.
    pub(crate) fn warm_up(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(200),
            Self::Full | Self::Large => Duration::from_millis(400),
        }
    }

    /// The name as it stands in the results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
            Self::Large => "large",
        }
    }
}
