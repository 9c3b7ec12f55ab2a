//! `heddle sql`: what a CloudEvents SQL expression says of an event. Needs no running heddle.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use schemas::codec::json;
use schemas::event::Event;
use schemas::filter::Answer;
use schemas::limits::Limits;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::filter::SqlArgs;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::output;

/// One line of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    expression: String,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Prints one answer, or one a line. An expression that is wrong is an answer, not a failure of the command.
pub(crate) fn run(args: &SqlArgs) -> Outcome {
    if let Some(batch) = &args.batch {
        return answer_all(batch);
    }
    let event = args.event.as_deref().map(event_of).transpose()?;
    let expression = args.expression.as_deref().unwrap_or_default();
    print(&Answer::of(expression, event.as_ref()))
}

/// The event that a file, or standard input, holds as structured JSON.
///
/// # Errors
/// [`Exit::Io`] when it cannot be read; [`Exit::Data`] when it is no valid event.
pub(crate) fn event_of(path: &Path) -> Outcome<Event> {
    let mut text = Vec::new();
    open(path)?.read_to_end(&mut text).or_exit(Exit::Io)?;
    decode(&Bytes::from(text)).map_err(|why| {
        Failure::new(
            Exit::Data,
            format!("{} holds no valid event: {why}", path.display()),
        )
    })
}

fn answer_all(path: &Path) -> Outcome {
    for (number, line) in open(path)?.split(b'\n').enumerate() {
        let line = line.or_exit(Exit::Io)?;
        if !line.trim_ascii().is_empty() {
            print(&answer(&line).unwrap_or_else(|why| {
                Answer::impossible(format!("line {} is no question: {why}", number + 1))
            }))?;
        }
    }
    Ok(())
}

fn answer(line: &[u8]) -> Result<Answer, String> {
    let question: Question<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let event = question
        .event
        .map(|event| decode(&Bytes::copy_from_slice(event.get().as_bytes())))
        .transpose()?;
    Ok(Answer::of(&question.expression, event.as_ref()))
}

fn decode(text: &Bytes) -> Result<Event, String> {
    json::decode(text, &Limits::default()).map_err(|error| error.to_string())
}

fn open(path: &Path) -> Outcome<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = std::fs::File::open(path)
        .map_err(|error| Failure::new(Exit::Io, format!("{} cannot be read: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

fn print(answer: &Answer) -> Outcome {
    let mut line = serde_json::to_string(answer).or_exit(Exit::Internal)?;
    line.push('\n');
    output::print(&line)
}

#[cfg(test)]
mod tests;
