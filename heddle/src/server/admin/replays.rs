//! Replays and redrives: started, listed with how far they are, ended.

use axum::Json;
use axum::extract::{Path, State};
use broker::embedded::Replay;
use broker::{SideEnd, SideId, SideInfo, SideKind, Start};
use http::StatusCode;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};

use super::position::problem;
use super::write::Change;
use super::{Admin, Items};
use crate::place;
use crate::server::problem::{Kind, Problem};

/// Body of a replay.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReplayBody {
    trigger: ResourceName,
    #[serde(deserialize_with = "place::deserialize")]
    from: Start,
    #[serde(default, deserialize_with = "place::deserialize")]
    to: Start,
    /// Deliveries a second.
    rate: Option<u32>,
    /// Count, and start nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What was started, or would be.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Started {
    Counted(CountedView),
    Running(Box<ReplayView>),
}

/// What a replay would deliver.
#[derive(Debug, Serialize)]
pub(super) struct CountedView {
    trigger: ResourceName,
    from: u64,
    until: u64,
    /// Events between the two that match the trigger's present filter.
    matched: u64,
}

/// A replay or redrive as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayView {
    kind: &'static str,
    id: String,
    trigger: ResourceName,
    /// The first sequence.
    from: u64,
    /// The last one.
    until: u64,
    /// Everything up to here is settled, did not match, or waits for a retry.
    position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    /// `running`, `finished` or `cancelled`.
    state: &'static str,
    /// RFC 3339.
    started_at: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    delivered: u64,
    sent_to_dead_letter_sink: u64,
    dead_lettered: u64,
    retries: u64,
    waiting_retry: u64,
    in_flight: u64,
    /// Sequences that it has yet to read.
    backlog: u64,
}

pub(super) async fn list(State(admin): State<Admin>) -> Json<Items<ReplayView>> {
    let items = admin.parts.engine.replays().into_iter().map(ReplayView::new);
    Json(Items {
        items: items.collect(),
    })
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<Json<ReplayView>, Problem> {
    let id = parse(&id)?;
    let found = admin
        .parts
        .engine
        .replays()
        .into_iter()
        .find(|info| info.id == id);
    let info = found.ok_or_else(|| unknown(&id.to_string()))?;
    Ok(Json(ReplayView::new(info)))
}

pub(super) async fn start(
    State(admin): State<Admin>,
    Change(body): Change<ReplayBody>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    if body.rate == Some(0) {
        return Err(Problem::new(Kind::Invalid, "a rate is at least 1 a second").at("rate"));
    }
    let replay = Replay {
        of: body.trigger,
        from: body.from,
        to: body.to,
        rate: body.rate,
    };
    let engine = &admin.parts.engine;
    if body.dry_run {
        let selected = engine.select(&replay).await.map_err(problem)?;
        let counted = CountedView {
            trigger: replay.of,
            from: selected.from,
            until: selected.until,
            matched: selected.matched,
        };
        return Ok((StatusCode::OK, Json(Started::Counted(counted))));
    }
    let info = engine.replay(&replay).await.map_err(problem)?;
    tracing::info!(trigger = %info.trigger, id = %info.id, from = info.from, until = info.until, "a replay was started by command");
    let view = Box::new(ReplayView::new(info));
    Ok((StatusCode::CREATED, Json(Started::Running(view))))
}

pub(super) async fn cancel(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<Json<ReplayView>, Problem> {
    let id = parse(&id)?;
    let cancelled = admin.parts.engine.cancel(id).await.map_err(problem)?;
    let info = cancelled.ok_or_else(|| unknown(&id.to_string()))?;
    Ok(Json(ReplayView::new(info)))
}

fn parse(id: &str) -> Result<SideId, Problem> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("there is no replay or redrive `{id}`; `heddle replays` lists them"),
    )
}

impl ReplayView {
    fn new(info: SideInfo) -> Self {
        let status = info.status;
        Self {
            kind: match info.id.kind {
                SideKind::Replay => "Replay",
                SideKind::Redrive => "Redrive",
            },
            id: info.id.to_string(),
            trigger: info.trigger,
            from: info.from,
            until: info.until,
            position: status.cursor,
            rate: info.rate,
            state: match info.ended {
                None => "running",
                Some((SideEnd::Finished, _)) => "finished",
                Some((SideEnd::Cancelled, _)) => "cancelled",
            },
            started_at: crate::time::rfc3339(info.started_at),
            ended_at: info.ended.map(|(_, at)| crate::time::rfc3339(at)),
            delivered: status.delivered,
            sent_to_dead_letter_sink: status.dead_letter_sink,
            dead_lettered: status.dead_lettered,
            retries: status.retries,
            waiting_retry: status.waiting_retry,
            in_flight: status.in_flight + status.retrying,
            backlog: status.backlog,
        }
    }
}
