//! KafkaSource: the records of Kafka topics (Knative's `sources.knative.dev/v1` KafkaSource).
//!
//! Each consumer is an operating system thread that polls librdkafka (`consumer`) and a task that appends what was
//! polled (`pump`); between them lies a bounded ledger of what is polled, being stored, and stored (`ledger`). An
//! offset is committed when every record before it in its partition is durable here. Before partitions are given up in
//! a rebalance, appends under way are waited for and their offsets committed; what was only polled is forgotten and
//! comes again to the new owner.
//!
//! A partition that the group has no offset for starts where `initialOffset` says, and for `latest` that place is
//! committed at once, so that a crash before the first record does not skip what came meanwhile. An offset that Kafka
//! has deleted already continues at the oldest record there is.
//!
//! Records that are CloudEvents pass as they are; others are wrapped (see [`record`]).

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use schemas::names::ResourceName;

mod callbacks;
mod consumer;
mod ledger;
mod pump;
pub mod record;
mod settings;

pub use settings::KafkaSpecError;

use crate::secret::Secret;
use crate::source::{Session, Source, SourceError};

/// What a KafkaSource reads, and how.
#[derive(Clone, Debug)]
pub struct KafkaSpec {
    /// `host:port`, at least one.
    pub bootstrap_servers: Vec<String>,
    /// At least one.
    pub topics: Vec<String>,
    /// `None`: `knative-kafka-source-<namespace>.<name>`, which is the same after every start.
    pub consumer_group: Option<String>,
    /// Where a partition starts for which the group has no offset.
    pub initial_offset: InitialOffset,
    /// How many members of the group run here, 1 to [`crate::limits::KAFKA_CONSUMERS_MAX`].
    pub consumers: u32,
    /// Whether a partition's records are stored in their order.
    pub ordering: Ordering,
    /// How a record's key becomes the extension `key`.
    pub key_type: KeyType,
    /// `net.sasl`, when enabled.
    pub sasl: Option<SaslSpec>,
    /// `net.tls`, when enabled.
    pub tls: Option<TlsSpec>,
}

/// Where to start without an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialOffset {
    /// After the last record.
    #[default]
    Latest,
    /// At the oldest record.
    Earliest,
}

/// Whether a partition's records are stored in their order. Offsets are committed in order either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// One append of a partition at a time.
    #[default]
    Ordered,
    /// Several appends of a partition at a time.
    Unordered,
}

/// The type of records' keys (Knative's label `kafkasources.sources.knative.dev/key-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// UTF-8.
    #[default]
    Text,
    /// A big-endian signed number of 1, 2, 4 or 8 bytes.
    Integer,
    /// A big-endian IEEE 754 number of 4 or 8 bytes.
    Float,
    /// Any bytes.
    Bytes,
}

/// How to log in.
#[derive(Clone, Debug)]
pub struct SaslSpec {
    /// How the password is proven.
    pub mechanism: SaslMechanism,
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Ways to prove a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// In clear text; works in every build.
    Plain,
    /// SCRAM with SHA-256; needs the feature `kafka-tls`.
    ScramSha256,
    /// SCRAM with SHA-512; needs the feature `kafka-tls`.
    ScramSha512,
}

/// How to encrypt. Needs the feature `kafka-tls`.
#[derive(Clone, Debug, Default)]
pub struct TlsSpec {
    /// PEM of the authorities to trust; `None`: the system's.
    pub ca: Option<String>,
    /// PEM of our certificate chain.
    pub certificate: Option<String>,
    /// PEM of its key.
    pub key: Option<Secret>,
}

/// A KafkaSource at work.
#[derive(Debug)]
pub(crate) struct KafkaSource {
    name: ResourceName,
    spec: KafkaSpec,
}

impl KafkaSpec {
    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`KafkaSpecError`] for the first setting that cannot work, and what would be right.
    pub fn validate(&self) -> Result<(), KafkaSpecError> {
        settings::validate(self)
    }

    /// The consumer group: as given, or the default for a source of this name.
    #[must_use]
    pub fn group(&self, name: &ResourceName) -> String {
        // A namespace has no dot, so that no two names make one group.
        let default = || format!("knative-kafka-source-{}.{}", name.namespace(), name.name());
        self.consumer_group.clone().unwrap_or_else(default)
    }
}

impl KafkaSource {
    pub(crate) fn new(name: ResourceName, spec: KafkaSpec) -> Self {
        Self { name, spec }
    }

    /// Runs all consumers; when one fails, all of them are stopped in order, and the failure is answered.
    async fn consume(&self, session: &Session) -> Result<(), SourceError> {
        self.spec
            .validate()
            .map_err(|error| SourceError::outside("reading the configuration", error))?;
        let stop = session.stop.child_token();
        let one = |number| pump::run(self, session, stop.clone(), number);
        let mut consumers: FuturesUnordered<_> = (0..self.spec.consumers).map(one).collect();
        let mut outcome = Ok(());
        while let Some(ended) = consumers.next().await {
            if ended.is_err() && outcome.is_ok() {
                outcome = ended;
                stop.cancel();
            }
        }
        outcome
    }
}

impl Source for KafkaSource {
    fn run<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.consume(session))
    }
}

#[cfg(test)]
mod tests;
