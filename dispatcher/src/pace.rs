//! A rate: so many deliveries a second, with a short burst to make up for a clock that is coarse.

use std::time::Duration;

use broker::{Clock, Timestamp};
use parking_lot::Mutex;

/// What may be made up for at once.
const BURST_US: u64 = 100_000;

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Pace {
    interval_us: u64,
    /// When the next one may start.
    next_us: Mutex<u64>,
}

impl Pace {
    /// At least one a second.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            interval_us: 1_000_000 / u64::from(per_second.max(1)),
            next_us: Mutex::new(0),
        }
    }

    /// Waits until the next one may start. Cancel safe.
    pub(crate) async fn wait(&self, clock: &dyn Clock) {
        loop {
            let wait = self.until_next(clock.now());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One has started.
    pub(crate) fn took(&self, now: Timestamp) {
        let now = now.0.saturating_mul(1000);
        let mut next = self.next_us.lock();
        *next = (*next).max(now.saturating_sub(BURST_US)) + self.interval_us;
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let now = now.0.saturating_mul(1000);
        Duration::from_micros(self.next_us.lock().saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_over_a_second_whatever_the_burst() {
        for rate in [1_u32, 10, 999, 5_000] {
            let pace = Pace::new(rate);
            let mut started = 0_u64;
            for now in (10_000..12_000).map(Timestamp) {
                while pace.until_next(now).is_zero() {
                    pace.took(now);
                    started += 1;
                }
            }
            let (least, most) = (u64::from(rate) * 2, u64::from(rate) * 21 / 10 + 1);
            assert!(
                (least..=most).contains(&started),
                "{rate}/s started {started} in 2 s"
            );
        }
    }
}
