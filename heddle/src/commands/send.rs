//! `heddle send`: posts one event, or one event a line, to a broker's ingress.

mod compose;
mod deliver;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::cli::send::SendArgs;
use crate::client::Client;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::limits;

use compose::Composer;
use deliver::{Delivered, deliver};

/// Anything that data is read from.
type Input = Box<dyn tokio::io::AsyncBufRead + Send + Unpin>;

/// What became of the events so far.
#[derive(Debug, Default)]
struct Summary {
    sent: u64,
    accepted: u64,
    /// Attempts that were put off by the server.
    put_off: u64,
    empty_lines: u64,
    /// What was wrong with the first event that was refused.
    first_refusal: Option<String>,
}

/// Sends, prints a summary on standard error, and fails unless every event was accepted.
pub(crate) async fn run(args: SendArgs) -> Outcome {
    let client = Client::new(&args.url, args.token_file.as_deref())?;
    let composer = Composer::new(&args);
    let mut summary = Summary::default();
    let result = if args.lines {
        send_lines(&args, &client, &composer, &mut summary).await
    } else {
        send_one(&args, &client, &composer, &mut summary).await
    };
    if result.is_ok() || summary.sent > 0 {
        eprintln!("{}", summary.text(&args));
    }
    result?;
    summary.outcome()
}

async fn send_one(
    args: &SendArgs,
    client: &Client,
    composer: &Composer<'_>,
    summary: &mut Summary,
) -> Outcome {
    let data = match &args.data {
        None => None,
        Some(spec) => {
            let mut bytes = Vec::new();
            open(spec)
                .await?
                .read_to_end(&mut bytes)
                .await
                .or_exit(Exit::Io)?;
            Some(bytes)
        }
    };
    let event = composer.event(data, None)?;
    summary.record(deliver(client, composer.path(), composer.encode(&event)).await?);
    Ok(())
}

/// Sends each line as soon as it is there, while earlier ones are under way; stops at the first failure that would
/// meet every line.
async fn send_lines(
    args: &SendArgs,
    client: &Client,
    composer: &Composer<'_>,
    summary: &mut Summary,
) -> Outcome {
    let mut lines = open(args.data.as_deref().unwrap_or("-")).await?.split(b'\n');
    let mut under_way = FuturesUnordered::new();
    let mut number = 0;
    loop {
        let line = tokio::select! {
            Some(delivered) = under_way.next() => {
                summary.record(delivered?);
                continue;
            }
            line = lines.next_segment(), if under_way.len() < limits::SEND_IN_FLIGHT_MAX => line.or_exit(Exit::Io)?,
        };
        let Some(line) = line else { break };
        let line = without_carriage_return(line);
        if line.is_empty() {
            summary.empty_lines += 1;
            continue;
        }
        number += 1;
        let event = composer.event(Some(line), Some(number))?;
        under_way.push(deliver(client, composer.path(), composer.encode(&event)));
    }
    while let Some(delivered) = under_way.next().await {
        summary.record(delivered?);
    }
    Ok(())
}

/// What `--data` names: standard input, a file, or the text itself.
async fn open(spec: &str) -> Outcome<Input> {
    if spec == "-" {
        return Ok(Box::new(BufReader::new(tokio::io::stdin())));
    }
    match spec.strip_prefix('@') {
        None => Ok(Box::new(std::io::Cursor::new(spec.as_bytes().to_vec()))),
        Some(path) => {
            let file = tokio::fs::File::open(path).await.map_err(|error| {
                Failure::new(Exit::Io, format!("the data file {path} cannot be read: {error}"))
            })?;
            Ok(Box::new(BufReader::new(file)))
        }
    }
}

/// A line as Windows ends it has one more character that is no data.
fn without_carriage_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

impl Summary {
    fn record(&mut self, delivered: Delivered) {
        self.sent += 1;
        match delivered {
            Delivered::Accepted { put_off } => {
                self.accepted += 1;
                self.put_off += u64::from(put_off);
            }
            Delivered::Refused { complaint, put_off } => {
                self.put_off += u64::from(put_off);
                self.first_refusal.get_or_insert(complaint);
            }
        }
    }

    fn text(&self, args: &SendArgs) -> String {
        let mut text = format!(
            "sent {} event{} to {} ({} accepted)",
            self.sent,
            if self.sent == 1 { "" } else { "s" },
            args.broker,
            self.accepted
        );
        if self.put_off > 0 {
            text.push_str(&format!("; put off {} times by a busy broker", self.put_off));
        }
        if self.empty_lines > 0 {
            text.push_str(&format!("; left out {} empty lines", self.empty_lines));
        }
        text
    }

    fn outcome(self) -> Outcome {
        match self.first_refusal {
            None => Ok(()),
            Some(complaint) => {
                let refused = self.sent - self.accepted;
                Err(Failure::new(
                    Exit::Data,
                    format!("{refused} refused; the first because: {complaint}"),
                ))
            }
        }
    }
}

/// A pause that the server asked for, within reason.
fn bounded(pause: Option<Duration>) -> Duration {
    pause
        .unwrap_or(Duration::from_secs(1))
        .min(limits::SEND_PAUSE_MAX)
}

#[cfg(test)]
mod tests;
