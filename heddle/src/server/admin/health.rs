//! `/healthz`: the process runs. `/readyz`: events are taken, or why not.

use std::sync::Arc;

use ::sources::State as SourceState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use broker::embedded::Health;
use http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;

use super::Admin;

/// What the process is doing as a whole. Cheap to clone; all clones tell the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase {
    at: Arc<Mutex<At>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Starting,
    Running,
    Draining,
}

/// The answer of `/readyz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    /// Why events are not taken.
    reasons: Vec<String>,
    /// What a person should look at although events are taken.
    warnings: Vec<String>,
}

impl Phase {
    /// Traffic is accepted.
    pub(crate) fn running(&self) {
        *self.at.lock() = At::Running;
    }

    /// The process was told to stop.
    pub(crate) fn draining(&self) {
        *self.at.lock() = At::Draining;
    }

    fn reason(&self) -> Option<String> {
        match *self.at.lock() {
            At::Starting => Some("heddle is starting".to_owned()),
            At::Running => None,
            At::Draining => Some("heddle is stopping".to_owned()),
        }
    }
}

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(admin): State<Admin>) -> Response {
    let readiness = Readiness::of(&admin);
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

impl Readiness {
    fn of(admin: &Admin) -> Self {
        let reasons: Vec<String> = admin
            .parts
            .phase
            .reason()
            .into_iter()
            .chain(storage_reason(&admin.parts.engine.health()))
            .collect();
        let stopped = admin
            .parts
            .dispatcher
            .triggers()
            .into_iter()
            .filter_map(|trigger| {
                trigger
                    .stopped
                    .map(|reason| format!("trigger {} delivers nothing: {reason}", trigger.name))
            });
        let paused = admin
            .parts
            .engine
            .subscriptions()
            .into_iter()
            .filter_map(|subscription| {
                let pause = subscription.status.paused?;
                let since = crate::time::rfc3339(pause.at);
                Some(format!(
                    "trigger {} is paused since {since} by {}: {}",
                    subscription.name, pause.by, pause.reason
                ))
            });
        let failing = admin
            .parts
            .sources
            .status()
            .into_iter()
            .filter_map(|source| match source.state {
                SourceState::Failing { last_error, .. } => {
                    let kind = source.kind.as_str();
                    Some(format!("{kind} {} is failing: {last_error}", source.name))
                }
                SourceState::Connecting | SourceState::Running | SourceState::Stopped => None,
            });
        Self {
            ready: reasons.is_empty(),
            reasons,
            warnings: admin
                .parts
                .engine
                .warnings()
                .into_iter()
                .chain(stopped)
                .chain(paused)
                .chain(failing)
                .collect(),
        }
    }
}

fn storage_reason(health: &Health) -> Option<String> {
    match health {
        Health::Ready => None,
        Health::NoSpace => Some("the disk that holds the data directory is full".to_owned()),
        Health::Failed { reason } => Some(format!(
            "storage has failed: {reason}; restart after repairing it"
        )),
        Health::Closed => Some("storage is closed".to_owned()),
    }
}

#[cfg(test)]
mod tests;
