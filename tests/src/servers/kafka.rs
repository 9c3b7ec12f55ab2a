//! Apache Kafka in KRaft mode, one process; where its jars could not be had, librdkafka's mock cluster.

mod apache;
mod mock;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::Shared;
use crate::not_run::not_run;
use apache::Apache;
use mock::Mock;

/// How long one exchange with a server may take.
const EXCHANGE: Duration = Duration::from_secs(30);

static RUNNING: Shared<Kafka> = Shared::new();

/// A running Kafka, shared by the tests that run at the same time: each uses topics and groups of its own.
#[derive(Debug)]
pub enum Kafka {
    /// The real server.
    Apache(Apache),
    /// librdkafka's imitation.
    Mock(Mock),
}

impl Kafka {
    /// The running server, started when it is not. Says aloud when it is only the imitation.
    pub async fn shared(test: &str) -> Arc<Self> {
        let kafka = RUNNING.get(Self::start).await;
        if let Self::Mock(mock) = &*kafka {
            let what = format!("{test} against Apache Kafka (it ran against librdkafka's mock cluster)");
            not_run(&what, mock.why());
        }
        kafka
    }

    /// A server of the test's own, for tests that restart it: only Apache Kafka.
    pub async fn own() -> Result<Apache, String> {
        Apache::start().await
    }

    async fn start() -> Self {
        match Apache::start().await {
            Ok(apache) => Self::Apache(apache),
            Err(why) => Self::Mock(Mock::start(why)),
        }
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        match self {
            Self::Apache(apache) => apache.bootstrap(),
            Self::Mock(mock) => mock.bootstrap(),
        }
    }

    /// Makes a topic.
    pub async fn create_topic(&self, topic: &str, partitions: i32) {
        match self {
            Self::Apache(apache) => apache.create_topic(topic, partitions).await,
            Self::Mock(mock) => mock.create_topic(topic, partitions),
        }
    }

    /// A client that writes records.
    pub fn writer(&self) -> Writer {
        Writer::to(&self.bootstrap())
    }

    /// What a consumer group has committed for a partition: the next offset to read, or `None` for nothing.
    pub async fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let bootstrap = self.bootstrap();
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let ask = move || committed(&bootstrap, &group, &topic, partition);
        tokio::task::spawn_blocking(ask)
            .await
            .expect("asking does not panic")
    }
}

/// Writes records and waits for their acknowledgement.
#[expect(
    missing_debug_implementations,
    reason = "the client library's producer has none"
)]
pub struct Writer(FutureProducer);

impl Writer {
    /// A writer to this server.
    pub fn to(bootstrap: &str) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("message.timeout.ms", "60000");
        Self(config.create().expect("the client's options are valid"))
    }

    /// Writes one record to partition 0 and waits until the server has it; returns its offset.
    pub async fn write(&self, topic: &str, key: Option<&str>, headers: &[(&str, &str)], value: &[u8]) -> i64 {
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers {
            owned = owned.insert(Header {
                key,
                value: Some(*value),
            });
        }
        let mut record = FutureRecord::to(topic).partition(0).payload(value).headers(owned);
        if let Some(key) = key {
            record = record.key(key);
        }
        let delivered = self.0.send(record, EXCHANGE).await;
        delivered
            .unwrap_or_else(|(error, _)| panic!("kafka takes a record on {topic}: {error}"))
            .offset
    }
}

fn committed(bootstrap: &str, group: &str, topic: &str, partition: i32) -> Option<i64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", group);
    let client: BaseConsumer = config.create().expect("the client's options are valid");
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, partition);
    let found = client.committed_offsets(asked, EXCHANGE).ok()?;
    match found.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
