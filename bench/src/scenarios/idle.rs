//! What `heddle dev` takes while nobody uses it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::cli::Mode;
use crate::context::Bench;
use crate::heddle::Heddle;
use crate::rounds::{Contest, Outcome, Pace, play};
use crate::scenario::{Closing, Sample, Scenario, Target};

pub(super) const MEMORY: Scenario = Scenario {
    name: "idle-memory",
    what: "resident memory of an idle `heddle dev`",
    against: "the limit",
    unit: "MiB",
    target: Target::AtMost(1.0),
    seconds: 5,
};

pub(super) const CPU: Scenario = Scenario {
    name: "idle-cpu",
    what: "CPU of an idle `heddle dev`",
    against: "the limit",
    unit: "% of a core",
    target: Target::AtMost(1.0),
    seconds: 15,
};

/// What it may hold.
const MEBIBYTES: f64 = 40.0;
/// What it may take.
const PERCENT: f64 = 0.5;

/// An idle process; the yardstick is a limit that does not move.
struct Idle {
    heddle: Heddle,
    limit: f64,
    during: Duration,
}

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let (settle, during) = match bench.mode() {
        Mode::Quick => (Duration::from_secs(1), Duration::from_secs(3)),
        Mode::Full | Mode::Large => (Duration::from_secs(3), Duration::from_secs(10)),
    };
    let heddle = Heddle::dev(bench).await?;
    // Making the first journal files is not idling.
    sleep(settle).await;
    let limit = if scenario.name == MEMORY.name {
        MEBIBYTES
    } else {
        PERCENT
    };
    // Nothing varies from round to round here: memory is one look, and CPU one long stretch.
    play(
        scenario,
        Pace::ONE_ROUND,
        Idle {
            heddle,
            limit,
            during,
        },
    )
    .await
}

impl Contest for Idle {
    async fn yardstick(&mut self) -> Result<Sample> {
        Ok(Sample::of(self.limit))
    }

    async fn ours(&mut self) -> Result<Sample> {
        if self.limit == MEBIBYTES {
            let resident = self.heddle.process().memory()?.rss_bytes;
            return Ok(Sample::of(resident as f64 / f64::from(1_u32 << 20)));
        }
        let before = self.heddle.process().usage()?;
        sleep(self.during).await;
        let used = self.heddle.process().usage()?.since(before);
        Ok(Sample::of(100.0 * used.cpu_seconds / self.during.as_secs_f64()))
    }

    async fn close(&mut self) -> Result<Closing> {
        Ok(Closing {
            ours: Some(self.heddle.process().memory()?),
            ..Closing::default()
        })
    }
}
