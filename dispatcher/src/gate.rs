//! When the next request may go to one endpoint: concurrency, rate, circuit breaker, and what the endpoint asked for.
//!
//! Pure: the time and the die come in. What must hold:
//! - Never more requests at once than `concurrency`.
//! - An endpoint starts slowly, at the start of the process and after it was open or asked for a pause: few requests at once,
//!   one more for each that it answered. So neither a start with deep backlogs nor the end of an outage is a storm.
//! - Until the time that an endpoint asked to be left alone (`Retry-After`), nothing goes to it, whichever event was
//!   answered so.

use broker::Timestamp;
use fastrand::Rng;

use crate::breaker::{Breaker, BreakerPolicy, Change, Opening};
use crate::limits;
use crate::rate::{Bucket, Rate};

/// What holds for an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GatePolicy {
    /// At least 1.
    pub(crate) concurrency: usize,
    pub(crate) rate: Option<Rate>,
    pub(crate) breaker: Option<BreakerPolicy>,
    /// Whether it begins with few requests at once.
    pub(crate) slow_start: bool,
}

/// See the module's header.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    concurrency: usize,
    bucket: Option<Bucket>,
    breaker: Option<Breaker>,
    /// The endpoint asked for nothing before this time.
    quiet_until: Timestamp,
    /// Requests at once for now; grows up to `concurrency`.
    allowed: usize,
    in_flight: usize,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Now.
    Go,
    /// Not before this time.
    At(Timestamp),
    /// When one that is under way has ended.
    WhenOneEnds,
}

/// How a request ended, as far as it tells of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It answered, with whatever it thought of the event.
    Up,
    /// It did not, or said that it cannot answer now.
    Down,
    /// It asked for a pause up to this time.
    Asked(Timestamp),
    /// It was given up here and says nothing.
    Abandoned,
}

/// A gate at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) in_flight: usize,
    pub(crate) allowed: usize,
    pub(crate) concurrency: usize,
    pub(crate) rate: Option<Rate>,
    pub(crate) opening: Option<Opening>,
    pub(crate) failures: u32,
    pub(crate) quiet_until: Timestamp,
}

impl Gate {
    pub(crate) fn new(policy: GatePolicy, now: Timestamp) -> Self {
        let concurrency = policy.concurrency.max(1);
        Self {
            concurrency,
            bucket: policy.rate.map(|rate| Bucket::new(rate, now)),
            breaker: policy.breaker.map(Breaker::new),
            quiet_until: Timestamp::default(),
            allowed: match policy.slow_start {
                true => concurrency.min(limits::SLOW_START),
                false => concurrency,
            },
            in_flight: 0,
        }
    }

    /// Whether a request may go now. Changes nothing.
    pub(crate) fn look(&self, now: Timestamp) -> Look {
        let opening = self.breaker.as_ref().and_then(Breaker::opening);
        // A probe does not wait for those that were under way when it opened: they may hang.
        let at_once = match opening {
            Some(opening) if opening.probing => return Look::WhenOneEnds,
            Some(_) => self.concurrency,
            None => self.allowed,
        };
        if self.in_flight >= at_once {
            return Look::WhenOneEnds;
        }
        let ready = [
            self.quiet_until,
            opening.map_or_else(Timestamp::default, |opening| opening.until),
            self.bucket
                .as_ref()
                .map_or_else(Timestamp::default, Bucket::ready_at),
        ];
        match ready.into_iter().max() {
            Some(ready) if ready > now => Look::At(ready),
            _ => Look::Go,
        }
    }

    /// A request goes out; the caller has just been told [`Look::Go`]. Says whether it is a probe.
    pub(crate) fn sent(&mut self, now: Timestamp) -> bool {
        self.in_flight += 1;
        if let Some(bucket) = &mut self.bucket {
            bucket.sent(now);
        }
        self.breaker.as_mut().is_some_and(Breaker::sent)
    }

    /// A request ended.
    pub(crate) fn ended(
        &mut self,
        ended: Ended,
        probe: bool,
        now: Timestamp,
        random: &mut Rng,
    ) -> Option<Change> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match ended {
            Ended::Up => {
                self.allowed = (self.allowed + 1).min(self.concurrency);
                self.breaker.as_mut().and_then(Breaker::succeeded)
            }
            Ended::Down => self.down(probe, now, random),
            Ended::Asked(until) => {
                self.quiet_until = self.quiet_until.max(until);
                self.allowed = 1;
                self.down(probe, now, random)
            }
            Ended::Abandoned => {
                if let Some(breaker) = &mut self.breaker {
                    breaker.abandoned(probe);
                }
                None
            }
        }
    }

    pub(crate) fn glance(&self) -> Glance {
        Glance {
            in_flight: self.in_flight,
            allowed: self.allowed,
            concurrency: self.concurrency,
            rate: self.bucket.as_ref().map(Bucket::rate),
            opening: self.breaker.as_ref().and_then(Breaker::opening),
            failures: self.breaker.as_ref().map_or(0, Breaker::failures),
            quiet_until: self.quiet_until,
        }
    }

    fn down(&mut self, probe: bool, now: Timestamp, random: &mut Rng) -> Option<Change> {
        let change = self.breaker.as_mut()?.failed(probe, now, random);
        if change.is_some() {
            self.allowed = 1;
        }
        change
    }
}

#[cfg(test)]
mod tests;
