//! Compares times: parsing with the SDK's, and matching among many triggers with matching among ten.
//!
//! A ratio is the median over rounds in which the two take turns, so that a machine that is busy for a while slows both. A
//! turn is much shorter than what a scheduler gives at once: most turns are then run through, and the median is one of these.

use std::hint::black_box;
use std::time::{Duration, Instant};

use micro::index::{Matching, Shape};
use micro::paths::{self, Walk};
use micro::report::{self, Verdict};
use micro::{fixtures, sdk};

const ROUNDS: usize = 1001;
/// How long one turn of one of them takes.
const TURN: Duration = Duration::from_micros(100);

/// Something to be done over and over, and how often that fits a turn.
struct Runner {
    walk: Walk,
    turns: u32,
}

fn main() {
    report::heading("time, as a part of the SDK's");
    let structured = fixtures::structured();
    let wide = fixtures::structured_wide();
    let (headers, body) = fixtures::binary();
    compare("parse-structured", 6.0, move || {
        black_box(sdk::structured(black_box(&structured)).expect("an event"));
    });
    compare("parse-structured-wide", 6.0, move || {
        black_box(sdk::structured(black_box(&wide)).expect("an event"));
    });
    compare("parse-binary", 2.0, move || {
        black_box(sdk::binary(black_box(&headers), &body).expect("an event"));
    });
    for shape in Shape::ALL {
        curve(shape);
    }
    report::heading("time of one event on this machine");
    for path in &paths::PATHS {
        let mut runner = Runner::new((path.prepare)());
        let nanoseconds = report::median((0..ROUNDS).map(|_| runner.turn()).collect());
        report::line(path.name, &time(nanoseconds), "-", Verdict::Told);
    }
}

/// Ours against the SDK, which is to take so many times as long.
fn compare(name: &str, factor: f64, theirs: impl FnMut() + 'static) {
    let path = paths::find(name).expect("a path of that name");
    let mut pair = [Runner::new((path.prepare)()), Runner::new(Box::new(theirs))];
    let rounds = interleaved(&mut pair);
    let ratio = report::median(rounds.iter().map(|times| times[0] / times[1]).collect());
    let figure = format!("1/{:.1}", 1.0 / ratio);
    let verdict = Verdict::at_most(ratio, Some(1.0 / factor));
    report::line(name, &figure, &format!("<= 1/{factor}"), verdict);
}

/// The same event among ever more triggers.
fn curve(shape: Shape) {
    report::heading(&format!("matching by {}, against 10 triggers", shape.name()));
    let sizes = [10, 100, 1_000, 10_000, 100_000];
    let mut runners = sizes.map(|triggers| {
        let matching = Matching::new(shape, triggers);
        Runner::new(Box::new(move || {
            black_box(black_box(&matching).run());
        }))
    });
    let rounds = interleaved(&mut runners);
    for (at, triggers) in sizes.into_iter().enumerate() {
        let ratio = report::median(rounds.iter().map(|times| times[at] / times[0]).collect());
        let figure = format!("{ratio:.2}");
        let limit = (triggers == 10_000).then_some(2.0);
        let shown = limit.map_or("-", |_| "<= 2");
        report::line(
            &format!("{triggers} triggers, 3 match"),
            &figure,
            shown,
            Verdict::at_most(ratio, limit),
        );
    }
}

/// The times of all runners, round by round.
fn interleaved<const N: usize>(runners: &mut [Runner; N]) -> Vec<[f64; N]> {
    (0..ROUNDS)
        .map(|_| runners.each_mut().map(Runner::turn))
        .collect()
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds < 10_000.0 {
        true => format!("{nanoseconds:.0} ns"),
        false => format!("{:.1} us", nanoseconds / 1000.0),
    }
}

impl Runner {
    fn new(walk: Walk) -> Self {
        let mut runner = Self { walk, turns: 1 };
        // Grows until a turn is long enough, which warms up as well.
        loop {
            let started = Instant::now();
            (0..runner.turns).for_each(|_| (runner.walk)());
            if started.elapsed() >= TURN {
                return runner;
            }
            runner.turns *= 2;
        }
    }

    /// Nanoseconds of one walk, over one turn.
    fn turn(&mut self) -> f64 {
        let started = Instant::now();
        (0..self.turns).for_each(|_| (self.walk)());
        started.elapsed().as_secs_f64() * 1e9 / f64::from(self.turns)
    }
}
