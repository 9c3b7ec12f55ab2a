//! A timer that is finer than the runtime's, which knows whole milliseconds: what a schedule is late by is in every latency.

use std::time::Duration;

use anyhow::Result;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// A timer of the kernel, which is read like a pipe: eight bytes that say how often it has ticked since the last time.
#[derive(Debug)]
pub(super) struct Ticker(Receiver);

impl Ticker {
    /// The first tick comes after one interval.
    pub(super) fn every(interval: Duration) -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let interval = Timespec::try_from(interval)?;
        let ticks = Itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &ticks)?;
        Ok(Self(Receiver::from_owned_fd_unchecked(timer)?))
    }

    /// Waits for the next tick; those that nobody waited for are one.
    pub(super) async fn tick(&mut self) -> Result<()> {
        self.0.read_exact(&mut [0; size_of::<u64>()]).await?;
        Ok(())
    }
}
