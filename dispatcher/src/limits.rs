//! Every numeric limit of the dispatcher, with its default and why.

use std::time::Duration;

/// Claims of one trigger that may wait for its dead letter sink while its subscriber is served on. Each holds one event.
pub const PARKED_CLAIMS_MAX: usize = 128;

/// Deliveries in flight at one endpoint. Enough to fill a local endpoint's latency many times over, few enough not to
/// flood a small one.
pub const ENDPOINT_CONCURRENCY_DEFAULT: usize = 64;

/// Deliveries in flight over all endpoints, besides the one that each endpoint may always have.
pub const IN_FLIGHT_MAX: usize = 1024;

/// Slots that an endpoint has for itself whatever the others hold, so that a healthy one never waits on a sick one.
pub const ENDPOINT_SLOTS_RESERVED: usize = 1;

/// What one attempt may take, from connecting to the last byte of a reply, when `delivery.timeout` is not set.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest wait that a backoff policy can lead to, before jitter.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60 * 60);

/// Longest `Retry-After` that is honoured when `delivery.retryAfterMax` is not set.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Longest `Retry-After` that is honoured whatever `delivery.retryAfterMax` says. With jitter it stays under
/// [`broker::limits::RETRY_WAIT_MAX`], which is as far as a retry can lie ahead after a restart.
pub const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Share of a wait that jitter may add to it. Spreads a herd of retries, never brings one forward.
pub const JITTER_SHARE_MAX: f64 = 0.1;

/// Bytes of an answer that claims to be an event: twice the largest event, because base64 and JSON escapes need room.
pub const REPLY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of an answer that are read although nothing is done with them, so that its connection can be used again.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// The longest an attempt may take, whatever the policy says; what is over the end of time is cut to this.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Time spent on the body of an answer whose status says it all.
pub const DRAIN_WAIT: Duration = Duration::from_secs(2);

/// Time for a TCP connection to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle connections kept for one host.
pub const IDLE_CONNECTIONS_MAX: usize = 64;

/// How long a connection is kept idle. Shorter than most servers' own, so that few requests meet a closing one.
pub const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between HTTP/2 pings that find a dead connection.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// First pause before a settlement that could not be stored is tried again; doubles up to [`SETTLE_WAIT_MAX`].
pub const SETTLE_WAIT_MIN: Duration = Duration::from_millis(20);

/// Longest pause between two tries to store a settlement.
pub const SETTLE_WAIT_MAX: Duration = Duration::from_secs(2);

/// Characters of an error that are kept for people.
pub const MESSAGE_CHARS_MAX: usize = 500;

/// What may be configured of the above.
#[derive(Clone, Debug)]
pub struct Limits {
    /// See [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// See [`REPLY_BYTES_MAX`].
    pub reply_bytes_max: usize,
    /// What a reply event may measure; the same as at ingress.
    pub event: schemas::limits::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_max: IN_FLIGHT_MAX,
            reply_bytes_max: REPLY_BYTES_MAX,
            event: schemas::limits::Limits::default(),
        }
    }
}
