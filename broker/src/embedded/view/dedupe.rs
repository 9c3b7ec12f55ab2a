//! The pairs of source and id that were stored within their broker's window, and when each may be forgotten.
//!
//! ```text
//! y event stream, pair key -> until, fingerprint     z until, event stream, pair key -> ()
//! ```
//!
//! `z` follows from `y` at every moment, and finds what is past. Look-ups compare the time, so that it makes no difference
//! whether a pair that is past was swept or not.

use super::keys::{be_u64, key, number};
use super::{Batch, View, ViewError};
use crate::clock::Timestamp;
use crate::embedded::dedupe::{Fingerprint, PairKey};
use crate::embedded::records::DedupedRecord;

/// A pair that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenPair {
    /// From then on it may be stored again.
    pub(crate) until: Timestamp,
    pub(crate) fingerprint: Fingerprint,
}

impl View {
    /// What is remembered of a pair, past its time or not.
    pub(crate) fn pair(&self, stream: u64, pair: PairKey) -> Result<Option<SeenPair>, ViewError> {
        let found = self.get(&pair_at(stream, pair))?;
        Ok(found.as_deref().and_then(SeenPair::read))
    }

    /// Remembers the pairs of one frame.
    pub(crate) fn put_pairs(&self, record: &DedupedRecord) -> Result<(), ViewError> {
        let mut batch = Batch::default();
        for pair in &record.pairs {
            let mut value = record.until.0.to_be_bytes().to_vec();
            value.extend_from_slice(&pair.fingerprint);
            let at = pair_at(record.stream, pair.key);
            if let Some(before) = self.get(&at)? {
                batch.remove(expiry_of(&at, &before));
            }
            Self::derive_expiry(&at, &value, &mut batch);
            batch.put(at, value);
        }
        self.write(batch)
    }

    /// Puts what follows from a pair that is put.
    pub(super) fn derive_expiry(at: &[u8], value: &[u8], batch: &mut Batch) {
        batch.put(expiry_of(at, value), []);
    }

    /// Forgets at most `max` pairs whose time is past; says how many. Not while a record is being applied: it would
    /// forget a pair that comes in anew.
    pub(crate) fn forget_pairs(&self, now: Timestamp, max: usize) -> Result<usize, ViewError> {
        let mut batch = Batch::default();
        let mut count = 0;
        for found in self.scan(b"z").take(max) {
            let (at, _) = found?;
            let (Some(until), Some(rest)) = (number(&at, 0), at.get(9..)) else {
                continue;
            };
            if until > now.0 {
                break;
            }
            batch.remove([b"y", rest].concat());
            batch.remove(at);
            count += 1;
        }
        self.write(batch)?;
        Ok(count)
    }
}

impl SeenPair {
    fn read(value: &[u8]) -> Option<Self> {
        let (until, fingerprint) = value.split_at_checked(8)?;
        Some(Self {
            until: Timestamp(be_u64(until)?),
            fingerprint: fingerprint.try_into().ok()?,
        })
    }
}

/// The key in `z` of what is in `y` at `at`.
fn expiry_of(at: &[u8], value: &[u8]) -> Vec<u8> {
    let until = value.get(..8).unwrap_or_default();
    [b"z", until, at.get(1..).unwrap_or_default()].concat()
}

fn pair_at(stream: u64, pair: PairKey) -> Vec<u8> {
    let mut at = key(b'y', &[stream]);
    at.extend_from_slice(&pair);
    at
}
