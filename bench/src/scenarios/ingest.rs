//! Ingest alone: what stands between a producer and its 202.

use anyhow::Result;

use super::producers::Producers;
use crate::context::{Aside, Bench};
use crate::disk::Disk;
use crate::event::Shape;
use crate::heddle::Resources;
use crate::load::{Load, closed};
use crate::rounds::{Contest, Outcome, play};
use crate::scenario::{Closing, Sample, Scenario, Target};

/// Keep-alive connections of the producers.
const CONNECTIONS: usize = 256;
/// Connections that post batches: each holds 140 KiB.
const BATCH_CONNECTIONS: usize = 16;
/// Events of a batch.
const BATCH: usize = 100;
/// Syncs a second from which on the disk is not what limits ingest.
const FAST_SYNCS: f64 = 2000.0;

pub(super) const SYNCED: Scenario = Scenario {
    name: "ingest",
    what: "binary events of 1 KiB over 256 keep-alive connections",
    against: "bare hyper: append the body, shared fdatasync, 202",
    unit: "events/s",
    target: Target::AtLeast(0.75),
    seconds: 30,
};

pub(super) const UNSYNCED: Scenario = Scenario {
    name: "ingest-no-disk",
    what: "the same",
    against: "bare hyper: read the body, 202; no disk",
    unit: "events/s",
    target: Target::AtLeast(0.5),
    seconds: 30,
};

pub(super) const BATCHES: Scenario = Scenario {
    name: "ingest-batches",
    what: "batches of 100 events of 1 KiB over 16 connections; data alone counts",
    against: "sequential writes of 1 MiB, each with fdatasync",
    unit: "MB/s",
    target: Target::AtLeast(0.4),
    seconds: 27,
};

pub(super) async fn run(bench: &Bench, scenario: Scenario) -> Result<Outcome> {
    let heddle = Producers::start(bench, &Resources::default_broker()).await?;
    let pace = bench.pace(scenario);
    let (against, disk) = match scenario.name {
        "ingest" => (bench.fsync_server()?, None),
        "ingest-no-disk" => (bench.aside("discard", &["discard"])?, Some(bench.disk()?)),
        _ => {
            let disk = bench.disk()?;
            return play(scenario, pace, AgainstDisk { bench, heddle, disk }).await;
        }
    };
    let against = AgainstServer {
        bench,
        heddle,
        against,
        disk,
    };
    play(scenario, pace, against).await
}

struct AgainstServer<'a> {
    bench: &'a Bench,
    heddle: Producers,
    against: Aside,
    /// To tell whether the disk limits.
    disk: Option<Disk>,
}

struct AgainstDisk<'a> {
    bench: &'a Bench,
    heddle: Producers,
    disk: Disk,
}

impl Contest for AgainstServer<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let load = Load {
            to: self.against.server.address(),
            server: self.against.server.process().id(),
            shape: Shape::plain(),
            connections: CONNECTIONS,
            first_id: 0,
        };
        let tally = closed::run(&load, self.bench.extent()).await?;
        Ok(Sample::rate(&tally.without_errors()?))
    }

    async fn ours(&mut self) -> Result<Sample> {
        let tally = self
            .heddle
            .closed(Shape::plain(), CONNECTIONS, self.bench.extent())
            .await?;
        Ok(Sample::rate(&tally))
    }

    async fn close(&mut self) -> Result<Closing> {
        let mut closing = self.heddle.close().await?;
        closing.yardstick = Some(self.against.server.process().memory()?);
        if let Some(disk) = &mut self.disk {
            let syncs = disk.syncs(self.bench.mode().warm_up())?;
            let rate = syncs.count() as f64 / self.bench.mode().warm_up().as_secs_f64();
            if rate < FAST_SYNCS {
                closing.target = Some(Target::Report);
                closing.notes.push(format!(
                    "{rate:.0} syncs/s: this disk is too slow to ask for a ratio"
                ));
            }
        }
        Ok(closing)
    }
}

impl Contest for AgainstDisk<'_> {
    async fn yardstick(&mut self) -> Result<Sample> {
        let bytes = self.disk.sequential(self.bench.mode().measured())?;
        Ok(Sample::of(bytes / 1e6))
    }

    async fn ours(&mut self) -> Result<Sample> {
        let shape = Shape::plain().batches(BATCH);
        let data = shape.data_bytes as f64;
        let tally = self
            .heddle
            .closed(shape, BATCH_CONNECTIONS, self.bench.extent())
            .await?;
        Ok(Sample {
            value: tally.rate() * data / 1e6,
            ..Sample::rate(&tally)
        })
    }

    async fn close(&mut self) -> Result<Closing> {
        self.heddle.close().await
    }
}
