//! Where a view is kept: an ordered map of bytes, in sled's files or in memory.
//!
//! Holds: a [`Batch`] is applied whole or not at all; a scan gives each key at most once, in order.

mod memory;
mod sled;

use std::collections::VecDeque;
use std::path::Path;

pub(crate) use self::memory::MemoryStore;
pub(crate) use self::sled::SledStore;

/// Keys that a scan takes at once, and about how many bytes.
const PAGE: Page = Page {
    keys_max: 256,
    bytes_max: 256 * 1024,
};

/// The map.
#[derive(Debug)]
pub(crate) enum Store {
    Sled(SledStore),
    Memory(MemoryStore),
}

/// The map failed. sled's errors are not kept apart: each of them means that it is not to be used any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(pub(crate) String);

/// Puts and removals that go together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) keys_max: usize,
    pub(crate) bytes_max: usize,
}

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The keys with a prefix, in order, read page by page.
pub(crate) struct Scan<'a> {
    store: &'a Store,
    prefix: Vec<u8>,
    page: VecDeque<Pair>,
    after: Option<Vec<u8>>,
    ended: bool,
}

impl Store {
    /// sled's files in a directory, which is made if it is missing.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        SledStore::open(directory).map(Self::Sled)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Sled(store) => store.get(key),
            Self::Memory(store) => Ok(store.get(key)),
        }
    }

    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self {
            Self::Sled(store) => store.write(batch),
            Self::Memory(store) => {
                store.write(batch);
                Ok(())
            }
        }
    }

    /// Makes everything that was written durable; nothing to do in memory.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        match self {
            Self::Sled(store) => store.sync(),
            Self::Memory(_) => Ok(()),
        }
    }

    /// Removes everything.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        match self {
            Self::Sled(store) => store.clear(),
            Self::Memory(store) => {
                store.clear();
                Ok(())
            }
        }
    }

    /// Whether something was left out for want of memory.
    pub(crate) fn is_incomplete(&self) -> bool {
        match self {
            Self::Sled(_) => false,
            Self::Memory(store) => store.is_incomplete(),
        }
    }

    /// The first keys with a prefix, at most so many, with their values.
    pub(crate) fn first(&self, prefix: &[u8], keys_max: usize) -> Result<Vec<Pair>, StoreError> {
        let page = Page {
            keys_max,
            bytes_max: usize::MAX,
        };
        self.page(prefix, None, page).map(Vec::from)
    }

    fn page(&self, prefix: &[u8], after: Option<&[u8]>, page: Page) -> Result<VecDeque<Pair>, StoreError> {
        match self {
            Self::Sled(store) => store.page(prefix, after, page),
            Self::Memory(store) => Ok(store.page(prefix, after, page)),
        }
    }
}

impl Batch {
    pub(crate) fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push((key.into(), Some(value.into())));
    }

    pub(crate) fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.changes.push((key.into(), None));
    }
}

impl Page {
    /// As much of `found` as fits, and always one.
    fn take<E>(self, found: impl Iterator<Item = Result<Pair, E>>) -> Result<VecDeque<Pair>, E> {
        let mut taken = VecDeque::new();
        let mut bytes = 0;
        for pair in found.take(self.keys_max) {
            let (key, value) = pair?;
            bytes += key.len() + value.len();
            taken.push_back((key, value));
            if bytes >= self.bytes_max {
                break;
            }
        }
        Ok(taken)
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn new(store: &'a Store, prefix: &[u8], after: Option<&[u8]>) -> Self {
        Self {
            store,
            prefix: prefix.to_vec(),
            page: VecDeque::new(),
            after: after.map(<[u8]>::to_vec),
            ended: false,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.ended {
            match self.store.page(&self.prefix, self.after.as_deref(), PAGE) {
                Ok(page) => self.page = page,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
            self.after = self.page.back().map(|(key, _)| key.clone());
            self.ended = self.page.is_empty();
        }
        self.page.pop_front().map(Ok)
    }
}

/// What a scan starts after: everything before the prefix, or the last key that was given.
fn lower_bound<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> std::ops::Bound<&'a [u8]> {
    after.map_or(std::ops::Bound::Included(prefix), std::ops::Bound::Excluded)
}
