//! Every numeric limit of the dispatcher, with its default and why.

use std::time::Duration;

/// Claims that may wait for a dead letter sink while the subscriber is served on, over all triggers, besides the ones that
/// each trigger may always have. Each holds one event.
pub const PARKED_CLAIMS_MAX: usize = 1024;

/// Such claims that a trigger has a place for whatever the others hold.
pub const PARKED_CLAIMS_RESERVED: usize = 1;

/// Such claims of one trigger, so that one dead letter sink that is slow leaves places for others.
pub const PARKED_CLAIMS_OF_ONE_MAX: usize = 128;

/// Requests at once with which an endpoint begins; one more for each that it answered. 350 endpoints that fail begin
/// with no more than a small machine can hold, and one that works is at its limit after a few round trips.
pub const SLOW_START: usize = 8;

/// Failures in a row that open a breaker. More than one event that can never be delivered makes within
/// [`BREAKER_WINDOW_DEFAULT`] under the default policy, so that it does not hold up the others of its endpoint.
pub const BREAKER_FAILURES_DEFAULT: u32 = 10;

/// The time in which they must fall.
pub const BREAKER_WINDOW_DEFAULT: Duration = Duration::from_secs(30);

/// From opening to the first probe: about what a process takes to start again.
pub const BREAKER_WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// The longest time between two probes, before jitter: how late a recovery may be noticed.
pub const BREAKER_WAIT_MAX_DEFAULT: Duration = Duration::from_secs(30);

/// What a sender under a rate limit may be early by, so that a timer that wakes late does not lower the rate. Larger than
/// the delays of a busy machine, small beside the seconds over which people measure rates.
pub const RATE_SLACK: Duration = Duration::from_millis(50);

/// The longest wait for the first request under a rate limit after a start.
pub const RATE_START_WAIT_MAX: Duration = Duration::from_secs(1);

/// Headers that a request has room for from the start: those of the endpoint, and an event's with a dozen attributes.
pub(crate) const REQUEST_HEADERS: usize = 24;

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

/// Shortest wait between two attempts on an event that is tried for ever: a policy without a delay must not make a busy
/// loop of it.
pub const BLOCKED_WAIT_MIN: Duration = Duration::from_secs(1);

/// Bytes of an answer that claims to be an event: twice the largest event, because base64 and JSON escapes need room.
pub const REPLY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of an answer that are read although nothing is done with them, so that its connection can be used again.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// Attributes with which an event still goes in binary mode. Apache, hyper and others refuse a request of more than 100
/// headers; the rest is for what is no attribute.
pub const BINARY_ATTRIBUTES_MAX: usize = 80;

/// Bytes that they may take as headers for that. Many servers refuse more than 8 KiB of headers (primer, section on
/// HTTP header limits); the rest is for what is no attribute.
pub const BINARY_HEADER_BYTES_MAX: usize = 7 * 1024;

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
