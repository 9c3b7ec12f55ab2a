//! Arguments of `heddle sql` and `heddle filter`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use schemas::names::ResourceName;

use super::query::AdminArgs;

/// Arguments of `heddle sql`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["expression", "batch"])))]
pub(crate) struct SqlArgs {
    /// The CloudEvents SQL expression.
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub(crate) expression: Option<String>,
    /// The event it is evaluated for, as structured JSON: a file, or `-` for standard input. Without it the event has no
    /// attributes.
    #[arg(long, value_name = "FILE|-", conflicts_with = "batch")]
    pub(crate) event: Option<PathBuf>,
    /// Answer many: a file, or `-`, with a line `{"expression": "...", "event": {...}}` each.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) batch: Option<PathBuf>,
}

/// `heddle filter ...`.
#[derive(Debug, Args)]
pub(crate) struct FilterCommand {
    #[command(subcommand)]
    pub(crate) action: FilterAction,
}

/// What can be asked about filters.
#[derive(Debug, Subcommand)]
pub(crate) enum FilterAction {
    /// Say why a trigger's filter lets an event pass or not, clause by clause.
    Explain(ExplainArgs),
}

/// Arguments of `heddle filter explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The trigger.
    #[arg(long, value_name = "[NS/]NAME", value_parser = trigger)]
    pub(crate) trigger: ResourceName,
    /// The event, as structured JSON: a file, or `-` for standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) event: PathBuf,
    /// Files or folders with the trigger's YAML; may be repeated. Without any, a running heddle is asked.
    #[arg(long, short, num_args = 1.., value_name = "FILE_OR_DIR")]
    pub(crate) config: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// How to print it.
    #[arg(long, short, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: ExplainOutput,
}

/// How `heddle filter explain` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainOutput {
    /// The clauses as an indented list, the deciding ones marked.
    Text,
    /// The same as JSON.
    Json,
}

/// `namespace/name`, or a name in `default`.
fn trigger(text: &str) -> Result<ResourceName, String> {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    ResourceName::new(namespace, name).map_err(|error| error.to_string())
}
