//! From a KafkaSource's fields to librdkafka's settings.

use rdkafka::ClientConfig;
use schemas::names::ResourceName;

use super::{KafkaSpec, SaslMechanism, SaslSpec, TlsSpec};
use crate::limits::{KAFKA_CONSUMERS_MAX, KAFKA_PREFETCH_KIB_MAX, KAFKA_RECONNECT_MS_MAX, KAFKA_SESSION_MS};

/// Whether this build can encrypt.
const HAS_TLS: bool = cfg!(feature = "kafka-tls");

/// Why a KafkaSource cannot run as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaSpecError {
    /// No server to ask first.
    #[error("`bootstrapServers` is empty; name at least one `host:port`")]
    NoServers,
    /// Nothing to read.
    #[error("`topics` is empty; name at least one topic")]
    NoTopics,
    /// A topic's name that Kafka does not allow.
    #[error("the topic name `{0}` is not legal; use 1 to 249 letters, digits, `.`, `_` and `-`")]
    Topic(String),
    /// None, or more than we run.
    #[error("`consumers` is {0}; use 1 to {KAFKA_CONSUMERS_MAX}")]
    Consumers(u32),
    /// TLS in a build without it.
    #[error(
        "`net.tls` is enabled, but this heddle was built without TLS for Kafka; build it with `--features kafka-tls`"
    )]
    NoTls,
    /// A mechanism in a build without it.
    #[error(
        "`net.sasl.type` is {0}, which this heddle was built without; build it with `--features kafka-tls`, or use PLAIN"
    )]
    NoScram(&'static str),
    /// A certificate without its key, or the other way round.
    #[error("`net.tls.cert` and `net.tls.key` go together; give both or none")]
    HalfCertificate,
}

pub(super) fn validate(spec: &KafkaSpec) -> Result<(), KafkaSpecError> {
    if spec.bootstrap_servers.is_empty() {
        return Err(KafkaSpecError::NoServers);
    }
    if spec.topics.is_empty() {
        return Err(KafkaSpecError::NoTopics);
    }
    if let Some(topic) = spec.topics.iter().find(|topic| !is_topic(topic)) {
        return Err(KafkaSpecError::Topic(topic.clone()));
    }
    if !(1..=KAFKA_CONSUMERS_MAX).contains(&spec.consumers) {
        return Err(KafkaSpecError::Consumers(spec.consumers));
    }
    if let Some(tls) = &spec.tls {
        if !HAS_TLS {
            return Err(KafkaSpecError::NoTls);
        }
        if tls.certificate.is_some() != tls.key.is_some() {
            return Err(KafkaSpecError::HalfCertificate);
        }
    }
    match &spec.sasl {
        Some(sasl) if sasl.mechanism != SaslMechanism::Plain && !HAS_TLS => {
            Err(KafkaSpecError::NoScram(mechanism_name(sasl.mechanism)))
        }
        Some(_) | None => Ok(()),
    }
}

/// librdkafka's settings for one consumer.
pub(super) fn client_config(spec: &KafkaSpec, name: &ResourceName) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", spec.bootstrap_servers.join(","))
        .set("group.id", spec.group(name))
        .set(
            "client.id",
            format!("heddle-{}.{}", name.namespace(), name.name()),
        )
        // Offsets move when we say so, after the append.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Where a group has no offset, the consumer decides by itself (`initialOffset`); this is for an offset that
        // Kafka has deleted, and there the oldest record loses least.
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", KAFKA_SESSION_MS.to_string())
        .set("heartbeat.interval.ms", (KAFKA_SESSION_MS / 4).to_string())
        // A broker that comes back is found soon (librdkafka's own cap is 10 s).
        .set("reconnect.backoff.max.ms", KAFKA_RECONNECT_MS_MAX.to_string())
        .set("queued.max.messages.kbytes", KAFKA_PREFETCH_KIB_MAX.to_string())
        // A topic that is created later is found within this time.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("security.protocol", protocol(spec));
    if let Some(sasl) = &spec.sasl {
        set_sasl(&mut config, sasl);
    }
    if let Some(tls) = &spec.tls {
        set_tls(&mut config, tls);
    }
    config
}

fn protocol(spec: &KafkaSpec) -> &'static str {
    match (spec.sasl.is_some(), spec.tls.is_some()) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    }
}

fn set_sasl(config: &mut ClientConfig, sasl: &SaslSpec) {
    config
        .set("sasl.mechanism", mechanism_name(sasl.mechanism))
        .set("sasl.username", &sasl.user)
        .set("sasl.password", sasl.password.expose());
}

fn set_tls(config: &mut ClientConfig, tls: &TlsSpec) {
    match &tls.ca {
        Some(pem) => config.set("ssl.ca.pem", pem),
        None => config.set("ssl.ca.location", "probe"),
    };
    if let Some(pem) = &tls.certificate {
        config.set("ssl.certificate.pem", pem);
    }
    if let Some(pem) = &tls.key {
        config.set("ssl.key.pem", pem.expose());
    }
}

fn mechanism_name(mechanism: SaslMechanism) -> &'static str {
    match mechanism {
        SaslMechanism::Plain => "PLAIN",
        SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
        SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}

fn is_topic(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

#[cfg(test)]
mod tests;
