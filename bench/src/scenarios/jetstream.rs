//! Durable ingest beside a server that many run for it: NATS JetStream.

use anyhow::{Result, ensure};

use super::producers::Producers;
use crate::context::Bench;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::nats::NatsServer;
use crate::rounds::{Contest, Outcome, play};
use crate::scenario::{Closing, Sample, Scenario, Target};

/// Events in flight: connections to Heddle, messages on one connection to NATS.
const IN_FLIGHT: usize = 64;

pub(super) const SYNCED: Scenario = Scenario {
    name: "jetstream-synced",
    what: "64 events of 1 KiB in flight, acknowledged when they are on disk",
    against: "JetStream, file store, sync_interval: always",
    unit: "events/s",
    target: Target::AtLeast(10.0),
    seconds: 30,
};

pub(super) const UNSYNCED: Scenario = Scenario {
    name: "jetstream-default",
    what: "the same",
    against: "JetStream, file store, as it is: synced every two minutes",
    unit: "events/s",
    target: Target::AtLeast(0.5),
    seconds: 30,
};

struct AgainstNats<'a> {
    bench: &'a Bench,
    heddle: Producers,
    nats: NatsServer,
    published: u64,
}

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let sync_interval = (scenario.name == SYNCED.name).then_some("always");
    let contest = AgainstNats {
        bench,
        heddle: Producers::start(bench, &Resources::default_broker()).await?,
        nats: NatsServer::start(bench, bench.nats_server(), sync_interval).await?,
        published: 0,
    };
    play(scenario, bench.pace(scenario), contest).await
}

impl Contest for AgainstNats<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let extent = self.bench.extent();
        let tally = self
            .nats
            .publish(self.published, IN_FLIGHT as u64, extent)
            .await?;
        let tally = tally.without_errors()?;
        self.published += tally.acknowledged;
        Ok(Sample::rate(&tally))
    }

    async fn ours(&mut self) -> Result<Sample> {
        let tally = self
            .heddle
            .closed(Shape::plain(), IN_FLIGHT, self.bench.extent())
            .await?;
        Ok(Sample::rate(&tally))
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        let messages = self.nats.messages().await?;
        ensure!(
            messages == self.published,
            "{} messages were acknowledged, JetStream has {messages}",
            self.published
        );
        closing
            .checked
            .push(format!("{messages} messages acknowledged, as many in the stream"));
        closing.yardstick = Some(self.nats.process().memory()?);
        closing.notes.push(NatsServer::version(self.bench.nats_server())?);
        Ok(closing)
    }
}
