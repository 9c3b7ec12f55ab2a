//! Commands on a trigger's position.

use axum::Json;
use axum::extract::State;
use broker::embedded::PositionError;
use broker::{Pause, PausedBy};
use serde::Deserialize;

use super::Admin;
use super::query::Named;
use super::triggers::{TriggerView, of_name};
use super::write::Change;
use crate::server::problem::{Kind, Problem};

/// Body of a pause.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseBody {
    /// Why; shown wherever the trigger is.
    #[serde(default)]
    reason: String,
}

/// A body without fields.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn pause(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(body): Change<PauseBody>,
) -> Result<Json<TriggerView>, Problem> {
    let pause = Pause {
        by: PausedBy::Operator,
        reason: body.reason,
        at: admin.parts.engine.now(),
    };
    admin.parts.engine.pause(&name, pause).await.map_err(problem)?;
    tracing::warn!(trigger = %name, "the trigger is paused by command");
    of_name(&admin, &name).map(Json)
}

pub(super) async fn resume(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(Nothing {}): Change<Nothing>,
) -> Result<Json<TriggerView>, Problem> {
    if admin.parts.engine.resume(&name).await.map_err(problem)? {
        tracing::info!(trigger = %name, "the trigger is resumed by command");
    }
    of_name(&admin, &name).map(Json)
}

/// A command that was not carried out.
pub(super) fn problem(error: PositionError) -> Problem {
    let kind = match error {
        PositionError::Storage(error) => return Problem::not_stored(error),
        PositionError::Unknown { .. } => Kind::NotFound,
        PositionError::BeyondEnd { .. } | PositionError::Empty { .. } => Kind::Invalid,
        PositionError::NotRunning { .. } => Kind::Conflict,
        PositionError::TooMany { .. } => Kind::Overloaded,
        PositionError::Unreadable { .. } => Kind::Internal,
    };
    if kind == Kind::NotFound {
        return Problem::new(kind, format!("{error}; `heddle get triggers` lists them"));
    }
    Problem::new(kind, error.to_string())
}
