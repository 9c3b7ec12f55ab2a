//! Commands on a trigger's position.

use axum::Json;
use axum::extract::State;
use broker::embedded::PositionError;
use broker::{Pause, PausedBy, Start};
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::query::Named;
use super::triggers::{TriggerView, of_name};
use super::write::Change;
use crate::place;
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

/// Body of a seek.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SeekBody {
    #[serde(deserialize_with = "place::deserialize")]
    to: Start,
    /// Say where it would go, and move nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Where a seek went, or would go.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SoughtView {
    /// The first sequence that it had not accounted for.
    from: u64,
    /// The first sequence that it gets now.
    to: u64,
    /// Events of the broker between the two.
    between: u64,
    /// Events that it would still have got and does not get now; when it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<u64>,
}

/// What was forgotten.
#[derive(Debug, Serialize)]
pub(super) struct ForgottenView {
    name: ResourceName,
    /// Events that it had not settled.
    unsettled: u64,
}

pub(super) async fn seek(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(body): Change<SeekBody>,
) -> Result<Json<SoughtView>, Problem> {
    let engine = &admin.parts.engine;
    let sought = if body.dry_run {
        engine.plan_seek(&name, body.to).await
    } else {
        engine.seek(&name, body.to).await
    };
    let sought = sought.map_err(problem)?;
    if !body.dry_run {
        tracing::warn!(trigger = %name, from = sought.from, to = sought.to, skipped = sought.skipped, "the trigger was moved by command");
    }
    Ok(Json(SoughtView {
        from: sought.from,
        to: sought.to,
        between: sought.between(),
        skipped: (!body.dry_run).then_some(sought.skipped),
    }))
}

pub(super) async fn forget(
    State(admin): State<Admin>,
    Named(name): Named,
    Change(Nothing {}): Change<Nothing>,
) -> Result<Json<ForgottenView>, Problem> {
    let status = admin.parts.engine.forget(&name).await.map_err(problem)?;
    let unsettled = status.backlog + status.ready + status.waiting_retry;
    tracing::warn!(trigger = %name, unsettled, "the trigger was forgotten by command");
    Ok(Json(ForgottenView { name, unsettled }))
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
        PositionError::NotRunning { .. } | PositionError::Running { .. } | PositionError::InFlight { .. } => {
            Kind::Conflict
        }
        PositionError::TooMany { .. } => Kind::Overloaded,
        PositionError::Unreadable { .. } => Kind::Internal,
    };
    if kind == Kind::NotFound {
        return Problem::new(kind, format!("{error}; `heddle get triggers` lists them"));
    }
    Problem::new(kind, error.to_string())
}
