//! Backups: the server writes one on the machine where it runs.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use broker::embedded::BackupError;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::write::Change;
use crate::server::problem::{Kind, Problem};

/// Where to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupRequest {
    directory: PathBuf,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(super) struct BackupView {
    kind: &'static str,
    directory: String,
    /// Journal files in it.
    segments: u64,
    /// Those that share their bytes with the data directory's.
    linked: u64,
    bytes: u64,
}

pub(super) async fn make(
    State(admin): State<Admin>,
    Change(request): Change<BackupRequest>,
) -> Result<Json<BackupView>, Problem> {
    let directory = request.directory.display().to_string();
    let made = admin
        .parts
        .engine
        .backup(request.directory)
        .await
        .map_err(problem)?;
    tracing::info!(
        directory,
        segments = made.segments,
        bytes = made.bytes,
        "a backup was written"
    );
    Ok(Json(BackupView {
        kind: "Backup",
        directory,
        segments: made.segments,
        linked: made.linked,
        bytes: made.bytes,
    }))
}

fn problem(error: BackupError) -> Problem {
    let kind = match &error {
        BackupError::Relative { .. } | BackupError::Inside { .. } | BackupError::NotEmpty { .. } => {
            Kind::Invalid
        }
        BackupError::Io { .. } | BackupError::Journal(_) | BackupError::Interrupted { .. } => {
            tracing::error!(%error, "a backup could not be written");
            Kind::Internal
        }
    };
    Problem::new(kind, error.to_string())
}
