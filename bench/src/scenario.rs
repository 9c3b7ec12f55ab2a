//! A scenario: what is compared with what, in which unit, and which ratio is to be reached.

use serde::Serialize;

use crate::histogram::Percentiles;
use crate::load::Tally;
use crate::usage::Memory;

/// What is compared with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Its name in the results; stable.
    pub(crate) name: &'static str,
    /// What Heddle does in it.
    pub(crate) what: &'static str,
    /// What the yardstick does.
    pub(crate) against: &'static str,
    /// The unit of both figures.
    pub(crate) unit: &'static str,
    /// The ratio to reach.
    pub(crate) target: Target,
    /// What its rounds may take together in a full run: the budgets of all scenarios make the ten minutes that it may take.
    pub(crate) seconds: u64,
}

/// The ratio to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
    /// Told, and nothing asked of it.
    Report,
}

/// One side of one round.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Sample {
    /// The figure that is compared.
    pub(crate) value: f64,
    /// Of the events of this round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_ms: Option<Percentiles>,
    /// Seconds of CPU that the server took for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_seconds_per_event: Option<f64>,
    /// Bytes that the server caused to be written to storage for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) written_bytes_per_event: Option<f64>,
    /// Cores that the load generator took: near 1, it is what limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generator_cores: Option<f64>,
    /// Cores that the server took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_cores: Option<f64>,
}

/// What a contest has to say when its rounds are over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    /// Of Heddle.
    pub(crate) ours: Option<Memory>,
    /// Of the yardstick.
    pub(crate) yardstick: Option<Memory>,
    /// What was found to be true, in words: that all that was acknowledged is stored, and such.
    pub(crate) checked: Vec<String>,
    /// What else a reader should know.
    pub(crate) notes: Vec<String>,
    /// Replaces the scenario's target when what was seen of the machine decides that.
    pub(crate) target: Option<Target>,
}

impl Target {
    /// Whether a ratio reaches it; `None` when nothing is asked.
    pub(crate) fn reached(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(target) => Some(ratio >= target),
            Self::AtMost(target) => Some(ratio <= target),
            Self::Report => None,
        }
    }

    /// The figure.
    pub(crate) fn figure(self) -> Option<f64> {
        match self {
            Self::AtLeast(target) | Self::AtMost(target) => Some(target),
            Self::Report => None,
        }
    }

    /// In which direction it lies, as the results say it.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::AtLeast(_) => "at-least",
            Self::AtMost(_) => "at-most",
            Self::Report => "report",
        }
    }
}

impl Sample {
    /// A figure, and nothing else.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    /// A load's events a second, and what they cost.
    pub(crate) fn rate(tally: &Tally) -> Self {
        let events = (tally.events as f64).max(1.0);
        let seconds = tally.elapsed.as_secs_f64();
        Self {
            value: tally.rate(),
            latency_ms: Some(tally.latencies.percentiles()),
            cpu_seconds_per_event: Some(tally.server.cpu_seconds / events),
            written_bytes_per_event: Some(tally.server.written_bytes as f64 / events),
            generator_cores: Some(tally.own.cpu_seconds / seconds),
            server_cores: Some(tally.server.cpu_seconds / seconds),
        }
    }
}
