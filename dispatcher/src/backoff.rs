//! How long to wait before a retry. Pure: the policy, the number of the retry, what the endpoint asked for, a die.

use std::time::Duration;

use fastrand::Rng;

use crate::limits::{BACKOFF_MAX, JITTER_SHARE_MAX};
use crate::spec::{BackoffPolicy, DeliveryPolicy};

impl DeliveryPolicy {
    /// The wait before the `n`-th retry (1 is the first).
    ///
    /// Linear is `delay * n`, exponential `delay * 2^n`; a delay without a policy grows exponentially, a policy
    /// without a delay waits for nothing (Knative). Jitter adds up to a tenth, and the whole stops at one hour. A
    /// `Retry-After` counts up to `retry_after_max`, with jitter too, and the longer of the two waits is taken.
    #[must_use]
    pub fn wait_before_retry(&self, n: u32, retry_after: Option<Duration>, random: &mut Rng) -> Duration {
        let backoff = jittered(self.backoff(n), random).min(BACKOFF_MAX);
        let asked = retry_after.unwrap_or_default().min(self.retry_after_max);
        let asked = jittered(asked, random).min(self.retry_after_max);
        backoff.max(asked)
    }

    fn backoff(&self, n: u32) -> Duration {
        let factor = match self.backoff.unwrap_or(BackoffPolicy::Exponential) {
            BackoffPolicy::Linear => n,
            BackoffPolicy::Exponential => 2_u32.saturating_pow(n),
        };
        self.delay.saturating_mul(factor).min(BACKOFF_MAX)
    }
}

fn jittered(wait: Duration, random: &mut Rng) -> Duration {
    wait.saturating_add(wait.mul_f64(random.f64() * JITTER_SHARE_MAX))
}

#[cfg(test)]
mod tests;
