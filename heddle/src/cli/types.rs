//! Arguments of `heddle types`.

use clap::{Args, Subcommand};
use schemas::names::ResourceName;

use super::query::{AdminArgs, Output};

/// `heddle types ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum TypesCommand {
    /// List them, by broker and type.
    List(TypesListArgs),
    /// Show one with where it comes from and the beginning of its first event.
    Show(TypesShowArgs),
}

/// Arguments of `heddle types list`.
#[derive(Debug, Args)]
pub(crate) struct TypesListArgs {
    #[command(flatten)]
    pub(crate) which: TypesArgs,
}

/// Arguments of `heddle types show`.
#[derive(Debug, Args)]
pub(crate) struct TypesShowArgs {
    /// The type.
    #[arg(value_name = "TYPE")]
    pub(crate) ty: String,
    #[command(flatten)]
    pub(crate) which: TypesArgs,
}

/// What both take.
#[derive(Debug, Args)]
pub(crate) struct TypesArgs {
    /// Only of this broker.
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) broker: Option<ResourceName>,
    /// How to print them.
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}
