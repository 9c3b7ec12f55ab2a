//! Arguments of the commands that ask a running heddle.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use schemas::names::ResourceName;

use super::duration;
use super::replay::rate;

/// Where the admin API is looked for unless told otherwise.
const ADMIN_URL_DEFAULT: &str = "http://127.0.0.1:9090";

/// Where the admin API is and how to get in.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// Base URL of the admin API.
    #[arg(long, visible_alias = "url", default_value = ADMIN_URL_DEFAULT, env = "HEDDLE_ADMIN", value_name = "BASE")]
    pub(crate) admin: String,
    /// File with the bearer token to send.
    #[arg(long, env = "HEDDLE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Arguments of `heddle get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// What to show: brokers, triggers, sources, endpoints or storage.
    pub(crate) kind: Kind,
    /// One of them, as `name` (namespace `default`) or `namespace/name`.
    pub(crate) name: Option<String>,
    /// How to print it.
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Output,
    /// Wait until the trigger has nothing left to do, at most this long.
    #[arg(long, value_parser = duration::parse, value_name = "DURATION", requires = "name")]
    pub(crate) wait_idle: Option<Duration>,
    /// Also show what heddle made for itself.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// A kind of resource that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Where events are kept.
    #[value(alias = "broker")]
    Brokers,
    /// Which events go where.
    #[value(alias = "trigger")]
    Triggers,
    /// Where events come from.
    #[value(alias = "source")]
    Sources,
    /// Named URLs.
    #[value(alias = "endpoint")]
    Endpoints,
    /// The data directory: what 202 promises and how much room is left.
    Storage,
}

/// How a command prints what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// As JSON.
    Json,
    /// As YAML.
    Yaml,
}

/// `heddle dead-letters ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// Count them by trigger and reason, and list them, newest first.
    List(DeadLettersListArgs),
    /// Show one with its event.
    Show(DeadLettersShowArgs),
    /// Deliver them to their triggers once more.
    Redrive(DeadLettersRedriveArgs),
    /// Remove them for good.
    Purge(DeadLettersPurgeArgs),
}

/// Which dead letters.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DeadLetterFilterArgs {
    /// Only of this broker.
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) broker: Option<ResourceName>,
    /// Only of this trigger.
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) trigger: Option<ResourceName>,
    /// Only with this reason: retries-exhausted, refused, loop, skipped or schema.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only of events of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) ty: Option<String>,
    /// Only what was stored then or later, such as 2026-01-02T03:04:05Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only what was stored before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<jiff::Timestamp>,
}

/// Arguments of `heddle dead-letters redrive`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersRedriveArgs {
    #[command(flatten)]
    pub(crate) letters: DeadLettersPurgeArgs,
    /// Most deliveries a second, such as `100/s`.
    #[arg(long, value_parser = rate, value_name = "N/s")]
    pub(crate) rate: Option<u32>,
}

/// Arguments of `heddle dead-letters purge`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersPurgeArgs {
    /// These, by the ids that `heddle dead-letters list` shows.
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: DeadLetterFilterArgs,
    /// All there are.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only say how many.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersListArgs {
    #[command(flatten)]
    pub(crate) filter: DeadLetterFilterArgs,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
    /// Go on where the list before ended, as it said.
    #[arg(long, value_name = "PLACE")]
    pub(crate) before: Option<String>,
    /// How to print them.
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle dead-letters show`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersShowArgs {
    /// The id that `heddle dead-letters list` shows.
    pub(crate) id: String,
    /// How to print it.
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Arguments of `heddle tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The broker.
    #[arg(long, value_name = "NS/NAME", default_value = "default/default")]
    pub(crate) broker: ResourceName,
    /// Where to begin.
    #[arg(long, default_value = "latest")]
    pub(crate) from: From,
    /// How to print the events: readable on a terminal and one JSON object a line elsewhere, unless set.
    #[arg(long, short, value_name = "FORMAT")]
    pub(crate) output: Option<TailOutput>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Where `heddle tail` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// At the oldest event that is kept.
    Earliest,
    /// After the newest.
    Latest,
}

/// How `heddle tail` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailOutput {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Kind {
    /// The resource's path in the API: its plural.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Triggers => "triggers",
            Self::Sources => "sources",
            Self::Endpoints => "endpoints",
            Self::Storage => "storage",
        }
    }
}

impl From {
    /// The value of the API's `from` parameter.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}
