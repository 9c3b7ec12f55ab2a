//! How long to wait before a retry. Pure: the policy, the number of the retry, what the endpoint asked for, a die.

use std::time::Duration;

use fastrand::Rng;

use crate::limits::{BACKOFF_MAX, JITTER_SHARE_MAX, RETRY_AFTER_LIMIT};
use crate::spec::{BackoffPolicy, DeliveryPolicy};

impl DeliveryPolicy {
    /// The wait before the `n`-th retry (1 is the first).
    ///
    /// Linear is `delay * n`, exponential `delay * 2^n`; a delay without a policy grows exponentially, a policy
    /// without a delay waits for nothing (Knative). It stops growing at one hour. A `Retry-After` counts up to
    /// `retry_after_max`, and that up to a day. The longer of the two is taken, and jitter adds up to a tenth: to the
    /// longest waits as well, or a herd that has reached them would come back in step.
    #[must_use]
    pub fn wait_before_retry(&self, n: u32, retry_after: Option<Duration>, random: &mut Rng) -> Duration {
        let asked = self.asked(retry_after.unwrap_or_default());
        jittered(self.backoff(n).max(asked), random)
    }

    /// How much of a `Retry-After` is honoured.
    #[must_use]
    pub fn asked(&self, retry_after: Duration) -> Duration {
        retry_after.min(self.retry_after_max).min(RETRY_AFTER_LIMIT)
    }

    fn backoff(&self, n: u32) -> Duration {
        let factor = match self.backoff.unwrap_or(BackoffPolicy::Exponential) {
            BackoffPolicy::Linear => n,
            BackoffPolicy::Exponential => 2_u32.saturating_pow(n),
        };
        self.delay.saturating_mul(factor).min(BACKOFF_MAX)
    }
}

/// `wait` and up to a tenth more; never less.
pub(crate) fn jittered(wait: Duration, random: &mut Rng) -> Duration {
    wait.saturating_add(wait.mul_f64(random.f64() * JITTER_SHARE_MAX))
}

#[cfg(test)]
mod tests;
