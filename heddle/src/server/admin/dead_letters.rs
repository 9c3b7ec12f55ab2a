//! The dead-letter store: listed without data, shown one by one with the event byte for byte, purged and
//! redriven by command.

mod filter;

use axum::Json;
use axum::extract::{Path, State};
use broker::embedded::{DeadLetterEntry, DeadLetterGroup, DeadLetterPage, Embedded, LettersError, ReadError};
use broker::{DeadLetterReason, Failure};
use schemas::codec::json;
use schemas::event::{Event, Kind};
use schemas::names::ResourceName;
use serde::Serialize;
use serde_json::value::RawValue;

use self::filter::{Command, ListQuery};
use super::Admin;
use super::query::Parameters;
use super::write::Change;
use crate::server::problem::{Kind as ProblemKind, Problem};

/// A page of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListView {
    items: Vec<DeadLetterView>,
    /// How many there are, by trigger and reason; of the first page only.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<GroupView>>,
    /// `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Letters of one trigger, or of one broker's door, with one reason.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupView {
    broker: ResourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<ResourceName>,
    reason: DeadLetterReason,
    count: u64,
    /// When the first and the last of them were stored (RFC 3339).
    oldest: String,
    newest: String,
}

/// A dead letter as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadLetterView {
    kind: &'static str,
    id: String,
    broker: ResourceName,
    /// None for what was kept at the broker's door.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<ResourceName>,
    reason: DeadLetterReason,
    /// The cause's sequence in the broker's stream.
    sequence: u64,
    /// When it was stored (RFC 3339).
    at: String,
    /// What its copy says; nothing when it cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    copy: Option<CopyView>,
    /// Why the copy cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// The event in the JSON format, as it came; when one letter is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
    /// What a dead letter sink would get beside the event's own attributes; when one letter is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What is in a letter's copy, but its event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyView {
    event_id: String,
    event_type: String,
    event_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The first bytes of the last answer's body, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    attempts: u32,
    /// The replay or redrive that could not deliver it, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
}

/// What a command did.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftView {
    /// Letters that left the store, or would have.
    letters: u64,
    dry_run: bool,
    /// Letters that cannot be redriven: unreadable ones, replies that ran out of passes, and what still does not fit its
    /// schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    stayed: Option<u64>,
    /// The redrives that deliver them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redrives: Vec<String>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<ListView>, Problem> {
    let query = query.checked()?;
    let is_first = query.before.is_none();
    let read_all = move |engine: &Embedded| {
        let groups = match is_first {
            true => Some(engine.dead_letter_groups(&query.filter)?),
            false => None,
        };
        Ok((engine.dead_letters(&query)?, groups))
    };
    let (page, groups) = read(&admin, read_all).await?;
    let DeadLetterPage { letters, next } = page;
    Ok(Json(ListView {
        items: letters.into_iter().map(DeadLetterView::from).collect(),
        groups: groups.map(|groups| groups.into_iter().map(GroupView::from).collect()),
        next: next.map(|next| next.to_string()),
    }))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<Json<DeadLetterView>, Problem> {
    let wanted = id.clone();
    let found = read(&admin, move |engine| engine.dead_letter(&wanted)).await?;
    let (entry, event) = found.ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            format!("there is no dead letter {id}; `heddle dead-letters list` lists them"),
        )
    })?;
    let failure = entry.copy.as_ref().ok().and_then(|copy| copy.failure.clone());
    let mut view = DeadLetterView::from(entry);
    if let Some(event) = event {
        view.error_extensions = failure.and_then(|failure| error_extensions(&event, &failure));
        view.event = Some(super::raw(&json::encode(&event))?);
    }
    Ok(Json(view))
}

pub(super) async fn purge(
    State(admin): State<Admin>,
    Change(command): Change<Command>,
) -> Result<Json<LeftView>, Problem> {
    let dry_run = command.dry_run;
    let filter = command.checked()?;
    let letters = if dry_run {
        read(&admin, move |engine| engine.count_dead_letters(&filter)).await?
    } else {
        let purged = admin.parts.engine.purge(&filter).await.map_err(problem)?;
        tracing::warn!(
            letters = purged.letters,
            ?filter,
            "dead letters are purged by command"
        );
        purged.letters
    };
    Ok(Json(LeftView {
        letters,
        dry_run,
        ..LeftView::default()
    }))
}

pub(super) async fn redrive(
    State(admin): State<Admin>,
    Change(command): Change<Command>,
) -> Result<Json<LeftView>, Problem> {
    let (dry_run, rate) = (command.dry_run, command.rate()?);
    let filter = command.checked()?;
    if dry_run {
        let counted = admin.parts.engine.count_redrivable(&filter).await;
        let letters = counted.map_err(problem)?;
        return Ok(Json(LeftView {
            letters,
            dry_run,
            ..LeftView::default()
        }));
    }
    let doors = &admin.parts.schemas;
    let redrove = admin
        .parts
        .engine
        .redrive_dead_letters(&filter, rate, doors)
        .await;
    let redrove = redrove.map_err(problem)?;
    let (letters, stayed) = (redrove.letters, redrove.stayed);
    tracing::warn!(letters, stayed, ?filter, "dead letters are redriven by command");
    Ok(Json(LeftView {
        letters,
        dry_run,
        stayed: Some(stayed),
        redrives: redrove.redrives.iter().map(ToString::to_string).collect(),
    }))
}

/// Reads the store off the async workers.
async fn read<T: Send + 'static>(
    admin: &Admin,
    read: impl FnOnce(&Embedded) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Problem> {
    let engine = admin.parts.engine.clone();
    let result = tokio::task::spawn_blocking(move || read(&engine)).await;
    match result {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the dead-letter store cannot be read");
    Problem::new(
        ProblemKind::Internal,
        "the dead-letter store cannot be read; see the log",
    )
}

fn problem(error: LettersError) -> Problem {
    match error {
        LettersError::Read(error) => unreadable(&error),
        LettersError::Trigger(error) => super::position::problem(error),
        LettersError::Store(error) => Problem::not_stored(error),
    }
}

/// The extensions that the dispatcher adds for a dead letter sink.
fn error_extensions(event: &Event, failure: &Failure) -> Option<serde_json::Map<String, serde_json::Value>> {
    let with = dispatcher::extensions::with_error(event, failure).ok()?;
    let names = dispatcher::extensions::ERROR_EXTENSIONS;
    let shown = names.iter().filter_map(|name| {
        let attribute = with.attribute(name)?;
        let value = match (attribute.kind, attribute.value.parse::<i32>()) {
            (Kind::Integer, Ok(number)) => number.into(),
            _ => attribute.value.into(),
        };
        Some(((*name).to_owned(), value))
    });
    Some(shown.collect())
}

impl From<DeadLetterEntry> for DeadLetterView {
    fn from(entry: DeadLetterEntry) -> Self {
        let (copy, unreadable) = match entry.copy {
            Ok(copy) => {
                let of_failure = |text: fn(&Failure) -> String| copy.failure.as_ref().map(text);
                let view = CopyView {
                    code: copy.failure.as_ref().and_then(|failure| failure.code),
                    destination: of_failure(|failure| failure.destination.clone()),
                    message: of_failure(|failure| failure.message.clone()),
                    answer: of_failure(|failure| String::from_utf8_lossy(&failure.data).into_owned()),
                    attempts: copy.attempts,
                    replay: copy.replay,
                    event_id: copy.event_id,
                    event_type: copy.event_type,
                    event_source: copy.event_source,
                };
                (Some(view), None)
            }
            Err(reason) => (None, Some(reason)),
        };
        Self {
            kind: "DeadLetter",
            id: entry.id,
            broker: entry.broker,
            trigger: entry.trigger,
            reason: entry.reason,
            sequence: entry.sequence,
            at: crate::time::rfc3339(entry.at),
            copy,
            unreadable,
            event: None,
            error_extensions: None,
        }
    }
}

impl From<DeadLetterGroup> for GroupView {
    fn from(group: DeadLetterGroup) -> Self {
        Self {
            broker: group.broker,
            trigger: group.trigger,
            reason: group.reason,
            count: group.count,
            oldest: crate::time::rfc3339(group.oldest),
            newest: crate::time::rfc3339(group.newest),
        }
    }
}
