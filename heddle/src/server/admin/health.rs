//! `/healthz`: the process runs. `/readyz`: events are taken, or why not.

use std::sync::Arc;

use ::sources::State as SourceState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use broker::embedded::{Embedded, Health, SpaceReport};
use http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;

use super::Admin;
use crate::durability;

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
    /// What 202 promises, in words.
    durability: String,
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
            .chain(storage_reason(&admin.parts.engine))
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
            durability: durability::promise(admin.parts.engine.durability()),
        }
    }
}

/// Why storage takes no events; `None` when it does.
pub(super) fn storage_reason(engine: &Embedded) -> Option<String> {
    reason(&engine.health(), &engine.space())
}

fn reason(health: &Health, space: &SpaceReport) -> Option<String> {
    let free = || {
        space.free_bytes.map_or_else(String::new, |free| {
            let (free, min) = (mebibytes(free), mebibytes(space.free_bytes_min));
            format!(" ({free} free, {min} are left to others)")
        })
    };
    match health {
        Health::Ready => None,
        Health::NoSpace => Some(format!(
            "the disk that holds the data directory is full{}: new events are refused with 507, deliveries go on out of \
             the reserve, of which {} are left",
            free(),
            mebibytes(space.reserve_bytes)
        )),
        Health::ReserveLow => Some(format!(
            "the disk that holds the data directory is full{} and the reserve is used up: new events are refused with \
             507 and deliveries have stopped; both go on by themselves when there is room",
            free()
        )),
        Health::Failed { reason } => Some(format!(
            "storage has failed: {reason}; restart after repairing it"
        )),
        Health::Closed => Some("storage is closed".to_owned()),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests;
