//! The one way by which a source's events get into the broker.
//!
//! Applies `ceOverrides`, takes the bytes' permit, appends, and offers a batch again while the engine is merely busy
//! or out of room. Answers `Ok` only when all of it is durable: what a source may move its position on.
//!
//! An event that the broker refuses because it has seen its source and id with another content would be refused for
//! ever: it is left out, counted and named in the log, so that what comes behind it is not lost with it. The same goes for
//! one whose data a schema of the configuration refuses.

use std::sync::Arc;

use broker::{
    Accepted, Admission, AppendError, Batch, Engine, Quarantined, SchemaGate, SourceState, Verdict,
};
use parking_lot::Mutex;
use schemas::event::{Event, InvalidEvent, Value};
use schemas::names::ResourceName;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::extensions::BROKER_TTL;
use crate::limits::{STORE_PAUSE_MS_MAX, STORE_PAUSE_MS_MIN};
use crate::metrics::SourceMetrics;
use crate::status::Reporter;

/// Stores the events of one source. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    admission: Admission,
    broker: ResourceName,
    overrides: Vec<(String, String)>,
    schemas: SchemaGate,
    status: Arc<Reporter>,
    metrics: SourceMetrics,
    stop: CancellationToken,
    random: Mutex<fastrand::Rng>,
}

/// What an [`Intake`] is made of.
pub(crate) struct Parts {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) admission: Admission,
    pub(crate) broker: ResourceName,
    pub(crate) overrides: Vec<(String, String)>,
    pub(crate) schemas: SchemaGate,
    pub(crate) status: Arc<Reporter>,
    pub(crate) metrics: SourceMetrics,
    pub(crate) stop: CancellationToken,
    pub(crate) random: fastrand::Rng,
}

impl Intake {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            engine,
            admission,
            broker,
            overrides,
            schemas,
            status,
            metrics,
            stop,
            random,
        } = parts;
        let random = Mutex::new(random);
        let inner = Inner {
            engine,
            admission,
            broker,
            overrides,
            schemas,
            status,
            metrics,
            stop,
            random,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What the source saved last, or `None`.
    #[must_use]
    pub fn saved(&self, key: &str) -> Option<Vec<u8>> {
        self.inner.engine.source_state(key)
    }

    /// Stores events in order, and where the source stands after them. Waits while the engine is busy or out of
    /// room, telling so in the source's status, until it is stored or the source is told to stop. The answer has no
    /// position for an event that was left out.
    ///
    /// Cancel safe in that nothing half-done stays behind, but a dropped call may still have stored the events.
    ///
    /// # Errors
    /// [`AppendError`] that waiting does not cure, or the last one when the source is told to stop. Events before
    /// the one that failed may be stored, so the source must not move its position and takes all of them again.
    pub async fn store(
        &self,
        events: Vec<Event>,
        state: Option<SourceState>,
    ) -> Result<Accepted, AppendError> {
        let (events, mut quarantined) = self.sorted(events);
        if events.is_empty() && (state.is_some() || !quarantined.is_empty()) {
            // The position is behind what was left out, too.
            return self
                .store_run(broker::limits::HOPS_MAX, events, quarantined, state)
                .await;
        }
        let mut runs = by_hops(events).into_iter().peekable();
        let mut all = Accepted {
            positions: Vec::new(),
            duplicates: 0,
        };
        while let Some((hops, events)) = runs.next() {
            // The position stands for all events, so it rides on the last of them.
            let (kept, state) = if runs.peek().is_none() {
                (std::mem::take(&mut quarantined), state.clone())
            } else {
                (Vec::new(), None)
            };
            let accepted = self.store_run(hops, events, kept, state).await?;
            all.positions.extend(accepted.positions);
            all.duplicates += accepted.duplicates;
        }
        Ok(all)
    }

    /// The event with the source's `ceOverrides`.
    ///
    /// # Errors
    /// [`InvalidEvent`] when an override is no extension; the configuration should have refused it.
    pub fn overridden(&self, event: Event) -> Result<Event, InvalidEvent> {
        if self.inner.overrides.is_empty() {
            return Ok(event);
        }
        let extensions: Vec<(&str, Value<'_>)> = self
            .inner
            .overrides
            .iter()
            .map(|(name, value)| (name.as_str(), Value::String(value)))
            .collect();
        event.with(&extensions)
    }

    pub(crate) fn schemas(&self) -> &SchemaGate {
        &self.inner.schemas
    }

    pub(crate) fn broker(&self) -> &ResourceName {
        &self.inner.broker
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.inner.engine
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.inner.admission
    }

    /// Counts events that are durable, the ones that were so before among them.
    pub(crate) fn count(&self, events: usize, bytes: usize, accepted: &Accepted) {
        let stored = events.saturating_sub(accepted.duplicates);
        self.inner.metrics.events.inc_by(stored as u64);
        self.inner.metrics.duplicates.inc_by(accepted.duplicates as u64);
        self.inner.metrics.bytes.inc_by(bytes as u64);
        self.inner.status.accepted(events as u64);
    }

    /// The events that are to be stored, and those that a schema quarantines; without those that one refuses.
    fn sorted(&self, events: Vec<Event>) -> (Vec<Event>, Vec<Quarantined>) {
        let Inner {
            schemas,
            broker,
            metrics,
            ..
        } = &*self.inner;
        let (mut fitting, mut quarantined) = (Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            match schemas.check(broker, &event) {
                Verdict::Fits => fitting.push(event),
                Verdict::Quarantined(mismatch) => quarantined.push(Quarantined { event, mismatch }),
                Verdict::Refused(mismatch) => {
                    metrics.misfits.inc();
                    schemas.log_left_out(broker, &event, &mismatch);
                }
            }
        }
        (fitting, quarantined)
    }

    /// Says that an event is not stored, and why.
    fn leave_out(&self, event: &Event) {
        self.inner.metrics.conflicts.inc();
        tracing::error!(
            broker = %self.inner.broker,
            event_source = event.source(),
            event_id = event.id(),
            "an event is refused: the broker has stored this source and id with other attributes or data"
        );
    }

    async fn store_run(
        &self,
        hops: u8,
        mut events: Vec<Event>,
        quarantined: Vec<Quarantined>,
        source_state: Option<SourceState>,
    ) -> Result<Accepted, AppendError> {
        let inner = &*self.inner;
        let mut backoff = Backoff::new(STORE_PAUSE_MS_MIN, STORE_PAUSE_MS_MAX, inner.random.lock().fork());
        let mut waited = false;
        loop {
            let bytes = events.iter().map(Event::size).sum();
            let kept: usize = quarantined.iter().map(|one| one.event.size()).sum();
            let permit = Some(inner.admission.admit(bytes + kept).await);
            let batch = Batch {
                events: events.clone(),
                quarantined: quarantined.clone(),
                hops,
                source_state: source_state.clone(),
                permit,
            };
            let error = match inner.engine.append(&inner.broker, batch).await {
                Ok(accepted) => {
                    if waited {
                        inner.status.running();
                    }
                    self.count(events.len(), bytes, &accepted);
                    return Ok(accepted);
                }
                Err(AppendError::Conflict { index, .. }) if index < events.len() => {
                    self.leave_out(&events.remove(index));
                    continue;
                }
                Err(error) => error,
            };
            if error == AppendError::Closed || !error.is_retryable() || inner.stop.is_cancelled() {
                return Err(error);
            }
            waited = true;
            inner.metrics.store_retries.inc();
            // A queue that is full for a moment is pressure, not failure.
            if error != AppendError::Busy {
                inner.status.failing(error.to_string());
            }
            let _stopped = inner
                .stop
                .run_until_cancelled(tokio::time::sleep(backoff.next_pause()))
                .await;
        }
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake")
            .field("broker", &self.inner.broker)
            .finish_non_exhaustive()
    }
}

/// Passes left for an event: what it brings, if that is lower than the most.
pub(crate) fn hops(event: &Event) -> u8 {
    let most = broker::limits::HOPS_MAX;
    match event
        .attribute(BROKER_TTL)
        .and_then(|attribute| attribute.value.parse::<i64>().ok())
    {
        Some(left) => u8::try_from(left.clamp(0, i64::from(most))).unwrap_or(most),
        None => most,
    }
}

/// Consecutive events with the same number of passes left; nearly always one run.
fn by_hops(events: Vec<Event>) -> Vec<(u8, Vec<Event>)> {
    let mut runs: Vec<(u8, Vec<Event>)> = Vec::with_capacity(1);
    for event in events {
        let left = hops(&event);
        match runs.last_mut() {
            Some((hops, run)) if *hops == left => run.push(event),
            _ => runs.push((left, vec![event])),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
