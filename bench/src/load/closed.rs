//! The closed loop: each connection posts its next event as soon as it was answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::{Books, Extent, Load, Tally};
use crate::clock;
use crate::event::Request;

/// What the connections share.
#[derive(Debug)]
struct Shared {
    books: RefCell<Books>,
    next_id: Cell<u64>,
    /// Requests that may still be begun.
    left: Cell<u64>,
}

/// Runs the load to its end.
///
/// # Errors
/// When a connection cannot be made, or the load takes longer than it may. Requests that fail are counted, not returned.
pub(crate) async fn run(load: &Load, extent: Extent) -> Result<Tally> {
    let shared = Rc::new(Shared {
        books: RefCell::new(Books::new()?),
        next_id: Cell::new(load.first_id),
        left: Cell::new(match extent {
            Extent::Time { .. } => u64::MAX,
            Extent::Requests { count, .. } => count,
        }),
    });
    let request = load.shape.render();
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(load.to).await?);
    }
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn_local(post(connection, request.clone(), Rc::clone(&shared)));
    }
    let used = match extent {
        Extent::Time { warm_up, measured } => {
            sleep(warm_up).await;
            let window = shared.books.borrow_mut().open(load.server)?;
            sleep(measured).await;
            let used = shared.books.borrow_mut().shut(window)?;
            shared.left.set(0);
            drain(&mut tasks).await?;
            used
        }
        Extent::Requests { limit, .. } => {
            let window = shared.books.borrow_mut().open(load.server)?;
            timeout(limit, drain(&mut tasks))
                .await
                .with_context(|| format!("not done within {limit:?}"))??;
            shared.books.borrow_mut().shut(window)?
        }
    };
    shared.books.borrow_mut().close(used)
}

pub(super) async fn drain(tasks: &mut JoinSet<()>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

async fn post(mut connection: Connection, mut request: Request, shared: Rc<Shared>) {
    let events = request.events();
    while let Some(first) = shared.take(events) {
        let (bytes, fingerprints) = request.stamp(first, 0);
        let began = clock::now();
        match connection.exchange(bytes).await {
            Ok(202) => {
                let nanos = clock::now() - began;
                shared
                    .books
                    .borrow_mut()
                    .acknowledged(events, fingerprints, nanos);
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
    /// The first id of a request that may be begun.
    fn take(&self, events: u64) -> Option<u64> {
        let left = self.left.get().checked_sub(1)?;
        self.left.set(left);
        let first = self.next_id.get();
        self.next_id.set(first + events);
        Some(first)
    }
}
