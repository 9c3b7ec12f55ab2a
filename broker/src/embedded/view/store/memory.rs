//! The map in memory, for as long as sled's files cannot be used.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::ops::Bound;

use parking_lot::RwLock;

use super::{Batch, Page, Pair, lower_bound};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pairs: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.pairs.read().get(key).cloned()
    }

    pub(super) fn write(&self, batch: Batch) {
        let mut pairs = self.pairs.write();
        for (key, value) in batch.changes {
            match value {
                Some(value) => pairs.insert(key, value),
                None => pairs.remove(&key),
            };
        }
    }

    pub(super) fn clear(&self) {
        self.pairs.write().clear();
    }

    pub(super) fn page(&self, prefix: &[u8], after: Option<&[u8]>, page: Page) -> VecDeque<Pair> {
        let pairs = self.pairs.read();
        let found = pairs
            .range::<[u8], _>((lower_bound(prefix, after), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| Ok::<_, Infallible>((key.clone(), value.clone())));
        page.take(found).unwrap_or_default()
    }
}
