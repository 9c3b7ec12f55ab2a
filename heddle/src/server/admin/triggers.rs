//! Triggers: where their events go and how far they are; waits for one to have nothing left to do.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use broker::embedded::SubscriptionInfo;
use broker::{Pause, PausedBy, SubscriptionStatus};
use dispatcher::{LastError, TriggerStatus};
use jiff::SignedDuration;
use schemas::names::ResourceName;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::brokers::ListQuery;
use super::condition::Condition;
use super::held_keys::{self, HeldKeyView};
use super::query::{Named, Parameters};
use super::{Admin, Items};
use crate::limits;
use crate::server::problem::{Kind, Problem};

/// Parameters of one trigger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    /// Wait until the trigger is idle, at most this long (`30s`, `PT30S`), and answer either way.
    #[serde(rename = "wait-idle")]
    wait_idle: Option<String>,
    /// Show the keys that are held up too, if it is ordered.
    #[serde(rename = "held-keys", default)]
    held_keys: bool,
}

/// A trigger as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TriggerView {
    kind: &'static str,
    namespace: String,
    name: String,
    broker: ResourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_sink: Option<String>,
    ready: bool,
    /// Nothing is stored that it has not matched and settled.
    idle: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<PausedView>,
    /// After how long an event expires that it has not settled (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_unsettled: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastErrorView>,
    /// Keys that are held up by their first event; when one trigger is shown and they are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_keys: Vec<HeldKeyView>,
    conditions: Vec<Condition>,
}

/// Why and since when it delivers nothing.
#[derive(Debug, Serialize)]
struct PausedView {
    /// `operator` or `gone`.
    by: PausedBy,
    reason: String,
    /// RFC 3339.
    since: String,
}

/// The last attempt that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastErrorView {
    /// RFC 3339.
    at: String,
    destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    message: String,
    event_id: String,
}

/// The engine's counts under the names that people see.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    delivered: u64,
    /// Taken by the dead letter sink.
    sent_to_dead_letter_sink: u64,
    /// Put into the dead-letter store.
    dead_lettered: u64,
    /// Not delivered, since their expirytime had passed or they were older than a rule allows.
    expired: u64,
    /// Could not be read back from the journal.
    unreadable: u64,
    /// Left behind by a seek.
    skipped: u64,
    /// Delivered by replays.
    replayed: u64,
    /// Delivered by redrives of dead letters.
    redriven: u64,
    retries: u64,
    waiting_retry: u64,
    /// Waiting on disk behind an event of their key.
    behind_key: u64,
    /// Keys that wait for a person.
    parked_keys: u64,
    /// Keys whose first event had its last attempt and is tried on.
    blocked_keys: u64,
    /// Matched and not yet claimed.
    pending: u64,
    in_flight: u64,
    /// Not matched yet.
    backlog: u64,
    cursor: u64,
    lagging: bool,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Items<TriggerView>> {
    let running = admin.parts.dispatcher.triggers();
    let items = admin.parts.engine.subscriptions().into_iter().filter_map(|info| {
        let is_shown = query.all || !admin.parts.catalogue.implicit.contains(&info.name);
        let status = running.iter().find(|status| status.name == info.name);
        is_shown.then(|| view(&admin, info, status))
    });
    Json(Items {
        items: items.collect(),
    })
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Named(name): Named,
    Parameters(query): Parameters<ShowQuery>,
) -> Result<Json<TriggerView>, Problem> {
    if let Some(wait) = query.wait_idle {
        return when_idle(&admin, &name, parse_wait(&wait)?).await.map(Json);
    }
    let mut view = of_name(&admin, &name)?;
    if query.held_keys {
        view.held_keys = held_keys::read(&admin, name, limits::HELD_KEYS_MAX).await?;
    }
    Ok(Json(view))
}

/// The trigger of that name as it is now.
///
/// # Errors
/// 404.
pub(super) fn of_name(admin: &Admin, name: &ResourceName) -> Result<TriggerView, Problem> {
    let mut subscriptions = admin.parts.engine.subscriptions().into_iter();
    let info = subscriptions.find(|info| info.name == *name).ok_or_else(|| {
        Problem::new(
            Kind::NotFound,
            format!("there is no trigger {name}; `heddle get triggers` lists them"),
        )
    })?;
    let status = admin.parts.dispatcher.status(name);
    Ok(view(admin, info, status.as_ref()))
}

/// The trigger once it is idle, when the time is over, or when nothing will change any more. What comes in between its
/// being idle and its being looked at is waited for, too.
async fn when_idle(admin: &Admin, name: &ResourceName, wait: Duration) -> Result<TriggerView, Problem> {
    let until = Instant::now() + wait;
    loop {
        let may_change = tokio::select! {
            idle = admin.parts.dispatcher.idle(name) => idle.is_some(),
            () = tokio::time::sleep_until(until) => false,
            () = admin.parts.stop.cancelled() => false,
        };
        let trigger = of_name(admin, name)?;
        if trigger.idle || !may_change {
            return Ok(trigger);
        }
    }
}

fn parse_wait(text: &str) -> Result<Duration, Problem> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let wait = parsed.and_then(|wait| Duration::try_from(wait).ok());
    wait.map(|wait| wait.min(limits::WAIT_IDLE_MAX)).ok_or_else(|| {
        Problem::new(
            Kind::Invalid,
            format!("`{text}` is not a duration such as 30s or PT30S"),
        )
        .at("wait-idle")
    })
}

fn view(admin: &Admin, info: SubscriptionInfo, running: Option<&TriggerStatus>) -> TriggerView {
    let entry = admin.parts.catalogue.triggers.get(&info.name);
    let paused = info.status.paused.as_ref().map(PausedView::new);
    let condition = condition(entry.is_some(), running, paused.as_ref());
    TriggerView {
        kind: "Trigger",
        namespace: info.name.namespace().to_owned(),
        name: info.name.name().to_owned(),
        broker: info.broker,
        subscriber: entry.map(|entry| entry.subscriber.clone()),
        dead_letter_sink: entry.and_then(|entry| entry.dead_letter_sink.clone()),
        ready: condition.is_true(),
        idle: info.status.is_idle(),
        retain_unsettled: info.retain_unsettled.map(crate::time::iso8601),
        counts: Counts::of(&info.status),
        paused,
        last_error: running
            .and_then(|status| status.last_error.clone())
            .map(LastErrorView::from),
        held_keys: Vec::new(),
        conditions: vec![condition],
    }
}

fn condition(is_configured: bool, running: Option<&TriggerStatus>, paused: Option<&PausedView>) -> Condition {
    match running {
        Some(TriggerStatus {
            stopped: Some(reason),
            ..
        }) => Condition::not_ready(
            "Stopped",
            format!("it delivers nothing until a restart: {reason}"),
        ),
        Some(_) if let Some(paused) = paused => Condition::not_ready("Paused", paused.sentence()),
        Some(_) => Condition::ready(),
        None if is_configured => Condition::not_ready("NotRunning", "it is not running yet"),
        None => Condition::not_ready(
            "NotConfigured",
            "its position and retries are kept, but the configuration has no such trigger; `heddle trigger forget` removes them",
        ),
    }
}

impl PausedView {
    fn new(pause: &Pause) -> Self {
        Self {
            by: pause.by,
            reason: pause.reason.clone(),
            since: crate::time::rfc3339(pause.at),
        }
    }

    fn sentence(&self) -> String {
        let Self { by, reason, since } = self;
        let reason = if reason.is_empty() {
            "no reason was given"
        } else {
            reason
        };
        format!("paused since {since} by {by}: {reason}; `heddle trigger resume` lets it go on")
    }
}

impl From<LastError> for LastErrorView {
    fn from(error: LastError) -> Self {
        Self {
            at: crate::time::rfc3339(error.at),
            destination: error.destination,
            code: error.code,
            message: error.message,
            event_id: error.event_id,
        }
    }
}

impl Counts {
    fn of(status: &SubscriptionStatus) -> Self {
        Self {
            delivered: status.delivered,
            sent_to_dead_letter_sink: status.dead_letter_sink,
            dead_lettered: status.dead_lettered,
            expired: status.expired,
            unreadable: status.unreadable,
            skipped: status.skipped,
            replayed: status.replayed,
            redriven: status.redriven,
            retries: status.retries,
            waiting_retry: status.waiting_retry,
            behind_key: status.behind,
            parked_keys: status.parked_keys,
            blocked_keys: status.blocked_keys,
            pending: status.ready,
            in_flight: status.in_flight,
            backlog: status.backlog,
            cursor: status.cursor,
            lagging: status.lagging,
        }
    }
}

#[cfg(test)]
mod tests;
