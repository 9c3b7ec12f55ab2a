//! The map in memory, for as long as sled's files cannot be used.
//!
//! Holds: it takes no more than its limit for what grows with the backlog. What does not fit is left out, and from then
//! on the map is incomplete: good for what is in it, and for nothing that follows from what is not.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::ops::Bound;

use parking_lot::RwLock;

use super::{Batch, Page, Pair, lower_bound};
use crate::embedded::view::keys::grows_with_backlog;

/// What an entry takes beside its bytes, about.
const ENTRY_BYTES: usize = 96;

/// See the module.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    bytes_max: usize,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    is_incomplete: bool,
}

impl MemoryStore {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            held: RwLock::default(),
        }
    }

    /// Something did not fit.
    pub(super) fn is_incomplete(&self) -> bool {
        self.held.read().is_incomplete
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.held.read().pairs.get(key).cloned()
    }

    pub(super) fn write(&self, batch: Batch) {
        let mut held = self.held.write();
        for (key, value) in batch.changes {
            match value {
                Some(value) => held.put(key, value, self.bytes_max),
                None => held.remove(&key),
            }
        }
    }

    pub(super) fn clear(&self) {
        *self.held.write() = Held::default();
    }

    pub(super) fn page(&self, prefix: &[u8], after: Option<&[u8]>, page: Page) -> VecDeque<Pair> {
        let held = self.held.read();
        let found = held
            .pairs
            .range::<[u8], _>((lower_bound(prefix, after), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| Ok::<_, Infallible>((key.clone(), value.clone())));
        page.take(found).unwrap_or_default()
    }
}

impl Held {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>, bytes_max: usize) {
        let bytes = ENTRY_BYTES + key.len() + value.len();
        let is_bounded = key.first().is_none_or(|letter| !grows_with_backlog(*letter));
        if self.bytes + bytes > bytes_max && !is_bounded {
            self.is_incomplete = true;
            return;
        }
        let key_bytes = key.len();
        self.bytes += bytes;
        if let Some(before) = self.pairs.insert(key, value) {
            self.bytes -= ENTRY_BYTES + key_bytes + before.len();
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(before) = self.pairs.remove(key) {
            self.bytes -= ENTRY_BYTES + key.len() + before.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_the_backlog_stops_at_the_limit_and_the_rest_goes_on() {
        let store = MemoryStore::new(1024);
        let put = |key: String| {
            let mut batch = Batch::default();
            batch.put(key, vec![0; 100]);
            store.write(batch);
        };
        let count = |prefix: &[u8]| {
            let page = Page {
                keys_max: 100,
                bytes_max: usize::MAX,
            };
            store.page(prefix, None, page).len()
        };
        (0..4).for_each(|n| put(format!("r{n}")));
        (0..4).for_each(|_| put("r0".into()));
        assert!(!store.is_incomplete(), "what is replaced takes no room");
        (4..20).for_each(|n| put(format!("r{n}")));
        assert!(store.is_incomplete());
        assert_eq!(count(b"r"), 5);
        (0..20).for_each(|n| put(format!("b{n}")));
        assert_eq!(count(b"b"), 20, "what is configured is taken always");
    }
}
