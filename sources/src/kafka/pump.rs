//! Appends what a consumer has polled, several batches at a time, and tells the ledger what is durable.
//!
//! The ledger lies between the consumer's thread, which waits on a condition variable, and this task, which waits on a
//! notification. Nothing is queued elsewhere.

use std::sync::Arc;
use std::time::Duration;

use broker::AppendError;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::consumer::{Consume, Failure};
use super::ledger::{Ledger, Receipt};
use super::{KafkaSource, Ordering};
use crate::limits::{KAFKA_APPENDS_MAX, KAFKA_UNORDERED_APPENDS_MAX};
use crate::source::{Session, SourceError};

/// A ledger that a thread and a task share.
#[derive(Debug)]
pub(super) struct Desk {
    ledger: Mutex<Ledger>,
    /// There may be something to store.
    work: Notify,
    /// A batch came back, or the ledger was closed.
    settled: Condvar,
}

/// Closes the ledger when the task goes away, so that the thread ends whatever happens to the task.
struct CloseOnDrop(Arc<Desk>);

/// Runs one consumer until it is told to stop or fails.
pub(super) async fn run(
    source: &KafkaSource,
    session: &Session,
    stop: CancellationToken,
    number: u32,
) -> Result<(), SourceError> {
    let appends_max = match source.spec.ordering {
        Ordering::Ordered => 1,
        Ordering::Unordered => KAFKA_UNORDERED_APPENDS_MAX,
    };
    let desk = Arc::new(Desk::new(appends_max));
    let _close = CloseOnDrop(Arc::clone(&desk));
    let (ended_sender, ended) = oneshot::channel();
    let consume = Consume::new(source, session, Arc::clone(&desk), stop);
    std::thread::Builder::new()
        .name(format!("kafka-{number}-{}", source.name.name()))
        .spawn(move || {
            // Nobody listens any more when the task was dropped.
            let _unheard = ended_sender.send(consume.run());
        })
        .map_err(|error| SourceError::outside("starting a consumer's thread", error))?;
    pump(session, &desk, ended).await
}

/// Stores batches until the thread has ended; it ends when the desk is closed and all batches are back.
async fn pump(
    session: &Session,
    desk: &Desk,
    mut ended: oneshot::Receiver<Result<(), Failure>>,
) -> Result<(), SourceError> {
    let mut appends = FuturesUnordered::new();
    let mut failure = None;
    loop {
        while appends.len() < KAFKA_APPENDS_MAX {
            let Some(batch) = desk.ledger().take() else { break };
            let (events, receipt) = batch.split();
            appends.push(async move { (receipt, session.intake.store(events, None).await) });
        }
        tokio::select! {
            biased;
            Some((receipt, stored)) = appends.next() => {
                if let Some(error) = desk.settle(receipt, stored) {
                    failure.get_or_insert(error);
                }
            }
            ended = &mut ended => {
                let panicked = || SourceError::Panicked("a Kafka consumer's thread".to_owned());
                let ended = ended.map_err(|_| panicked())?;
                if let Some(error) = failure {
                    return Err(error.into());
                }
                return ended.map_err(|failure| SourceError::outside(failure.doing, failure.cause));
            }
            () = desk.work.notified() => {}
        }
    }
}

// === impl Desk ===

impl Desk {
    pub(super) fn new(appends_max: usize) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new(appends_max)),
            work: Notify::new(),
            settled: Condvar::new(),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Tells the task that there may be something to store.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Nothing more is taken; the thread ends.
    pub(super) fn close(&self) {
        self.ledger.lock().close();
        self.settled.notify_all();
    }

    /// Waits on the thread until the ledger is as wanted. Answers whether it is.
    pub(super) fn wait(&self, at_most: Duration, mut wanted: impl FnMut(&Ledger) -> bool) -> bool {
        let mut ledger = self.ledger.lock();
        !self
            .settled
            .wait_while_for(&mut ledger, |ledger| !wanted(ledger), at_most)
            .timed_out()
    }

    fn settle<T>(&self, receipt: Receipt, stored: Result<T, AppendError>) -> Option<AppendError> {
        let mut ledger = self.ledger.lock();
        let failure = match stored {
            Ok(_) => {
                ledger.finish(receipt);
                None
            }
            Err(error) => {
                ledger.fail(receipt);
                ledger.close();
                Some(error)
            }
        };
        self.settled.notify_all();
        failure
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
