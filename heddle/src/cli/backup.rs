//! Arguments of the commands that look after a data directory: `heddle backup` and `heddle doctor`.

use std::path::PathBuf;

use clap::Args;

use super::node::ReportOutput;
use super::query::AdminArgs;

/// Arguments of `heddle backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// A directory that is not there yet, on the machine on which heddle runs; relative to where this command is typed.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The data directory to look through; nothing in it is changed.
    #[arg(
        long,
        default_value = "./heddle-data",
        env = "HEDDLE_DATA",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// How to print what was found.
    #[arg(long, short, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: ReportOutput,
}
