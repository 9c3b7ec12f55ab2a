//! `heddle types`: the types of events that were seen, and what was said about them.

use std::time::Duration;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::ESCAPED;
use crate::cli::query::Output;
use crate::cli::types::{TypesArgs, TypesCommand};
use crate::client::Client;
use crate::exit::Outcome;
use crate::output::{self, Column, cell};

const COLUMNS: &[Column] = &[
    Column {
        heading: "BROKER",
        cell: |item| cell(item, "/broker"),
    },
    Column {
        heading: "TYPE",
        cell: |item| cell(item, "/type"),
    },
    Column {
        heading: "SOURCE",
        cell: source,
    },
    Column {
        heading: "COUNT",
        cell: |item| cell(item, "/count"),
    },
    Column {
        heading: "FIRST-SEEN",
        cell: |item| cell(item, "/firstSeen"),
    },
    Column {
        heading: "LAST-SEEN",
        cell: |item| cell(item, "/lastSeen"),
    },
    Column {
        heading: "DECLARED",
        cell: |item| cell(item, "/declared/0/name"),
    },
];

/// One a line, in this order, when one is shown.
const FIELDS: &[(&str, &str)] = &[
    ("type", "/type"),
    ("broker", "/broker"),
    ("first seen", "/firstSeen"),
    ("last seen", "/lastSeen"),
    ("count", "/count"),
    ("dataschema", "/dataSchema"),
    ("content type", "/contentType"),
    ("sample", "/sample"),
];

/// Lists or shows.
pub(crate) async fn run(command: TypesCommand) -> Outcome {
    let (ty, args) = match command {
        TypesCommand::List(args) => (None, args.which),
        TypesCommand::Show(args) => (Some(args.ty), args.which),
    };
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let document = client
        .get_document(&path(ty.as_deref(), &args), Duration::ZERO)
        .await?;
    let text = match args.output {
        Output::Json => output::json(&document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => {
            let items = document.value.get("items").and_then(Value::as_array);
            let items = items.map(Vec::as_slice).unwrap_or_default();
            match ty {
                Some(_) => items.iter().map(for_people).collect::<Vec<_>>().join("\n"),
                None if items.is_empty() => "no types\n".to_owned(),
                None => output::table(COLUMNS, items),
            }
        }
    };
    output::print(&text)
}

fn path(ty: Option<&str>, args: &TypesArgs) -> String {
    let ty = ty.map(|ty| format!("/{}", utf8_percent_encode(ty, ESCAPED)));
    let broker = args.broker.as_ref().map(ToString::to_string);
    let broker = broker.map(|broker| format!("?broker={}", utf8_percent_encode(&broker, ESCAPED)));
    format!(
        "/api/v1/types{}{}",
        ty.unwrap_or_default(),
        broker.unwrap_or_default()
    )
}

/// The first source, and a sign when there are others.
fn source(item: &Value) -> String {
    let others = item.pointer("/sources/1").is_some() || item.get("moreSources") == Some(&Value::Bool(true));
    format!("{}{}", cell(item, "/sources/0"), if others { " ..." } else { "" })
}

fn for_people(item: &Value) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:12} {value}\n"));
    for (label, field) in FIELDS {
        line(label, &cell(item, field));
    }
    for source in item
        .get("sources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        line("source", &cell(source, ""));
    }
    if item.get("moreSources") == Some(&Value::Bool(true)) {
        line("source", "... and more");
    }
    for declared in item
        .get("declared")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        line("declared by", &cell(declared, "/name"));
        line("description", &cell(declared, "/description"));
        line("schema", &cell(declared, "/schema"));
    }
    text
}

#[cfg(test)]
mod tests;
