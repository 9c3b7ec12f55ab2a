//! Draws curves as SVG: throughput above, p99 below, against one thing that grows. Plain text, no library.
//!
//! The picture follows the reader's choice of light or dark, and has nothing in it that has to be loaded.

mod axis;

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

pub(crate) use self::axis::Amount;
use self::axis::{Axis, short};

/// The whole picture.
const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 620.0;
/// Where the panels begin and end.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 650.0;
/// Height of one of the two panels.
const PANEL: f64 = 190.0;
/// Where the panels begin.
const TOPS: [f64; 2] = [90.0, 350.0];
/// Colours in light and in dark; the curves have enough contrast in both.
const STYLE: &str = "<style>
  svg { --back: #ffffff; --text: #1f2328; --weak: #59636e; --grid: #d8dee4; --ours: #0969da; --bare: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    svg { --back: #0d1117; --text: #e6edf3; --weak: #9198a1; --grid: #30363d; --ours: #58a6ff; --bare: #f0883e }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--weak) }
  .title { font-size: 16px; font-weight: 600; fill: var(--text) }
  .panel { font-weight: 600; fill: var(--text) }
  .back { fill: var(--back) }
  .grid { stroke: var(--grid) }
  .ours { stroke: var(--ours); stroke-width: 2; fill: none }
  .bare { stroke: var(--bare); stroke-width: 2; fill: none; stroke-dasharray: 6 4 }
  .dot { stroke-dasharray: none; fill: var(--back) }
</style>
";

/// What was measured while one thing grew.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sweep {
    /// Its name in the results, and of its file.
    pub(crate) name: &'static str,
    /// What was done all the while.
    pub(crate) title: &'static str,
    /// What grew.
    pub(crate) against: &'static str,
    /// How the amounts of it are told.
    #[serde(skip)]
    pub(crate) amount: Amount,
    /// From the smallest to the largest.
    pub(crate) points: Vec<Point>,
}

/// One load.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Point {
    /// How much there was of what grows.
    pub(crate) x: f64,
    /// In a closed loop.
    pub(crate) events_per_second: f64,
    /// Of the bare server with a shared sync, under the same load just before; where it makes sense.
    pub(crate) yardstick_events_per_second: Option<f64>,
    /// By a schedule of half of Heddle's throughput.
    pub(crate) p99_ms: f64,
}

/// One of the two diagrams.
struct Panel<'a> {
    points: &'a [Point],
    amount: Amount,
    top: f64,
    axis: Axis,
}

impl Sweep {
    /// Writes `NAME.svg` into this folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(format!("{}.svg", self.name));
        std::fs::write(&path, self.svg()).with_context(|| path.display().to_string())
    }

    fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{}</title>\n{STYLE}<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n",
            self.title
        );
        text(&mut svg, "title", (LEFT, 30.0), "start", self.title);
        self.legend(&mut svg);
        let throughput = self.panel(TOPS[0], |point| {
            point
                .events_per_second
                .max(point.yardstick_events_per_second.unwrap_or(0.0))
        });
        throughput.frame(&mut svg, "Throughput, closed loop (events/s)");
        throughput.curve(&mut svg, "bare", |point| point.yardstick_events_per_second);
        throughput.curve(&mut svg, "ours", |point| Some(point.events_per_second));
        let latency = self.panel(TOPS[1], |point| point.p99_ms);
        latency.frame(&mut svg, "p99 latency at half of that rate, open loop (ms)");
        latency.curve(&mut svg, "ours", |point| Some(point.p99_ms));
        let below = (f64::midpoint(LEFT, RIGHT), HEIGHT - 20.0);
        text(&mut svg, "panel", below, "middle", self.against);
        svg.push_str("</svg>\n");
        svg
    }

    fn panel(&self, top: f64, value: fn(&Point) -> f64) -> Panel<'_> {
        Panel {
            points: &self.points,
            amount: self.amount,
            top,
            axis: Axis::up_to(self.points.iter().map(value).fold(0.0, f64::max)),
        }
    }

    /// Only where there are two curves to tell apart.
    fn legend(&self, svg: &mut String) {
        let has_yardstick = |point: &Point| point.yardstick_events_per_second.is_some();
        if !self.points.iter().any(has_yardstick) {
            return;
        }
        for (class, x, name) in [
            ("ours", LEFT, "Heddle"),
            ("bare", LEFT + 90.0, "bare server, shared fdatasync"),
        ] {
            // Writing into a string does not fail.
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x} 48h24\"/>");
            text(svg, "", (x + 30.0, 52.0), "start", name);
        }
    }
}

impl Panel<'_> {
    /// Its title, a line for each step of the axis, and the amounts below.
    fn frame(&self, svg: &mut String, title: &str) {
        text(svg, "panel", (LEFT, self.top - 14.0), "start", title);
        for step in self.axis.steps() {
            let y = self.height(step);
            // Writing into a string does not fail.
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            text(svg, "", (LEFT - 8.0, y + 4.0), "end", &short(step));
        }
        for (index, point) in self.points.iter().enumerate() {
            let below = (self.place(index), self.top + PANEL + 18.0);
            text(svg, "", below, "middle", &self.amount.text(point.x));
        }
    }

    /// A line, and a dot for each point that has a value.
    fn curve(&self, svg: &mut String, class: &str, value: fn(&Point) -> Option<f64>) {
        let (mut line, mut dots) = (String::new(), String::new());
        let values = self.points.iter().map(value).enumerate();
        for (index, value) in values.filter_map(|(index, value)| Some((index, value?))) {
            let (x, y) = (self.place(index), self.height(value));
            let command = if line.is_empty() { "M" } else { "L" };
            // Writing into a string does not fail.
            let _ = write!(line, "{command}{x:.1} {y:.1}");
            let dot = format!("<circle class=\"{class} dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\">");
            let _ = writeln!(dots, "{dot}<title>{}</title></circle>", short(value));
        }
        if !line.is_empty() {
            let _ = write!(svg, "<path class=\"{class}\" d=\"{line}\"/>\n{dots}");
        }
    }

    /// The points are as far apart as each other, since amounts grow by factors.
    fn place(&self, index: usize) -> f64 {
        let margin = 30.0;
        let step = (RIGHT - LEFT - 2.0 * margin) / (self.points.len().max(2) - 1) as f64;
        LEFT + margin + step * index as f64
    }

    fn height(&self, value: f64) -> f64 {
        self.top + PANEL * (1.0 - value / self.axis.most)
    }
}

/// The words hold nothing that XML would have to escape.
fn text(svg: &mut String, class: &str, (x, y): (f64, f64), anchor: &str, words: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

#[cfg(test)]
mod tests;
