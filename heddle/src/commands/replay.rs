//! `heddle replay` and `heddle replays`: a part of the past for one trigger, by the admin API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::query::{AdminArgs, Output};
use crate::cli::replay::{CancelArgs, ReplayArgs, ReplayCommand, ReplaysArgs, StartArgs};
use crate::client::Client;
use crate::exit::Outcome;
use crate::output::{self, Column, cell};

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
        heading: "STATE",
        cell: |item| cell(item, "/state"),
    },
    Column {
        heading: "FROM",
        cell: |item| cell(item, "/from"),
    },
    Column {
        heading: "TO",
        cell: |item| cell(item, "/until"),
    },
    Column {
        heading: "AT",
        cell: |item| cell(item, "/position"),
    },
    Column {
        heading: "DELIVERED",
        cell: |item| cell(item, "/delivered"),
    },
    Column {
        heading: "RETRYING",
        cell: |item| cell(item, "/waitingRetry"),
    },
    Column {
        heading: "DEAD",
        cell: |item| cell(item, "/deadLettered"),
    },
    Column {
        heading: "STARTED",
        cell: |item| cell(item, "/startedAt"),
    },
];

/// Starts one, counts what one would deliver, or ends one.
pub(crate) async fn run(args: ReplayArgs) -> Outcome {
    match args.command {
        Some(ReplayCommand::Cancel(cancelled)) => cancel(cancelled).await,
        None => start(args.start).await,
    }
}

/// Lists those that run and the last that ended.
pub(crate) async fn list(args: ReplaysArgs) -> Outcome {
    let document = client(&args.admin)?
        .get_document("/api/v1/replays", Duration::ZERO)
        .await?;
    output::print(&match args.output {
        Output::Json => output::json(&document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => match document.value.get("items").and_then(Value::as_array) {
            Some(items) if !items.is_empty() => output::table(COLUMNS, items),
            _ => "no replays\n".to_owned(),
        },
    })
}

async fn start(args: StartArgs) -> Outcome {
    let body = json!({
        "trigger": args.trigger.map(|name| name.to_string()),
        "from": args.from,
        "to": args.to,
        "rate": args.rate,
        "dryRun": args.dry_run,
    });
    let document = client(&args.admin)?.change("/api/v1/replays", &body).await?;
    let field = |name: &str| cell(&document.value, name);
    let (from, until, trigger) = (field("/from"), field("/until"), field("/trigger"));
    output::print(&if args.dry_run {
        let matched = field("/matched");
        format!("{matched} events from {from} to {until} match trigger {trigger}\n")
    } else {
        let id = field("/id");
        format!(
            "{id} delivers {from} to {until} to trigger {trigger}; `heddle replays` shows how far it is\n"
        )
    })
}

async fn cancel(args: CancelArgs) -> Outcome {
    let path = format!("/api/v1/replays/{}", output::segment(&args.id));
    let document = client(&args.admin)?.delete(&path).await?;
    let (id, state) = (cell(&document.value, "/id"), cell(&document.value, "/state"));
    let delivered = cell(&document.value, "/delivered");
    output::print(&format!("{id} is {state}; it delivered {delivered} events\n"))
}

fn client(admin: &AdminArgs) -> Outcome<Client> {
    Client::new(&admin.admin, admin.token_file.as_deref())
}
