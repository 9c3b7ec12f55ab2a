//! Whether one does harm to another: broken endpoints to healthy ones, retention to producers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::producers::Producers;
use crate::cli::Mode;
use crate::clock;
use crate::context::Bench;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::load::Tally;
use crate::metrics;
use crate::rounds::{Contest, Outcome, play};
use crate::scenario::{Closing, Sample, Scenario, Target};
use crate::sink::Sink;

/// Keep-alive connections of the producers.
const CONNECTIONS: usize = 64;
/// Endpoints in good health.
const HEALTHY: u64 = 997;
/// All endpoints.
const ENDPOINTS: u64 = 1000;
/// Events a second, one for each endpoint in turn; far from what the machine can do.
const DELIVERED_RATE: f64 = 2000.0;
/// Events a second beside retention.
const INGEST_RATE: f64 = 4000.0;
/// How long it is posted beside retention: it looks once a second.
const POSTING: Duration = Duration::from_millis(2500);
/// How often it is asked how many segments have left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// From the first segment that leaves on, at least the events of this time are counted: fewer tell no p99.
const LEAST: Duration = Duration::from_millis(250);
/// How long a round's events may take to arrive.
const DELIVERED_WITHIN: Duration = Duration::from_secs(60);

pub(super) const ENDPOINTS_APART: Scenario = Scenario {
    name: "endpoints",
    what: "delivery latency of 997 healthy endpoints beside a dead, a hanging and a flapping one; p99 at 2,000 events/s",
    against: "Heddle, the same without those three",
    unit: "ms",
    target: Target::AtMost(1.5),
    seconds: 35,
};

pub(super) const RETIRING: Scenario = Scenario {
    name: "retiring",
    what: "producers' latency while half of the journal is being retired; p99 at 4,000 events/s of those that were due meanwhile",
    against: "Heddle, the same while nothing is retired",
    unit: "ms",
    target: Target::AtMost(2.0),
    seconds: 45,
};

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let pace = bench.pace(scenario);
    if scenario.name == RETIRING.name {
        let heddle = Producers::start(bench, &Resources::default_broker()).await?;
        return play(
            scenario,
            pace,
            Retiring {
                bench,
                heddle,
                on_disk: 0,
                measured: Vec::new(),
            },
        )
        .await;
    }
    let (with, without) = (Sink::start(bench)?, Sink::start(bench)?);
    // A port that nobody listens at: it was free a moment ago.
    let dead = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let broken = healthy(&with)
        .trigger("dead", Some("t0997"), &format!("http://{dead}/"))
        .trigger("hanging", Some("t0998"), &with.url("/hang"))
        .trigger("flapping", Some("t0999"), &with.url("/flap"));
    let contest = Endpoints {
        bench,
        without: Producers::start(bench, &healthy(&without)).await?,
        with: Producers::start(bench, &broken).await?,
        sink_without: without,
        sink_with: with,
    };
    play(scenario, pace, contest).await
}

fn healthy(sink: &Sink) -> Resources {
    (0..HEALTHY).fold(Resources::default_broker(), |resources, number| {
        let url = sink.url(&format!("/{number}"));
        resources.trigger(&format!("t{number:04}"), Some(&format!("t{number:04}")), &url)
    })
}

struct Endpoints<'a> {
    bench: &'a Bench,
    with: Producers,
    without: Producers,
    sink_with: Sink,
    sink_without: Sink,
}

struct Retiring<'a> {
    bench: &'a Bench,
    heddle: Producers,
    /// Events that are in the journal now, about.
    on_disk: u64,
    /// Of each round: segments that left, and for how long events were counted that were due meanwhile.
    measured: Vec<(f64, Duration)>,
}

/// When segments began to leave and when the last had left, by [`clock::now`], and how many.
#[derive(Clone, Copy, Debug)]
struct Retirement {
    from: u64,
    to: u64,
    segments: f64,
}

async fn latency(bench: &Bench, producers: &mut Producers, sink: &Sink) -> Result<Sample> {
    sink.reset().await?;
    let shape = Shape {
        ty: "t####".to_owned(),
        numbers: ENDPOINTS,
        received_numbers: HEALTHY,
        ..Shape::plain()
    };
    let first = producers.acknowledged;
    let during = bench.mode().measured();
    let tally = producers.open(shape, CONNECTIONS, DELIVERED_RATE, during).await?;
    let ids = first..first + tally.acknowledged;
    let healthy = ids.filter(|id| id % ENDPOINTS < HEALTHY).count() as u64;
    let received = sink
        .wait_for_all(healthy, tally.fingerprints, DELIVERED_WITHIN)
        .await?;
    Ok(Sample {
        value: received.latency_ms.p99,
        latency_ms: Some(received.latency_ms),
        ..Sample::rate(&tally)
    })
}

impl Contest for Endpoints<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        latency(self.bench, &mut self.without, &self.sink_without).await
    }

    async fn ours(&mut self) -> Result<Sample> {
        latency(self.bench, &mut self.with, &self.sink_with).await
    }

    async fn close(&mut self) -> Result<Closing> {
        let without = self.without.close().await?;
        let mut closing = self.with.close().await?;
        closing.yardstick = without.ours;
        closing
            .checked
            .push("every event of a healthy endpoint delivered once, as it was sent".to_owned());
        Ok(closing)
    }
}

impl Retiring<'_> {
    /// Events of a full journal, and its size.
    fn full(&self) -> (u64, u64) {
        match self.bench.mode() {
            Mode::Quick => (320_000, 400 << 20),
            Mode::Full | Mode::Large => (900_000, 1 << 30),
        }
    }

    async fn top_up(&mut self) -> Result<()> {
        let (events, _) = self.full();
        let missing = events.saturating_sub(self.on_disk);
        self.heddle.fill(Shape::plain(), missing).await?;
        self.on_disk += missing;
        Ok(())
    }

    /// Posts while somebody asks all the time what has left, in either side's rounds.
    async fn post(&mut self) -> Result<(Tally, Option<Retirement>)> {
        let admin = self.heddle.heddle.admin();
        let posting = self
            .heddle
            .open(Shape::plain(), CONNECTIONS, INGEST_RATE, POSTING);
        let (tally, retirement) = tokio::try_join!(posting, retirement(admin, POSTING))?;
        self.on_disk += tally.acknowledged;
        Ok((tally, retirement))
    }
}

/// Looks for so long at what leaves the journal.
async fn retirement(admin: SocketAddr, during: Duration) -> Result<Option<Retirement>> {
    let began = Instant::now();
    let mut found: Option<Retirement> = None;
    let (mut before, mut retired) = (clock::now(), 0.0);
    while began.elapsed() < during {
        let now = metrics::sum(admin, metrics::RETIRED).await?;
        let at = clock::now();
        if now > retired {
            let from = found.map_or(before, |found| found.from);
            found = Some(Retirement {
                from,
                to: at,
                segments: now,
            });
        }
        (before, retired) = (at, now);
        sleep(LOOK_AGAIN).await;
    }
    Ok(found)
}

/// Of the events that were due in this time: their p99.
fn p99_of(tally: &Tally, from: u64, to: u64) -> Result<Sample> {
    let latencies = tally.latencies_of(from, to)?;
    ensure!(
        latencies.count() >= 100,
        "{} events tell no p99",
        latencies.count()
    );
    let percentiles = latencies.percentiles();
    Ok(Sample {
        value: percentiles.p99,
        latency_ms: Some(percentiles),
        ..Sample::rate(tally)
    })
}

impl Contest for Retiring<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        self.heddle.restart(&[]).await?;
        self.top_up().await?;
        self.heddle.restart(&[]).await?;
        let (tally, retirement) = self.post().await?;
        ensure!(retirement.is_none(), "segments left where none were to");
        p99_of(&tally, 0, u64::MAX)
    }

    async fn ours(&mut self) -> Result<Sample> {
        let (events, bytes) = self.full();
        let half = (bytes / 2).to_string();
        self.heddle.restart(&["--retain-bytes", &half]).await?;
        let (tally, retirement) = self.post().await?;
        let retirement = retirement.context("no segment left meanwhile")?;
        self.on_disk = events / 2;
        let to = retirement.to.max(retirement.from + clock::nanos(LEAST));
        self.measured
            .push((retirement.segments, clock::between(retirement.from, to)));
        p99_of(&tally, retirement.from, to)
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        let told = self
            .measured
            .iter()
            .map(|(segments, during)| format!("{segments} in {during:.0?}"));
        let told = told.collect::<Vec<_>>().join(", ");
        closing.notes.push(format!(
            "segments that left in each round, and the time whose events were counted: {told}"
        ));
        Ok(closing)
    }
}
