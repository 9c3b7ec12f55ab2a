//! Which broker has which streams in the journal.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use schemas::names::ResourceName;

use super::records::{FIRST_BROKER_STREAM, StreamsRecord};
use crate::tally::Counts;

/// One broker's place in the journal.
#[derive(Debug)]
pub(crate) struct BrokerStream {
    pub(crate) name: ResourceName,
    pub(crate) events: u64,
    pub(crate) dead_letters: u64,
    /// What came to its door since the process started.
    pub(crate) counts: Counts,
    /// For how long a pair of source and id is stored once. Configuration: not kept here over a restart.
    pub(crate) dedupe: RwLock<Option<Duration>>,
    pumped: AtomicU64,
    tail: Mutex<()>,
    /// Subscriptions at the tail. More of them only under its lock.
    at_tail: Arc<AtomicUsize>,
}

/// A subscription that is at a broker's tail, for as long as it is there.
#[derive(Debug)]
pub(crate) struct AtTail(Arc<AtomicUsize>);

/// Held while events are offered at the tail, and while a subscription joins it: no event falls between the two.
/// Taken before a subscription's own lock.
pub(crate) struct TailGuard<'a> {
    stream: &'a BrokerStream,
    _held: MutexGuard<'a, ()>,
}

/// All brokers that ever had a stream in this journal.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    by_name: RwLock<HashMap<ResourceName, Arc<BrokerStream>>>,
    by_number: RwLock<HashMap<u64, Arc<BrokerStream>>>,
}

impl BrokerStream {
    /// Events up to and including this sequence have been offered to the subscriptions at the tail.
    pub(crate) fn pumped(&self) -> u64 {
        self.pumped.load(Ordering::Acquire)
    }

    pub(crate) fn lock_tail(&self) -> TailGuard<'_> {
        TailGuard {
            stream: self,
            _held: self.tail.lock(),
        }
    }
}

impl TailGuard<'_> {
    pub(crate) fn pumped(&self) -> u64 {
        self.stream.pumped()
    }

    pub(crate) fn set_pumped(&self, last: u64) {
        self.stream.pumped.fetch_max(last, Ordering::AcqRel);
    }

    /// Whether nobody is there to be offered anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.stream.at_tail.load(Ordering::Acquire) == 0
    }

    /// Counts a subscription that joins.
    pub(crate) fn join(&self) -> AtTail {
        self.stream.at_tail.fetch_add(1, Ordering::AcqRel);
        AtTail(Arc::clone(&self.stream.at_tail))
    }
}

impl Drop for AtTail {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Streams {
    pub(crate) fn by_name(&self, name: &ResourceName) -> Option<Arc<BrokerStream>> {
        self.by_name.read().get(name).cloned()
    }

    /// By the number of its events' or its dead letters' stream.
    pub(crate) fn by_number(&self, stream: u64) -> Option<Arc<BrokerStream>> {
        self.by_number.read().get(&stream).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<BrokerStream>> {
        let mut all: Vec<_> = self.by_name.read().values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Adds a broker; one that is there stays as it is.
    pub(crate) fn insert(&self, record: &StreamsRecord, pumped: u64) {
        let mut by_name = self.by_name.write();
        if by_name.contains_key(&record.broker) {
            return;
        }
        let stream = Arc::new(BrokerStream {
            name: record.broker.clone(),
            events: record.events,
            dead_letters: record.dead_letters,
            counts: Counts::default(),
            dedupe: RwLock::new(None),
            pumped: AtomicU64::new(pumped),
            tail: Mutex::new(()),
            at_tail: Arc::default(),
        });
        let mut by_number = self.by_number.write();
        by_number.insert(record.events, Arc::clone(&stream));
        by_number.insert(record.dead_letters, Arc::clone(&stream));
        by_name.insert(record.broker.clone(), stream);
    }

    /// The next two stream numbers that no broker has and no record was written under: `used` is the highest of
    /// those, which may belong to a broker whose own record is lost.
    pub(crate) fn next_numbers(&self, used: u64) -> (u64, u64) {
        let last = self.by_number.read().keys().copied().max().unwrap_or(0).max(used);
        let next = FIRST_BROKER_STREAM.max(last + 1);
        (next, next + 1)
    }
}
