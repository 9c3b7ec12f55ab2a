//! `heddle dead-letters`: what could not be delivered, and why.

use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemas::codec::json;
use schemas::limits::Limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::query::{DeadLettersCommand, DeadLettersListArgs, DeadLettersShowArgs, Output};
use crate::client::{Client, Document};
use crate::exit::{Exit, OrExit, Outcome};
use crate::output::{self, Column, cell};
use crate::terminal;

/// What must be escaped in a path segment or a query's value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The event of a letter, as it came.
#[derive(Debug, Deserialize)]
struct Letter<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

const COLUMNS: &[Column] = &[
    Column {
        heading: "ID",
        cell: |item| cell(item, "/id"),
    },
    Column {
        heading: "TRIGGER",
        cell: |item| cell(item, "/trigger"),
    },
    Column {
        heading: "REASON",
        cell: |item| cell(item, "/reason"),
    },
    Column {
        heading: "CODE",
        cell: |item| cell(item, "/code"),
    },
    Column {
        heading: "ATTEMPTS",
        cell: |item| cell(item, "/attempts"),
    },
    Column {
        heading: "TYPE",
        cell: |item| cell(item, "/eventType"),
    },
    Column {
        heading: "EVENT",
        cell: |item| cell(item, "/eventId"),
    },
    Column {
        heading: "AT",
        cell: |item| cell(item, "/at"),
    },
];

/// Lists or shows.
pub(crate) async fn run(command: DeadLettersCommand) -> Outcome {
    match command {
        DeadLettersCommand::List(args) => list(args).await,
        DeadLettersCommand::Show(args) => show(args).await,
    }
}

async fn list(args: DeadLettersListArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let document = client.get_document(&list_path(&args), Duration::ZERO).await?;
    let text = match args.output {
        Output::Json => output::json(&document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => match document.value.get("items").and_then(Value::as_array) {
            Some(items) if !items.is_empty() => output::table(COLUMNS, items),
            _ => "no dead letters\n".to_owned(),
        },
    };
    output::print(&text)
}

async fn show(args: DeadLettersShowArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let id = utf8_percent_encode(&args.id, ESCAPED);
    let document = client
        .get_document(&format!("/api/v1/dead-letters/{id}"), Duration::ZERO)
        .await?;
    let text = match args.output {
        Output::Json => output::json(&document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => for_people(&document)?,
    };
    output::print(&text)
}

fn list_path(args: &DeadLettersListArgs) -> String {
    let mut path = format!("/api/v1/dead-letters?limit={}", args.limit);
    let filters = [
        ("broker", args.broker.as_ref().map(ToString::to_string)),
        ("trigger", args.trigger.as_ref().map(ToString::to_string)),
        ("reason", args.reason.clone()),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", utf8_percent_encode(&value, ESCAPED)));
        }
    }
    path
}

/// The letter's fields one a line, then its event.
fn for_people(document: &Document) -> Outcome<String> {
    let mut text = String::new();
    for (label, field) in [
        ("id", "/id"),
        ("broker", "/broker"),
        ("trigger", "/trigger"),
        ("reason", "/reason"),
        ("message", "/message"),
        ("destination", "/destination"),
        ("code", "/code"),
        ("attempts", "/attempts"),
        ("at", "/at"),
    ] {
        text.push_str(&format!("{label:12} {}\n", cell(&document.value, field)));
    }
    let letter: Letter<'_> = serde_json::from_str(&document.text).or_exit(Exit::Io)?;
    if let Some(event) = letter.event {
        let event = Bytes::copy_from_slice(event.get().as_bytes());
        let event = json::decode(&event, &Limits::default()).or_exit(Exit::Io)?;
        text.push_str(&terminal::event("event", &event));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
