//! `heddle dead-letters`: what could not be delivered, and why.

use std::time::Duration;

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use schemas::codec::json;
use schemas::limits::Limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::ESCAPED;
use crate::cli::query::{
    DeadLetterFilterArgs, DeadLettersCommand, DeadLettersListArgs, DeadLettersPurgeArgs,
    DeadLettersRedriveArgs, DeadLettersShowArgs, Output,
};
use crate::client::{Client, Document};
use crate::exit::{Exit, OrExit, Outcome};
use crate::output::{self, Column, cell};
use crate::terminal;

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
        cell: trigger,
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
        cell: |item| match item.get("unreadable") {
            Some(_) => "(unreadable)".to_owned(),
            None => cell(item, "/eventId"),
        },
    },
    Column {
        heading: "AT",
        cell: |item| cell(item, "/at"),
    },
];

const GROUPS: &[Column] = &[
    Column {
        heading: "TRIGGER",
        cell: trigger,
    },
    Column {
        heading: "REASON",
        cell: |item| cell(item, "/reason"),
    },
    Column {
        heading: "COUNT",
        cell: |item| cell(item, "/count"),
    },
    Column {
        heading: "OLDEST",
        cell: |item| cell(item, "/oldest"),
    },
    Column {
        heading: "NEWEST",
        cell: |item| cell(item, "/newest"),
    },
];

/// The trigger; the broker for what was kept at its door.
fn trigger(item: &Value) -> String {
    match item.get("trigger") {
        Some(_) => cell(item, "/trigger"),
        None => format!("(broker {})", cell(item, "/broker")),
    }
}

/// Lists, shows or removes.
pub(crate) async fn run(command: DeadLettersCommand) -> Outcome {
    match command {
        DeadLettersCommand::List(args) => list(args).await,
        DeadLettersCommand::Show(args) => show(args).await,
        DeadLettersCommand::Redrive(args) => redrive(args).await,
        DeadLettersCommand::Purge(args) => purge(args).await,
    }
}

async fn list(args: DeadLettersListArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let document = client.get_document(&list_path(&args), Duration::ZERO).await?;
    let text = match args.output {
        Output::Json => output::json(&document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => tables(&document.value),
    };
    output::print(&text)
}

/// The groups, the letters, and how to get the next of them.
fn tables(page: &Value) -> String {
    let rows = |field: &str| {
        page.get(field)
            .and_then(Value::as_array)
            .filter(|rows| !rows.is_empty())
    };
    let Some(items) = rows("items") else {
        return "no dead letters\n".to_owned();
    };
    let mut text = String::new();
    if let Some(groups) = rows("groups") {
        text.push_str(&output::table(GROUPS, groups));
        text.push('\n');
    }
    text.push_str(&output::table(COLUMNS, items));
    if let Some(next) = page.get("next").and_then(Value::as_str) {
        text.push_str(&format!("there are more: add --before {next}\n"));
    }
    text
}

async fn redrive(args: DeadLettersRedriveArgs) -> Outcome {
    let DeadLettersRedriveArgs { letters, rate } = args;
    let client = Client::new(&letters.admin.admin, letters.admin.token_file.as_deref())?;
    let mut body = command(&letters);
    if let Some(rate) = rate {
        body["rate"] = rate.into();
    }
    let done = client.change("/api/v1/dead-letters/redrive", &body).await?;
    let count = cell(&done.value, "/letters");
    let stayed = done.value.get("stayed").and_then(Value::as_u64).unwrap_or(0);
    let stayed = match stayed {
        0 => String::new(),
        stayed => format!("; {stayed} cannot be and stay"),
    };
    output::print(&match letters.dry_run {
        true => format!("{count} dead letters would be redriven\n"),
        false => format!("{count} dead letters are redriven{stayed}\n"),
    })
}

async fn purge(args: DeadLettersPurgeArgs) -> Outcome {
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let body = command(&args);
    let done = client.change("/api/v1/dead-letters/purge", &body).await?;
    let letters = cell(&done.value, "/letters");
    output::print(&match args.dry_run {
        true => format!("{letters} dead letters would be removed\n"),
        false => format!("{letters} dead letters are removed\n"),
    })
}

/// The fields of a filter that are set, by the names that the API gives them.
fn fields(filter: &DeadLetterFilterArgs) -> Vec<(&'static str, String)> {
    let all = [
        ("broker", filter.broker.as_ref().map(ToString::to_string)),
        ("trigger", filter.trigger.as_ref().map(ToString::to_string)),
        ("reason", filter.reason.clone()),
        ("type", filter.ty.clone()),
        ("since", filter.since.map(|time| time.to_string())),
        ("until", filter.until.map(|time| time.to_string())),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// The body of a command on letters.
fn command(args: &DeadLettersPurgeArgs) -> Value {
    let mut body: serde_json::Map<String, Value> = fields(&args.filter)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    if !args.ids.is_empty() {
        body.insert("ids".to_owned(), args.ids.clone().into());
    }
    body.insert("all".to_owned(), args.all.into());
    body.insert("dryRun".to_owned(), args.dry_run.into());
    body.into()
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
    let before = args.before.clone().map(|before| ("before", before));
    for (name, value) in fields(&args.filter).into_iter().chain(before) {
        path.push_str(&format!("&{name}={}", utf8_percent_encode(&value, ESCAPED)));
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
        ("unreadable", "/unreadable"),
    ] {
        if label != "unreadable" || document.value.pointer(field).is_some() {
            text.push_str(&format!("{label:12} {}\n", cell(&document.value, field)));
        }
    }
    let extensions = document.value.get("errorExtensions").and_then(Value::as_object);
    for name in extensions.into_iter().flat_map(|extensions| extensions.keys()) {
        let value = cell(&document.value, &format!("/errorExtensions/{name}"));
        text.push_str(&format!("{name:17} {value}\n"));
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
