//! Many triggers, many brokers: the cost of an event follows those that it concerns.

use std::time::Duration;

use anyhow::Result;

use super::delivery::of_events;
use super::producers::Producers;
use crate::cli::Mode;
use crate::clock;
use crate::context::Bench;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::rounds::{Contest, Outcome, play};
use crate::scenario::{Closing, Sample, Scenario, Target};
use crate::sink::Sink;

/// Keep-alive connections of the producers.
const CONNECTIONS: usize = 256;
/// Triggers whose filter the events pass.
const MATCHING: u64 = 3;
/// All triggers, and those of the yardstick.
const TRIGGERS: (usize, usize) = (10_000, 10);
/// Brokers.
const BROKERS: u64 = 1000;
/// How long a round's events may take to arrive.
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);

pub(super) const MATCHED: Scenario = Scenario {
    name: "matching",
    what: "10,000 triggers, 3 of which match and deliver",
    against: "Heddle, 10 triggers, 3 of which match and deliver",
    unit: "events/s",
    target: Target::AtLeast(0.8),
    seconds: 35,
};

pub(super) const MANY_BROKERS: Scenario = Scenario {
    name: "brokers",
    what: "ingest over 256 connections into 1,000 brokers in turn",
    against: "Heddle, the same into one",
    unit: "events/s",
    target: Target::AtLeast(0.8),
    seconds: 30,
};

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let pace = bench.pace(scenario);
    if scenario.name == MATCHED.name {
        let sink = Sink::start(bench)?;
        let (many, few) = (triggers(TRIGGERS.0, &sink), triggers(TRIGGERS.1, &sink));
        let contest = Matching {
            bench,
            many: Producers::start(bench, &many).await?,
            few: Producers::start(bench, &few).await?,
            sink,
        };
        return play(scenario, pace, contest).await;
    }
    let names = (0..BROKERS).map(|number| format!("b{number:04}"));
    let many = names.fold(Resources::default(), |resources, name| resources.broker(&name));
    let contest = Brokers {
        bench,
        many: Producers::start(bench, &many).await?,
        one: Producers::start(bench, &Resources::default_broker()).await?,
    };
    play(scenario, pace, contest).await
}

/// So many triggers; the first [`MATCHING`] of them match.
fn triggers(count: usize, sink: &Sink) -> Resources {
    let ty = Shape::plain().ty;
    let mut resources = Resources::default_broker();
    for number in 0..count {
        let matches = (number as u64) < MATCHING;
        let other = format!("com.example.other-{number}");
        let ty = if matches { &ty } else { &other };
        let url = sink.url(&format!("/{}", number as u64 % MATCHING));
        resources = resources.trigger(&format!("t{number}"), Some(ty), &url);
    }
    resources
}

struct Matching<'a> {
    bench: &'a Bench,
    many: Producers,
    few: Producers,
    sink: Sink,
}

struct Brokers<'a> {
    bench: &'a Bench,
    many: Producers,
    one: Producers,
}

/// Posts, and waits until all of it has been delivered.
async fn matched(bench: &Bench, producers: &mut Producers, sink: &Sink) -> Result<Sample> {
    sink.reset().await?;
    let count = match bench.mode() {
        Mode::Quick => 8_000,
        Mode::Full | Mode::Large => 30_000,
    };
    let before = producers.heddle.process().usage()?;
    let began = clock::now();
    let tally = producers.count(Shape::plain(), CONNECTIONS, count).await?;
    let sum = tally.fingerprints.wrapping_mul(MATCHING);
    let received = sink.wait_for_all(MATCHING * count, sum, DELIVERED_WITHIN).await?;
    let used = producers.heddle.process().usage()?.since(before);
    Ok(of_events(count, clock::between(began, received.last), used))
}

impl Contest for Matching<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        matched(self.bench, &mut self.few, &self.sink).await
    }

    async fn ours(&mut self) -> Result<Sample> {
        matched(self.bench, &mut self.many, &self.sink).await
    }

    async fn close(&mut self) -> Result<Closing> {
        let few = self.few.close().await?;
        let mut closing = self.many.close().await?;
        closing.yardstick = few.ours;
        closing
            .checked
            .push(format!("each delivered {MATCHING} times, as it was sent"));
        Ok(closing)
    }
}

impl Contest for Brokers<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let tally = self
            .one
            .closed(Shape::plain(), CONNECTIONS, self.bench.extent())
            .await?;
        Ok(Sample::rate(&tally))
    }

    async fn ours(&mut self) -> Result<Sample> {
        let shape = Shape {
            path: "/default/b####".to_owned(),
            numbers: BROKERS,
            received_numbers: BROKERS,
            ..Shape::plain()
        };
        let tally = self.many.closed(shape, CONNECTIONS, self.bench.extent()).await?;
        Ok(Sample::rate(&tally))
    }

    async fn close(&mut self) -> Result<Closing> {
        let one = self.one.close().await?;
        let mut closing = self
            .many
            .close_with("b0000", self.many.acknowledged / BROKERS / 2)
            .await?;
        closing.yardstick = one.ours;
        Ok(closing)
    }
}
