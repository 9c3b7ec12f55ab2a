//! How a source is: its state and counts for the admin API, and one log line when the state changes.
//!
//! A source that keeps failing writes one line when it starts to fail and one when it has recovered, not one for
//! every attempt; a source that flaps is held to [`LOG_LINES_PER_MINUTE_MAX`] lines.

use std::sync::Arc;

use broker::{Clock, Timestamp};
use parking_lot::Mutex;
use schemas::names::ResourceName;
use serde::Serialize;

use crate::limits::LOG_LINES_PER_MINUTE_MAX;
use crate::metrics::SourceMetrics;
use crate::spec::KindName;

/// A source as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Its kind.
    pub kind: KindName,
    /// Its name.
    pub name: ResourceName,
    /// The broker that its events go to.
    pub broker: ResourceName,
    /// What it is doing.
    #[serde(flatten)]
    pub state: State,
    /// Events stored since this process started.
    pub accepted: u64,
    /// When the last of them was stored, in milliseconds since 1970.
    pub last_event_at: Option<Timestamp>,
}

/// What a source is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// Getting ready; no event can come yet.
    Connecting,
    /// Events can come.
    Running,
    /// Something is wrong; it is being tried again.
    Failing {
        /// Since when, without a success in between.
        since: Timestamp,
        /// What is wrong, in words.
        last_error: String,
    },
    /// It was told to stop and has.
    Stopped,
}

/// Where a source tells how it is.
#[derive(Debug)]
pub struct Reporter {
    clock: Arc<dyn Clock>,
    metrics: SourceMetrics,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    status: SourceStatus,
    gate: LogGate,
}

/// Lets a few lines a minute through and counts the others.
#[derive(Debug, Default)]
struct LogGate {
    minute: u64,
    lines: u32,
    held_back: u64,
}

// === impl Reporter ===

impl Reporter {
    pub(crate) fn new(
        kind: KindName,
        name: ResourceName,
        broker: ResourceName,
        clock: Arc<dyn Clock>,
        metrics: SourceMetrics,
    ) -> Self {
        let state = State::Connecting;
        let status = SourceStatus {
            kind,
            name,
            broker,
            state,
            accepted: 0,
            last_event_at: None,
        };
        Self {
            clock,
            metrics,
            inner: Mutex::new(Inner {
                status,
                gate: LogGate::default(),
            }),
        }
    }

    /// As it is now.
    #[must_use]
    pub fn status(&self) -> SourceStatus {
        self.inner.lock().status.clone()
    }

    /// Getting ready. Does not end a failure: only success does. Nothing changes after [`Self::stopped`].
    pub fn connecting(&self) {
        let mut inner = self.inner.lock();
        if !matches!(inner.status.state, State::Failing { .. } | State::Stopped) {
            inner.status.state = State::Connecting;
        }
    }

    /// Events can come.
    pub fn running(&self) {
        let mut inner = self.inner.lock();
        if matches!(inner.status.state, State::Running | State::Stopped) {
            return;
        }
        let before = std::mem::replace(&mut inner.status.state, State::Running);
        self.metrics.running.set(1);
        let now = self.clock.now();
        let Some(held_back) = inner.gate.pass(now) else {
            return;
        };
        let (kind, source) = (inner.status.kind.as_str(), &inner.status.name);
        match before {
            State::Failing { since, .. } => {
                let seconds = now.0.saturating_sub(since.0) / 1_000;
                tracing::info!(kind, %source, held_back, "source works again after {seconds} s");
            }
            State::Connecting | State::Running | State::Stopped => {
                tracing::info!(kind, %source, held_back, "source is running");
            }
        }
    }

    /// Something is wrong and is being tried again.
    pub fn failing(&self, error: impl Into<String>) {
        let mut inner = self.inner.lock();
        let error = error.into();
        match &mut inner.status.state {
            State::Failing { last_error, .. } => {
                *last_error = error;
                return;
            }
            State::Stopped => return,
            State::Connecting | State::Running => {}
        }
        let now = self.clock.now();
        inner.status.state = State::Failing {
            since: now,
            last_error: error.clone(),
        };
        self.metrics.running.set(0);
        if let Some(held_back) = inner.gate.pass(now) {
            let (kind, source) = (inner.status.kind.as_str(), &inner.status.name);
            tracing::warn!(kind, %source, error, held_back, "source is failing; it is tried again by itself");
        }
    }

    /// It was told to stop and has.
    pub fn stopped(&self) {
        self.inner.lock().status.state = State::Stopped;
        self.metrics.running.set(0);
    }

    /// Something a person should see that is no state: at most a few lines a minute.
    pub fn notice(&self, text: &str) {
        let mut inner = self.inner.lock();
        if let Some(held_back) = inner.gate.pass(self.clock.now()) {
            let (kind, source) = (inner.status.kind.as_str(), &inner.status.name);
            tracing::warn!(kind, %source, held_back, "{text}");
        }
    }

    /// Events were stored.
    pub(crate) fn accepted(&self, events: u64) {
        let now = self.clock.now();
        let mut inner = self.inner.lock();
        inner.status.accepted += events;
        inner.status.last_event_at = Some(now);
    }
}

// === impl LogGate ===

impl LogGate {
    /// How many lines were held back since the last one that passed; `None` when this one is held back, too.
    fn pass(&mut self, now: Timestamp) -> Option<u64> {
        let minute = now.0 / 60_000;
        if minute != self.minute {
            (self.minute, self.lines) = (minute, 0);
        }
        if self.lines == LOG_LINES_PER_MINUTE_MAX {
            self.held_back += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flapping_source_writes_a_bounded_number_of_lines_a_minute() {
        let mut gate = LogGate::default();
        let passed = (0..100)
            .filter(|at| gate.pass(Timestamp(60_000 + at)).is_some())
            .count();
        assert_eq!(passed, LOG_LINES_PER_MINUTE_MAX as usize);
        let held_back = 100 - u64::from(LOG_LINES_PER_MINUTE_MAX);
        assert_eq!(
            gate.pass(Timestamp(120_000)),
            Some(held_back),
            "the next line tells how many"
        );
    }

    #[test]
    fn the_state_is_flat_in_json() {
        let name = ResourceName::new("default", "beat").expect("a legal name");
        let status = SourceStatus {
            kind: KindName::PingSource,
            name: name.clone(),
            broker: name,
            state: State::Failing {
                since: Timestamp(5),
                last_error: "no".into(),
            },
            accepted: 3,
            last_event_at: None,
        };
        let json = serde_json::to_value(status).expect("serializable");
        let wanted = serde_json::json!({
            "kind": "PingSource", "name": "default/beat", "broker": "default/beat", "state": "failing", "since": 5,
            "lastError": "no", "accepted": 3, "lastEventAt": null
        });
        assert_eq!(json, wanted);
    }
}
