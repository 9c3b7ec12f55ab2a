//! librdkafka's mock cluster, for machines where Kafka's jars could not be had. It proves the client, not the server.

use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;

use parking_lot::Mutex;
use rdkafka::mocking::MockCluster;

/// A running mock cluster of one broker. Dropping it ends it.
#[derive(Debug)]
pub struct Mock {
    bootstrap: String,
    why: String,
    orders: Mutex<Sender<Order>>,
}

/// A topic to make, with the way to say that it is there.
struct Order {
    topic: String,
    partitions: i32,
    done: SyncSender<()>,
}

impl Mock {
    /// Starts one; `why` is the reason why it is not the real server.
    pub(super) fn start(why: String) -> Self {
        let (orders, taken) = mpsc::channel::<Order>();
        let (tell, told) = mpsc::sync_channel(1);
        // The cluster is bound to the thread that made it; the thread ends with the last sender of orders.
        thread::spawn(move || {
            let cluster = MockCluster::new(1).expect("librdkafka makes a mock cluster");
            tell.send(cluster.bootstrap_servers())
                .expect("the starter waits for it");
            for order in taken {
                cluster
                    .create_topic(&order.topic, order.partitions, 1)
                    .expect("the mock makes a topic");
                order.done.send(()).expect("the orderer waits for it");
            }
        });
        let bootstrap = told.recv().expect("the mock cluster starts");
        Self {
            bootstrap,
            why,
            orders: Mutex::new(orders),
        }
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    /// Why this is not the real server.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Makes a topic.
    pub fn create_topic(&self, topic: &str, partitions: i32) {
        let (done, made) = mpsc::sync_channel(1);
        let order = Order {
            topic: topic.to_owned(),
            partitions,
            done,
        };
        self.orders.lock().send(order).expect("the mock's thread runs");
        made.recv().expect("the mock makes a topic");
    }
}
