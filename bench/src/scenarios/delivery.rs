//! Delivery: a backlog that goes out, ingest beside it, and events from end to end.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::process::Command;

use super::producers::Producers;
use crate::cli::Mode;
use crate::clock;
use crate::context::{Aside, Bench};
use crate::disk::Disk;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::load::{Extent, Load, closed};
use crate::rounds::{Contest, Outcome, play};
use crate::scenario::{Closing, Sample, Scenario, Target};
use crate::sink::Sink;
use crate::usage::Usage;
use crate::yardstick::post::Posted;

/// Keep-alive connections of the producers.
const CONNECTIONS: usize = 256;
/// Requests at once to the sink: what an endpoint of Heddle takes unless it says otherwise.
const IN_FLIGHT: &str = "64";
/// How long a round's events may take to arrive.
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);
/// Triggers that deliver beside ingest.
const TRIGGERS: u64 = 4;
/// What a latency may have besides two syncs, in milliseconds.
const ALLOWANCE_MS: f64 = 2.0;

pub(super) const BESIDE: Scenario = Scenario {
    name: "delivery-beside-ingest",
    what: "ingest over 256 connections while 4 triggers deliver every event",
    against: "Heddle, ingest alone",
    unit: "events/s",
    target: Target::AtLeast(0.45),
    seconds: 45,
};

pub(super) const BACKLOG: Scenario = Scenario {
    name: "delivery-backlog",
    what: "one trigger, a backlog of 200,000 events (quick: 20,000)",
    against: "a bare hyper-util client posts as many to the same sink",
    unit: "events/s",
    target: Target::AtLeast(0.75),
    seconds: 65,
};

pub(super) const LATENCY: Scenario = Scenario {
    name: "delivery-latency",
    what: "from when an event is due at the producer to its arrival, at half of the top rate; p99",
    against: "two fdatasyncs (p99 of this run) and 2 ms",
    unit: "ms",
    target: Target::AtMost(1.0),
    seconds: 25,
};

pub(super) const END_TO_END: Scenario = Scenario {
    name: "delivery-end-to-end",
    what: "ingest over 256 connections, a filter, one delivery",
    against: "bare hyper hands each body to a bare hyper-util client; no disk",
    unit: "events/s",
    target: Target::AtLeast(0.6),
    seconds: 40,
};

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let pace = bench.pace(scenario);
    let sink = Sink::start(bench)?;
    match scenario.name {
        "delivery-beside-ingest" => {
            let mut resources = Resources::default_broker();
            for number in 0..TRIGGERS {
                resources = resources.trigger(&format!("t{number}"), None, &sink.url(&format!("/t{number}")));
            }
            let contest = Beside {
                bench,
                heddle: Producers::start(bench, &resources).await?,
                alone: Producers::start(bench, &Resources::default_broker()).await?,
                sink,
            };
            play(scenario, pace, contest).await
        }
        "delivery-backlog" => {
            let heddle = Producers::start(bench, &one_trigger(&sink)).await?;
            play(scenario, pace, Backlog { bench, heddle, sink }).await
        }
        "delivery-latency" => {
            let heddle = Producers::start(bench, &one_trigger(&sink)).await?;
            let contest = Latency {
                bench,
                disk: bench.disk()?,
                rate: 0.0,
                heddle,
                sink,
            };
            play(scenario, pace, contest.calibrated().await?).await
        }
        _ => {
            let heddle = Producers::start(bench, &one_trigger(&sink)).await?;
            let to = sink.address().to_string();
            let relay = bench.aside("relay", &["relay", "--to", &to, "--in-flight", IN_FLIGHT])?;
            let contest = EndToEnd {
                bench,
                heddle,
                relay,
                sink,
            };
            play(scenario, pace, contest).await
        }
    }
}

fn one_trigger(sink: &Sink) -> Resources {
    let ty = Shape::plain().ty;
    Resources::default_broker().trigger("all", Some(&ty), &sink.url("/all"))
}

struct Beside<'a> {
    bench: &'a Bench,
    heddle: Producers,
    alone: Producers,
    sink: Sink,
}

struct Backlog<'a> {
    bench: &'a Bench,
    heddle: Producers,
    sink: Sink,
}

struct Latency<'a> {
    bench: &'a Bench,
    disk: Disk,
    /// Half of what can be delivered.
    rate: f64,
    heddle: Producers,
    sink: Sink,
}

struct EndToEnd<'a> {
    bench: &'a Bench,
    heddle: Producers,
    relay: Aside,
    sink: Sink,
}

impl Contest for Beside<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let tally = self
            .alone
            .closed(Shape::plain(), CONNECTIONS, self.bench.extent())
            .await?;
        Ok(Sample::rate(&tally))
    }

    async fn ours(&mut self) -> Result<Sample> {
        let tally = self
            .heddle
            .closed(Shape::plain(), CONNECTIONS, self.bench.extent())
            .await?;
        // The yardstick is to have the machine to itself again.
        let (count, sum) = (self.heddle.acknowledged, self.heddle.fingerprints);
        self.sink
            .wait_for_all(TRIGGERS * count, sum.wrapping_mul(TRIGGERS), DELIVERED_WITHIN)
            .await?;
        Ok(Sample::rate(&tally))
    }

    async fn close(&mut self) -> Result<Closing> {
        let alone = self.alone.close().await?;
        let mut closing = self.heddle.close().await?;
        closing.yardstick = alone.ours;
        closing
            .checked
            .push(format!("each delivered {TRIGGERS} times, as it was sent"));
        Ok(closing)
    }
}

impl Backlog<'_> {
    fn events(&self) -> u64 {
        match self.bench.mode() {
            Mode::Quick => 20_000,
            Mode::Full | Mode::Large => 200_000,
        }
    }
}

impl Contest for Backlog<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        self.sink.reset().await?;
        let count = self.events();
        let output = Command::new(std::env::current_exe()?)
            .args([
                "post",
                "--in-flight",
                IN_FLIGHT,
                "--to",
                &self.sink.address().to_string(),
            ])
            .args(["--count", &count.to_string()])
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output()
            .await?;
        ensure!(output.status.success(), "the client ended with {}", output.status);
        let posted: Posted = serde_json::from_slice(&output.stdout)?;
        self.sink
            .wait_for_all(count, posted.fingerprints, DELIVERED_WITHIN)
            .await?;
        Ok(Sample {
            cpu_seconds_per_event: Some(posted.cpu_seconds / count as f64),
            server_cores: Some(posted.cpu_seconds / posted.seconds),
            ..Sample::of(count as f64 / posted.seconds)
        })
    }

    async fn ours(&mut self) -> Result<Sample> {
        self.sink.reset().await?;
        let (count, sum) = (self.heddle.acknowledged, self.heddle.fingerprints);
        self.heddle.heddle.pause("all").await?;
        self.heddle.fill(Shape::plain(), self.events()).await?;
        let count = self.heddle.acknowledged - count;
        let sum = self.heddle.fingerprints.wrapping_sub(sum);
        let before = self.heddle.heddle.process().usage()?;
        let began = clock::now();
        self.heddle.heddle.resume("all").await?;
        let received = self.sink.wait_for_all(count, sum, DELIVERED_WITHIN).await?;
        let used = self.heddle.heddle.process().usage()?.since(before);
        Ok(of_events(count, clock::between(began, received.last), used))
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        closing
            .checked
            .push("each delivered once, as it was sent".to_owned());
        Ok(closing)
    }
}

impl Latency<'_> {
    async fn calibrated(mut self) -> Result<Self> {
        let count = match self.bench.mode() {
            Mode::Quick => 10_000,
            Mode::Full | Mode::Large => 50_000,
        };
        let began = clock::now();
        self.heddle.count(Shape::plain(), CONNECTIONS, count).await?;
        let received = self.sink.wait_for(count, DELIVERED_WITHIN).await?;
        self.rate = count as f64 / clock::between(began, received.last).as_secs_f64() / 2.0;
        Ok(self)
    }
}

impl Contest for Latency<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let syncs = self.disk.syncs(self.bench.mode().warm_up())?.percentiles();
        Ok(Sample {
            latency_ms: Some(syncs),
            ..Sample::of(2.0 * syncs.p99 + ALLOWANCE_MS)
        })
    }

    async fn ours(&mut self) -> Result<Sample> {
        self.sink.reset().await?;
        let during = self.bench.mode().measured();
        let tally = self
            .heddle
            .open(Shape::plain(), CONNECTIONS, self.rate, during)
            .await?;
        let received = self
            .sink
            .wait_for_all(tally.acknowledged, tally.fingerprints, DELIVERED_WITHIN)
            .await?;
        Ok(Sample {
            value: received.latency_ms.p99,
            latency_ms: Some(received.latency_ms),
            ..Sample::rate(&tally)
        })
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        closing
            .checked
            .push("each delivered once, as it was sent".to_owned());
        closing.notes.push(format!(
            "{:.0} events/s were scheduled: half of what can be delivered",
            self.rate
        ));
        Ok(closing)
    }
}

impl EndToEnd<'_> {
    fn events(&self) -> u64 {
        match self.bench.mode() {
            Mode::Quick => 15_000,
            Mode::Full | Mode::Large => 80_000,
        }
    }
}

impl Contest for EndToEnd<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        self.sink.reset().await?;
        let load = Load {
            to: self.relay.server.address(),
            server: self.relay.server.process().id(),
            shape: Shape::plain(),
            connections: CONNECTIONS,
            first_id: 0,
        };
        let extent = Extent::Requests {
            count: self.events(),
            limit: DELIVERED_WITHIN,
        };
        let (began, before) = (clock::now(), self.relay.server.process().usage()?);
        let tally = closed::run(&load, extent).await?.without_errors()?;
        let received = self
            .sink
            .wait_for_all(tally.acknowledged, tally.fingerprints, DELIVERED_WITHIN)
            .await?;
        let used = self.relay.server.process().usage()?.since(before);
        Ok(of_events(
            tally.acknowledged,
            clock::between(began, received.last),
            used,
        ))
    }

    async fn ours(&mut self) -> Result<Sample> {
        self.sink.reset().await?;
        let (began, before) = (clock::now(), self.heddle.heddle.process().usage()?);
        let events = self.events();
        let tally = self.heddle.count(Shape::plain(), CONNECTIONS, events).await?;
        let received = self
            .sink
            .wait_for_all(tally.acknowledged, tally.fingerprints, DELIVERED_WITHIN)
            .await?;
        let used = self.heddle.heddle.process().usage()?.since(before);
        Ok(of_events(
            tally.acknowledged,
            clock::between(began, received.last),
            used,
        ))
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        closing.yardstick = Some(self.relay.server.process().memory()?);
        closing
            .checked
            .push("each delivered once, as it was sent".to_owned());
        Ok(closing)
    }
}

/// So many events in this time, and what they cost.
pub(super) fn of_events(count: u64, elapsed: Duration, used: Usage) -> Sample {
    let (events, seconds) = ((count as f64).max(1.0), elapsed.as_secs_f64());
    Sample {
        cpu_seconds_per_event: Some(used.cpu_seconds / events),
        written_bytes_per_event: Some(used.written_bytes as f64 / events),
        server_cores: Some(used.cpu_seconds / seconds),
        ..Sample::of(events / seconds)
    }
}
