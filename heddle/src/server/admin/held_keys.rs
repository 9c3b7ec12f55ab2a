//! Keys of ordered triggers that are held up by their first event: shown, and let go by command.

use axum::Json;
use axum::extract::State;
use broker::embedded::{HeldKey, HeldState, KeyError, Released};
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::query::{Named, Parameters};
use super::write::Change;
use super::{Admin, Items};
use crate::limits;
use crate::server::problem::{Kind, Problem};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// At most this many.
    limit: Option<usize>,
}

/// Body of a release.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseBody {
    /// The extension `partitionkey`; left out for the events without one.
    key: Option<String>,
    /// Puts the event into the dead-letter store instead of trying it afresh.
    #[serde(default)]
    skip: bool,
}

/// A key as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeldKeyView {
    /// Left out for the events without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    state: HeldState,
    /// Of the event that holds it up.
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    /// Since when it is parked or blocked (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Events that wait behind it.
    behind: u64,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Named(name): Named,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Items<HeldKeyView>>, Problem> {
    let limit = query
        .limit
        .unwrap_or(limits::HELD_KEYS_MAX)
        .min(limits::HELD_KEYS_MAX);
    let items = read(&admin, name, limit).await?;
    Ok(Json(Items { items }))
}

/// The first keys that are held up. Reads the disk off the async workers.
///
/// # Errors
/// 404 when there is no such trigger.
pub(super) async fn read(
    admin: &Admin,
    name: ResourceName,
    limit: usize,
) -> Result<Vec<HeldKeyView>, Problem> {
    let engine = admin.parts.engine.clone();
    let found = tokio::task::spawn_blocking(move || engine.held_keys(&name, limit)).await;
    let found = found.map_err(|error| {
        tracing::error!(%error, "listing held keys was interrupted");
        Problem::new(Kind::Internal, "the keys cannot be listed; see the log")
    })?;
    Ok(found
        .map_err(problem)?
        .into_iter()
        .map(HeldKeyView::from)
        .collect())
}

pub(super) async fn release(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(body): Change<ReleaseBody>,
) -> Result<Json<Released>, Problem> {
    let ReleaseBody { key, skip } = body;
    let released = admin.parts.engine.release(&name, key.as_deref(), skip).await;
    let released = released.map_err(problem)?;
    let sequence = released.sequence;
    tracing::warn!(trigger = %name, key, skip, sequence, "a key is released by command");
    Ok(Json(released))
}

fn problem(error: KeyError) -> Problem {
    let kind = match error {
        KeyError::Storage(error) => return Problem::not_stored(error),
        KeyError::Unknown { .. } | KeyError::NotHeld { .. } => Kind::NotFound,
        KeyError::BeingTried { .. } => Kind::Conflict,
        KeyError::Unreadable { .. } => Kind::Internal,
    };
    Problem::new(kind, error.to_string())
}

impl From<HeldKey> for HeldKeyView {
    fn from(held: HeldKey) -> Self {
        Self {
            key: held.key,
            state: held.state,
            sequence: held.sequence,
            event_id: held.event_id,
            since: held.since.map(crate::time::rfc3339),
            next_attempt: held.next_attempt.map(crate::time::rfc3339),
            attempts: held.attempts,
            code: held.failure.as_ref().and_then(|failure| failure.code),
            message: held.failure.map(|failure| failure.message),
            behind: held.behind,
        }
    }
}
