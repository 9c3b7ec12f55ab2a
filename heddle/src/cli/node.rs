//! Arguments of the commands that run a configuration or check it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

/// Where the ingress listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// Where the admin API listens unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:9090";

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
