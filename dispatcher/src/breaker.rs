//! The circuit breaker of one endpoint: after a run of failures it is left alone, then tried with one request at a time.
//!
//! Pure: the time and the die come in. What must hold:
//! - It opens after `failures` failures in a row, all within `window`. One success ends the row.
//! - While it is open one probe at a time goes out, none before its time; what fails doubles the wait up to `wait_max`,
//!   and jitter only adds to it.
//! - Any success closes it, also that of a request that was under way when it opened.
//! - It decides when a request may go, never what becomes of an event: whoever waits for it uses no attempt.

use std::collections::VecDeque;
use std::time::Duration;

use broker::Timestamp;
use fastrand::Rng;

use crate::backoff::jittered;
use crate::limits;

/// When a breaker opens, and how long for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// The time in which they must fall.
    pub window: Duration,
    /// From opening to the first probe.
    pub wait: Duration,
    /// The longest time between two probes, before jitter.
    pub wait_max: Duration,
}

/// See the module's header.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// When the failures since the last success were, at most as many as open it.
    Closed(VecDeque<Timestamp>),
    Open {
        since: Timestamp,
        /// No probe before this time.
        until: Timestamp,
        /// Probes that failed.
        failed: u32,
        probing: bool,
    },
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It opened.
    Opened {
        /// When the first probe goes out.
        until: Timestamp,
    },
    /// It closed.
    Closed {
        /// Since when it was open.
        since: Timestamp,
    },
}

/// A breaker that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) since: Timestamp,
    /// The next probe goes out then, or went.
    pub(crate) until: Timestamp,
    pub(crate) probing: bool,
}

// === impl BreakerPolicy ===

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: limits::BREAKER_FAILURES_DEFAULT,
            window: limits::BREAKER_WINDOW_DEFAULT,
            wait: limits::BREAKER_WAIT_DEFAULT,
            wait_max: limits::BREAKER_WAIT_MAX_DEFAULT,
        }
    }
}

// === impl Breaker ===

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed(VecDeque::new()),
        }
    }

    /// How it stands while it is open.
    pub(crate) fn opening(&self) -> Option<Opening> {
        match self.state {
            State::Closed(_) => None,
            State::Open {
                since,
                until,
                probing,
                ..
            } => Some(Opening {
                since,
                until,
                probing,
            }),
        }
    }

    /// Failures in a row so far, those that opened it included.
    pub(crate) fn failures(&self) -> u32 {
        match &self.state {
            State::Closed(failures) => u32::try_from(failures.len()).unwrap_or(u32::MAX),
            State::Open { failed, .. } => self.policy.failures.saturating_add(*failed),
        }
    }

    /// A request goes out; says whether it is a probe. The caller has asked [`Breaker::opening`] that it may.
    pub(crate) fn sent(&mut self) -> bool {
        match &mut self.state {
            State::Closed(_) => false,
            State::Open { probing, .. } => {
                *probing = true;
                true
            }
        }
    }

    /// A request was answered: the endpoint is up.
    pub(crate) fn succeeded(&mut self) -> Option<Change> {
        let before = std::mem::replace(&mut self.state, State::Closed(VecDeque::new()));
        match before {
            State::Closed(_) => None,
            State::Open { since, .. } => Some(Change::Closed { since }),
        }
    }

    /// A request failed. While it is open only a probe says something new.
    pub(crate) fn failed(&mut self, probe: bool, now: Timestamp, random: &mut Rng) -> Option<Change> {
        match &mut self.state {
            State::Closed(failures) => {
                failures.push_back(now);
                while failures.len() > self.policy.failures as usize
                    || failures
                        .front()
                        .is_some_and(|at| now.until(*at) > self.policy.window)
                {
                    failures.pop_front();
                }
                if failures.len() < self.policy.failures as usize {
                    return None;
                }
                let until = now.after(self.policy.wait(0, random));
                self.state = State::Open {
                    since: now,
                    until,
                    failed: 0,
                    probing: false,
                };
                Some(Change::Opened { until })
            }
            State::Open {
                until,
                failed,
                probing,
                ..
            } => {
                if probe {
                    *failed = failed.saturating_add(1);
                    *until = now.after(self.policy.wait(*failed, random));
                    *probing = false;
                }
                None
            }
        }
    }

    /// A request ended without a result: it was given up here. A probe may be sent anew.
    pub(crate) fn abandoned(&mut self, probe: bool) {
        if let State::Open { probing, .. } = &mut self.state
            && probe
        {
            *probing = false;
        }
    }
}

impl BreakerPolicy {
    /// The wait before the next probe, after so many that failed.
    fn wait(&self, failed: u32, random: &mut Rng) -> Duration {
        let wait = self.wait.saturating_mul(2_u32.saturating_pow(failed));
        jittered(wait.min(self.wait_max.max(self.wait)), random)
    }
}

#[cfg(test)]
mod tests;
