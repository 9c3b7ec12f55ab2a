//! The command line: what can be typed, and nothing of what it does.

mod duration;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use schemas::names::ResourceName;

use crate::exit::Exit;

/// Where the ingress listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// Where the admin API listens unless told otherwise.
const ADMIN_DEFAULT: &str = "127.0.0.1:9090";
/// Where the ingress is looked for unless told otherwise.
const INGRESS_URL_DEFAULT: &str = "http://127.0.0.1:8080";
/// Where the admin API is looked for unless told otherwise.
const ADMIN_URL_DEFAULT: &str = "http://127.0.0.1:9090";

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
    /// Send events to a broker.
    Send(SendArgs),
    /// Follow the events of a broker.
    Tail(TailArgs),
}

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
    /// What to show: brokers, triggers, sources or endpoints.
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
    /// List them, newest first.
    List(DeadLettersListArgs),
    /// Show one with its event.
    Show(DeadLettersShowArgs),
}

/// Arguments of `heddle dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct DeadLettersListArgs {
    /// Only of this broker.
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) broker: Option<ResourceName>,
    /// Only of this trigger.
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) trigger: Option<ResourceName>,
    /// Only with this reason: retries-exhausted, refused or loop.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
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

/// Arguments of `heddle send`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The broker.
    #[arg(long, value_name = "NS/NAME", default_value = "default/default")]
    pub(crate) broker: ResourceName,
    /// The event's type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) ty: String,
    /// The event's source.
    #[arg(long, default_value = "/heddle/send")]
    pub(crate) source: String,
    /// The event's id; a new one when not given. With `--lines`, what the ids begin with.
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// The event's subject.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// An extension attribute; may be repeated.
    #[arg(long = "ext", value_name = "NAME=VALUE", value_parser = extension)]
    pub(crate) extensions: Vec<(String, String)>,
    /// The data: text, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "STRING|@FILE|-", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// Send every line of the data as an event of its own.
    #[arg(long, requires = "data")]
    pub(crate) lines: bool,
    /// Content type of the data; JSON or plain text, whichever it is, unless set.
    #[arg(long, value_name = "TYPE", requires = "data")]
    pub(crate) content_type: Option<String>,
    /// Send in structured mode: the whole event as one JSON object.
    #[arg(long)]
    pub(crate) structured: bool,
    /// Base URL of the ingress.
    #[arg(long, default_value = INGRESS_URL_DEFAULT, env = "HEDDLE_URL", value_name = "BASE")]
    pub(crate) url: String,
    /// File with the bearer token to send.
    #[arg(long, env = "HEDDLE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
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

fn extension(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}

impl Kind {
    /// The resource's path in the API: its plural.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Triggers => "triggers",
            Self::Sources => "sources",
            Self::Endpoints => "endpoints",
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

#[cfg(test)]
mod tests;
