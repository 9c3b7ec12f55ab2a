//! PingSource: an event at each tick of a schedule (Knative's `sources.knative.dev/v1` PingSource).
//!
//! The tick is saved in the same commit as its event, so that a restart neither repeats a tick nor skips the one it
//! was storing. Ticks that passed while the process was down are not made up for, as Knative does it; those that
//! passed while the engine did not take the one before are counted as missed.

use std::time::Duration;

use broker::{SourceState, Timestamp};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use schemas::event::{DataForm, Event, InvalidEvent};
use schemas::names::ResourceName;
use uuid::Uuid;

use crate::cron::Schedule;
use crate::limits::{CLOCK_AHEAD_MS_MAX, CLOCK_CHECK_MS_MAX, MISSED_TICKS_COUNTED_MAX};
use crate::source::{Session, Source, SourceError};

/// The `type` of its events.
pub const TYPE: &str = "dev.knative.sources.ping";

/// What a PingSource sends, and when.
#[derive(Clone, Debug)]
pub struct PingSpec {
    /// When.
    pub schedule: Schedule,
    /// `datacontenttype`; none when the resource gives none.
    pub content_type: Option<String>,
    /// `data`, or `dataBase64` decoded.
    pub data: Option<Bytes>,
}

/// A PingSource at work.
#[derive(Debug)]
pub(crate) struct PingSource {
    name: ResourceName,
    spec: PingSpec,
    /// A tick that came and is not known to be stored; it keeps its id through failures.
    pending: Mutex<Option<Tick>>,
}

#[derive(Clone, Debug)]
struct Tick {
    at: Timestamp,
    event: Event,
}

/// How waiting for a tick ended.
enum Waited {
    /// It is time.
    Due,
    /// The clock went back so far that the tick must be looked for anew.
    ClockSetBack,
}

// === impl PingSpec ===

impl PingSpec {
    /// The event of one tick.
    ///
    /// # Errors
    /// [`InvalidEvent`] when the content type is no media type. For the configuration to check before it is run.
    pub fn event(&self, name: &ResourceName, at: Timestamp, id: &Uuid) -> Result<Event, InvalidEvent> {
        let source = format!(
            "/apis/v1/namespaces/{}/pingsources/{}",
            name.namespace(),
            name.name()
        );
        let mut builder = Event::builder()
            .id(&id.to_string())
            .source(&source)
            .ty(TYPE)
            .time(&rfc3339(at));
        if let Some(content_type) = &self.content_type {
            builder = builder.data_content_type(content_type);
        }
        if let Some(data) = &self.data {
            builder = builder.data(DataForm::Binary, data.clone());
        }
        builder.build()
    }
}

// === impl PingSource ===

impl PingSource {
    pub(crate) fn new(name: ResourceName, spec: PingSpec) -> Self {
        Self {
            name,
            spec,
            pending: Mutex::new(None),
        }
    }

    fn key(&self) -> String {
        format!("pingsource/{}", self.name)
    }

    async fn tick_for_ever(&self, session: &Session) -> Result<(), SourceError> {
        let mut last = saved_tick(session, &self.key());
        // The last tick that was stored in this run and not yet followed.
        let mut stored = None;
        session.status.running();
        // A tick that an earlier run could not store comes first.
        let unfinished = self.pending.lock().clone();
        if let Some(tick) = unfinished {
            last = Some(tick.at);
            self.store(session, tick).await?;
            stored = last;
        }
        loop {
            // One look at the clock for both: what it passed is counted, what comes is waited for, nothing is neither.
            let now = session.clock.now();
            self.count_missed(session, stored.take(), now);
            let from = start_of_search(last, now);
            let Some(at) = self.spec.schedule.next_after(from) else {
                return Err(SourceError::Ended);
            };
            match session
                .stop
                .run_until_cancelled(wait_until(session, from, at))
                .await
            {
                None => return Ok(()),
                Some(Waited::ClockSetBack) => continue,
                Some(Waited::Due) => {}
            }
            let event = self.spec.event(&self.name, at, &Uuid::new_v4())?;
            let tick = Tick {
                at,
                event: session.intake.overridden(event)?,
            };
            *self.pending.lock() = Some(tick.clone());
            self.store(session, tick).await?;
            last = Some(at);
            stored = last;
        }
    }

    async fn store(&self, session: &Session, tick: Tick) -> Result<(), SourceError> {
        let state = SourceState {
            key: self.key(),
            state: rfc3339(tick.at).into_bytes(),
        };
        session.intake.store(vec![tick.event], Some(state)).await?;
        *self.pending.lock() = None;
        session.status.running();
        Ok(())
    }

    /// Ticks between the one just stored and now passed unheard.
    fn count_missed(&self, session: &Session, stored: Option<Timestamp>, now: Timestamp) {
        let ticks = std::iter::successors(stored, |at| self.spec.schedule.next_after(*at));
        let missed = ticks
            .skip(1)
            .take_while(|at| *at <= now)
            .take(MISSED_TICKS_COUNTED_MAX)
            .count();
        if missed > 0 {
            session.metrics.missed_ticks.inc_by(missed as u64);
            session.status.notice(&format!(
                "{missed} ticks passed while the one before could not be stored"
            ));
        }
    }
}

impl Source for PingSource {
    fn run<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.tick_for_ever(session))
    }
}

/// Where to look for the next tick from: never at or before the last one, never in the past. A last tick far ahead of
/// the clock was made by a clock that has been corrected since.
fn start_of_search(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match last {
        Some(last) if last.0 <= now.0.saturating_add(CLOCK_AHEAD_MS_MAX) => last.max(now),
        Some(_) | None => now,
    }
}

fn saved_tick(session: &Session, key: &str) -> Option<Timestamp> {
    let saved = session.intake.saved(key)?;
    let text = std::str::from_utf8(&saved).ok()?;
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp)
}

/// Waits for a time by the wall clock, looking at it often enough to notice when it is set.
async fn wait_until(session: &Session, from: Timestamp, at: Timestamp) -> Waited {
    loop {
        let now = session.clock.now();
        if at <= now {
            return Waited::Due;
        }
        if now.0.saturating_add(CLOCK_AHEAD_MS_MAX) < from.0 {
            return Waited::ClockSetBack;
        }
        tokio::time::sleep(at.until(now).min(Duration::from_millis(CLOCK_CHECK_MS_MAX))).await;
    }
}

/// A time as an attribute: UTC, a fraction only where there is one.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests;
