//! Heddle, and the producers that post to it and remember what it acknowledged.

use std::time::Duration;

use anyhow::Result;

use crate::context::Bench;
use crate::event::Shape;
use crate::heddle::{Heddle, Resources};
use crate::load::{Extent, Load, Tally, closed, open};
use crate::read_back;
use crate::scenario::Closing;

/// How long a number of events may take to be posted.
const POSTED_WITHIN: Duration = Duration::from_secs(300);
/// Connections and events of a batch where events only have to be there.
const FILLING: (usize, usize) = (4, 100);

/// Events whose content is compared where none are delivered, or only some.
const READ_BACK: u64 = 5000;

/// See the module.
#[derive(Debug)]
pub(super) struct Producers {
    pub(super) heddle: Heddle,
    /// Events acknowledged so far; their ids are those from zero on.
    pub(super) acknowledged: u64,
    /// The sum of their fingerprints.
    pub(super) fingerprints: u64,
    /// What had been acknowledged when the process that runs was started.
    before_restart: u64,
}

impl Producers {
    pub(super) async fn start(bench: &Bench, resources: &Resources) -> Result<Self> {
        Ok(Self {
            heddle: Heddle::start(bench, resources).await?,
            acknowledged: 0,
            fingerprints: 0,
            before_restart: 0,
        })
    }

    /// Posts in a closed loop.
    pub(super) async fn closed(&mut self, shape: Shape, connections: usize, extent: Extent) -> Result<Tally> {
        let load = self.load(shape, connections);
        let tally = closed::run(&load, extent).await?;
        self.remember(tally)
    }

    /// Posts so many events in a closed loop.
    pub(super) async fn count(&mut self, shape: Shape, connections: usize, count: u64) -> Result<Tally> {
        let extent = Extent::Requests {
            count,
            limit: POSTED_WITHIN,
        };
        self.closed(shape, connections, extent).await
    }

    /// Posts by a schedule.
    pub(super) async fn open(
        &mut self,
        shape: Shape,
        connections: usize,
        rate: f64,
        during: Duration,
    ) -> Result<Tally> {
        let load = self.load(shape, connections);
        let tally = open::run(&load, rate, during).await?;
        self.remember(tally)
    }

    /// Makes so many events be there, in batches; `count` is rounded up to whole ones.
    pub(super) async fn fill(&mut self, shape: Shape, count: u64) -> Result<()> {
        let (connections, batch) = FILLING;
        let requests = count.div_ceil(batch as u64);
        self.count(shape.batches(batch), connections, requests)
            .await
            .map(drop)
    }

    /// `kill -9`, and starts again with more arguments.
    pub(super) async fn restart(&mut self, more: &[&str]) -> Result<()> {
        self.before_restart = self.acknowledged;
        self.heddle.restart(more).await
    }

    /// Checks that as many events are stored as were acknowledged since the last restart, and that the oldest of the broker
    /// `default` are as they were sent.
    pub(super) async fn close(&self) -> Result<Closing> {
        self.close_with("default", READ_BACK.min(self.acknowledged)).await
    }

    /// [`Self::close`], reading so many events of this broker.
    pub(super) async fn close_with(&self, broker: &str, count: u64) -> Result<Closing> {
        let acknowledged = self.acknowledged - self.before_restart;
        self.heddle.check_stored(acknowledged).await?;
        read_back::check(self.heddle.admin(), broker, count, self.acknowledged).await?;
        Ok(Closing {
            ours: Some(self.heddle.process().memory()?),
            checked: vec![
                format!("{acknowledged} events acknowledged, as many stored"),
                format!("{count} events read back, as they were sent"),
            ],
            ..Closing::default()
        })
    }

    fn load(&self, shape: Shape, connections: usize) -> Load {
        Load {
            to: self.heddle.ingress(),
            server: self.heddle.process().id(),
            shape,
            connections,
            first_id: self.acknowledged,
        }
    }

    fn remember(&mut self, tally: Tally) -> Result<Tally> {
        let tally = tally.without_errors()?;
        self.acknowledged += tally.acknowledged;
        self.fingerprints = self.fingerprints.wrapping_add(tally.fingerprints);
        Ok(tally)
    }
}
