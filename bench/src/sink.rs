//! The sink as the scenarios see it: a process that counts what is delivered to it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use crate::context::{Aside, Bench};
use crate::web;
pub(crate) use crate::yardstick::sink::Received;

/// How often it is asked whether all has come: often beside a second, rarely beside an event.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A running sink.
#[derive(Debug)]
pub(crate) struct Sink(Aside);

impl Sink {
    pub(crate) fn start(bench: &Bench) -> Result<Self> {
        Ok(Self(bench.aside("sink", &["sink"])?))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.server.address()
    }

    /// One of its endpoints.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Forgets what came.
    pub(crate) async fn reset(&self) -> Result<()> {
        web::post(self.address(), "/reset", "").await.map(drop)
    }

    pub(crate) async fn received(&self) -> Result<Received> {
        Ok(serde_json::from_str(&web::get(self.address(), "/stats").await?)?)
    }

    /// Waits until so many events came.
    ///
    /// # Errors
    /// When they do not come within `limit`, or more do.
    pub(crate) async fn wait_for(&self, count: u64, limit: Duration) -> Result<Received> {
        let began = Instant::now();
        loop {
            let received = self.received().await?;
            ensure!(
                received.count <= count,
                "{} events came, {count} were to come",
                received.count
            );
            if received.count == count {
                return Ok(received);
            }
            ensure!(
                began.elapsed() < limit,
                "{} of {count} events came within {limit:?}",
                received.count
            );
            sleep(LOOK_AGAIN).await;
        }
    }

    /// [`Self::wait_for`], and checks that they came as they were sent: `fingerprints` is the sum over all of them.
    pub(crate) async fn wait_for_all(
        &self,
        count: u64,
        fingerprints: u64,
        limit: Duration,
    ) -> Result<Received> {
        let received = self.wait_for(count, limit).await?;
        ensure!(
            received.fingerprints == fingerprints,
            "{count} events came, but not those that were sent, or not as they were sent"
        );
        Ok(received)
    }
}
