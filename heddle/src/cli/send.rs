//! Arguments of `heddle send`.

use std::path::PathBuf;

use clap::Args;
use schemas::names::ResourceName;

/// Where the ingress is looked for unless told otherwise.
const INGRESS_URL_DEFAULT: &str = "http://127.0.0.1:8080";

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

fn extension(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}
