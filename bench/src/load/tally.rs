//! What a load did, and what the server used for it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::clock;
use crate::histogram::Latencies;
use crate::usage::Usage;

/// What all connections of a load write into.
#[derive(Debug)]
pub(crate) struct Books {
    measuring: bool,
    /// Acknowledged while it was measured.
    measured: u64,
    latencies: Latencies,
    /// Acknowledged over the whole load.
    acknowledged: u64,
    errors: u64,
    first_error: Option<String>,
    fingerprints: u64,
    timeline: Vec<(u64, u64)>,
}

/// The time in which a load is measured: what server and generator had used when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    server: u32,
    began: u64,
    server_usage: Usage,
    own_usage: Usage,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Events acknowledged while it was measured.
    pub(crate) events: u64,
    /// How long it was measured.
    pub(crate) elapsed: Duration,
    /// From sending (or from when the event was due) to the answer, while it was measured.
    pub(crate) latencies: Latencies,
    /// What the server used while it was measured.
    pub(crate) server: Usage,
    /// What this process used meanwhile.
    pub(crate) own: Usage,
    /// Events acknowledged over the whole load.
    pub(crate) acknowledged: u64,
    /// The sum of their fingerprints.
    pub(crate) fingerprints: u64,
    /// Requests that were answered otherwise, or not at all.
    pub(crate) errors: u64,
    /// What the first of them was.
    pub(crate) first_error: Option<String>,
    /// In an open loop, of each request that was acknowledged: when it was due, by [`clock::now`], and its latency in nanoseconds.
    pub(crate) timeline: Vec<(u64, u64)>,
}

impl Books {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            measuring: false,
            measured: 0,
            latencies: Latencies::new()?,
            acknowledged: 0,
            errors: 0,
            first_error: None,
            fingerprints: 0,
            timeline: Vec::new(),
        })
    }

    pub(crate) fn acknowledged(&mut self, events: u64, fingerprints: u64, nanos: u64) {
        self.acknowledged += events;
        self.fingerprints = self.fingerprints.wrapping_add(fingerprints);
        if self.measuring {
            self.measured += events;
            self.latencies.record(nanos);
        }
    }

    /// Of a request that was due at `at`.
    pub(crate) fn acknowledged_on_schedule(&mut self, events: u64, fingerprints: u64, at: u64, nanos: u64) {
        self.acknowledged(events, fingerprints, nanos);
        self.timeline.push((at, nanos));
    }

    pub(crate) fn failed(&mut self, why: &str) {
        self.errors += 1;
        if self.first_error.is_none() {
            self.first_error = Some(why.to_owned());
        }
    }

    /// From now on it is measured.
    pub(crate) fn open(&mut self, server: u32) -> Result<Window> {
        self.measuring = true;
        Ok(Window {
            server,
            server_usage: Usage::of(server)?,
            own_usage: Usage::own()?,
            began: clock::now(),
        })
    }

    /// Measured no more.
    pub(crate) fn shut(&mut self, window: Window) -> Result<(Duration, Usage, Usage)> {
        self.measuring = false;
        let elapsed = clock::between(window.began, clock::now());
        let server = Usage::of(window.server)?.since(window.server_usage);
        Ok((elapsed, server, Usage::own()?.since(window.own_usage)))
    }

    pub(crate) fn close(&mut self, (elapsed, server, own): (Duration, Usage, Usage)) -> Result<Tally> {
        let latencies = std::mem::replace(&mut self.latencies, Latencies::new()?);
        Ok(Tally {
            events: self.measured,
            elapsed,
            latencies,
            server,
            own,
            acknowledged: self.acknowledged,
            fingerprints: self.fingerprints,
            errors: self.errors,
            first_error: self.first_error.take(),
            timeline: std::mem::take(&mut self.timeline),
        })
    }
}

impl Tally {
    /// Events a second.
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.elapsed.as_secs_f64()
    }

    /// The latencies of what was due from `from` until `to`, by [`clock::now`].
    pub(crate) fn latencies_of(&self, from: u64, to: u64) -> Result<Latencies> {
        let mut latencies = Latencies::new()?;
        for &(at, nanos) in &self.timeline {
            if (from..to).contains(&at) {
                latencies.record(nanos);
            }
        }
        Ok(latencies)
    }

    /// An error when any request failed: a figure with failures in it is none.
    pub(crate) fn without_errors(self) -> Result<Self> {
        ensure!(
            self.errors == 0,
            "{} requests failed, the first with: {}",
            self.errors,
            self.first_error.as_deref().unwrap_or("?")
        );
        Ok(self)
    }
}
