//! The extension attributes that sources put on events they make themselves. An event that came in as a CloudEvent
//! gets none of them.

/// Says why a record that claimed to be a CloudEvent was wrapped instead: the mistake, in words.
pub const INVALID: &str = "heddleinvalid";

/// Says what of the original does not fit the limits and is not in the event, and where to find it.
pub const OMITTED: &str = "heddleomitted";

/// The record's key, by the type that the source declares (Knative's name).
pub const KEY: &str = "key";

/// The record's key as text, which orders delivery (CloudEvents' partitioning extension).
pub const PARTITION_KEY: &str = "partitionkey";

/// Before the name of each Kafka header (Knative's prefix).
pub const KAFKA_HEADER_PREFIX: &str = "kafkaheader";

/// Before the name of each NATS header.
pub const NATS_HEADER_PREFIX: &str = "natsheader";

/// The loop guard's count, when an event brings one (Knative's name). Read, never written.
pub const BROKER_TTL: &str = "knativebrokerttl";
