//! The data directory: where it is, what 202 promises, how much room is left.

use axum::Json;
use axum::extract::State;
use broker::embedded::RetentionStatus;
use serde::Serialize;

use super::Admin;
use super::health::storage_reason;
use crate::durability;

/// Storage as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StorageView {
    kind: &'static str,
    /// The data directory, absolute.
    directory: String,
    /// Events are taken.
    ready: bool,
    /// Why they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// As it is typed after `--durability`.
    durability: String,
    /// What may be lost, in words.
    promise: String,
    segments: u64,
    /// What the journal's segments occupy, preallocated room included.
    disk_bytes: u64,
    /// Room that is prepared for finishing what was accepted.
    reserve_bytes: u64,
    reserve_bytes_wanted: u64,
    /// What the file system has free.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    /// What of it is left to others.
    free_bytes_min: u64,
    /// What leaves the journal and what stays in it.
    retention: RetentionStatus,
    /// Files of the journal that have left since the start.
    retired_segments: u64,
}

pub(super) async fn show(State(admin): State<Admin>) -> Json<StorageView> {
    let engine = &admin.parts.engine;
    let (space, stats) = (engine.space(), engine.stats());
    let reason = storage_reason(engine);
    Json(StorageView {
        kind: "Storage",
        directory: engine.directory().display().to_string(),
        ready: reason.is_none(),
        reason,
        durability: durability::name(engine.durability()),
        promise: durability::promise(engine.durability()),
        segments: stats.segments,
        disk_bytes: stats.bytes_on_disk,
        reserve_bytes: space.reserve_bytes,
        reserve_bytes_wanted: space.reserve_bytes_wanted,
        free_bytes: space.free_bytes,
        free_bytes_min: space.free_bytes_min,
        retention: engine.retention(),
        retired_segments: stats.retired,
    })
}
