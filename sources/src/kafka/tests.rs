//! A KafkaSource against librdkafka's own mock cluster: what is stored, what is committed, what comes again.

use std::sync::Arc;
use std::time::Duration;

use broker::AppendError;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::*;
use crate::spec::SourceKind;
use crate::status::State;
use crate::supervisor::Sources;
use crate::testing::{FakeEngine, eventually, start};

const TOPIC: &str = "orders";
const GROUP: &str = "knative-kafka-source-default.one";

struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Kafka {
    fn with_partitions(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic(TOPIC, partitions, 1).expect("a topic");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .create()
            .expect("a producer");
        Self { cluster, producer }
    }

    fn produce(&self, partition: i32, values: impl IntoIterator<Item = String>) {
        for value in values {
            let record = BaseRecord::<str, str>::to(TOPIC)
                .partition(partition)
                .key("k")
                .payload(&value);
            self.producer.send(record).expect("queued");
        }
        self.producer.flush(Duration::from_secs(30)).expect("produced");
    }

    fn produce_with_headers(&self, headers: &[(&str, &str)], value: &str) {
        let owned = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(*value),
            })
        });
        let record = BaseRecord::<str, str>::to(TOPIC)
            .partition(0)
            .payload(value)
            .headers(owned);
        self.producer.send(record).expect("queued");
        self.producer.flush(Duration::from_secs(30)).expect("produced");
    }

    fn spec(&self) -> KafkaSpec {
        KafkaSpec {
            bootstrap_servers: vec![self.cluster.bootstrap_servers()],
            topics: vec![TOPIC.to_owned()],
            consumer_group: None,
            initial_offset: InitialOffset::Earliest,
            consumers: 1,
            ordering: Ordering::Ordered,
            key_type: KeyType::Text,
            sasl: None,
            tls: None,
        }
    }

    /// The group's offset in partition 0.
    fn committed(&self) -> Option<i64> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", GROUP)
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition(TOPIC, 0);
        let list = consumer
            .committed_offsets(list, Duration::from_secs(30))
            .expect("an answer");
        match list.elements().first().expect("one partition").offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }
}

fn run(engine: &Arc<FakeEngine>, spec: KafkaSpec) -> Sources {
    start(engine, Arc::new(broker::WallClock), SourceKind::Kafka(spec))
}

fn data(events: &[schemas::event::Event]) -> Vec<String> {
    let text = |event: &schemas::event::Event| {
        String::from_utf8(event.data().expect("data").to_vec()).expect("text")
    };
    events.iter().map(text).collect()
}

fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}

async fn stop(sources: Sources) {
    assert!(
        sources.shutdown(Duration::from_secs(30)).await.is_empty(),
        "it stops in time"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_binary_and_structured_records_become_events() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, ["plain".to_owned()]);
    let ce = [
        ("ce_specversion", "1.0"),
        ("ce_id", "b"),
        ("ce_source", "/own"),
        ("ce_type", "own.type"),
    ];
    kafka.produce_with_headers(&ce, "binary");
    let structured = r#"{"specversion":"1.0","id":"s","source":"/own","type":"own.type","data":"text"}"#;
    kafka.produce_with_headers(&[("content-type", "application/cloudevents+json")], structured);
    kafka.produce_with_headers(&ce[..2], "invalid");
    let engine = FakeEngine::new();
    let sources = run(&engine, kafka.spec());
    let events = engine.wait_for_events(4).await;
    let ids: Vec<&str> = events.iter().map(|event| event.id()).collect();
    assert_eq!(ids, ["partition:0/offset:0", "b", "s", "partition:0/offset:3"]);
    assert_eq!(events[0].attribute("key").map(|key| key.value), Some("k"));
    assert_eq!(events[1].data().map(|data| &data[..]), Some(&b"binary"[..]));
    assert!(events[3].attribute(crate::extensions::INVALID).is_some());
    eventually("it runs", || sources.status()[0].state == State::Running).await;
    stop(sources).await;
    assert_eq!(kafka.committed(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_stored_in_order_and_a_restart_goes_on_after_the_last() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..2_000));
    let engine = FakeEngine::new();
    let sources = run(&engine, kafka.spec());
    engine.wait_for_events(2_000).await;
    stop(sources).await;
    kafka.produce(0, numbers(2_000..2_500));
    let sources = run(&engine, kafka.spec());
    let events = engine.wait_for_events(2_500).await;
    assert_eq!(data(&events), numbers(0..2_500).collect::<Vec<_>>());
    stop(sources).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_stored_is_not_committed_and_comes_again() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..10));
    let engine = FakeEngine::new();
    engine.refuse([AppendError::Failed { reason: "EIO".into() }]);
    let sources = run(&engine, kafka.spec());
    eventually("it was tried", || !engine.attempts().is_empty()).await;
    eventually("it fails", || {
        matches!(sources.status()[0].state, State::Failing { .. })
    })
    .await;
    assert_eq!(kafka.committed(), None);
    let events = engine.wait_for_events(10).await;
    assert_eq!(data(&events), numbers(0..10).collect::<Vec<_>>());
    stop(sources).await;
    assert_eq!(kafka.committed(), Some(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_committed_while_the_engine_stalls() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..5));
    let engine = FakeEngine::new();
    engine.stall(true);
    let sources = run(&engine, kafka.spec());
    eventually("an append is open", || engine.open_most() == 1).await;
    tokio::time::sleep(Duration::from_millis(3 * crate::limits::KAFKA_COMMIT_INTERVAL_MS)).await;
    assert_eq!(kafka.committed(), None);
    engine.stall(false);
    engine.wait_for_events(5).await;
    eventually("it is committed while it runs", || kafka.committed() == Some(5)).await;
    stop(sources).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_what_is_being_stored_and_commits_it() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..5));
    let engine = FakeEngine::new();
    engine.stall(true);
    let sources = run(&engine, kafka.spec());
    eventually("an append is open", || engine.open_most() == 1).await;
    let stopping = tokio::spawn(stop(sources));
    tokio::time::sleep(Duration::from_millis(300)).await;
    engine.stall(false);
    stopping.await.expect("it stops");
    let stored = engine.events().len();
    assert!(stored > 0);
    assert_eq!(kafka.committed(), i64::try_from(stored).ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_starts_at_the_end_and_keeps_that_place_through_a_restart() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..3));
    let engine = FakeEngine::new();
    let spec = || KafkaSpec {
        initial_offset: InitialOffset::Latest,
        ..kafka.spec()
    };
    let sources = run(&engine, spec());
    eventually("its place is committed", || kafka.committed() == Some(3)).await;
    stop(sources).await;
    kafka.produce(0, numbers(3..5));
    let sources = run(&engine, spec());
    let events = engine.wait_for_events(2).await;
    assert_eq!(
        data(&events),
        ["3", "4"],
        "what came while it was away is not skipped"
    );
    stop(sources).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_share_the_partitions_and_store_each_record_once() {
    let kafka = Kafka::with_partitions(4);
    let engine = FakeEngine::new();
    let sources = run(
        &engine,
        KafkaSpec {
            consumers: 2,
            ..kafka.spec()
        },
    );
    eventually("it runs", || sources.status()[0].state == State::Running).await;
    for partition in 0..4 {
        kafka.produce(partition, numbers(0..200));
    }
    let events = engine.wait_for_events(800).await;
    for partition in 0..4 {
        let prefix = format!("partition:{partition}/");
        let own: Vec<_> = events
            .iter()
            .filter(|event| event.id().starts_with(&prefix))
            .cloned()
            .collect();
        let mut seen = data(&own);
        seen.dedup();
        let mut first_seen: Vec<String> = Vec::new();
        for number in seen {
            if !first_seen.contains(&number) {
                first_seen.push(number);
            }
        }
        assert!(
            first_seen == numbers(0..first_seen.len()).collect::<Vec<_>>(),
            "partition {partition} is in order"
        );
    }
    stop(sources).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unordered_partition_has_several_appends_open() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..3_000));
    let engine = FakeEngine::new();
    engine.stall(true);
    let sources = run(
        &engine,
        KafkaSpec {
            ordering: Ordering::Unordered,
            ..kafka.spec()
        },
    );
    eventually("several are open", || {
        engine.open_most() == crate::limits::KAFKA_UNORDERED_APPENDS_MAX
    })
    .await;
    engine.stall(false);
    engine.wait_for_events(3_000).await;
    stop(sources).await;
    assert_eq!(kafka.committed(), Some(3_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_ledger_holds_the_consumer_back_without_losing_its_place() {
    let kafka = Kafka::with_partitions(1);
    let count = crate::limits::KAFKA_HELD_RECORDS_MAX + 2_000;
    kafka.produce(0, numbers(0..count));
    let engine = FakeEngine::new();
    engine.stall(true);
    let sources = run(&engine, kafka.spec());
    eventually("an append is open", || engine.open_most() == 1).await;
    // Long enough for the partitions to be paused.
    tokio::time::sleep(Duration::from_millis(2 * crate::limits::KAFKA_PAUSE_AFTER_MS)).await;
    engine.stall(false);
    let events = engine.wait_for_events(count).await;
    assert_eq!(data(&events), numbers(0..count).collect::<Vec<_>>());
    stop(sources).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_down_and_comes_back_is_found_again() {
    let kafka = Kafka::with_partitions(1);
    kafka.produce(0, numbers(0..5));
    let engine = FakeEngine::new();
    let sources = run(&engine, kafka.spec());
    engine.wait_for_events(5).await;
    kafka.cluster.broker_down(1).expect("down");
    eventually("it fails", || {
        matches!(sources.status()[0].state, State::Failing { .. })
    })
    .await;
    kafka.cluster.broker_up(1).expect("up");
    kafka.produce(0, numbers(5..8));
    let events = engine.wait_for_events(8).await;
    assert_eq!(data(&events)[5..], ["5", "6", "7"]);
    assert_eq!(sources.status()[0].state, State::Running);
    stop(sources).await;
}
