//! `heddle tail`: follows a broker's events from a bounded reader of the admin API and says what it missed.

use std::io::IsTerminal;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use schemas::codec::json;
use schemas::limits::Limits;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::query::{TailArgs, TailOutput};
use crate::client::Client;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::limits;
use crate::{output, terminal};

/// One line of the stream. What a later version adds is left out on a terminal and passed through as JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    sequence: Option<u64>,
    accepted_at: Option<String>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    missed: Option<Missed>,
}

/// Events that went by while this reader was too slow, or that are no longer kept.
#[derive(Debug, Deserialize)]
struct Missed {
    from: u64,
    to: u64,
    reason: String,
}

/// Prints events until the other end closes or a signal ends the process.
pub(crate) async fn run(args: TailArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let path = format!("/api/v1/brokers/{}/tail?from={}", args.broker, args.from.as_str());
    let response = client.open(&path).await?;
    if response.status() != StatusCode::OK {
        return Err(client.answer(response).await?.failure(client.base()));
    }
    let output = args.output.unwrap_or_else(default_output);
    if output == TailOutput::Pretty {
        eprintln!("following {} (Ctrl-C ends)", args.broker);
    }
    let mut body = response.into_body();
    let mut unread = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ended(client.base(), &error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        unread.extend_from_slice(&data);
        while let Some(line) = take_line(&mut unread) {
            output::print(&rendered(&line, output)?)?;
        }
        if unread.len() > limits::CLIENT_ANSWER_BYTES_MAX {
            return Err(Failure::new(
                Exit::Io,
                format!("{} sends no lines", client.base()),
            ));
        }
    }
    Err(ended(client.base(), "it closed the stream"))
}

fn default_output() -> TailOutput {
    if std::io::stdout().is_terminal() {
        TailOutput::Pretty
    } else {
        TailOutput::Json
    }
}

fn ended(base: &str, why: &str) -> Failure {
    Failure::new(Exit::Io, format!("no more events from {base}: {why}"))
}

/// The next whole line, without its line break.
fn take_line(unread: &mut BytesMut) -> Option<Bytes> {
    let end = unread.iter().position(|&byte| byte == b'\n')?;
    let line = unread.split_to(end).freeze();
    unread.advance(1);
    Some(line)
}

fn rendered(line: &Bytes, output: TailOutput) -> Outcome<String> {
    let text = std::str::from_utf8(line).or_exit(Exit::Io)?;
    if output == TailOutput::Json {
        return Ok(format!("{text}\n"));
    }
    let parsed: Line<'_> = serde_json::from_str(text).or_exit(Exit::Io)?;
    match parsed {
        Line {
            missed: Some(missed), ..
        } => Ok(missed.text()),
        Line {
            event: Some(event),
            sequence,
            accepted_at,
            ..
        } => {
            let event = Bytes::copy_from_slice(event.get().as_bytes());
            let event = json::decode(&event, &Limits::default()).or_exit(Exit::Io)?;
            let heading = format!(
                "event {} at {}",
                sequence.unwrap_or_default(),
                accepted_at.unwrap_or_default()
            );
            Ok(format!("{}\n", terminal::event(&heading, &event)))
        }
        _ => Ok(String::new()),
    }
}

impl Missed {
    fn text(&self) -> String {
        let reason = terminal::visible(&self.reason, limits::PRINT_VALUE_BYTES_MAX, false);
        if self.from == self.to {
            format!("-- missed event {}: {reason}\n", self.from)
        } else {
            format!("-- missed events {} to {}: {reason}\n", self.from, self.to)
        }
    }
}

#[cfg(test)]
mod tests;
