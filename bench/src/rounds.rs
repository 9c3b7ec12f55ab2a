//! Plays a contest: yardstick, ours, yardstick, ours ..., so that what the machine does meanwhile meets both sides; and
//! takes the median.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::time::Instant;

use crate::histogram::Percentiles;
use crate::scenario::{Closing, Sample, Scenario, Target};
use crate::usage::Memory;

/// The two sides of a scenario, started and ready.
pub(crate) trait Contest {
    /// One round of the yardstick.
    async fn yardstick(&mut self) -> Result<Sample>;
    /// One round of Heddle.
    async fn ours(&mut self) -> Result<Sample>;
    /// Checks that what was done was done right; called once, after the last round.
    async fn close(&mut self) -> Result<Closing>;
}

/// What came of a scenario, as it stands in the results.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    /// See [`Scenario`].
    pub(crate) name: &'static str,
    /// See [`Scenario`].
    pub(crate) what: &'static str,
    /// See [`Scenario`].
    pub(crate) against: &'static str,
    /// See [`Scenario`].
    pub(crate) unit: &'static str,
    /// The median of the rounds' ratios, ours to yardstick.
    pub(crate) ratio: Option<f64>,
    /// The smallest and the largest ratio of a round.
    pub(crate) ratio_spread: Option<[f64; 2]>,
    /// CPU for an event, ours to yardstick: what others do on the machine changes it little.
    pub(crate) cpu_ratio: Option<f64>,
    /// The ratio to reach, if there is one.
    pub(crate) target: Option<f64>,
    /// `at-least`, `at-most` or `report`.
    pub(crate) direction: &'static str,
    /// Whether it is reached; none when nothing is asked, or it could not be run.
    pub(crate) reached: Option<bool>,
    /// The median of Heddle's figures.
    pub(crate) ours: Option<f64>,
    /// The median of the yardstick's.
    pub(crate) yardstick: Option<f64>,
    /// More of Heddle.
    pub(crate) ours_detail: Option<Detail>,
    /// More of the yardstick.
    pub(crate) yardstick_detail: Option<Detail>,
    /// How long it took, with all that has to be started and filled for it.
    pub(crate) seconds: f64,
    /// What was checked, and found true.
    pub(crate) checked: Vec<String>,
    /// What else a reader should know.
    pub(crate) notes: Vec<String>,
    /// Why there are no figures.
    pub(crate) failed: Option<String>,
}

/// Medians over the rounds of one side, and the rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Detail {
    /// The smallest and the largest figure of a round.
    pub(crate) spread: [f64; 2],
    /// In milliseconds.
    pub(crate) latency_ms: Option<Percentiles>,
    /// Seconds of CPU of the server.
    pub(crate) cpu_seconds_per_event: Option<f64>,
    /// Bytes written to storage.
    pub(crate) written_bytes_per_event: Option<f64>,
    /// Of the server, after the last round.
    pub(crate) memory: Option<Memory>,
    /// Each round.
    pub(crate) rounds: Vec<Sample>,
}

/// How many rounds, and how long they may take together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// As many as there is time for, up to this.
    pub(crate) rounds: usize,
    /// This many however long they take.
    pub(crate) least: usize,
    /// No round is begun that would end after this if it took as long as the longest so far.
    pub(crate) budget: Duration,
}

impl Pace {
    /// Where nothing varies from round to round.
    pub(crate) const ONE_ROUND: Self = Self {
        rounds: 1,
        least: 1,
        budget: Duration::ZERO,
    };
}

/// Plays the rounds, then closes.
pub(crate) async fn play(scenario: Scenario, pace: Pace, mut contest: impl Contest) -> Result<Outcome> {
    let (mut ours, mut yardstick) = (Vec::new(), Vec::new());
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    for round in 0..pace.rounds {
        let so_far = began.elapsed();
        if round >= pace.least && so_far + longest > pace.budget {
            break;
        }
        yardstick.push(contest.yardstick().await?);
        ours.push(contest.ours().await?);
        longest = longest.max(began.elapsed() - so_far);
    }
    let mut closing = contest.close().await?;
    if ours.len() < pace.rounds {
        let said = format!("{} of {} rounds: they took long", ours.len(), pace.rounds);
        closing.notes.push(said);
    }
    Ok(Outcome::of(scenario, ours, yardstick, closing))
}

impl Outcome {
    fn of(scenario: Scenario, ours: Vec<Sample>, yardstick: Vec<Sample>, closing: Closing) -> Self {
        let pairs = ours.iter().zip(&yardstick);
        let ratios: Vec<f64> = pairs
            .map(|(ours, yardstick)| ours.value / yardstick.value)
            .collect();
        let ratio = median(&ratios);
        let target = closing.target.unwrap_or(scenario.target);
        let cpu = |samples: &[Sample]| median_of(samples, |sample| sample.cpu_seconds_per_event);
        let cpu_ratio = cpu(&ours)
            .zip(cpu(&yardstick))
            .map(|(ours, yardstick)| ours / yardstick);
        Self {
            cpu_ratio,
            ratio,
            ratio_spread: Some(spread(&ratios)),
            target: target.figure(),
            direction: target.direction(),
            reached: ratio.and_then(|ratio| target.reached(ratio)),
            ours: median_of(&ours, |sample| Some(sample.value)),
            yardstick: median_of(&yardstick, |sample| Some(sample.value)),
            ours_detail: Some(Detail::of(ours, closing.ours)),
            yardstick_detail: Some(Detail::of(yardstick, closing.yardstick)),
            checked: closing.checked,
            notes: closing.notes,
            ..Self::without_figures(scenario, target)
        }
    }

    /// A scenario that could not be run, and why.
    pub(crate) fn failed(scenario: Scenario, why: String) -> Self {
        Self {
            failed: Some(why),
            ..Self::without_figures(scenario, scenario.target)
        }
    }

    /// The same, with how long it took.
    pub(crate) fn took(self, elapsed: Duration) -> Self {
        Self {
            seconds: elapsed.as_secs_f64(),
            ..self
        }
    }

    fn without_figures(scenario: Scenario, target: Target) -> Self {
        Self {
            name: scenario.name,
            what: scenario.what,
            against: scenario.against,
            unit: scenario.unit,
            ratio: None,
            ratio_spread: None,
            cpu_ratio: None,
            target: target.figure(),
            direction: target.direction(),
            reached: None,
            ours: None,
            yardstick: None,
            ours_detail: None,
            yardstick_detail: None,
            seconds: 0.0,
            checked: Vec::new(),
            notes: Vec::new(),
            failed: None,
        }
    }
}

impl Detail {
    fn of(rounds: Vec<Sample>, memory: Option<Memory>) -> Self {
        let latency = |pick: fn(Percentiles) -> f64| median_of(&rounds, |sample| sample.latency_ms.map(pick));
        let percentiles = || {
            Some(Percentiles {
                p50: latency(|latency| latency.p50)?,
                p99: latency(|latency| latency.p99)?,
                p999: latency(|latency| latency.p999)?,
                max: latency(|latency| latency.max)?,
            })
        };
        let values: Vec<f64> = rounds.iter().map(|sample| sample.value).collect();
        Self {
            spread: spread(&values),
            latency_ms: percentiles(),
            cpu_seconds_per_event: median_of(&rounds, |sample| sample.cpu_seconds_per_event),
            written_bytes_per_event: median_of(&rounds, |sample| sample.written_bytes_per_event),
            memory,
            rounds,
        }
    }
}

fn median_of(samples: &[Sample], pick: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = samples.iter().filter_map(pick).collect();
    median(&values)
}

/// The middle one; the mean of the middle two of an even number; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

fn spread(values: &[f64]) -> [f64; 2] {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [least, most]
}

#[cfg(test)]
mod tests;
