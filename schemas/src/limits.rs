//! Every numeric limit on what comes from outside, events and configuration, in one place.

use std::time::Duration;

/// Most values of one configuration file, aliases counted as what they expand to. A thousand brokers with ten triggers each
/// fit; a file of nested aliases that would expand to gigabytes does not.
pub const YAML_NODES_MAX: usize = 1_000_000;
/// How deep a configuration file may nest. Readers recurse that deep.
pub const YAML_DEPTH_MAX: usize = 64;

/// Longest namespace, in bytes (a DNS-1123 label).
pub const NAMESPACE_BYTES_MAX: usize = 63;
/// Longest name, in bytes (a DNS-1123 subdomain).
pub const NAME_BYTES_MAX: usize = 253;

/// Most consumers of one KafkaSource in one process. More than a core each only cost memory.
pub(crate) const KAFKA_CONSUMERS_MAX: i64 = 64;
/// Most unacknowledged messages of one NatsSource: each is held in memory until it is stored.
pub(crate) const NATS_ACKS_PENDING_MAX: i64 = 100_000;
/// Most requests at once to one Endpoint. Each is a connection to an HTTP/1.1 server.
pub(crate) const ENDPOINT_CONCURRENCY_MAX: i64 = 10_000;
/// Most requests that an Endpoint's rate can name: beyond what a process sends it limits nothing.
pub(crate) const ENDPOINT_REQUESTS_MAX: i64 = 1_000_000;
/// Most failures in a row that an Endpoint's breaker can wait for: the time of each is kept.
pub(crate) const BREAKER_FAILURES_MAX: i64 = 1_000;

/// Shortest window in which a Broker stores an event once: shorter than a producer's own retry it serves nobody.
pub(crate) const DEDUPE_WINDOW_MIN: Duration = Duration::from_secs(1);
/// Longest window in which a Broker stores an event once: a week. Each event of the window takes some 200 bytes of disk.
pub(crate) const DEDUPE_WINDOW_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Most bytes of one schema for data, written as JSON without blanks. Those of public registries are a tenth of it.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// How deep such a schema may nest: compiling recurses that deep.
pub const SCHEMA_DEPTH_MAX: usize = 64;
/// What one `pattern` of a schema may take in memory, compiled and while it runs.
pub const SCHEMA_PATTERN_BYTES_MAX: usize = 1 << 20;
/// How many things that are wrong with one event's data are told: a person reads no more, and mends the first.
pub const SCHEMA_FAILURES_MAX: usize = 5;
/// Bytes of data past which only the first of them is told: all of them are gathered in memory, and each of a million
/// wrong numbers is one.
pub const SCHEMA_EVERY_FAILURE_BYTES_MAX: usize = 64 * 1024;
/// Characters of each sentence and place told: names of members, which come from the data, can be as long as it.
pub const SCHEMA_FAILURE_CHARS_MAX: usize = 240;

/// Shortest time after which a rule lets unsettled events or dead letters leave: they are looked for once a second.
pub(crate) const EXPIRY_MIN: Duration = Duration::from_secs(1);
/// Longest such time: ten years. Who keeps longer keeps for ever, and leaves the rule out.
pub(crate) const EXPIRY_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What an event or batch may measure. Checked by the codecs before anything is queued; each breach is its own error
/// ([`Reason::TooLarge`](crate::codec::Reason::TooLarge)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one event, attributes and data together. Default 1 MiB: CloudEvents asks an intermediary for at
    /// least 64 KiB, and Kafka's brokers take 1 MiB out of the box.
    pub event_bytes_max: usize,
    /// Most events in one batch. Default 1,000.
    pub batch_events_max: usize,
    /// Most bytes of one batch as received. Default 4 MiB: a batch is one frame of the journal and lives in memory as one
    /// piece.
    pub batch_bytes_max: usize,
    /// Most attributes of one event, required ones included. Default 256, at most 4,096.
    pub attributes_max: usize,
    /// Longest attribute name, in bytes. Default 128: the specification suggests 20 and forbids nothing, so that
    /// long names are passed on. At most 255.
    pub attribute_name_bytes_max: usize,
    /// Longest attribute value, in bytes of its canonical string. Default 64 KiB: every event that the specification
    /// obliges us to forward fits.
    pub attribute_value_bytes_max: usize,
    /// Most bytes of all headers of one message, names and values together. Default 128 KiB: twice what an event of
    /// 64 KiB can need when all of it is attributes.
    pub header_bytes_max: usize,
}

impl Limits {
    /// What the encoding of an event can hold at all; for events that were checked when they came in.
    pub(crate) const FORMAT: Self = Self {
        event_bytes_max: u32::MAX as usize,
        batch_events_max: usize::MAX,
        batch_bytes_max: usize::MAX,
        attributes_max: 4096,
        attribute_name_bytes_max: u8::MAX as usize,
        attribute_value_bytes_max: 16 << 20,
        header_bytes_max: usize::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes_max: 1 << 20,
            batch_events_max: 1_000,
            batch_bytes_max: 4 << 20,
            attributes_max: 256,
            attribute_name_bytes_max: 128,
            attribute_value_bytes_max: 64 << 10,
            header_bytes_max: 128 << 10,
        }
    }
}
