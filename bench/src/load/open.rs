//! The open loop: events are due by a schedule, whoever answers or not.
//!
//! The schedule is even: event `i` is due `i` intervals after the start. A timer looks every [`TICK`] which events have
//! become due and lets connections that are free take them, in order; when none is free they wait, and their time runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::closed::drain;
use super::connection::Connection;
use super::ticker::Ticker;
use super::{Books, Load, Tally};
use crate::clock;
use crate::event::Request;

/// How often the schedule is looked at. What it is late by counts, so it is short beside a sync; and long beside what a look costs.
const TICK: Duration = Duration::from_micros(200);
/// How long answers may take after the last event was due.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the connections share.
#[derive(Debug)]
struct Shared {
    books: RefCell<Books>,
    first_id: u64,
    began: u64,
    interval: u64,
    /// Events that are due.
    due: Cell<u64>,
    /// Events that a connection has taken.
    taken: Cell<u64>,
    ended: Cell<bool>,
    changed: Notify,
}

/// Posts `rate` requests a second for so long; all of it is measured.
///
/// # Errors
/// When a connection cannot be made, or answers do not come. Requests that fail are counted, not returned.
pub(crate) async fn run(load: &Load, rate: f64, during: Duration) -> Result<Tally> {
    ensure!(
        rate >= 1.0,
        "a rate of {rate} events a second cannot be scheduled"
    );
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(load.to).await?);
    }
    let shared = Rc::new(Shared {
        books: RefCell::new(Books::new()?),
        first_id: load.first_id,
        began: clock::now(),
        interval: clock::nanos(Duration::from_secs_f64(1.0 / rate)),
        due: Cell::new(0),
        taken: Cell::new(0),
        ended: Cell::new(false),
        changed: Notify::new(),
    });
    let request = load.shape.render();
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn_local(post(connection, request.clone(), Rc::clone(&shared)));
    }
    let window = shared.books.borrow_mut().open(load.server)?;
    shared.keep_schedule(during).await?;
    timeout(PATIENCE, drain(&mut tasks))
        .await
        .context("answers are still missing")??;
    let used = shared.books.borrow_mut().shut(window)?;
    shared.books.borrow_mut().close(used)
}

async fn post(mut connection: Connection, mut request: Request, shared: Rc<Shared>) {
    let events = request.events();
    while let Some(index) = shared.take().await {
        let at = shared.began + index * shared.interval;
        let (bytes, fingerprints) = request.stamp(shared.first_id + index * events, at);
        match connection.exchange(bytes).await {
            Ok(202) => {
                let nanos = clock::now().saturating_sub(at);
                shared
                    .books
                    .borrow_mut()
                    .acknowledged_on_schedule(events, fingerprints, at, nanos);
            }
            Ok(status) => shared.books.borrow_mut().failed(&format!("status {status}")),
            Err(error) => {
                shared.books.borrow_mut().failed(&format!("{error:#}"));
                return;
            }
        }
    }
}

impl Shared {
    async fn keep_schedule(&self, during: Duration) -> Result<()> {
        let mut ticker = Ticker::every(TICK)?;
        let last = clock::nanos(during) / self.interval;
        while self.due.get() < last {
            ticker.tick().await?;
            let due = due(clock::now() - self.began, self.interval).min(last);
            for _ in self.due.replace(due)..due {
                self.changed.notify_one();
            }
        }
        self.ended.set(true);
        self.changed.notify_waiters();
        Ok(())
    }

    /// The next event that is due; `None` when there are no more.
    async fn take(&self) -> Option<u64> {
        loop {
            let taken = self.taken.get();
            if taken < self.due.get() {
                self.taken.set(taken + 1);
                return Some(taken);
            }
            if self.ended.get() {
                return None;
            }
            self.changed.notified().await;
        }
    }
}

/// How many events are due after so many nanoseconds: the first at once, the next after an interval, and so on.
fn due(elapsed: u64, interval: u64) -> u64 {
    elapsed / interval + 1
}

#[cfg(test)]
mod tests;
