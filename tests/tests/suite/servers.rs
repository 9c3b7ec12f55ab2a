//! The servers themselves: that they start, take a record and give it back, so that a failing source test is about
//! the source.

use futures_util::StreamExt;
use harness::not_run::not_run;
use harness::servers::kafka::Kafka;
use harness::servers::nats::NatsServer;

#[tokio::test(flavor = "multi_thread")]
async fn kafka_takes_records() {
    let kafka = Kafka::shared("a record is written").await;
    kafka.create_topic("harness-smoke", 1).await;
    let writer = kafka.writer();
    assert_eq!(
        writer
            .write("harness-smoke", Some("key"), &[("h", "v")], b"one")
            .await,
        0
    );
    assert_eq!(writer.write("harness-smoke", None, &[], b"two").await, 1);
    assert_eq!(kafka.committed("nobody", "harness-smoke", 0).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_takes_messages_also_after_a_restart() {
    let mut nats = match NatsServer::start().await {
        Ok(nats) => nats,
        Err(why) => return not_run("a message through nats-server", &why),
    };
    for payload in ["one", "two"] {
        let client = nats.client().await;
        let mut messages = client
            .subscribe("smoke")
            .await
            .expect("nats takes a subscription");
        client
            .publish("smoke", payload.into())
            .await
            .expect("nats takes a message");
        let message = messages.next().await.expect("the message comes");
        assert_eq!(message.payload, payload);
        nats.restart().await;
    }
}
