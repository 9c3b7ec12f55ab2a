//! The end of a node: each part stops in the order in which work flows, within one deadline for all.

use std::time::Duration;

use tokio::time::Instant;

use super::running::{Running, Server};
use crate::limits;
use crate::signals::Signals;

/// Stops everything. At the deadline the log names what still runs; a second signal ends the wait at once. Either
/// way what was accepted is on disk, and what was not settled is delivered after the next start.
pub(super) async fn drain(running: Running, within: Duration, signals: &mut Signals) {
    tokio::select! {
        () = in_order(running, Instant::now() + within.min(limits::DRAIN_TIMEOUT_MAX)) => {}
        signal = signals.next() => tracing::warn!(signal, "ended before all work was done; it is taken up at the next start"),
    }
}

async fn in_order(running: Running, deadline: Instant) {
    let Running {
        phase,
        engine,
        dispatcher,
        sources,
        ingress,
        admin,
    } = running;
    phase.draining();
    // Half of the time at most: a client that never ends its request must not take the deliveries' share.
    let now = Instant::now();
    let for_requests = now + deadline.saturating_duration_since(now) / 2;
    let (_, late) = tokio::join!(
        stop(ingress, "requests at the ingress", for_requests),
        sources.shutdown(deadline.saturating_duration_since(Instant::now())),
    );
    for source in late {
        tracing::warn!(%source, "still runs at the deadline; what it had not committed comes again");
    }
    // The dispatcher names the triggers that it gave up.
    let _ = dispatcher
        .shutdown(deadline.saturating_duration_since(Instant::now()))
        .await;
    // It answers to the end, and so that long at least.
    stop(
        admin,
        "requests at the admin API",
        deadline.max(Instant::now() + limits::ADMIN_DRAIN_MIN),
    )
    .await;
    if tokio::time::timeout(limits::CLOSE_TIMEOUT, engine.close())
        .await
        .is_err()
    {
        tracing::warn!("storage did not close in time; the next start recovers it");
    }
    tracing::info!("stopped");
}

/// Closes the port and waits for the requests in hand.
async fn stop(server: Server, what: &str, deadline: Instant) {
    server.stop.cancel();
    if server.task.is_finished() {
        // It ended by itself, for which the process fails already.
        return;
    }
    match tokio::time::timeout_at(deadline, server.task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, what, "a server was gone before it was stopped"),
        Err(_) => tracing::warn!(what, "still run at the deadline and are broken off"),
    }
}
