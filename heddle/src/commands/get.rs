//! `heddle get`: shows resources of a running heddle, and waits for a trigger to have nothing left to do.

use std::time::Duration;

use serde_json::Value;

use crate::cli::query::{GetArgs, Kind, Output};
use crate::client::{Client, Document};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, Column, cell};

/// Gets, prints, and fails when a wait was asked for and not granted.
pub(crate) async fn run(args: GetArgs) -> Outcome {
    if args.wait_idle.is_some() && args.kind != Kind::Triggers {
        return Err(Failure::new(
            Exit::Usage,
            "--wait-idle is for triggers: heddle get trigger NAME --wait-idle 30s",
        ));
    }
    if args.kind == Kind::Storage && args.name.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "there is one storage: heddle get storage",
        ));
    }
    let client = Client::new(&args.admin.admin, args.admin.token_file.as_deref())?;
    let document = client
        .get_document(&path(&args), args.wait_idle.unwrap_or_default())
        .await?;
    output::print(&rendered(&args, &document))?;
    match args.wait_idle {
        Some(wait) if document.value.get("idle") != Some(&Value::Bool(true)) => {
            Err(not_idle(&document.value, wait))
        }
        _ => Ok(()),
    }
}

fn path(args: &GetArgs) -> String {
    let kind = args.kind.plural();
    match &args.name {
        None if args.all => format!("/api/v1/{kind}?all=true"),
        None => format!("/api/v1/{kind}"),
        Some(name) => {
            let name = if name.contains('/') {
                name.clone()
            } else {
                format!("default/{name}")
            };
            let wait = args
                .wait_idle
                .map(|wait| format!("wait-idle={}ms", wait.as_millis()));
            let keys = (args.kind == Kind::Triggers).then(|| "held-keys=true".to_owned());
            let query: Vec<String> = wait.into_iter().chain(keys).collect();
            let mark = if query.is_empty() { "" } else { "?" };
            format!("/api/v1/{kind}/{name}{mark}{}", query.join("&"))
        }
    }
}

fn rendered(args: &GetArgs, document: &Document) -> String {
    match args.output {
        Output::Json => output::json(document),
        Output::Yaml => output::yaml(&document.value),
        Output::Table => {
            let items = match document.value.get("items").and_then(Value::as_array) {
                Some(items) => items.as_slice(),
                None => std::slice::from_ref(&document.value),
            };
            if items.is_empty() {
                return format!("no {}\n", args.kind.plural());
            }
            let mut table = output::table(columns(args.kind), items);
            if let Some(held) = document.value.get("heldKeys").and_then(Value::as_array) {
                table.push('\n');
                table.push_str(&output::table(HELD_KEYS, held));
            }
            table
        }
    }
}

fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Brokers => BROKERS,
        Kind::Triggers => TRIGGERS,
        Kind::Sources => SOURCES,
        Kind::Endpoints => ENDPOINTS,
        Kind::Storage => STORAGE,
    }
}

const NAMESPACE: Column = Column {
    heading: "NAMESPACE",
    cell: |item| cell(item, "/namespace"),
};
const NAME: Column = Column {
    heading: "NAME",
    cell: |item| cell(item, "/name"),
};
const READY: Column = Column {
    heading: "READY",
    cell: ready,
};

const BROKERS: &[Column] = &[
    NAMESPACE,
    NAME,
    READY,
    Column {
        heading: "URL",
        cell: |item| cell(item, "/url"),
    },
    Column {
        heading: "EVENTS",
        cell: |item| cell(item, "/events"),
    },
    Column {
        heading: "DEAD-LETTERS",
        cell: |item| cell(item, "/deadLetters"),
    },
];

const TRIGGERS: &[Column] = &[
    NAMESPACE,
    NAME,
    READY,
    Column {
        heading: "BROKER",
        cell: |item| cell(item, "/broker"),
    },
    Column {
        heading: "SUBSCRIBER",
        cell: |item| cell(item, "/subscriber"),
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
        heading: "TO-SINK",
        cell: |item| cell(item, "/sentToDeadLetterSink"),
    },
    Column {
        heading: "DEAD",
        cell: |item| cell(item, "/deadLettered"),
    },
    Column {
        heading: "BACKLOG",
        cell: |item| cell(item, "/backlog"),
    },
    Column {
        heading: "MESSAGE",
        cell: |item| cell(item, "/conditions/0/message"),
    },
];

const HELD_KEYS: &[Column] = &[
    Column {
        heading: "HELD KEY",
        cell: |item| match item.get("key") {
            Some(_) => cell(item, "/key"),
            None => "(none)".to_owned(),
        },
    },
    Column {
        heading: "STATE",
        cell: |item| cell(item, "/state"),
    },
    Column {
        heading: "SINCE",
        cell: |item| cell(item, "/since"),
    },
    Column {
        heading: "EVENT",
        cell: |item| cell(item, "/eventId"),
    },
    Column {
        heading: "ATTEMPTS",
        cell: |item| cell(item, "/attempts"),
    },
    Column {
        heading: "BEHIND",
        cell: |item| cell(item, "/behind"),
    },
    Column {
        heading: "LAST FAILURE",
        cell: |item| cell(item, "/message"),
    },
];

const SOURCES: &[Column] = &[
    NAMESPACE,
    NAME,
    READY,
    Column {
        heading: "KIND",
        cell: |item| cell(item, "/kind"),
    },
    Column {
        heading: "SINK",
        cell: |item| cell(item, "/sink"),
    },
    Column {
        heading: "EVENTS",
        cell: |item| cell(item, "/events"),
    },
    Column {
        heading: "STATE",
        cell: |item| cell(item, "/state"),
    },
];

const ENDPOINTS: &[Column] = &[
    NAMESPACE,
    NAME,
    Column {
        heading: "TARGET",
        cell: |item| cell(item, "/target"),
    },
    Column {
        heading: "STATE",
        cell: |item| cell(item, "/status/state"),
    },
    Column {
        heading: "FAILURES",
        cell: |item| cell(item, "/status/failures"),
    },
    Column {
        heading: "IN-FLIGHT",
        cell: |item| cell(item, "/status/inFlight"),
    },
    Column {
        heading: "WAITING",
        cell: |item| cell(item, "/status/waiting"),
    },
];

const STORAGE: &[Column] = &[
    Column {
        heading: "DIRECTORY",
        cell: |item| cell(item, "/directory"),
    },
    READY,
    Column {
        heading: "DURABILITY",
        cell: |item| cell(item, "/durability"),
    },
    Column {
        heading: "SEGMENTS",
        cell: |item| cell(item, "/segments"),
    },
    Column {
        heading: "DISK",
        cell: |item| cell(item, "/diskBytes"),
    },
    Column {
        heading: "RESERVE",
        cell: |item| cell(item, "/reserveBytes"),
    },
    Column {
        heading: "FREE",
        cell: |item| cell(item, "/freeBytes"),
    },
];

fn ready(item: &Value) -> String {
    match item.get("ready") {
        _ if item.get("paused").is_some() => "Paused".to_owned(),
        Some(Value::Bool(true)) => "True".to_owned(),
        Some(Value::Bool(false)) => "False".to_owned(),
        _ => "Unknown".to_owned(),
    }
}

fn not_idle(trigger: &Value, wait: Duration) -> Failure {
    let name = format!("{}/{}", cell(trigger, "/namespace"), cell(trigger, "/name"));
    let counts = [
        "backlog",
        "pending",
        "inFlight",
        "waitingRetry",
        "behindKey",
        "parkedKeys",
    ]
    .map(|field| format!("{field} {}", cell(trigger, &format!("/{field}"))))
    .join(", ");
    Failure::new(
        Exit::Io,
        format!("trigger {name} still has work after {wait:?}: {counts}"),
    )
}

#[cfg(test)]
mod tests;
