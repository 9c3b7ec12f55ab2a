//! Tells a person (a table) and other programs (`latest.json`) what came of a run.

use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::machine::Machine;
use crate::plot::Sweep;
use crate::rounds::{Detail, Outcome};

/// What `latest.json` holds.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// One for each scenario, in the order of the table.
    pub(crate) scenarios: Vec<Outcome>,
    /// Whether something could not be measured.
    pub(crate) failed: bool,
    /// The curves of a full run.
    pub(crate) sweeps: Vec<Sweep>,
    /// What was measured on.
    pub(crate) machine: Machine,
    /// The commit of the sources, with `-dirty` when they differ from it.
    pub(crate) commit: String,
    /// `quick`, `full` or `large`.
    pub(crate) mode: &'static str,
    /// When the run began, in seconds since 1970.
    pub(crate) began: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Whether all scenarios of the mode were asked for.
    pub(crate) is_whole: bool,
}

impl Report {
    /// Writes the plots and `latest.json` into this folder; a quick look, a large run and a part of a run have files of their own, so that
    /// they do not replace it.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(match self.mode {
            _ if !self.is_whole => "partial.json".to_owned(),
            "full" => "latest.json".to_owned(),
            mode => format!("{mode}.json"),
        });
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::create_dir_all(folder)?;
        for sweep in &self.sweeps {
            sweep.write(folder)?;
        }
        std::fs::write(&path, json).with_context(|| path.display().to_string())
    }

    /// The table and what belongs under it.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY);
        table.set_header([
            "scenario",
            "unit",
            "ours",
            "yardstick",
            "ratio",
            "spread",
            "target",
            "",
            "p50",
            "p99",
            "p99.9",
            "us CPU",
            "x CPU",
            "B written",
            "MiB peak",
        ]);
        for outcome in &self.scenarios {
            table.add_row(row(outcome));
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = format!("{table}\n");
        for outcome in &self.scenarios {
            if let Some(why) = &outcome.failed {
                text.push_str(&format!("{}: NOT MEASURED: {why}\n", outcome.name));
            }
            for note in &outcome.notes {
                text.push_str(&format!("{}: {note}\n", outcome.name));
            }
        }
        text.push_str("Latencies in ms, CPU, writes and memory are Heddle's; each is a median over the rounds.\n`x CPU` is Heddle's CPU for an event against the yardstick's.\n");
        text
    }
}

fn row(outcome: &Outcome) -> Vec<String> {
    let detail = outcome.ours_detail.as_ref();
    let latency = detail.and_then(|detail| detail.latency_ms);
    let of_detail = |pick: fn(&Detail) -> Option<f64>, digits| {
        detail
            .and_then(pick)
            .map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    let millis = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    let ratio = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    let spread = outcome
        .ratio_spread
        .map(|[least, most]| format!("{least:.2}..{most:.2}"));
    let sign = match outcome.direction {
        "at-least" => ">=",
        "at-most" => "<=",
        _ => "",
    };
    let target = outcome
        .target
        .map_or_else(|| "report".to_owned(), |target| format!("{sign} {target}"));
    let verdict = match (outcome.reached, &outcome.failed) {
        (Some(true), _) => "reached",
        (Some(false), _) => "SHORT",
        (None, Some(_)) => "NOT RUN",
        (None, None) => "",
    };
    vec![
        outcome.name.to_owned(),
        outcome.unit.to_owned(),
        figure(outcome.ours),
        figure(outcome.yardstick),
        ratio(outcome.ratio),
        spread.unwrap_or_default(),
        target,
        verdict.to_owned(),
        millis(latency.map(|latency| latency.p50)),
        millis(latency.map(|latency| latency.p99)),
        millis(latency.map(|latency| latency.p999)),
        of_detail(
            |detail| detail.cpu_seconds_per_event.map(|seconds| seconds * 1e6),
            1,
        ),
        millis(outcome.cpu_ratio),
        of_detail(|detail| detail.written_bytes_per_event, 0),
        of_detail(
            |detail| {
                detail
                    .memory
                    .map(|memory| memory.rss_peak_bytes as f64 / f64::from(1_u32 << 20))
            },
            0,
        ),
    ]
}

/// With as many digits as mean something.
fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests;
