//! Real servers of other projects, started by the tests on free ports and ended with them.

pub mod kafka;
pub mod nats;

use std::future::Future;
use std::net::TcpListener;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

/// A server that tests running at the same time share: started for the first, ended with the last.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing started yet.
    pub const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    /// The running one, or the one that `start` starts.
    pub async fn get<F: Future<Output = T>>(&self, start: impl FnOnce() -> F) -> Arc<T> {
        let mut running = self.0.lock().await;
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new(start().await);
        *running = Arc::downgrade(&server);
        server
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A port that is free now. Another process may take it before the server does: whoever uses it tries again.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .port()
}
