//! Arguments of the commands on a trigger's position.

use clap::{Args, Subcommand};
use schemas::names::ResourceName;

use super::query::AdminArgs;

/// `heddle trigger ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum TriggerCommand {
    /// Deliver nothing more until it is resumed; what is stored meanwhile waits.
    Pause(PauseArgs),
    /// Go on where it was paused.
    Resume(ResumeArgs),
    /// Move its position: it gets every event from there on that matches, and nothing else.
    Seek(SeekArgs),
    /// Remove what a trigger that left the configuration has left behind: position, retries and counts.
    Forget(ForgetArgs),
    /// Let a key of an ordered trigger go on that is parked, blocked or waiting for a retry.
    Release(ReleaseArgs),
}

/// Arguments of `heddle trigger pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) of: OfTrigger,
    /// Why; shown wherever the trigger is.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Arguments of `heddle trigger resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) of: OfTrigger,
}

/// Arguments of `heddle trigger seek`.
#[derive(Debug, Args)]
pub(crate) struct SeekArgs {
    #[command(flatten)]
    pub(crate) of: OfTrigger,
    /// Where to: earliest, latest, a time (RFC 3339), or the position of the next event.
    #[arg(long, value_parser = place, value_name = "PLACE")]
    pub(crate) to: String,
    /// Say how many events lie between, and move nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `heddle trigger forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    #[command(flatten)]
    pub(crate) of: OfTrigger,
}

/// Arguments of `heddle trigger release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) of: OfTrigger,
    /// The key: the events' extension `partitionkey`; an empty one for events without it.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// Put the event that holds the key up into the dead-letter store, instead of trying it afresh.
    #[arg(long)]
    pub(crate) skip: bool,
}

/// Which trigger, and where it runs.
#[derive(Debug, Args)]
pub(crate) struct OfTrigger {
    /// The trigger, as `name` (namespace `default`) or `namespace/name`.
    #[arg(value_parser = in_default, value_name = "NAME")]
    pub(crate) name: ResourceName,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// A place as it was written, checked.
pub(crate) fn place(text: &str) -> Result<String, String> {
    crate::place::parse(text).map(|_| text.to_owned())
}

/// A name; one without a namespace is in `default`.
pub(crate) fn in_default(text: &str) -> Result<ResourceName, String> {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    ResourceName::new(namespace, name).map_err(|error| error.to_string())
}
