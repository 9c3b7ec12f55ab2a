//! Logs: for people on a terminal, JSON elsewhere, on standard error, and quiet unless asked.

mod breakers;
pub(crate) mod narrator;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::{LogArgs, LogFormat};
use crate::exit::{Exit, Failure, Outcome};

/// What is logged unless told otherwise. Hyper warns of every client that keeps a connection and says nothing.
const FILTER_DEFAULT: &str = "warn,heddle=info,hyper=error";

/// Starts logging. Called once, before anything logs.
///
/// # Errors
/// [`Exit::Usage`] for a filter that cannot be read.
pub(crate) fn start(args: &LogArgs) -> Outcome {
    let filter = filter(args.log.as_deref())?;
    let is_terminal = std::io::stderr().is_terminal();
    let format = args.log_format.unwrap_or(if is_terminal {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Pretty => {
            builder.compact().with_ansi(is_terminal).with_target(false).init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

fn filter(text: Option<&str>) -> Outcome<EnvFilter> {
    let text = text.unwrap_or(FILTER_DEFAULT);
    EnvFilter::try_new(text).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("--log {text}: {error}; write it as `debug` or `warn,heddle=debug`"),
        )
    })
}
