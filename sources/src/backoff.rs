//! Pauses that double up to a cap, with jitter that only ever adds.

use std::time::Duration;

/// The pauses between attempts of one thing.
#[derive(Debug)]
pub(crate) struct Backoff {
    first_ms: u64,
    cap_ms: u64,
    attempts: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(first_ms: u64, cap_ms: u64, random: fastrand::Rng) -> Self {
        Self {
            first_ms,
            cap_ms,
            attempts: 0,
            random,
        }
    }

    /// The pause before the next attempt: `first * 2^n` up to the cap, and up to a quarter more so that many sources
    /// of one broken server do not come back in step.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let base = self
            .first_ms
            .saturating_mul(1_u64 << self.attempts.min(32))
            .min(self.cap_ms);
        self.attempts = self.attempts.saturating_add(1);
        Duration::from_millis(base + self.random.u64(0..=base / 4))
    }

    /// Starts over with the shortest pause.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_jitter_only_adds() {
        let mut backoff = Backoff::new(100, 1_000, fastrand::Rng::with_seed(7));
        for base in [100, 200, 400, 800, 1_000, 1_000] {
            let pause = backoff.next_pause().as_millis();
            assert!((base..=base + base / 4).contains(&pause), "{pause} for {base}");
        }
        backoff.reset();
        assert!(backoff.next_pause().as_millis() <= 125);
    }
}
