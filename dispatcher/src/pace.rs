//! Keeps a replay or a redrive to the rate that it was asked for: the bucket of an endpoint's rate, waited for.

use std::time::Duration;

use broker::{Clock, Timestamp};
use parking_lot::Mutex;

use crate::rate::{Bucket, Rate};

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Bucket>);

impl Pace {
    /// So many a second; at least one.
    pub(crate) fn new(per_second: u32, now: Timestamp) -> Self {
        let rate = Rate {
            requests: per_second.max(1),
            per: Duration::from_secs(1),
        };
        Self(Mutex::new(Bucket::new(rate, now)))
    }

    /// Waits until the next one may start. Cancel safe.
    pub(crate) async fn wait(&self, clock: &dyn Clock) {
        loop {
            let wait = self.0.lock().ready_at().until(clock.now());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One has started.
    pub(crate) fn took(&self, now: Timestamp) {
        self.0.lock().sent(now);
    }
}
