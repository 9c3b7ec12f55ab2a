//! Backpressure at the door: a byte-counting permit that travels with the work.
//!
//! A permit is taken before anything is queued and is given back when the work it belongs to has ended, wherever
//! that is; a caller that goes away does not free bytes that are still on their way to the disk.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget of bytes between admission and commit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission {
    bytes: Arc<Semaphore>,
    bytes_max: usize,
}

/// The right to keep some bytes in memory. Dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    held: OwnedSemaphorePermit,
}

/// The budget is used up: the producer should come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes do not fit beside what is waiting to be stored; try again in {retry_after_seconds} s")]
pub struct Overloaded {
    /// What was asked for.
    pub bytes: usize,
    /// What to tell the producer, in seconds.
    pub retry_after_seconds: u32,
}

impl Admission {
    /// A budget of `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(u32::MAX as usize);
        Self {
            bytes: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
        }
    }

    /// Takes a permit now or refuses. A request over the whole budget is treated as the whole budget, so that
    /// the largest legal event always fits into an idle broker.
    ///
    /// # Errors
    /// [`Overloaded`] when the bytes do not fit at the moment.
    pub fn try_admit(&self, bytes: usize) -> Result<Permit, Overloaded> {
        let overloaded = Overloaded {
            bytes,
            retry_after_seconds: 1,
        };
        let wanted = u32::try_from(bytes.min(self.bytes_max)).map_err(|_| overloaded)?;
        let held = Arc::clone(&self.bytes)
            .try_acquire_many_owned(wanted)
            .map_err(|_| overloaded)?;
        Ok(Permit { held })
    }

    /// Takes a permit, waiting for it in turn. For sources, which can wait where an HTTP producer cannot.
    ///
    /// Cancel safe: dropping the future gives up the place in the queue and holds nothing.
    pub async fn admit(&self, bytes: usize) -> Permit {
        let wanted = u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.bytes)
            .acquire_many_owned(wanted)
            .await
            .expect("the admission semaphore is never closed");
        Permit { held }
    }

    /// Bytes that are free.
    #[must_use]
    pub fn bytes_free(&self) -> usize {
        self.bytes.available_permits()
    }
}

impl Permit {
    /// How many bytes this permit stands for.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.num_permits()
    }

    /// Joins another permit of the same budget into this one.
    pub fn merge(&mut self, other: Self) {
        self.held.merge(other.held);
    }
}
