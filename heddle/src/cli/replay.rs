//! Arguments of the commands on replays.

use clap::{Args, Subcommand};
use schemas::names::ResourceName;

use super::query::{AdminArgs, Output};
use super::trigger::{in_default, place};

/// Arguments of `heddle replay`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ReplayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ReplayCommand>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// What can be done with one that runs.
#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// End it: what it has not delivered yet is not delivered.
    Cancel(CancelArgs),
}

/// Which events go to which trigger once more.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The trigger, as `name` (namespace `default`) or `namespace/name`.
    #[arg(long, value_parser = in_default, value_name = "NAME", required = true)]
    pub(crate) trigger: Option<ResourceName>,
    /// The first event: earliest, a time (RFC 3339), or a position.
    #[arg(long, value_parser = place, value_name = "PLACE", required = true)]
    pub(crate) from: Option<String>,
    /// The last event: latest, a time (RFC 3339), or a position.
    #[arg(long, value_parser = place, value_name = "PLACE", default_value = "latest")]
    pub(crate) to: String,
    /// Most deliveries a second, such as `100/s`.
    #[arg(long, value_parser = rate, value_name = "N/s")]
    pub(crate) rate: Option<u32>,
    /// Count the events and deliver none.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle replay cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The id that `heddle replays` shows.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle replays`.
#[derive(Debug, Args)]
pub(crate) struct ReplaysArgs {
    /// How to print them.
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// A number a second, with or without the unit.
pub(crate) fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse() {
        Ok(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("`{text}` is not a rate such as 100/s")),
    }
}
