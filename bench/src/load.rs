//! The load generator: rendered requests on keep-alive connections, on the one thread of its process.
//!
//! - [`closed`] asks for throughput: each connection posts as soon as it was answered.
//! - [`open`] asks for latency: events are due by a schedule, whether the earlier ones were answered or not, and their
//!   latency counts from when they were due. A stall therefore shows in every event that it held up.
//!
//! Both count every answer that is not the one that was hoped for, and sum the fingerprints of what was acknowledged.

pub(crate) mod closed;
mod connection;
pub(crate) mod open;
mod tally;
mod ticker;

use std::net::SocketAddr;
use std::time::Duration;

use crate::event::Shape;

pub(crate) use tally::{Books, Tally};

/// Where a load goes and how it looks.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The server under load.
    pub(crate) to: SocketAddr,
    /// Its process, to tell what it uses meanwhile.
    pub(crate) server: u32,
    /// The events.
    pub(crate) shape: Shape,
    /// Keep-alive connections.
    pub(crate) connections: usize,
    /// The first id; later ones follow.
    pub(crate) first_id: u64,
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// Under load for `warm_up`, then measured for `measured`.
    Time {
        /// Not measured.
        warm_up: Duration,
        /// Measured.
        measured: Duration,
    },
    /// So many requests, all measured; an error when they take longer than `limit`.
    Requests {
        /// How many.
        count: u64,
        /// The longest it may take.
        limit: Duration,
    },
}
