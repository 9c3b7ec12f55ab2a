//! SIGTERM and SIGINT: the first asks for a drain, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, OrExit, Outcome};

/// Both signals that ask a process to stop.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen; from now on neither signal ends the process by itself.
    pub(crate) fn listen() -> Outcome<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).or_exit(Exit::Internal)?,
            interrupt: signal(SignalKind::interrupt()).or_exit(Exit::Internal)?,
        })
    }

    /// Waits for the next signal and names it. Cancel safe.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
