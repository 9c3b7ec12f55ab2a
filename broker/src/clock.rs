//! Time as the broker sees it: a clock that tests can replace.
//!
//! Two clocks of the machine, because two questions are asked. How long since, how long until: [`SystemClock`], which no
//! one can set while the process runs. What does the calendar say: [`WallClock`], which schedules follow. The first is
//! set by the second once, at its start.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// Where the time comes from. It may jump; callers that wait re-read it after each wait.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The wall clock as it stood at the start, and what has passed since by a clock that cannot be set: a wall clock that
/// is set forward fires nothing early, one that is set back holds nothing up. Copies go together.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    at_start: Timestamp,
    start: Duration,
}

/// The machine's wall clock: for schedules, and for what others' calendars are compared with. It jumps when it is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

// === impl Timestamp ===

impl Timestamp {
    /// This time and `duration` more, at millisecond resolution; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// How long from `now` until this time; zero when it has passed.
    #[must_use]
    pub fn until(self, now: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.0))
    }
}

// === impl SystemClock ===

impl SystemClock {
    /// A clock that shows the wall clock's time now, and goes on by itself.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at_start: WallClock.now(),
            start: since_boot(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.at_start.after(since_boot().saturating_sub(self.start))
    }
}

/// Since the machine was started, its sleep included.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(BOOT_CLOCK);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(target_os = "linux")]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

// === impl WallClock ===

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
