//! The command line: what can be typed, and nothing of what it does.

pub(crate) mod backup;
mod bytes;
mod durability;
mod duration;
pub(crate) mod filter;
pub(crate) mod node;
pub(crate) mod query;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod trigger;
pub(crate) mod types;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Exit;
use backup::{BackupArgs, DoctorArgs};
use filter::{FilterCommand, SqlArgs};
use node::{DevArgs, RunArgs, ValidateArgs};
use query::{DeadLettersCommand, GetArgs, TailArgs};
use replay::{ReplayArgs, ReplaysArgs};
use send::SendArgs;
use trigger::TriggerCommand;
use types::TypesCommand;

/// An event mesh in one binary: Knative Eventing's brokers, triggers and sources without Kubernetes.
#[derive(Debug, Parser)]
#[command(
    name = "heddle",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) logging: LogArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is logged, for every command.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// What to log, as `level` or `target=level,...` (error, warn, info, debug, trace).
    #[arg(long, global = true, env = "HEDDLE_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How log lines look: readable on a terminal and JSON elsewhere, unless set.
    #[arg(long, global = true, env = "HEDDLE_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run with no configuration: one broker, and an endpoint that prints every event.
    Dev(DevArgs),
    /// Run the brokers, triggers and sources of a configuration.
    Run(RunArgs),
    /// Check a configuration and start nothing.
    Validate(ValidateArgs),
    /// Show the brokers, triggers, sources or endpoints of a running heddle.
    Get(GetArgs),
    /// Show the events that could not be delivered.
    #[command(subcommand, name = "dead-letters", visible_alias = "dead-letter")]
    DeadLetters(DeadLettersCommand),
    /// Deliver a part of the past to a trigger once more, beside its live events.
    Replay(ReplayArgs),
    /// Show replays and redrives, running and ended.
    Replays(ReplaysArgs),
    /// Pause, resume, move and forget triggers.
    #[command(subcommand)]
    Trigger(TriggerCommand),
    /// Show the types of events that were seen or declared.
    #[command(subcommand)]
    Types(TypesCommand),
    /// Send events to a broker.
    Send(SendArgs),
    /// Follow the events of a broker.
    Tail(TailArgs),
    /// Have a running heddle write a backup of its data, from which another one can be started.
    Backup(BackupArgs),
    /// Look through a data directory without changing it, and say what is damaged.
    Doctor(DoctorArgs),
    /// Say why a filter lets an event pass or not.
    Filter(FilterCommand),
    /// Evaluate a CloudEvents SQL expression.
    Sql(SqlArgs),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
}

/// Parses the command line. Help and version are printed here, and so is what is wrong.
///
/// # Errors
/// The exit code to end with: [`Exit::Done`] after help or version, [`Exit::Usage`] after a mistake.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
    Cli::try_parse_from(arguments).map_err(|error| {
        // A closed standard output is no reason to fail on help.
        let _ = error.print();
        if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        }
    })
}

#[cfg(test)]
mod tests;
