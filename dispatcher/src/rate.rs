//! The rate limit of one endpoint: a bucket of tokens that fills at an even pace, by the engine's clock.
//!
//! Pure: the time comes in. Kept as the time at which the bucket would be full of debt paid (the generic cell rate
//! algorithm), so that nothing has to tick. What must hold: over any stretch of time no more requests go out than the rate
//! allows and what fits into [`limits::RATE_SLACK`]; a sender that is late by less than that makes up for it, so
//! that timers which wake late cost nothing of the rate.

use std::time::Duration;

use broker::Timestamp;

use crate::limits;

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests; at least 1.
    pub requests: u32,
    /// In this time; longer than zero.
    pub per: Duration,
}

/// See the module's header.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// One request in this time.
    interval: Duration,
    /// Since 1970: when all that was sent would have been sent at an even pace.
    paid: Duration,
}

impl Rate {
    /// The time that one request takes of it.
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.per / self.requests.max(1)).max(Duration::from_nanos(1))
    }
}

impl Bucket {
    /// Empty: what a process before this one sent is not known, so a restart brings no burst. The first token is there
    /// after one interval, at most [`limits::RATE_START_WAIT_MAX`].
    pub(crate) fn new(rate: Rate, now: Timestamp) -> Self {
        let interval = rate.interval();
        let first = interval.min(limits::RATE_START_WAIT_MAX);
        Self {
            rate,
            interval,
            paid: since_1970(now) + first + limits::RATE_SLACK,
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// When the next request may go; may have passed.
    pub(crate) fn ready_at(&self) -> Timestamp {
        let ready = self.paid.saturating_sub(limits::RATE_SLACK);
        let millis = u64::try_from(ready.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Timestamp(millis)
    }

    /// A request goes out. The caller has asked [`Bucket::ready_at`].
    pub(crate) fn sent(&mut self, now: Timestamp) {
        self.paid = self.paid.max(since_1970(now)) + self.interval;
    }
}

fn since_1970(at: Timestamp) -> Duration {
    Duration::from_millis(at.0)
}

#[cfg(test)]
mod tests;
