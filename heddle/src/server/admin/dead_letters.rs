//! The dead-letter store: listed without data, shown one by one with the event byte for byte.

use axum::Json;
use axum::extract::{Path, State};
use broker::DeadLetterReason;
use broker::embedded::{DeadLetterEntry, DeadLetterQuery, Embedded, ReadError};
use schemas::codec::json;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::query::Parameters;
use super::{Admin, Items};
use crate::limits;
use crate::server::problem::{Kind, Problem};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    broker: Option<ResourceName>,
    trigger: Option<ResourceName>,
    reason: Option<DeadLetterReason>,
    limit: Option<usize>,
}

/// A dead letter as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadLetterView {
    kind: &'static str,
    id: String,
    broker: ResourceName,
    trigger: ResourceName,
    reason: DeadLetterReason,
    /// The cause's sequence in the broker's stream.
    sequence: u64,
    /// When it was stored (RFC 3339).
    at: String,
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
    /// The replay or redrive that could not deliver it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    /// The event in the JSON format; when one letter is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Items<DeadLetterView>>, Problem> {
    let limit = query
        .limit
        .unwrap_or(limits::DEAD_LETTERS_MAX)
        .min(limits::DEAD_LETTERS_MAX);
    let query = DeadLetterQuery {
        broker: query.broker,
        trigger: query.trigger,
        reason: query.reason,
        limit,
    };
    let entries = read(&admin, move |engine| engine.dead_letters(&query)).await?;
    Ok(Json(Items {
        items: entries.into_iter().map(DeadLetterView::from).collect(),
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
            Kind::NotFound,
            format!("there is no dead letter {id}; `heddle dead-letters list` lists them"),
        )
    })?;
    let mut view = DeadLetterView::from(entry);
    view.event = Some(super::raw(&json::encode(&event))?);
    Ok(Json(view))
}

/// Reads the store off the async workers.
async fn read<T: Send + 'static>(
    admin: &Admin,
    read: impl FnOnce(&Embedded) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Problem> {
    let engine = admin.parts.engine.clone();
    let result = tokio::task::spawn_blocking(move || read(&engine)).await;
    let reason = match result {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(reason, "the dead-letter store cannot be read");
    Err(Problem::new(
        Kind::Internal,
        "the dead-letter store cannot be read; see the log",
    ))
}

impl From<DeadLetterEntry> for DeadLetterView {
    fn from(entry: DeadLetterEntry) -> Self {
        Self {
            kind: "DeadLetter",
            id: entry.id,
            broker: entry.broker,
            trigger: entry.trigger,
            reason: entry.reason,
            sequence: entry.sequence,
            at: crate::time::rfc3339(entry.at),
            event_id: entry.event_id,
            event_type: entry.event_type,
            event_source: entry.event_source,
            code: entry.code,
            destination: entry.destination,
            message: entry.message,
            answer: entry.data,
            attempts: entry.attempts,
            replay: entry.replay,
            event: None,
        }
    }
}
