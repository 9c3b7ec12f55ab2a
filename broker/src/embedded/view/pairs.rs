//! The view as pairs of key and value: what a snapshot is made of, and how a view is made of it.

use std::collections::HashSet;

use super::keys::{Class, class, key};
use super::{Batch, SubscriptionState, View, ViewError};
use crate::SubscriptionId;
use crate::embedded::records::to_json;

pub(crate) use super::store::Pair;

/// Pairs that are loaded at once: sled keeps every version of every page that a batch touches until its end.
const LOAD_PAIRS: usize = 64;

/// Goes through everything that a snapshot keeps: subscriptions as they were given, then facts as they are found,
/// letter by letter in the order of the alphabet.
#[derive(Debug)]
pub(crate) struct Pairs {
    subscriptions: std::vec::IntoIter<(SubscriptionId, SubscriptionState)>,
    letter: Option<u8>,
    after: Option<Vec<u8>>,
}

impl Pairs {
    pub(crate) fn new(subscriptions: Vec<(SubscriptionId, SubscriptionState)>) -> Self {
        Self {
            subscriptions: subscriptions.into_iter(),
            letter: Some(0),
            after: None,
        }
    }

    /// The next pairs, about `bytes_max` of them and at least one; none when all were given. Takes what the view
    /// holds at this moment: it may have changed since the call before.
    pub(crate) fn next(&mut self, view: &View, bytes_max: usize) -> Result<Vec<Pair>, ViewError> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        for (id, state) in self.subscriptions.by_ref() {
            let pair = (key(b's', &[id.0]), to_json(&state));
            bytes += size(&pair);
            taken.push(pair);
            if bytes >= bytes_max {
                return Ok(taken);
            }
        }
        while let Some(letter) = self.letter {
            let prefix = [letter];
            let after = self.after.take();
            for found in view.scan_after(&prefix, after.as_deref()) {
                let pair = found?;
                bytes += size(&pair);
                self.after = Some(pair.0.clone());
                taken.push(pair);
                if bytes >= bytes_max {
                    return Ok(taken);
                }
            }
            self.after = None;
            self.letter = (letter..u8::MAX)
                .map(|before| before + 1)
                .find(|next| class(*next) == Class::Fact);
        }
        Ok(taken)
    }
}

impl View {
    /// Puts pairs of a snapshot, and what follows from them, into a view that has none of them.
    pub(crate) fn load(&self, pairs: Vec<Pair>) -> Result<(), ViewError> {
        let mut pairs = pairs.into_iter().peekable();
        while pairs.peek().is_some() {
            let mut batch = Batch::default();
            let mut firsts = HashSet::new();
            for (key, value) in pairs.by_ref().take(LOAD_PAIRS) {
                if key.first() == Some(&b'r') {
                    self.derive_retry(&key, &value, &mut firsts, &mut batch)?;
                }
                if key.first() == Some(&b'y') {
                    Self::derive_expiry(&key, &value, &mut batch);
                }
                batch.put(key, value);
            }
            self.write(batch)?;
        }
        Ok(())
    }

    /// Removes everything.
    pub(crate) fn clear(&self) -> Result<(), ViewError> {
        self.waiting.lock().clear();
        self.store.clear().map_err(|error| self.failed(error))
    }
}

fn size((key, value): &Pair) -> usize {
    key.len() + value.len()
}
