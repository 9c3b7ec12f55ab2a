//! What takes long and much disk: a backlog of millions for triggers that lag, and a start on a large directory.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use super::producers::Producers;
use crate::context::Bench;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::metrics;
use crate::rounds::{Contest, Outcome, Pace, play};
use crate::scenario::{Closing, Sample, Scenario, Target};
use crate::sink::Sink;

/// Triggers whose endpoint takes a second for each event.
const LAGGING: usize = 100;
/// Events in the backlog.
const EVENTS: u64 = 5_000_000;
/// Events that are posted between two looks at the memory.
const STEP: u64 = 50_000;
/// How long memory is looked at after the last event.
const AFTER: Duration = Duration::from_secs(10);
/// How often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// What the journal must have at least where a start is timed.
const JOURNAL_BYTES: u64 = 10 << 30;
/// What memory may grow by.
const MEBIBYTES: f64 = 64.0;
/// Events that make a directory of more than 10 GiB.
const TEN_GIBIBYTES: u64 = 9_200_000;
/// What a start may take.
const SECONDS: f64 = 2.0;
/// More than is written, so that nothing is retired.
const RETAIN: &[&str] = &["--retain-bytes", "40GiB"];

pub(super) const MEMORY: Scenario = Scenario {
    name: "large-memory",
    what: "growth of RssAnon with a backlog of 5 million events and 100 lagging triggers",
    against: "the limit, above RssAnon with an empty backlog",
    unit: "MiB",
    target: Target::AtMost(1.0),
    seconds: 600,
};

pub(super) const START: Scenario = Scenario {
    name: "large-start",
    what: "start to ready on a directory of 10 GiB after kill -9, nothing of it in the system's cache",
    against: "the limit",
    unit: "s",
    target: Target::AtMost(1.0),
    seconds: 120,
};

struct Memory {
    heddle: Producers,
    /// RssAnon before the first event.
    empty: u64,
    _sink: Sink,
}

struct Start {
    heddle: Producers,
}

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    if scenario.name == START.name {
        let mut heddle = Producers::start(bench, &Resources::default_broker()).await?;
        heddle.restart(RETAIN).await?;
        heddle.fill(Shape::plain(), TEN_GIBIBYTES).await?;
        return play(scenario, bench.pace(scenario), Start { heddle }).await;
    }
    let sink = Sink::start(bench)?;
    let resources = (0..LAGGING).fold(Resources::default_broker(), |resources, number| {
        resources.trigger(&format!("t{number}"), None, &sink.url("/slow"))
    });
    let mut heddle = Producers::start(bench, &resources).await?;
    heddle.restart(RETAIN).await?;
    play(
        scenario,
        Pace::ONE_ROUND,
        Memory {
            heddle,
            empty: 0,
            _sink: sink,
        },
    )
    .await
}

impl Contest for Memory {
    async fn yardstick(&mut self) -> Result<Sample> {
        Ok(Sample::of(MEBIBYTES))
    }

    async fn ours(&mut self) -> Result<Sample> {
        // Making the first journal files is not idling.
        sleep(Duration::from_secs(3)).await;
        let empty = self.heddle.heddle.process().memory()?.rss_anon_bytes;
        let mut most = empty;
        while self.heddle.acknowledged < EVENTS {
            self.heddle.fill(Shape::plain(), STEP).await?;
            most = most.max(self.heddle.heddle.process().memory()?.rss_anon_bytes);
        }
        let filled = Instant::now();
        while filled.elapsed() < AFTER {
            sleep(LOOK_AGAIN).await;
            most = most.max(self.heddle.heddle.process().memory()?.rss_anon_bytes);
        }
        self.empty = empty;
        Ok(Sample::of((most - empty) as f64 / f64::from(1_u32 << 20)))
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        let backlog = self.heddle.heddle.metric(metrics::BACKLOG).await? / LAGGING as f64;
        ensure!(
            backlog >= EVENTS as f64 * 0.9,
            "the triggers have not lagged: {backlog:.0} events wait for each"
        );
        closing.notes.push(format!(
            "{backlog:.0} events wait for each trigger; RssAnon was {:.1} MiB with an empty backlog",
            self.empty as f64 / f64::from(1_u32 << 20)
        ));
        Ok(closing)
    }
}

impl Contest for Start {
    async fn yardstick(&mut self) -> Result<Sample> {
        Ok(Sample::of(SECONDS))
    }

    async fn ours(&mut self) -> Result<Sample> {
        self.heddle.heddle.kill_and_forget()?;
        self.heddle.restart(RETAIN).await?;
        Ok(Sample::of(self.heddle.heddle.ready_after().as_secs_f64()))
    }

    async fn close(&mut self) -> Result<Closing> {
        let stored = self.heddle.heddle.bytes_on_disk()?;
        ensure!(stored >= JOURNAL_BYTES, "only {stored} bytes of journal");
        let mut closing = self.heddle.close().await?;
        let gibibytes = stored as f64 / f64::from(1_u32 << 30);
        closing.notes.push(format!("{gibibytes:.1} GiB of journal"));
        Ok(closing)
    }
}
