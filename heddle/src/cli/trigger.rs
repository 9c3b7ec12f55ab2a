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

/// Which trigger, and where it runs.
#[derive(Debug, Args)]
pub(crate) struct OfTrigger {
    /// The trigger, as `name` (namespace `default`) or `namespace/name`.
    #[arg(value_parser = in_default, value_name = "NAME")]
    pub(crate) name: ResourceName,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// A name; one without a namespace is in `default`.
pub(crate) fn in_default(text: &str) -> Result<ResourceName, String> {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    ResourceName::new(namespace, name).map_err(|error| error.to_string())
}
