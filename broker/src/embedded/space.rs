//! Whether work may be handed out: only while what becomes of it can be recorded.
//!
//! A full disk refuses new events and serves settlements out of the journal's reserve. When that is low too, an event
//! that is delivered could not be settled, and would be delivered again after each restart: deliveries stop until there
//! is room, and what is in hand uses what is left.

use std::time::Duration;

use journal::{Durability, SpaceReport};

use super::Embedded;
use super::shared::Shared;

/// How often the log repeats that deliveries stand still.
const REMINDER: Duration = Duration::from_secs(60);

/// What was said last. Ticked by the checkpoint thread.
#[derive(Debug, Default)]
pub(crate) struct SpaceWatch {
    /// Since so many ticks nothing is delivered.
    ticks_low: u64,
}

impl Embedded {
    /// When an event counts as durable here.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.shared.journal.durability()
    }

    /// What is left of the disk.
    #[must_use]
    pub fn space(&self) -> SpaceReport {
        self.shared.journal.space()
    }
}

impl Shared {
    /// Waits while nothing may be handed out: more settlements wait in memory than are meant to, because the journal
    /// takes none, or its reserve is low.
    pub(crate) async fn room(&self) {
        loop {
            let written = self.settlements.written();
            if !self.settlements.is_full() && !self.journal.space().is_reserve_low {
                return;
            }
            written.await;
        }
    }
}

impl SpaceWatch {
    /// Says when deliveries stop and go on for want of room, and wakes those who wait for it. `interval` passes between
    /// two calls.
    pub(crate) fn tick(&mut self, shared: &Shared, interval: Duration) {
        let space = shared.journal.space();
        if !space.is_reserve_low {
            if std::mem::take(&mut self.ticks_low) > 0 {
                tracing::info!("there is room to record what becomes of deliveries: they go on");
                shared.settlements.look_again();
            }
            return;
        }
        let reminder = (REMINDER.as_millis() / interval.as_millis().max(1)).max(1);
        if u128::from(self.ticks_low) % reminder == 0 {
            tracing::error!(
                directory = %shared.directory.display(),
                free_bytes = space.free_bytes,
                "the disk is full and the journal's reserve is used up: deliveries have stopped, since what becomes of \
                 them could not be recorded; they go on by themselves when there is room"
            );
        }
        self.ticks_low += 1;
    }
}
